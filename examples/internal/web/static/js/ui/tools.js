// @ts-check

/** What can be done with the message under the mouse, the finger or the focus. */

import { h, fill } from "./dom.js";
import { iconButton, place } from "./parts.js";

/** Those that are one click away; any other can be typed. */
const COMMON = ["👍", "❤️", "😂", "🎉", "😮", "😢", "🙏", "👀"];

/**
 * @typedef {object} Tools
 * @property {(seq: number) => void} reply
 * @property {(seq: number) => void} edit
 * @property {(seq: number) => void} remove
 * @property {(seq: number, emoji: string, on?: boolean) => void} react
 * @property {(seq: number) => void} link copies where the message is
 */

/**
 * One bar for all messages: it is put into the message that needs it, so that a
 * long timeline has no thousand buttons. Arrow keys go from message to message,
 * Tab from there to the buttons.
 * @param {{list: HTMLElement, scroller: HTMLElement, tools: Tools,
 *   may: (seq: number) => {reply: boolean, react: boolean, edit: boolean, delete: boolean}|null, leave: () => void}} o
 */
export function messageTools({ list, scroller, tools, may, leave }) {
	const bar = h("div", { class: "tools", role: "group", "aria-label": "Message actions", data: { testid: "tools" } });
	const picker = emojiPicker((emoji) => tools.react(at, emoji));
	let at = 0;
	let shown = "";

	/** @param {HTMLElement|null} row */
	function show(row) {
		const seq = Number(row?.dataset.seq ?? 0);
		const can = row && row.dataset.state === "stored" ? may(seq) : null;
		if (!row || !can || !Object.values(can).some(Boolean)) return hide();
		const key = JSON.stringify([seq, can]);
		if (bar.parentElement === row && key === shown) return;
		at = seq;
		shown = key;
		fill(bar,
			can.react && iconButton("smile", "Add a reaction", { data: { testid: "react" }, on: { click: (/** @type {Event} */ e) => picker.open(/** @type {HTMLElement} */ (e.currentTarget)) } }),
			can.reply && iconButton("reply", "Reply", { data: { testid: "reply" }, on: { click: () => tools.reply(at) } }),
			iconButton("link", "Copy link", { data: { testid: "copy-link" }, on: { click: () => tools.link(at) } }),
			can.edit && iconButton("edit", "Edit", { data: { testid: "edit" }, on: { click: () => tools.edit(at) } }),
			can.delete && iconButton("trash", "Delete", { data: { testid: "delete" }, on: { click: () => tools.remove(at) } }));
		row.append(bar);
	}

	function hide() {
		if (bar.contains(document.activeElement)) scroller.focus();
		bar.remove();
		shown = "";
	}

	/** @param {EventTarget|null} target @returns {HTMLElement|null} */
	const rowOf = (target) => (target instanceof Element ? target.closest(".msg") : null);

	/** Somebody uses the bar with the keyboard: the mouse must not take it away. */
	const byKeys = () => bar.querySelector(":focus-visible") !== null;

	list.addEventListener("pointerover", (e) => {
		if (e.pointerType === "mouse" && !byKeys() && !picker.isOpen()) show(rowOf(e.target));
	});
	scroller.addEventListener("pointerleave", () => {
		if (!byKeys() && !picker.isOpen()) hide();
	});
	list.addEventListener("click", (e) => {
		if (!(e.target instanceof Element) || e.target.closest("a, button")) return;
		show(rowOf(e.target));
	});
	list.addEventListener("focusin", (e) => show(rowOf(e.target)));
	list.addEventListener("focusout", (e) => {
		if (!rowOf(e.relatedTarget) && !picker.isOpen() && e.relatedTarget) hide();
	});
	scroller.addEventListener("keydown", (e) => {
		if (e.altKey || e.ctrlKey || e.metaKey || e.shiftKey) return;
		if (e.key === "Escape") {
			hide();
			return leave();
		}
		const step = e.key === "ArrowUp" ? -1 : e.key === "ArrowDown" ? 1 : 0;
		const row = rowOf(document.activeElement);
		if (step === 0 || !row && document.activeElement !== scroller) return;
		const rows = /** @type {HTMLElement[]} */ ([...list.querySelectorAll(".msg[data-state=stored]")]);
		const i = row ? rows.indexOf(row) + step : rows.length - 1;
		e.preventDefault();
		if (i >= rows.length) return leave();
		const next = rows[Math.max(i, 0)];
		next?.focus({ preventScroll: true });
		next?.scrollIntoView({ block: "nearest" });
	});

	return {
		/**
		 * Around a change of the rows: the bar and the focus come back to the
		 * message where they were.
		 * @param {() => void} change
		 */
		around(change) {
			const row = rowOf(bar.parentElement);
			const key = row?.dataset.key;
			const active = /** @type {HTMLElement|null} */ (document.activeElement);
			const focused = row?.contains(active) ? [active === row ? "" : active?.dataset.testid ?? "", active?.dataset.emoji] : null;
			change();
			if (key === undefined) return;
			const now = /** @type {HTMLElement|null} */ (list.querySelector(`[data-key="${CSS.escape(key)}"]`));
			if (!now) return hide();
			if (now !== row || !now.contains(bar)) shown = "";
			show(now);
			if (!focused || now.contains(document.activeElement)) return;
			const same = /** @type {HTMLElement[]} */ ([...now.querySelectorAll("button")])
				.find((b) => b.dataset.testid === focused[0] && b.dataset.emoji === focused[1]);
			(same ?? now).focus({ preventScroll: true });
		},
		stop() { picker.el.remove(); },
	};
}

/** @param {(emoji: string) => void} pick */
function emojiPicker(pick) {
	const own = h("input", {
		class: "emoji-own", "aria-label": "Another emoji", placeholder: "Another…", autocomplete: "off", maxlength: "32",
		data: { testid: "emoji-own" },
	});
	const el = h("div", { class: "emoji-picker", popover: "auto", role: "dialog", "aria-label": "Reactions", data: { testid: "emoji-picker" } },
		h("div", { class: "emoji-common" }, COMMON.map((emoji) => h("button", {
			type: "button", class: "emoji", "aria-label": `React with ${emoji}`, data: { testid: "emoji", emoji }, on: { click: () => choose(emoji) },
		}, emoji))), h("form", { on: { submit: typed } }, own));
	/** @type {HTMLElement|null} */
	let opener = null;
	document.body.append(el);

	/** @param {Event} e */
	function typed(e) {
		e.preventDefault();
		const emoji = own.value.trim();
		if (emoji !== "") setTimeout(() => choose(emoji)); // the focus moves, and the Enter must not go there
	}

	/** @param {string} emoji */
	function choose(emoji) {
		el.hidePopover();
		own.value = "";
		pick(emoji);
	}

	el.addEventListener("toggle", (e) => {
		if (/** @type {ToggleEvent} */ (e).newState === "closed" && document.activeElement === document.body) opener?.focus({ preventScroll: true });
	});

	return {
		el,
		isOpen: () => el.matches(":popover-open"),
		/** @param {HTMLElement} beside */
		open(beside) {
			opener = beside;
			el.showPopover();
			place(el, beside, "end", false);
			/** @type {HTMLElement|null} */ (el.querySelector("button"))?.focus();
		},
	};
}
