// @ts-check

import { callable, hinted, insertion, matching, usageOf } from "../commands.js";
import { sayError } from "../errors.js";
import { matchingUsers, mentionAt } from "../mention.js";
import { changes, titleOf } from "../room.js";
import { completion } from "./completion.js";
import { draft, keepDraft } from "./drafts.js";
import { fill, h, setText } from "./dom.js";
import { icon } from "./icons.js";
import { avatar, byTouch, iconButton } from "./parts.js";
import { toast } from "./toast.js";

const MOST = 8; // commands offered at once
const MAX_RUNES = 4000; // the server's limit, until it has told its own

/**
 * Where one writes: Enter sends, Shift+Enter makes a new line, and nothing is
 * sent while an input method composes. What is not sent is kept for each room.
 * It also edits what was said, and answers it.
 * @param {{store: import("../store.js").Store, session: import("../session.js").ChatSession, onSent: () => void}} o
 */
export function composer({ store, session, onSent }) {
	const input = h("textarea", {
		id: "composer", class: "composer-input", rows: "1", dir: "auto", autocomplete: "off", enterkeyhint: "send",
		"aria-label": "Message", "aria-autocomplete": "list", "aria-controls": "commands", "aria-haspopup": "listbox",
		data: { testid: "composer" }, on: { input: (/** @type {Event} */ e) => typed(e), keydown: pressed, blur: () => setTimeout(() => popup.close(), 150), click: offer, keyup: moved },
	});
	const send = h("button", { type: "submit", class: "send", "aria-label": "Send", title: "Send", data: { testid: "send" } }, icon("send"));
	const popup = completion(input);
	const count = h("span", { class: "composer-count", role: "status" });
	const about = h("div", { class: "composer-about", hidden: true, data: { testid: "composer-about" } });
	const help = h("p", { class: "composer-help", "aria-hidden": "true" },
		h("kbd", {}, "Enter"), " to send, ", h("kbd", {}, "Shift"), "+", h("kbd", {}, "Enter"), " for a new line, ", h("kbd", {}, "/"), " for commands, ",
		h("kbd", {}, "@"), " for people, ", h("kbd", {}, "↑"), " to edit");
	const form = h("form", { class: "composer", on: { submit: (/** @type {Event} */ e) => { e.preventDefault(); submit(); } } },
		popup.el, about, h("div", { class: "composer-box" }, input, count, send));
	const writing = h("p", { class: "typing", data: { testid: "typing" } });
	const el = h("div", { class: "composer-area" }, form, h("div", { class: "composer-foot" }, help, writing));
	/** @type {any} */
	let forget = null;

	/** @type {string|null} */
	let room = null;
	/** @typedef {{type: "reply"|"edit", seq: number, text: string}|null} Context what the line is about */
	/** @type {Context} */
	let context = null;

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
		setContext(null);
		input.value = draft(store.me.id, r.id);
		grow();
		popup.close();
		if (!byTouch() && !document.querySelector("dialog[open]")) input.focus();
	}

	/** @param {Event} [e] none: the field was filled, and nobody typed */
	function typed(e) {
		if (room && context?.type !== "edit") keepDraft(store.me.id, room, input.value);
		if (e && room && input.value.trim() !== "" && !/^\/(?!\/)/.test(input.value)) session.typing(room);
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
		if (popup.pressed(e)) return e.preventDefault();
		if (e.key === "Escape" && context) {
			e.preventDefault();
			return endContext();
		}
		if (e.key === "ArrowUp" && input.value === "" && !context) {
			const last = lastOwn();
			if (!last) return;
			e.preventDefault();
			return edit(last.seq);
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
		if (context?.type === "edit") return submitEdit(room, context.seq, context.text);
		try {
			if (!session.say(room, input.value, context?.seq)) return;
		} catch (err) {
			return toast(sayError(err), { kind: "error" });
		}
		setContext(null);
		put("");
		onSent();
	}

	/** @param {string} id @param {number} seq @param {string} before */
	async function submitEdit(id, seq, before) {
		const text = input.value.replace(/^[\r\n]+|\s+$/g, "");
		endContext();
		if (text === before) return;
		try {
			await session.edit(id, seq, text);
		} catch (err) {
			const again = () => {
				if (room === id) edit(seq, text);
			};
			toast(`Not changed: ${sayError(err)}`, { kind: "error", action: { label: "Edit again", run: again } });
		}
	}

	// ---------------------------------------------------------------- answering and editing

	/** @param {Context} next */
	function setContext(next) {
		context = next;
		about.hidden = next === null;
		form.dataset.context = next?.type ?? "";
		if (!next) return fill(about);
		const e = store.room?.log.find((m) => m.seq === next.seq);
		const cancel = iconButton("close", "Cancel (Escape)", { data: { testid: "composer-cancel" }, on: { click: endContext } });
		if (next.type === "edit") return fill(about, icon("edit"), h("span", { class: "composer-quote" }, "Editing your message"), cancel);
		fill(about, icon("reply"), h("span", { class: "composer-quote" }, "Replying to ", h("b", {}, h("bdi", {}, e?.user.name ?? "")), ": ",
			h("bdi", {}, (e?.text ?? "").slice(0, 200))), cancel);
	}

	function endContext() {
		const was = context;
		setContext(null);
		if (was?.type === "edit" && room) put(draft(store.me.id, room));
		else input.focus();
	}

	/** @param {number} seq @param {string} [text] what it should become */
	function edit(seq, text) {
		const { room: r } = store;
		const e = r?.log.find((m) => m.seq === seq);
		if (!r || !e || !changes(r, e, store.me).edit) return;
		setContext({ type: "edit", seq, text: e.text ?? "" });
		put(text ?? e.text ?? "");
	}

	/** @param {number} seq */
	function reply(seq) {
		if (context?.type === "edit") endContext();
		setContext({ type: "reply", seq, text: "" });
		input.focus();
	}

	function lastOwn() {
		const r = store.room;
		return r?.log.findLast((e) => changes(r, e, store.me).edit);
	}

	// ---------------------------------------------------------------- what the line could become

	function offer() {
		const at = mentionAt(input.value, input.selectionStart);
		if (at && room) return offerPeople(room, at);
		if (context?.type === "edit") return popup.close();
		if (input.value.startsWith("/")) session.refreshSpecs();
		const mine = callable(store.specs, store.room?.role ?? "");
		const specs = matching(input.value, input.selectionStart, mine).slice(0, MOST);
		const spec = specs.length > 0 ? undefined : hinted(input.value, mine);
		if (spec && room) offerArguments(room, spec);
		popup.show(specs.map((s) => ({
			title: usageOf(s), detail: s.summary ?? "", data: { testid: "command-option", command: s.name }, exact: `/${s.name}`, take: () => put(insertion(s)),
		})), ...(spec ? [h("code", {}, usageOf(spec)), h("span", { dir: "auto" }, spec.summary ?? "")] : []));
	}

	/** What the server knows of the arguments at the cursor. @param {string} id @param {import("../commands.js").Spec} spec */
	async function offerArguments(id, spec) {
		const [line, cursor] = [input.value, input.selectionStart];
		const found = await session.complete(id, line, cursor);
		if (!found || room !== id || input.value !== line || input.selectionStart !== cursor || document.activeElement !== input) return;
		const hint = [h("code", {}, usageOf(spec)), h("span", { dir: "auto" }, found.arg?.help || spec.summary || "")];
		// A choice that is there already needs no offer.
		const choices = found.choices.filter((c) => c.text !== line.slice(found.start, found.end)).slice(0, MOST);
		popup.show(choices.map((c) => ({
			title: c.text, detail: c.help, data: { testid: "argument-option" }, exact: "", optional: true,
			take: () => {
				input.setRangeText(c.text, found.start, found.end, "end");
				typed();
			},
		})), ...hint);
	}

	/** @param {string} id @param {{start: number, part: string}} at */
	async function offerPeople(id, at) {
		/** @type {import("../gochat.js").User[]} */
		let people = [];
		try {
			people = (await session.people(id)).map((m) => m.user);
		} catch {
			return popup.close(); // the name can be typed as well
		}
		const now = mentionAt(input.value, input.selectionStart);
		if (room !== id || !now || now.start !== at.start || now.part !== at.part || document.activeElement !== input) return;
		popup.show(matchingUsers(people, at.part, store.me.id).map((u) => ({
			title: u.name, detail: u.bot ? "Bot" : u.id === store.me.id ? "You" : "", picture: avatar(u, "xs"), exact: "",
			data: { testid: "mention-option", user: u.id },
			take: () => {
				const end = at.start + 1 + at.part.length;
				input.setRangeText(`@${u.name} `, at.start, end, "end");
				typed();
			},
		})));
	}

	/** @param {string} text */
	function put(text) {
		input.value = text;
		input.setSelectionRange(text.length, text.length);
		typed();
		if (!text.startsWith("/")) popup.close();
		input.focus();
	}

	function renderTyping() {
		clearTimeout(forget);
		const { text, until } = store.typing(room ?? "");
		setText(writing, text);
		if (text !== "") forget = setTimeout(renderTyping, Math.max(100, until - session.client.serverTime + 50));
	}

	store.on("typing", (id) => id === room && renderTyping());
	store.on("current", () => { render(); renderTyping(); });
	store.on("rooms", () => store.current !== room && render());
	store.on("specs", () => document.activeElement === input && input.value.startsWith("/") && offer());
	render();
	return {
		el,
		render,
		edit,
		reply,
		/** @param {string} text a line to be sent as it was */
		put: (text) => { setContext(null); put(text); popup.close(); },
		focus: () => input.focus(),
		/** Puts a name where the cursor is. @param {string} name */
		mention(name) {
			const before = input.value.slice(0, input.selectionStart);
			input.setRangeText(`${/\S$/.test(before) ? " " : ""}@${name} `, input.selectionStart, input.selectionEnd, "end");
			typed();
			popup.close();
			input.focus();
		},
		stop: () => clearTimeout(forget),
	};
}
