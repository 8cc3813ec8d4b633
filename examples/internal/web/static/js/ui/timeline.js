// @ts-check

import { Chunks } from "../chunks.js";
import { sayError } from "../errors.js";
import { changes, eventAt, titleOf } from "../room.js";
import { rowsOf } from "../rows.js";
import { fill, h, perFrame, reconcile, setText } from "./dom.js";
import { icon } from "./icons.js";
import { rowElement } from "./message.js";
import { emptyState, freshen } from "./parts.js";
import { toast } from "./toast.js";
import { messageTools } from "./tools.js";

const BOTTOM = 60; // px from the end that still count as the end
const NEAR_TOP = 600; // px from the top at which older history is asked for
const FRESH = 20_000; // ms between two looks at the times
const ROW = 44; // px that a row is held to be high until it has been in sight

/**
 * The messages of the room that is open. It stays at the end while the end is
 * in sight, and otherwise where the reader is, whatever comes above or below.
 * @param {{store: import("../store.js").Store, session: import("../session.js").ChatSession, now: () => number,
 *   onEdit: (text: string) => void, onJoin: () => void, onNewRoom: () => void, onBrowse: () => void,
 *   onUser: (user: import("../gochat.js").User, beside: HTMLElement) => void,
 *   tools: import("./tools.js").Tools & {leave: () => void}}} o
 */
