// @ts-check

import { sayError } from "../errors.js";
import { fill, h } from "./dom.js";
import { iconButton, showDialog } from "./parts.js";

/**
 * @typedef {{key: string, title: string, detail?: string, picture: Node, action?: string}} Item
 * @typedef {object} PickerOptions
 * @property {string} title
 * @property {string} placeholder
 * @property {string} empty what is said when nothing is found
 * @property {(query: string) => Promise<Item[]>|Item[]} find
 * @property {(item: Item) => Promise<void>|void} pick closes the dialog unless it throws
 */

let count = 0;

/**
 * A dialog to choose one of many: type to narrow down, arrow keys and Enter, or
 * a click.
 * @param {PickerOptions} o
 */
export function openPicker({ title, placeholder, empty, find, pick }) {
	const id = `picker-${++count}`;
	const input = h("input", {
		type: "search", dir: "auto", class: "picker-input", placeholder, autocomplete: "off", spellcheck: "false", role: "combobox", "aria-label": placeholder,
		"aria-expanded": "true", "aria-controls": id, "aria-autocomplete": "list", data: { testid: "picker-input" },
		on: { input: () => look(), keydown: pressed },
	});
	const list = h("ul", { id, class: "picker-list", role: "listbox", "aria-label": title });
	const status = h("p", { class: "picker-status", role: "status", data: { testid: "picker-status" } });
	const dialog = h("dialog", { class: "dialog picker", "aria-label": title, data: { testid: "picker" } },
		h("div", { class: "dialog-head" }, h("h2", {}, title), iconButton("close", "Close", { on: { click: () => dialog.close() } })),
		input, list, status);

	/** @type {Item[]} */
	let items = [];
	let chosen = 0;
	let asked = 0;
	let busy = false;
	/** @type {any} */
	let wait = null;

	async function look() {
		const mine = ++asked;
		clearTimeout(wait);
		wait = setTimeout(() => mine === asked && (status.textContent = "Looking…"), 300);
		try {
			const found = await find(input.value.trim());
			if (mine !== asked) return;
			items = found;
			status.textContent = found.length === 0 ? empty : "";
		} catch (err) {
			if (mine !== asked) return;
			items = [];
			status.textContent = sayError(err);
		}
		clearTimeout(wait);
		fill(list, items.map((item, i) => h("li", {
			id: `${id}-${i}`, class: "picker-item", role: "option", "aria-selected": "false", data: { testid: "picker-item", key: item.key },
			on: { click: () => choose(item), mousemove: () => chosen !== i && mark(i) },
		}, item.picture,
		h("span", { class: "picker-text" },
			h("span", { class: "picker-title", dir: "auto" }, item.title),
			item.detail && h("span", { class: "picker-detail" }, item.detail)),
		item.action && h("span", { class: "picker-action" }, item.action))));
		mark(0);
	}

	/** @param {number} i */
	function mark(i) {
		list.children[chosen]?.setAttribute("aria-selected", "false");
		chosen = i;
		const el = list.children[i];
		if (!el) return input.removeAttribute("aria-activedescendant");
		el.setAttribute("aria-selected", "true");
		el.scrollIntoView({ block: "nearest" });
		input.setAttribute("aria-activedescendant", el.id);
	}

	/** @param {KeyboardEvent} e */
	function pressed(e) {
		if (e.isComposing) return;
		const step = e.key === "ArrowDown" ? 1 : e.key === "ArrowUp" ? -1 : 0;
		if (step !== 0 && items.length > 0) {
			e.preventDefault();
			mark((chosen + step + items.length) % items.length);
		}
		if (e.key === "Enter") {
			e.preventDefault();
			if (items[chosen]) choose(items[chosen]);
		}
	}

	/** @param {Item} item */
	async function choose(item) {
		if (busy) return;
		busy = true;
		status.textContent = "";
		const slow = setTimeout(() => { status.textContent = "One moment… It is done as soon as there is a connection."; }, 700);
		try {
			await pick(item);
			dialog.close();
		} catch (err) {
			status.textContent = sayError(err);
		} finally {
			clearTimeout(slow);
			busy = false;
		}
	}

	showDialog(dialog);
	input.focus();
	look();
	return dialog;
}
