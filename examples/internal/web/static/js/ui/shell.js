// @ts-check

import { sayError } from "../errors.js";
import { Notifier, noticeOf } from "../notify.js";
import { titleOf } from "../room.js";
import { banner } from "./banner.js";
import { composer } from "./composer.js";
import { confirmDialog } from "./dialogs.js";
import { fill, h } from "./dom.js";
import { header } from "./header.js";
import { loginsDialog } from "./logins.js";
import { byTouch } from "./parts.js";
import { settingsDialog } from "./settings.js";
import { shortcutsDialog } from "./shortcuts.js";
import { sidebar } from "./sidebar.js";
import { setTheme, theme } from "./theme.js";
import { timeline } from "./timeline.js";
import { toast } from "./toast.js";
import { ways } from "./ways.js";

const HASH = /^#\/r\/([A-Za-z0-9_-]{1,64})(?:\/(\d{1,13}))?$/; // a room, or a message in it
const LAST = "gochat.room:"; // in localStorage, with the user's id: the room that was open last

/**
 * Everything that is seen when logged in.
 * @param {HTMLElement} root
 * @param {{auth: import("../auth.js").Auth, store: import("../store.js").Store, session: import("../session.js").ChatSession}} o
 * @returns {{stop: () => void}}
 */
export function shell(root, { auth, store, session }) {
	const { client } = session;

	const notifier = new Notifier();

	const to = ways({ auth, store, session, go, orToast });
	/** Closes the drawer first. @param {() => void} fn */
	const from = (fn) => () => { drawer(false); fn(); };
	const onNewRoom = from(to.newRoom), onBrowse = from(to.browse), onSwitch = from(to.jump);

	const side = sidebar({
		store, onNewRoom, onBrowse, onDirect: from(to.direct), onSwitch, onLogout, onLogins, onShortcuts: shortcutsDialog, onTheme: setTheme, theme, notifier,
	});
	const top = header({ store, onMenu: () => drawer(true), onMembers: to.members, onSettings });
	const bar = banner({ store, onRetry: () => client.retryNow() });
	const write = composer({ store, session, onSent: () => log.toEnd() });
	const log = timeline({
		store, session, now: () => client.serverTime, onEdit: (text) => write.put(text), onJoin, onNewRoom, onBrowse,
		onUser: (user, beside) => to.card(user, beside, () => write.mention(user.name)),
		tools: { reply: (seq) => write.reply(seq), edit: (seq) => write.edit(seq), remove: onDelete, react: onReact, link: onLink, leave: () => write.focus() },
	});
	const main = h("main", { class: "main" }, top.el, bar.el, log.el, write.el);
	const backdrop = h("div", { class: "backdrop", on: { click: () => drawer(false) } });
	const skip = h("button", { type: "button", class: "button skip", data: { testid: "skip" }, on: { click: () => { drawer(false); write.focus(); } } }, "Skip to writing");
	const el = h("div", { class: "shell", data: { drawer: "" } }, skip, side.el, backdrop, main);

	// ---------------------------------------------------------------- where we are

	function route() {
		const [, id = null, seq] = HASH.exec(location.hash) ?? [];
		session.open(id);
		drawer(false);
		if (id !== null) remember(id);
		if (id === null || seq === undefined) return;
		history.replaceState(null, "", `#/r/${id}`); // a reload leads to the end again
		log.show(Number(seq));
	}

	/** Opens a room, to write in it. @param {string} id */
	function go(id) {
		if (location.hash === `#/r/${id}`) route();
		else location.hash = `#/r/${id}`;
		// Behind the dialog that led here, which gives the focus back.
		if (!byTouch()) setTimeout(() => write.focus());
	}

	/** @param {string} [id] @returns {string|null} */
	function remember(id) {
		try {
			if (id !== undefined) localStorage.setItem(LAST + store.me.id, id);
			return localStorage.getItem(LAST + store.me.id);
		} catch {
			return null;
		}
	}

	/** Without a room in the address, the one of the last time, or the first. */
	function home() {
		if (store.current !== null || !store.ready || HASH.test(location.hash)) return;
		const last = store.rooms.get(remember() ?? "");
		const first = last?.mine ? last : store.mine.find((r) => r.kind !== "direct") ?? store.mine[0];
		if (!first) return;
		history.replaceState(null, "", `#/r/${first.id}`);
		route();
	}

	// ---------------------------------------------------------------- doing

	/** @template T @param {Promise<T>} promise @returns {Promise<T|undefined>} */
	async function orToast(promise) {
		try {
			return await promise;
		} catch (err) {
			toast(sayError(err), { kind: "error" });
			return undefined;
		}
	}

	/** @param {number} seq */
	function onDelete(seq) {
		const { room } = store;
		const e = room?.log.find((m) => m.seq === seq);
		if (!room || !e) return;
		const own = e.user.id === store.me.id;
		confirmDialog({
			title: own ? "Delete your message?" : `Delete the message of ${e.user.name}?`,
			text: (e.text ?? "").slice(0, 120),
			action: "Delete",
			run: async () => void orToast(session.delete(room.id, seq)),
		});
	}

	/** Puts a reaction on a message, or takes mine back. @param {number} seq @param {string} emoji @param {boolean} [on] */
	function onReact(seq, emoji, on = true) {
		if (store.current !== null) orToast(session.react(store.current, seq, emoji, on));
	}

	/** @param {number} seq */
	async function onLink(seq) {
		const hash = `#/r/${store.current}/${seq}`;
		try {
			await navigator.clipboard.writeText(location.origin + location.pathname + hash);
			toast("The link to this message was copied.");
		} catch {
			history.replaceState(null, "", hash); // without a secure origin there is no clipboard
			toast("The link to this message is in the address bar now.");
		}
	}

	function onJoin() {
		if (store.current !== null) orToast(session.join(store.current));
	}

	function onSettings() {
		const { room } = store;
		if (room) settingsDialog({ room, session, onLeave: () => onLeave(room) });
	}

	/** @param {import("../room.js").Room} room */
	function onLeave(room) {
		confirmDialog({
			title: "Leave this room?",
			text: room.kind === "public" ? "You can join again at any time." : "Somebody has to invite you if you want to come back.",
			action: "Leave",
			run: async () => {
				await session.leave(room.id);
				location.hash = "#/";
			},
		});
	}

	function onLogout() {
		const unsent = client.outbox().filter((e) => e.type === "message").length;
		if (unsent === 0) return void auth.logout();
		confirmDialog({
			title: "Log out?",
			text: unsent === 1 ? "One message was not sent yet. It will be lost." : `${unsent} messages were not sent yet. They will be lost.`,
			action: "Log out",
			run: () => auth.logout(),
		});
	}

	function onLogins() {
		loginsDialog({ auth, now: () => client.serverTime, onEverywhere: onLogoutAll });
	}

	function onLogoutAll() {
		confirmDialog({
			title: "Log out everywhere?",
			text: "All your logins end, on this device and all others. What was not sent here is lost.",
			action: "Log out everywhere",
			run: () => auth.logoutAll(),
		});
	}

	// ---------------------------------------------------------------- the drawer of phones

	/** @param {boolean} open */
	function drawer(open) {
		const was = el.dataset.drawer === "open";
		if (was === open) return;
		el.dataset.drawer = open ? "open" : "closed";
		main.inert = open;
		if (open) /** @type {HTMLElement|null} */ (side.el.querySelector("a, button"))?.focus();
		else /** @type {HTMLElement|null} */ (main.querySelector(".menu-button"))?.focus();
	}

	/** To the conversation above or below this one. @param {number} step */
	function stepTo(step) {
		const all = /** @type {HTMLElement[]} */ ([...side.el.querySelectorAll('.room-item[data-joined="true"]')]);
		const at = all.findIndex((a) => a.dataset.room === store.current);
		const next = all[at < 0 ? 0 : (at + step + all.length) % all.length]?.dataset.room;
		if (next) go(next);
	}

	/** @param {KeyboardEvent} e */
	function pressed(e) {
		const step = e.key === "ArrowDown" ? 1 : e.key === "ArrowUp" ? -1 : 0;
		if (step !== 0 && e.altKey && !e.ctrlKey && !e.metaKey && !e.shiftKey && !document.querySelector("dialog[open]")) {
			e.preventDefault();
			stepTo(step);
		}
		if ((e.ctrlKey || e.metaKey) && e.key === "/") {
			e.preventDefault();
			if (!document.querySelector("dialog[open]")) shortcutsDialog();
		}
		if (e.key === "Escape" && el.dataset.drawer === "open") drawer(false);
		if ((e.ctrlKey || e.metaKey) && !e.altKey && !e.shiftKey && e.key.toLowerCase() === "k") {
			e.preventDefault();
			if (!document.querySelector("dialog[open]")) onSwitch();
		}
	}

	function retitle() {
		const { room, unread } = store;
		const where = room ? `${titleOf(room, store.me)} · gochat` : "gochat";
		document.title = unread > 0 ? `(${unread}) ${where}` : where;
	}

	/** @type {Set<string>} rooms that somebody added me to, until their names are known */
	const added = new Set();

	function tellAdded() {
		for (const id of added) {
			const room = store.rooms.get(id);
			if (!room?.name && room?.kind !== "direct") continue;
			added.delete(id);
			if (room.kind !== "direct") toast(`You were added to ${room.name}.`, { action: { label: "Open", run: () => go(id) } });
		}
	}

	const looks = () => notifier.look(document.visibilityState === "visible" && document.hasFocus());
	for (const name of ["focus", "blur"]) window.addEventListener(name, looks);
	document.addEventListener("visibilitychange", looks);
	looks();

	const off = [
		client.on("event", (e) => {
			const notice = noticeOf(e, store.rooms.get(e.room), store.me);
			if (notice) notifier.tell(notice, () => { window.focus(); go(e.room); });
		}),
		store.on("rooms", () => { retitle(); home(); tellAdded(); }),
		store.on("current", () => { retitle(); home(); }),
		client.on("event", (e) => {
			if (e.kind === "joined" && e.target?.id === store.me.id && e.user.id !== store.me.id) added.add(e.room);
		}),
	];
	window.addEventListener("hashchange", route);
	document.addEventListener("keydown", pressed);
	fill(root, el);
	route();
	side.render();
	log.render();

	return {
		stop() {
			for (const fn of off) fn();
			window.removeEventListener("hashchange", route);
			document.removeEventListener("keydown", pressed);
			for (const name of ["focus", "blur"]) window.removeEventListener(name, looks);
			document.removeEventListener("visibilitychange", looks);
			notifier.look(false);
			bar.stop();
			log.stop();
			write.stop();
			root.replaceChildren();
		},
	};
}