export function timeline({ store, session, now, onEdit, onJoin, onNewRoom, onBrowse, onUser, tools }) {
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
	/** @type {ReturnType<typeof anchorRow>} where the reader is, unless at the end */
	let reading = null;
	const chunks = new Chunks();

	const actions = {
		retry: (/** @type {string} */ id) => session.retry(id),
		discard: (/** @type {string} */ id) => session.discard(id),
		edit: onEdit,
		dismiss: (/** @type {string} */ id) => store.dismiss(store.current ?? "", id),
		react: tools.react,
		show,
		quoted: (/** @type {number} */ seq) => session.quoted(store.current ?? "", seq),
		user: onUser,
	};

	const bar = messageTools({
		list, scroller, tools, leave: tools.leave,
		may: (seq) => {
			const { room } = store;
			const e = room && eventAt(room.log, seq);
			return room && e ? changes(room, e, store.me) : null;
		},
	});

	/** Brings a message into sight, wherever it is. @param {number} seq */
	async function show(seq) {
		const id = store.current;
		const there = id !== null && await session.reach(id, seq).catch(() => false);
		if (store.current !== id) return;
		render();
		const row = /** @type {HTMLElement|null} */ (list.querySelector(`.msg[data-seq="${seq}"]`));
		if (!there || !row) return toast("That message is not there, or you may not see it.", { kind: "error" });
		atEnd = false;
		row.scrollIntoView({ block: "center" });
		row.focus({ preventScroll: true });
		row.classList.add("msg-shown");
		setTimeout(() => row.classList.remove("msg-shown"), 2_500);
	}

	function render() {
		const { room } = store;
		if (store.current !== shownRoom) {
			shownRoom = store.current;
			atEnd = true;
			entered = false;
			list.replaceChildren();
			chunks.clear();
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
		/** @type {HTMLElement[]} */
		const touched = [];
		const around = { room, me: store.me, now: now(), names: store.people.names, actions };
		const put = (/** @type {HTMLElement} */ el, /** @type {import("../chunks.js").Chunk} */ chunk) => {
			el.style.setProperty("--rows", `${chunk.rows.length * ROW}px`);
			reconcile(el, chunk.rows, { key: (r) => r.key, stamp: (r) => r, make: (r) => rowElement(r, around) });
			touched.push(el);
			return el;
		};
		bar.around(() => reconcile(list, chunks.update(rows), {
			key: (c) => c.key, stamp: (c) => c, make: (c) => put(h("div", { class: "chunk" }), c), update: put,
		}));
		if (!entered && room.loaded === "yes") enter();
		else if (atEnd) scroller.scrollTop = scroller.scrollHeight;
		else if (anchor) keep(anchor);
		for (const el of touched) resized.observe(el);
		scrolled();
	}

	// A run of rows is laid out only when it comes near, and becomes as high as
	// it is then: that must not push what is read.
	const resized = new ResizeObserver(() => {
		if (atEnd) scroller.scrollTop = scroller.scrollHeight;
		else if (reading) keep(reading);
	});

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
		for (let chunk = list.children[below(list.children, top)]; chunk; chunk = /** @type {Element} */ (chunk.nextElementSibling)) {
			const rows = /** @type {HTMLElement[]} */ ([...chunk.children]);
			// What separates days moves when older messages come; messages do not.
			const row = rows.slice(below(rows, top)).find((r) => r.matches(".msg"));
			if (row) return { key: row.dataset.key, top: row.getBoundingClientRect().top };
		}
		return null;
	}

	/** @param {string|undefined} key */
	const rowOf = (key) => list.querySelector(`[data-key="${CSS.escape(key ?? "")}"]`);

	/** @type {Element[]} the runs that are laid out whether they are in sight or not */
	let laidOut = [];

	/** Lays out the run of the first row in sight and its neighbours, so that they are as high as they are. @param {{key: string|undefined, top: number}} anchor */
	function layOut(anchor) {
		const run = rowOf(anchor.key)?.parentElement;
		const now = run ? [run.previousElementSibling, run, run.nextElementSibling].filter((el) => el !== null) : [];
		for (const el of laidOut) if (!now.includes(el)) el.classList.remove("chunk-near");
		const before = laidOut;
		laidOut = now;
		for (const el of now) el.classList.add("chunk-near");
		if (now.some((el) => !before.includes(el))) keep(anchor);
	}

	/** @param {{key: string|undefined, top: number}} anchor */
	function keep({ key, top }) {
		const row = rowOf(key);
		if (row) scroller.scrollTop += row.getBoundingClientRect().top - top;
	}

	function scrolled() {
		const { room } = store;
		atEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < BOTTOM;
		reading = atEnd ? null : anchorRow();
		if (reading) layOut(reading);
		jump.hidden = atEnd || scroller.hidden;
		const unread = room?.unread ?? 0;
		setText(jumpText, unread > 0 ? `${unread} new` : "Jump to latest");
		if (room?.loaded === "yes" && scroller.scrollTop < NEAR_TOP) older();
		attend();
	}

	let failed = false; // older messages did not come, and that was said

	async function older() {
		try {
			if (await session.older()) failed = false;
		} catch (err) {
			if (!failed && store.conn.name === "online") toast(`Older messages did not come: ${sayError(err)}`, { kind: "error" });
			failed = true;
		}
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
		if (store.current !== null) return fill(instead, emptyState("search", "There is no such room", h("p", {}, "Or you may not see it. Somebody who is in it can invite you."),
			h("button", { type: "button", class: "button", on: { click: onBrowse } }, "Browse rooms")));
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
	resized.observe(scroller);
	list.addEventListener("contentvisibilityautostatechange", (e) => {
		if (e.target instanceof Element && !(/** @type {any} */ (e).skipped)) freshen(e.target, now());
	}, true);
	const looks = () => attend();
	for (const name of ["focus", "blur"]) window.addEventListener(name, looks);
	document.addEventListener("visibilitychange", looks);
	const timer = setInterval(() => {
		for (const chunk of list.children) {
			if (chunk.firstElementChild?.checkVisibility({ contentVisibilityAuto: true })) freshen(chunk, now());
		}
	}, FRESH);

	session.client.on("event", (e) => {
		if (e.kind !== "message" || e.replayed || e.room !== store.current || e.user.id === store.me.id) return;
		fill(announcer, h("p", {}, `${e.user.name}: ${(e.text ?? "").slice(0, 300)}`));
	});

	return {
		el,
		render,
		show,
		toEnd,
		stop() {
			clearInterval(timer);
			resized.disconnect();
			bar.stop();
			for (const name of ["focus", "blur"]) window.removeEventListener(name, looks);
			document.removeEventListener("visibilitychange", looks);
		},
	};
}

/**
 * The first of elements that lie one below the other which ends below y.
 * @param {ArrayLike<Element>} elements
 * @param {number} y
 */
function below(elements, y) {
	let [from, to] = [0, elements.length];
	while (from < to) {
		const middle = (from + to) >> 1;
		if (elements[middle].getBoundingClientRect().bottom > y) to = middle;
		else from = middle + 1;
	}
	return from;
}
