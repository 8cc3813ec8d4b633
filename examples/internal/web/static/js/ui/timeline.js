// @ts-check

import { rowsOf } from "../rows.js";
import { titleOf } from "../room.js";
import { fill, h, perFrame, reconcile, setText } from "./dom.js";
import { icon } from "./icons.js";
import { rowElement, rowStamp } from "./message.js";
import { emptyState, freshen } from "./parts.js";
import { changes } from "../room.js";
import { messageTools } from "./tools.js";

const BOTTOM = 60; // px from the end that still count as the end
const NEAR_TOP = 600; // px from the top at which older history is asked for
const FRESH = 20_000; // ms between two looks at the times

/**
 * The messages of the room that is open. It stays at the end while the end is
 * in sight, and otherwise where the reader is, whatever comes above or below.
 * @param {{store: import("../store.js").Store, session: import("../session.js").ChatSession, now: () => number,
 *   onEdit: (text: string) => void, onJoin: () => void, onNewRoom: () => void, onBrowse: () => void,
 *   tools: {reply: (seq: number) => void, edit: (seq: number) => void, remove: (seq: number) => void,
 *   react: (seq: number, emoji: string, on?: boolean) => void, leave: () => void}}} o
 */
export function timeline({ store, session, now, onEdit, onJoin, onNewRoom, onBrowse, tools }) {
	const list = h("div", { class: "rows" });
	const above = h("div", { class: "above" });
	const scroller = h("div", {
		class: "scroller", role: "log", "aria-live": "off", tabindex: "0", "aria-label": "Messages", data: { testid: "timeline" },
		on: { scroll: () => scrolled() },
	}, h("div", { class: "filler" }), above, list);
	const jumpText = h("span", {}, "Jump to latest");
	const jump = h("button", { type: "button", class: "jump", hidden: true, data: { testid: "jump-latest" }, on: { click: () => toEnd() } },
		icon("down"), jumpText);
	const instead = h("div", { class: "instead", hidden: true });
	// What others say is read out from here: the log itself also changes when a
	// room is opened, when history comes, and by what I say myself.
	const announcer = h("div", { class: "sr-only", "aria-live": "polite", data: { testid: "announcer" } });
	const el = h("section", { class: "timeline", "aria-label": "Conversation" }, scroller, instead, jump, announcer);

	/** @type {string|null} */
	let shownRoom = null;
	let atEnd = true;
	let entered = false; // the first rows of the room are shown

	const actions = {
		retry: (/** @type {string} */ id) => session.retry(id),
		discard: (/** @type {string} */ id) => session.discard(id),
		edit: onEdit,
		dismiss: (/** @type {string} */ id) => store.dismiss(store.current ?? "", id),
		react: tools.react,
		show,
	};

	const bar = messageTools({
		list, scroller, tools, leave: tools.leave,
		may: (seq) => {
			const { room } = store;
			const e = room?.log.find((m) => m.seq === seq);
			return room && e ? changes(room, e, store.me) : null;
		},
	});

	/** Brings the message into sight that another one answers. @param {number} seq */
	function show(seq) {
		const row = /** @type {HTMLElement|null} */ (list.querySelector(`.msg[data-seq="${seq}"]`));
		row?.scrollIntoView({ block: "center" });
		row?.focus({ preventScroll: true });
	}

	function render() {
		const { room } = store;
		if (store.current !== shownRoom) {
			shownRoom = store.current;
			atEnd = true;
			entered = false;
			list.replaceChildren();
			announcer.textContent = "";
		}
		if (!room || !room.mine || room.loaded === "failed") return showInstead(room);
		instead.hidden = true;
		scroller.hidden = false;
		scroller.setAttribute("aria-label", `Messages in ${titleOf(room, store.me)}`);
		scroller.toggleAttribute("aria-busy", room.loaded !== "yes");
		const anchor = atEnd ? null : anchorRow();
		const rows = room.loaded === "yes" ? rowsOf(room, { me: store.me, now: now() }) : [];
		fill(above, room.loaded === "yes" && !room.loadingOlder ? null : skeleton(room.loaded === "yes" ? 2 : 6));
		bar.around(() => reconcile(list, rows, {
			key: (r) => r.key,
			stamp: rowStamp,
			make: (r) => rowElement(r, { room, me: store.me, now: now(), actions }),
		}));
		if (!entered && room.loaded === "yes") enter();
		else if (atEnd) scroller.scrollTop = scroller.scrollHeight;
		else if (anchor) keep(anchor);
		scrolled();
	}

	/** First look at a room: at what is new, if that began further up. */
	function enter() {
		entered = true;
		scroller.scrollTop = scroller.scrollHeight;
		const marker = list.querySelector(".row-new");
		if (!marker) return;
		const over = scroller.getBoundingClientRect().top + 24 - marker.getBoundingClientRect().top;
		if (over > 0) scroller.scrollTop -= over;
	}

	/** The first message in sight, and where it is. */
	function anchorRow() {
		const top = scroller.getBoundingClientRect().top;
		const rows = list.children;
		let [from, to] = [0, rows.length]; // they lie one below the other
		while (from < to) {
			const middle = (from + to) >> 1;
			if (rows[middle].getBoundingClientRect().bottom > top) to = middle;
			else from = middle + 1;
		}
		// What separates days moves when older messages come; messages do not.
		while (from < rows.length - 1 && !rows[from].matches(".msg")) from++;
		const row = /** @type {HTMLElement|undefined} */ (rows[from]);
		return row ? { key: row.dataset.key, top: row.getBoundingClientRect().top } : null;
	}

	/** @param {{key: string|undefined, top: number}} anchor */
	function keep({ key, top }) {
		const row = list.querySelector(`:scope > [data-key="${CSS.escape(key ?? "")}"]`);
		if (row) scroller.scrollTop += row.getBoundingClientRect().top - top;
	}

	function scrolled() {
		const { room } = store;
		atEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < BOTTOM;
		jump.hidden = atEnd || scroller.hidden;
		const unread = room?.unread ?? 0;
		setText(jumpText, unread > 0 ? `${unread} new` : "Jump to latest");
		if (room?.loaded === "yes" && scroller.scrollTop < NEAR_TOP) session.older().catch(() => {});
		attend();
	}

	function toEnd() {
		atEnd = true;
		scroller.scrollTop = scroller.scrollHeight;
		scrolled();
	}

	/** Tells whether the reader sees the end. */
	function attend() {
		const seen = document.visibilityState === "visible" && document.hasFocus();
		session.attend(seen && atEnd && !scroller.hidden && store.room?.loaded === "yes");
	}

	/** @param {import("../room.js").Room|undefined} room */
	function showInstead(room) {
		scroller.hidden = true;
		jump.hidden = true;
		instead.hidden = false;
		session.attend(false);
		if (!store.ready) return fill(instead, skeleton(6));
		if (room && !room.mine) {
			return fill(instead, emptyState("hash", titleOf(room, store.me), h("p", {}, "Anyone can join this room and read what was said."),
				h("button", { type: "button", class: "button button-primary", data: { testid: "join-room" }, on: { click: onJoin } }, "Join room")));
		}
		if (room) {
			return fill(instead, emptyState("alert", "The messages could not be loaded", h("p", {}, "Nothing is lost. Try again in a moment."),
				h("button", { type: "button", class: "button", on: { click: () => session.reload() } }, "Try again")));
		}
		if (store.current !== null) return fill(instead, emptyState("search", "There is no such room", h("p", {}, "Or you may not see it.")));
		const some = store.mine.length > 0;
		fill(instead, emptyState("message", some ? "Pick a conversation" : `Welcome, ${store.me.name}`,
			h("p", {}, some ? "Choose a room on the left, or start a new one." : "Join a room that is open to all, or start one of your own."),
			h("div", { class: "empty-actions" },
				h("button", { type: "button", class: "button button-primary", on: { click: onNewRoom } }, "New room"),
				h("button", { type: "button", class: "button", on: { click: onBrowse } }, "Browse rooms"))));
	}

	/** @param {number} n */
	function skeleton(n) {
		return h("div", { class: "skeleton", role: "status", "aria-label": "Loading" },
			Array.from({ length: n }, (_, i) => h("div", { class: `bone bone-${i % 3}` }, h("i", {}), h("div", {}, h("b", {}), h("s", {})))));
	}

	const later = perFrame(render);
	store.on("room", (id) => id === store.current && later());
	store.on("current", render);
	store.on("conn", () => store.ready || later());
	new ResizeObserver(() => { if (atEnd) scroller.scrollTop = scroller.scrollHeight; }).observe(scroller);
	const looks = () => attend();
	for (const name of ["focus", "blur"]) window.addEventListener(name, looks);
	document.addEventListener("visibilitychange", looks);
	const timer = setInterval(() => freshen(list, now()), FRESH);

	session.client.on("event", (e) => {
		if (e.kind !== "message" || e.replayed || e.room !== store.current || e.user.id === store.me.id) return;
		fill(announcer, h("p", {}, `${e.user.name}: ${(e.text ?? "").slice(0, 300)}`));
	});

	return {
		el,
		render,
		toEnd,
		stop() {
			clearInterval(timer);
			bar.stop();
			for (const name of ["focus", "blur"]) window.removeEventListener(name, looks);
			document.removeEventListener("visibilitychange", looks);
		},
	};
}
