// @ts-check

/** One row of a timeline as an element. */

import { asTyped } from "../commands.js";
import { isEmojiOnly, tokens } from "../links.js";
import { clock, fullTime } from "../time.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { avatar, timeOf } from "./parts.js";

/**
 * @typedef {object} Actions
 * @property {(id: string) => void} retry
 * @property {(id: string) => void} discard
 * @property {(text: string) => void} edit puts text into the composer
 * @property {(id: string) => void} dismiss a note
 */

/**
 * @param {import("../rows.js").Row} row
 * @param {{me: import("../gochat.js").User, now: number, actions: Actions}} o
 * @returns {HTMLElement}
 */
export function rowElement(row, o) {
	switch (row.type) {
		case "start": return h("p", { class: "row-start" }, "This is the beginning of the conversation.");
		case "day": return h("div", { class: "row-day", role: "separator", "aria-label": row.label }, h("span", {}, row.label));
		case "new": return h("div", { class: "row-new", role: "separator", "aria-label": "New messages", data: { testid: "new-marker" } }, h("span", {}, "New"));
		case "system": return h("p", { class: "row-system", title: fullTime(row.time), dir: "auto", data: { testid: "system" } }, row.text);
		case "message": return message(row, o);
		case "local": return local(row, o);
		case "note": return note(row.note, o);
	}
}

/** Says when a row has to be built anew. @param {import("../rows.js").Row} row */
export function rowStamp(row) {
	switch (row.type) {
		case "message": {
			const { event: e } = row;
			const reply = row.replyTo && [row.replyTo.text, row.replyTo.user.name];
			return JSON.stringify([row.first, e.text, e.deleted_by, e.edited_by, e.user.name, row.reactions, reply]);
		}
		case "local": return JSON.stringify([row.first, row.local]);
		case "note": return "";
		case "system": return row.text;
		case "day": return row.label;
		default: return "";
	}
}

/** @param {import("../rows.js").MessageRow} row @param {{me: import("../gochat.js").User, now: number}} o */
function message(row, { me, now }) {
	const { event: e } = row;
	const classes = ["msg", row.first && "msg-first", row.own && "msg-own", e.user.bot && "msg-bot"];
	const named = !row.own && (e.mentions?.includes(me.id) ?? false);
	if (named) classes.push("msg-mention");
	const el = h("article", {
		class: classes.filter(Boolean).join(" "),
		data: { testid: "message", seq: String(e.seq), author: e.user.id, name: e.user.name, id: e.id, state: "stored" },
	});
	el.append(row.first ? avatar(e.user) : gutter(row.time));
	const body = h("div", { class: "msg-body" });
	if (row.first) body.append(head(e.user, timeOf(row.time, now)));
	if (e.call) {
		body.append(h("p", { class: "msg-context" }, icon("reply"), h("bdi", {}, e.call.by.name), " used ", h("code", {}, `/${e.call.name}`)));
	} else if (row.replyTo) {
		body.append(h("p", { class: "msg-context" }, icon("reply"), h("bdi", {}, row.replyTo.user.name), ": ",
			h("span", { class: "msg-quote", dir: "auto" }, row.replyTo.text ?? "deleted message")));
	}
	if (e.deleted_by !== undefined) body.append(h("p", { class: "msg-text msg-deleted", data: { testid: "message-text" } }, "This message was deleted."));
	else body.append(textOf(e.text ?? "", me, e.edited_by !== undefined));
	if (row.reactions.length > 0) {
		body.append(h("ul", { class: "reactions" }, row.reactions.map((r) =>
			h("li", { class: "reaction", title: r.users.map((u) => u.name).join(", ") }, r.emoji, h("span", {}, String(r.users.length))))));
	}
	el.append(body);
	return el;
}

/** @param {import("../gochat.js").User} user @param {HTMLElement} time */
function head(user, time) {
	return h("div", { class: "msg-head" },
		h("span", { class: "msg-name", dir: "auto", data: { testid: "message-author" } }, user.name),
		user.bot && h("span", { class: "tag" }, "Bot"),
		time);
}

/** @param {number} time */
function gutter(time) {
	return h("span", { class: "msg-gutter", title: fullTime(time), "aria-hidden": "true" }, clock(time));
}

