// @ts-check

/** One row of a timeline as an element. */

import { asTyped } from "../commands.js";
import { advised } from "../errors.js";
import { isEmojiOnly, tokens } from "../links.js";
import { changes, namesMe, titleOf } from "../room.js";
import { bareClock, dayPhrase, fullTime, parseTime } from "../time.js";
import { fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { avatar, roomIcon, timeOf } from "./parts.js";

/**
 * @typedef {object} Actions
 * @property {(id: string) => void} retry
 * @property {(id: string) => void} discard
 * @property {(text: string) => void} edit puts text into the composer
 * @property {(id: string) => void} dismiss a note
 * @property {(seq: number, emoji: string, on: boolean) => void} react
 * @property {(seq: number) => void} show brings a message into sight
 * @property {(seq: number) => Promise<import("../gochat.js").ChatEvent|null>} quoted a message that is not loaded
 * @property {(user: import("../gochat.js").User, beside: HTMLElement) => void} user tells who somebody is
 */

/**
 * @typedef {{room: import("../store.js").Room, me: import("../gochat.js").User, now: number, names: Map<string, string>, actions: Actions}} Around
 *   names: of users, by their id
 */

/**
 * @param {import("../rows.js").Row} row
 * @param {Around} o
 * @returns {HTMLElement}
 */
export function rowElement(row, o) {
	switch (row.type) {
		case "start": return start(row, o);
		case "day": return h("div", { class: "row-day", role: "separator", "aria-label": row.label }, h("span", {}, row.label));
		case "new":
			return h("div", { class: "row-new", role: "separator", "aria-label": "New messages", data: { testid: "new-marker" } },
				h("span", {}, "New"));
		case "system": return h("p", { class: "row-system", title: fullTime(row.time), data: { testid: "system" } }, row.text);
		case "message": return message(row, o);
		case "local": return local(row, o);
		case "note": return note(row.note, o);
	}
}

/** The top of a room. @param {import("../rows.js").StartRow} row @param {Around} o */
function start({ created }, { room, me, now }) {
	const direct = room.kind === "direct";
	const title = titleOf(room, me);
	const mine = direct && room.peer?.id === me.id;
	const when = created ? dayPhrase(parseTime(created.time), now) : "";
	return h("div", { class: "row-start", data: { testid: "start" } },
		direct ? avatar(room.peer ?? { id: room.id, name: title }, "l") : h("span", { class: "start-sign" }, roomIcon(room)),
		h("p", { class: "start-title", dir: "auto" }, title),
		h("p", { class: "start-text" },
			mine ? "A place for your own notes. Nobody else sees it."
			: direct ? ["This is the beginning of your conversation with ", h("bdi", {}, title), "."]
			: created && !created.user.bot ? [h("bdi", {}, created.user.id === me.id ? "You" : created.user.name), ` created this ${room.kind} room ${when}.`]
			: "This is the beginning of the room."));
}

/** @param {import("../rows.js").MessageRow} row @param {Around} o */
function message(row, { room, me, now, names, actions }) {
	const { event: e } = row;
	const classes = ["msg", row.first && "msg-first", row.own && "msg-own", e.user.bot && "msg-bot"];
	if (namesMe(e, me)) classes.push("msg-mention");
	const el = h("article", {
		class: classes.filter(Boolean).join(" "), tabindex: "-1",
		data: { testid: "message", seq: String(e.seq), author: e.user.id, name: e.user.name, id: e.id, state: "stored" },
	});
	el.append(row.first ? avatar(e.user) : gutter(row.time));
	const body = h("div", { class: "msg-body" });
	if (row.first) body.append(head(e.user, timeOf(row.time, now), actions));
	if (e.call) {
		body.append(h("p", { class: "msg-context" }, icon("reply"),
			h("span", {}, h("bdi", {}, e.call.by.name), " used ", h("code", {}, `/${e.call.name}`))));
	} else if (row.replyTo) {
		body.append(quote(row.replyTo, actions));
	} else if (row.unquoted) {
		body.append(unquoted(/** @type {number} */ (e.ref), actions));
	}
	if (e.deleted_by !== undefined) {
		body.append(h("p", { class: "msg-text msg-deleted", data: { testid: "message-text" } }, "This message was deleted."));
	} else {
		body.append(h("div", { class: "msg-line" }, textOf(e.text ?? "", me, (e.mentions ?? []).map((id) => names.get(id) ?? "")),
			e.edited_by !== undefined && h("span", { class: "msg-edited", data: { testid: "message-edited" } }, row.saving ? " saving…" : " edited")));
	}
	if (row.reactions.length > 0) {
		const { react } = changes(room, e, me);
		body.append(h("ul", { class: "reactions", "aria-label": "Reactions" }, row.reactions.map((r) => h("li", {}, reaction(r, e.seq, react, actions)))));
	}
	el.append(body);
	return el;
}

/** @param {import("../rows.js").Reaction} r @param {number} seq @param {boolean} may @param {Actions} actions */
function reaction(r, seq, may, actions) {
	const rest = r.count - r.users.length;
	const who = [...r.users, ...(rest > 0 ? [rest === 1 ? "one other" : `${rest} others`] : [])].join(", ");
	return h("button", {
		type: "button", class: "reaction", title: who, "aria-pressed": String(r.mine), "aria-label": `${r.emoji} ${r.count}: ${who}`, disabled: !may,
		data: { testid: "reaction", emoji: r.emoji, count: String(r.count) }, on: { click: () => actions.react(seq, r.emoji, !r.mine) },
	}, h("bdi", {}, r.emoji), h("span", {}, String(r.count)));
}

/** The message that is answered, in a line that leads there. @param {import("../gochat.js").ChatEvent} e @param {Actions} actions */
function quote(e, actions) {
	return quoteLine(e.seq, actions, ...said(e));
}

/** The same for a message that is not loaded. @param {number} seq @param {Actions} actions */
function unquoted(seq, actions) {
	const line = quoteLine(seq, actions, "An earlier message");
	actions.quoted(seq).then((e) => e && fill(/** @type {Element} */ (line.lastElementChild), ...said(e)));
	return line;
}

/** @param {number} seq @param {Actions} actions @param {...import("./dom.js").Child} words */
function quoteLine(seq, actions, ...words) {
	return h("button", { type: "button", class: "msg-context msg-answers", data: { testid: "quote" }, on: { click: () => actions.show(seq) } },
		icon("reply"), h("span", { class: "msg-quote" }, ...words));
}

/** @param {import("../gochat.js").ChatEvent} e */
function said(e) {
	return [h("bdi", {}, e.user.name), ": ", h("bdi", {}, e.text?.slice(0, 200) ?? "deleted message")];
}

/** @param {import("../gochat.js").User} user @param {HTMLElement} time @param {Actions} actions */
function head(user, time, actions) {
	return h("div", { class: "msg-head" },
		h("button", { type: "button", class: "msg-name", dir: "auto", data: { testid: "message-author" }, on: { click: (/** @type {Event} */ e) => actions.user(user, /** @type {HTMLElement} */ (e.currentTarget)) } }, user.name),
		user.bot && h("span", { class: "tag" }, "Bot"),
		time);
}

/** @param {number} time */
function gutter(time) {
	return h("span", { class: "msg-gutter", title: fullTime(time), "aria-hidden": "true" }, bareClock(time));
}

/** @param {string} text @param {import("../gochat.js").User} me @param {string[]} [others] names of who is called in it */
function textOf(text, me, others) {
	const parts = tokens(text, me.name, others).map((t) => {
		if (t.href) return h("a", { href: t.href, target: "_blank", rel: "noopener noreferrer nofollow" }, t.text);
		if (t.other) return h("span", { class: "mention-other" }, t.text);
		return t.mention ? h("mark", { class: "mention" }, t.text) : t.text;
	});
	return h("div", { class: `msg-text ${isEmojiOnly(text) ? "msg-emoji" : ""}`, dir: "auto", data: { testid: "message-text" } }, parts);
}

/** What I sent and the room has not got yet. @param {import("../rows.js").LocalRow} row @param {Around} o */
function local(row, { me, now, actions }) {
	const { local: l } = row;
	if (l.type === "command") return pendingCommand(l);
	const el = h("article", {
		class: `msg msg-own msg-${l.state} ${row.first ? "msg-first" : ""}`,
		data: { testid: "message", author: me.id, name: me.name, id: l.id, state: l.state, ...(l.seq && { seq: String(l.seq) }) },
	}, row.first ? avatar(me) : gutter(l.at));
	const body = h("div", { class: "msg-body" });
	if (row.first) body.append(head(me, timeOf(l.at, now), actions));
	if (row.replyTo) body.append(quote(row.replyTo, actions));
	body.append(h("div", { class: "msg-line" }, textOf(l.text, me)));
	if (l.state === "pending") {
		el.append(h("span", { class: "msg-mark", title: "Sending…" }, icon("clock"), h("span", { class: "sr-only" }, "Sending")));
	}
	if (l.state === "failed") body.append(failed(l, actions));
	el.append(body);
	return el;
}

/** @param {import("../room.js").Local} l */
function pendingCommand(l) {
	return h("article", { class: "note note-pending", data: { testid: "command", id: l.id, state: l.state } },
		h("p", { class: "note-head" }, h("span", { class: "dots", "aria-hidden": "true" }, h("i", {}), h("i", {}), h("i", {})),
			l.progress ? h("bdi", {}, l.progress) : "Running", h("code", { class: "note-line", dir: "auto" }, l.text)));
}

/** @param {import("../room.js").Local} l @param {Actions} actions */
function failed(l, actions) {
	return h("div", { class: "send-error" },
		icon("alert"),
		h("span", { role: "alert", data: { testid: "message-error" } }, `Not sent: ${advised(l.error?.message ?? "The server gave no reason.", l.error?.code ?? "")}`),
		h("span", { class: "choices-row" },
			button("Retry", () => actions.retry(l.id), "message-retry"),
			button("Edit", () => { actions.edit(asTyped(l.text)); actions.discard(l.id); }),
			button("Delete", () => actions.discard(l.id), "message-delete")));
}

/** @param {import("../room.js").Note} n @param {Around} o */
function note(n, { me, actions }) {
	const bad = n.status === "failed";
	const el = h("article", { class: `note ${bad ? "note-failed" : ""}`, data: { testid: "note", status: n.status, code: n.code ?? "", id: n.id } },
		h("p", { class: "note-head" }, icon(bad ? "alert" : "hidden"), "Only you can see this",
			n.line !== "" && h("code", { class: "note-line", dir: "auto" }, n.line)));
	const text = textOf(bad ? advised(n.text, n.code ?? "") : n.text, me);
	text.classList.add("note-text");
	text.dataset.testid = "note-text";
	const away = () => (n.entry ? actions.discard(n.entry) : actions.dismiss(n.id));
	el.append(text, h("p", { class: "choices-row" },
		n.entry && button("Run again", () => actions.retry(/** @type {string} */ (n.entry)), "message-retry"),
		bad && n.line !== "" && button("Edit", () => { actions.edit(n.line); away(); }),
		button("Dismiss", away, "note-dismiss")));
	return el;
}

/** @param {string} label @param {() => void} click @param {string} [testid] */
function button(label, click, testid) {
	return h("button", { type: "button", class: "link", data: testid ? { testid } : {}, on: { click } }, label);
}
