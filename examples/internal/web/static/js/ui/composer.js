// @ts-check

import { hinted, insertion, matching, usageOf } from "../commands.js";
import { titleOf } from "../room.js";
import { draft, keepDraft } from "./drafts.js";
import { fill, h, setText } from "./dom.js";
import { icon } from "./icons.js";
import { sayError } from "./parts.js";
import { toast } from "./toast.js";

const MOST = 8; // commands offered at once
const MAX_RUNES = 4000; // the server's limit, until it has told its own

/**
 * Where one writes: Enter sends, Shift+Enter makes a new line, and nothing is
 * sent while an input method composes. What is not sent is kept for each room.
 * @param {{store: import("../store.js").Store, session: import("../session.js").ChatSession, onSent: () => void}} o
 */
export function composer({ store, session, onSent }) {
	const input = h("textarea", {
		id: "composer", class: "composer-input", rows: "1", dir: "auto", autocomplete: "off", enterkeyhint: "send",
		"aria-label": "Message", "aria-autocomplete": "list", "aria-controls": "commands", "aria-haspopup": "listbox",
		data: { testid: "composer" }, on: { input: typed, keydown: pressed, blur: () => setTimeout(closePopup, 150), click: offer, keyup: moved },
	});
	const send = h("button", { type: "submit", class: "send", "aria-label": "Send", title: "Send", data: { testid: "send" } }, icon("send"));
	const list = h("ul", { id: "commands", class: "popup-list", role: "listbox", "aria-label": "Commands", data: { testid: "command-popup" } });
	const hint = h("p", { class: "popup-hint" });
	const popup = h("div", { class: "popup", hidden: true }, list, hint);
	const count = h("span", { class: "composer-count", role: "status" });
	const help = h("p", { class: "composer-help", "aria-hidden": "true" },
		h("kbd", {}, "Enter"), " to send, ", h("kbd", {}, "Shift"), "+", h("kbd", {}, "Enter"), " for a new line, ", h("kbd", {}, "/"), " for commands");
	const form = h("form", { class: "composer", on: { submit: (/** @type {Event} */ e) => { e.preventDefault(); submit(); } } },
		popup, h("div", { class: "composer-box" }, input, count, send));
	const el = h("div", { class: "composer-area" }, form, help);

	/** @type {string|null} */
	let room = null;
	/** @type {import("../commands.js").Spec[]} */
	let offered = [];
	let chosen = 0;

	function render() {
		const r = store.room;
		const writable = r?.mine === true;
		el.hidden = !writable;
		if (!writable) {
			room = null;
			return;
		}
		input.disabled = r.archived;
		input.placeholder = r.archived ? "This room is archived" : `Message ${titleOf(r, store.me)}`;
		if (r.id === room) return;
		room = r.id;
		input.value = draft(store.me.id, r.id);
		grow();
		closePopup();
		if (matchMedia("(hover: hover)").matches) input.focus();
	}

	function typed() {
		if (room) keepDraft(store.me.id, room, input.value);
		grow();
		offer();
	}

	function grow() {
		input.style.height = "auto";
		input.style.height = `${input.scrollHeight}px`;
		const most = Number(session.client.limits.text_runes) || MAX_RUNES;
		const runes = [...input.value].length;
		setText(count, runes > most * 0.9 ? (runes > most ? `${runes - most} too many` : `${most - runes} left`) : "");
		count.classList.toggle("over", runes > most);
		send.disabled = input.value.trim() === "" || runes > most;
	}

	/** @param {KeyboardEvent} e */
	function pressed(e) {
		if (e.isComposing || e.keyCode === 229) return; // the input method's Enter
		if (!popup.hidden && offered.length > 0) {
			const step = e.key === "ArrowDown" ? 1 : e.key === "ArrowUp" ? -1 : 0;
			if (step !== 0) {
				e.preventDefault();
				return mark((chosen + step + offered.length) % offered.length);
			}
			const exact = input.value.trim().toLowerCase() === `/${offered[chosen].name}`;
			if (e.key === "Tab" || (e.key === "Enter" && !e.shiftKey && !exact)) {
				e.preventDefault();
				return take(offered[chosen]);
			}
		}
		if (e.key === "Escape" && !popup.hidden) {
			e.preventDefault();
			return closePopup();
		}
		if (e.key === "Enter" && !e.shiftKey) {
			e.preventDefault();
			submit();
		}
	}

	/** @param {KeyboardEvent} e */
	function moved(e) {
		if (["ArrowLeft", "ArrowRight", "Home", "End"].includes(e.key)) offer();
	}

	function submit() {
		if (!room || send.disabled || input.disabled) return;
		try {
			if (!session.say(room, input.value)) return;
		} catch (err) {
			return toast(sayError(err), { kind: "error" });
		}
		input.value = "";
		keepDraft(store.me.id, room, "");
		grow();
		closePopup();
		input.focus();
		onSent();
	}

	/** Shows what the line could become. */
	function offer() {
		if (input.value.startsWith("/")) session.refreshSpecs();
		offered = matching(input.value, input.selectionStart, store.specs).slice(0, MOST);
		const spec = offered.length > 0 ? undefined : hinted(input.value, store.specs);
		popup.hidden = offered.length === 0 && !spec;
		list.hidden = offered.length === 0;
		hint.hidden = !spec;
		if (spec) fill(hint, h("code", {}, usageOf(spec)), h("span", { dir: "auto" }, spec.summary ?? ""));
		fill(list, offered.map((s, i) => h("li", {
			id: `command-${i}`, class: "option", role: "option", "aria-selected": "false", data: { testid: "command-option", command: s.name },
			on: { mousedown: (/** @type {Event} */ e) => { e.preventDefault(); take(s); }, mousemove: () => chosen !== i && mark(i) },
		}, h("code", { class: "option-name" }, usageOf(s)), h("span", { class: "option-detail", dir: "auto" }, s.summary ?? ""))));
		if (offered.length > 0) mark(0);
		else input.removeAttribute("aria-activedescendant");
	}

	/** @param {number} i */
	function mark(i) {
		list.children[chosen]?.setAttribute("aria-selected", "false");
		chosen = i;
		list.children[i].setAttribute("aria-selected", "true");
		list.children[i].scrollIntoView({ block: "nearest" });
		input.setAttribute("aria-activedescendant", `command-${i}`);
	}

	/** @param {import("../commands.js").Spec} spec */
	function take(spec) {
		input.value = insertion(spec);
		input.setSelectionRange(input.value.length, input.value.length);
		input.focus();
		typed();
	}

	function closePopup() {
		popup.hidden = true;
		offered = [];
		input.removeAttribute("aria-activedescendant");
	}

	store.on("current", render);
	store.on("rooms", () => store.current !== room && render());
	store.on("specs", () => document.activeElement === input && input.value.startsWith("/") && offer());
	render();
	return {
		el,
		render,
		/** @param {string} text */
		put(text) {
			input.value = text;
			typed();
			closePopup();
			input.focus();
		},
		focus: () => input.focus(),
	};
}