/** @param {string} text @param {import("../gochat.js").User} me @param {boolean} edited */
function textOf(text, me, edited) {
	const parts = tokens(text, me.name).map((t) => {
		if (t.href) return h("a", { href: t.href, target: "_blank", rel: "noopener noreferrer nofollow" }, t.text);
		return t.mention ? h("mark", { class: "mention" }, t.text) : t.text;
	});
	const el = h("div", { class: `msg-text ${isEmojiOnly(text) ? "msg-emoji" : ""}`, dir: "auto", data: { testid: "message-text" } }, parts);
	if (!edited) return el;
	return h("div", {}, el, h("span", { class: "msg-edited" }, "edited"));
}

/** What I sent and the room has not got yet. @param {import("../rows.js").LocalRow} row @param {{me: import("../gochat.js").User, now: number, actions: Actions}} o */
function local(row, { me, now, actions }) {
	const { local: l } = row;
	if (l.type === "command") return pendingCommand(l, actions);
	const el = h("article", {
		class: `msg msg-own msg-${l.state} ${row.first ? "msg-first" : ""}`,
		data: { testid: "message", author: me.id, name: me.name, id: l.id, state: l.state, ...(l.seq && { seq: String(l.seq) }) },
	}, row.first ? avatar(me) : gutter(l.at));
	const body = h("div", { class: "msg-body" });
	if (row.first) body.append(head(me, timeOf(l.at, now)));
	body.append(textOf(l.text, me, false));
	if (l.state === "pending") el.append(h("span", { class: "msg-mark", title: "Sending…" }, icon("clock"), h("span", { class: "sr-only" }, "Sending")));
	if (l.state === "failed") body.append(failed(l, "Not sent", actions));
	el.append(body);
	return el;
}

/** @param {import("../store.js").Local} l @param {Actions} actions */
function pendingCommand(l, actions) {
	const el = h("article", { class: `note note-${l.state}`, data: { testid: "command", id: l.id, state: l.state } });
	const line = h("code", { class: "note-line", dir: "auto" }, l.text);
	if (l.state === "failed") {
		el.append(h("p", { class: "note-head" }, icon("hidden"), "Only you can see this"), h("p", { class: "note-text" }, line), failed(l, "Not done", actions));
	} else {
		el.append(h("p", { class: "note-head note-running" }, h("span", { class: "dots", "aria-hidden": "true" }, h("i", {}), h("i", {}), h("i", {})),
			l.progress ? h("bdi", {}, l.progress) : "Running", " ", line));
	}
	return el;
}

/** @param {import("../store.js").Local} l @param {string} what @param {Actions} actions */
function failed(l, what, actions) {
	const text = l.type === "command" ? l.text : asTyped(l.text);
	return h("div", { class: "msg-failed" },
		icon("alert"),
		h("span", { class: "msg-error", role: "alert", data: { testid: "message-error" } }, `${what}: ${l.error?.message ?? "unknown reason"}`),
		h("span", { class: "msg-choices" },
			h("button", { type: "button", class: "link", data: { testid: "message-retry" }, on: { click: () => actions.retry(l.id) } }, "Retry"),
			h("button", { type: "button", class: "link", on: { click: () => { actions.edit(text); actions.discard(l.id); } } }, "Edit"),
			h("button", { type: "button", class: "link", data: { testid: "message-delete" }, on: { click: () => actions.discard(l.id) } }, "Delete")));
}

/** @param {import("../store.js").Note} n @param {{me: import("../gochat.js").User, actions: Actions}} o */
function note(n, { me, actions }) {
	const bad = n.status === "failed";
	const el = h("article", { class: `note ${bad ? "note-failed" : ""}`, data: { testid: "note", status: n.status, code: n.code ?? "", call: n.id } },
		h("p", { class: "note-head" }, icon(bad ? "alert" : "hidden"), "Only you can see this",
			n.line !== "" && h("code", { class: "note-line", dir: "auto" }, n.line)));
	const text = textOf(n.text, me, false);
	text.classList.add("note-text");
	text.dataset.testid = "note-text";
	el.append(text, h("div", { class: "note-choices" },
		bad && n.line !== "" && h("button", { type: "button", class: "link", on: { click: () => actions.edit(n.line) } }, "Edit and run again"),
		h("button", { type: "button", class: "link", data: { testid: "note-dismiss" }, on: { click: () => actions.dismiss(n.id) } }, "Dismiss")));
	return el;
}
