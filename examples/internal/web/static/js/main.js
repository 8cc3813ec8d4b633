// @ts-check

/**
 * The page: logs in, connects, and puts the views together.
 *
 * Names for tests, all as data-testid:
 *
 *   login        login-form, login-username, login-password, login-submit, login-error, demo-account (data-user)
 *   connection   body[data-state] is loading, login, connecting, online, waiting or closed; connection (the banner), retry-now
 *   rooms        room-list, direct-list, open-list (public ones I am not in); room-item (data-room, data-unread, data-joined,
 *                data-kind), room-name, unread; new-room, browse-rooms, new-direct, switcher; open-drawer on phones
 *   new room     room-dialog, room-dialog-name, room-dialog-public, room-dialog-private, room-dialog-submit,
 *                room-dialog-error (beside the name), room-dialog-general-error
 *   choosing     picker, picker-input, picker-item (data-key: id of the user or the room), picker-status
 *   room         room-title (data-room), room-sub, join-room, members, members-dialog, member (data-user, data-role), member-role,
 *                member-message, member-remove, remove-ban, banned (data-user), unban, invite; settings, settings-dialog, settings-name,
 *                settings-rename, settings-archive, leave-room; confirm-dialog, confirm
 *   timeline     timeline; message (data-seq, data-author: user id, data-name, data-id, data-state: stored, pending or failed),
 *                message-author, message-text, message-edited, message-error, message-retry, message-delete, quote; system;
 *                message-author (opens card, data-user: card-message, card-mention); new-marker; jump-latest; reaction (data-emoji, data-count)
 *   actions      tools (in the message under the mouse or the focus), react, reply, copy-link, edit, delete; emoji-picker, emoji (data-emoji), emoji-own
 *   commands     command (running), note (what only I see; data-status: ephemeral or failed, data-code), note-text,
 *                note-dismiss, message-retry; command-popup, command-option (data-command), argument-option
 *   writing      composer, send, composer-about (what is answered or edited), composer-cancel, mention-option (data-user), typing
 *   menu         user-menu, notify, shortcuts (shortcuts-dialog), logout, logins: logins-dialog, login (data-current), login-end,
 *                logins-status, logout-all
 *   other        toast, me, announcer, skip
 */

import { Auth } from "./auth.js";
import { sayError } from "./errors.js";
import { Client } from "./gochat.js";
import { ChatSession } from "./session.js";
import { Store } from "./store.js";
import { forgetDrafts } from "./ui/drafts.js";
import { fill } from "./ui/dom.js";
import { showLogin } from "./ui/login.js";
import { shell } from "./ui/shell.js";
import { toast } from "./ui/toast.js";

/** @param {string} name */
const origin = (name) => document.querySelector(`meta[name="gochat-${name}"]`)?.getAttribute("content") ?? "";

const root = /** @type {HTMLElement} */ (document.getElementById("app"));
const auth = new Auth({ auth: origin("auth"), chat: origin("chat") });

/** @type {((forget: boolean) => void)|null} ends the session that is shown; forget: and what it kept in this tab */
let leave = null;

/** @param {string} [notice] @param {boolean} [forget] */
function login(notice, forget = false) {
	leave?.(forget);
	leave = null;
	document.title = "gochat";
	document.body.dataset.state = "login";
	for (const dialog of document.querySelectorAll("dialog")) dialog.close();
	showLogin(root, auth, { notice, onLogin: chat });
}

/** @param {import("./auth.js").User} user */
function chat(user) {
	leave?.(false);
	const url = new URL(`${origin("chat") || location.origin}/ws`);
	url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
	const client = new Client({ url: url.href, user: user.id, token: (why) => auth.token(why), probe: () => auth.probe() });
	const store = new Store({ now: () => client.serverTime });
	store.me = user;
	const session = new ChatSession(client, store);
	const view = shell(root, { auth, store, session });
	leave = (forget) => {
		view.stop();
		session.stop();
		if (!forget) return;
		client.forget();
		forgetDrafts(user.id);
	};
	client.on("state", (s) => {
		// The server says that this login is over; the token did not tell.
		if (s.name === "closed" && (s.code === 4501 || s.reason === "other_user")) auth.onEnd("expired");
	});
	session.start();
}

auth.onLogin = (/** @type {import("./auth.js").User} */ user) => {
	if (document.body.dataset.state === "login") chat(user);
};
auth.onEnd = (/** @type {import("./auth.js").Ended} */ why) => {
	if (why === "changed") return location.reload(); // another user has logged in, in another tab
	if (why === "logout") return login("", true);
	login("Your session has ended. Log in again; what was not sent is kept.");
};

async function begin() {
	try {
		const user = await auth.restore();
		if (user) chat(user);
		else login();
	} catch (err) {
		login();
		toast(sayError(err), { kind: "error", action: { label: "Try again", run: () => location.reload() } });
	}
}

window.addEventListener("unhandledrejection", (e) => console.error("gochat page:", e.reason));
fill(root);
begin();
