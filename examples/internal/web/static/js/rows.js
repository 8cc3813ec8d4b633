// @ts-check

/** What stands in a room's timeline, from top to bottom. */

import { eventAt, isolated } from "./room.js";
import { dayKey, dayLabel, parseTime } from "./time.js";

/**
 * @typedef {import("./room.js").Room} Room
 * @typedef {import("./room.js").ChatEvent} ChatEvent
 * @typedef {{emoji: string, count: number, users: string[], mine: boolean}} Reaction users: names of some of them
 *
 * @typedef {{type: "start", key: string, created?: ChatEvent}} StartRow the beginning of the room
 * @typedef {{type: "day", key: string, label: string}} DayRow
 * @typedef {{type: "new", key: string}} NewRow
 * @typedef {{type: "system", key: string, seq: number, text: string, time: number}} SystemRow seq: of the first event in it
 * @typedef {{type: "message", key: string, event: ChatEvent, time: number, first: boolean, own: boolean, reactions: Reaction[],
 *   replyTo?: ChatEvent, saving: boolean, unquoted: boolean}} MessageRow first: of a group by one author; saving: I have changed it
 *   and the server has not answered; unquoted: it answers a message that is not loaded
 * @typedef {{type: "local", key: string, local: import("./room.js").Local, first: boolean, replyTo?: ChatEvent}} LocalRow
 * @typedef {{type: "note", key: string, note: import("./room.js").Note}} NoteRow
 * @typedef {StartRow|DayRow|NewRow|SystemRow|MessageRow|LocalRow|NoteRow} Row
 */

const GROUP = 5 * 60_000; // between two messages of a group
const NAMES = 3; // who are named when several do the same

/** @type {Reaction[]} */
const NONE = [];

/** @type {WeakMap<ChatEvent, {time: number, day: string}>} worked out once: a timeline is gone through again and again */
const times = new WeakMap();

/** @param {ChatEvent} e */
function when(e) {
	let known = times.get(e);
	if (!known) {
		const time = parseTime(e.time);
		times.set(e, known = { time, day: dayKey(time) });
	}
	return known;
}

/**
 * @param {Room} room
 * @param {{me: import("./gochat.js").User, now: number}} o
 * @returns {Row[]}
 */
export function rowsOf(room, { me, now }) {
	/** @type {Row[]} */
	const rows = [];
	const reactions = reactionsOf(room, me);
	const changed = changesOf(room);
	const notes = [...room.notes];
	let day = "";
	/** @type {MessageRow|null} the message that the next one may be grouped with */
	let before = null;
	let marked = room.newAfter === null;
	let joins = new Joins();

	const flush = () => {
		const row = joins.row();
		if (row) rows.push(row);
		joins = new Joins();
	};
	const notesUpTo = (/** @type {number} */ seq) => {
		const first = room.log[0]?.seq ?? 0;
		while (notes.length > 0 && notes[0].after < seq) {
			const note = /** @type {import("./room.js").Note} */ (notes.shift());
			if (note.after < first - 1 && room.more) continue; // it belongs to what is not loaded
			flush();
			rows.push({ type: "note", key: `n${note.id}`, note });
			before = null;
		}
	};

	const began = room.log[0]?.kind === "created" ? room.log[0] : undefined;
	if (!room.more && room.loaded === "yes") rows.push({ type: "start", key: "start", ...(began && { created: began }) });
	for (const e of room.log) {
		if (!SHOWN.has(e.kind) || e === began || (began && isFounder(began, e))) continue;
		notesUpTo(e.seq);
		const { time, day: key } = when(e);
		if (key !== "" && key !== day) {
			flush();
			day = key;
			rows.push({ type: "day", key: `d${key}`, label: dayLabel(time, now) });
			before = null;
		}
		if (!marked && room.newAfter !== null && e.seq > room.newAfter && e.kind === "message" && e.user.id !== me.id) {
			flush();
			marked = true;
			rows.push({ type: "new", key: "new" });
			before = null;
		}
		if (e.kind !== "message") {
			if (!joins.add(e, time)) {
				flush();
				if (!joins.add(e, time)) rows.push({ type: "system", key: `s${e.seq}`, seq: e.seq, text: systemText(e), time });
			}
			before = null;
			continue;
		}
		flush();
		const own = e.user.id === me.id;
		/** @type {MessageRow} */
		const row = {
			type: "message", key: keyOf(own, e.id, e.seq), event: changed.get(e.seq)?.(e) ?? e, time, own, first: !groups(before, e, time),
			reactions: e.deleted_by === undefined ? reactions.get(e.seq) ?? NONE : NONE, saving: changed.has(e.seq), unquoted: false,
		};
		if (e.ref !== undefined) {
			row.replyTo = eventAt(room.log, e.ref);
			row.unquoted = e.call === undefined && !row.replyTo;
		}
		rows.push(row);
		before = row;
	}
	flush();
	notesUpTo(Infinity);
	let alone = !(before && before.own && before.event.call === undefined && now - before.time < GROUP);
	for (const local of room.local.values()) {
		const replyTo = local.replyTo === undefined ? undefined : eventAt(room.log, local.replyTo);
		if (replyTo) alone = true;
		rows.push({ type: "local", key: keyOf(true, local.id, 0), local, first: alone && local.type === "message", ...(replyTo && { replyTo }) });
		if (local.type === "message") alone = false;
	}
	return rows;
}

/** The creator's own join, and the other's of a direct room, go without saying. @param {ChatEvent} began @param {ChatEvent} e */
function isFounder(began, e) {
	if (e.kind !== "joined" || e.user.id !== began.user.id) return false;
	return (e.target ?? e.user).id === began.user.id ? e.seq === began.seq + 1 : !began.text && e.seq <= began.seq + 2;
}

/** A message keeps its key when it turns from sent to stored. @param {boolean} own @param {string} id @param {number} seq */
const keyOf = (own, id, seq) => (own && id !== "" ? `o${id}` : `m${seq}`);

const SHOWN = new Set(["message", "created", "joined", "left", "banned", "role_changed", "renamed", "archived"]);

/** @param {MessageRow|null} before @param {ChatEvent} e @param {number} time */
function groups(before, e, time) {
	if (!before || before.event.user.id !== e.user.id || e.ref !== undefined) return false;
	return time - before.time < GROUP && before.event.call?.id === e.call?.id;
}

/**
 * What I have changed and the server has not answered yet: it is shown as if
 * it had.
 * @param {Room} room
 * @returns {Map<number, (e: ChatEvent) => ChatEvent>}
 */
function changesOf(room) {
	const out = new Map();
	for (const p of room.pending.values()) {
		if (p.type === "delete") out.set(p.seq, (/** @type {ChatEvent} */ e) => ({ ...e, text: undefined, deleted_by: p.seq }));
		if (p.type === "edit") out.set(p.seq, (/** @type {ChatEvent} */ e) => (e.deleted_by ? e : { ...e, text: p.text, edited_by: e.edited_by ?? p.seq }));
	}
	return out;
}

/**
 * The reactions to each message: those that came with it in a page of history,
 * and what has been said since. Pages name only some of the users.
 * @param {Room} room
 * @param {import("./gochat.js").User} me
 * @returns {Map<number, Reaction[]>}
 */
function reactionsOf(room, me) {
	/** @type {Map<number, Map<string, {users: Set<string>, others: number}>>} */
	const all = new Map();
	/** @type {Map<number, number>} message → up to which seq its reactions are counted */
	const counted = new Map();
	/** @type {Map<string, string>} */
	const names = new Map([[me.id, "you"]]);
	const named = (/** @type {string} */ id) => names.get(id);
	const put = (/** @type {number} */ seq, /** @type {string} */ emoji, /** @type {string} */ user, /** @type {boolean} */ on) => {
		const of = all.get(seq) ?? new Map();
		all.set(seq, of);
		const r = of.get(emoji) ?? { users: new Set(), others: 0 };
		of.set(emoji, r);
		if (on) r.users.add(user);
		else if (!r.users.delete(user) && r.others > 0) r.others--;
	};
	for (const e of room.log) {
		if (!names.has(e.user.id)) names.set(e.user.id, e.user.name);
		if (e.kind === "message" && e.reactions) {
			counted.set(e.seq, e.reactions_at ?? 0);
			all.set(e.seq, new Map(e.reactions.map((r) => [r.text, { users: new Set(r.users), others: Math.max(0, r.count - r.users.length) }])));
		}
		if (e.kind === "reacted" && e.ref !== undefined && e.text && e.seq > (counted.get(e.ref) ?? 0)) put(e.ref, e.text, e.user.id, !e.off);
	}
	for (const p of room.pending.values()) if (p.type === "react") put(p.seq, p.text, me.id, p.on);
	/** @type {Map<number, Reaction[]>} */
	const out = new Map();
	for (const [seq, of] of all) {
		const shown = [...of].map(([emoji, { users, others }]) => ({
			emoji, count: users.size + others, users: [...users].map(named).filter((n) => n !== undefined), mine: users.has(me.id),
		})).filter((r) => r.count > 0);
		if (shown.length > 0) out.set(seq, shown);
	}
	return out;
}

/** @param {ChatEvent} e */
function systemText(e) {
	const who = isolated(e.user.name);
	const whom = e.target ? isolated(e.target.name) : who;
	const self = !e.target || e.target.id === e.user.id;
	switch (e.kind) {
		case "created": return e.text ? `${who} created ${isolated(e.text)}` : `${who} started this conversation`;
		case "joined": return self ? `${whom} joined` : `${who} added ${whom}`;
		case "left": return self ? `${whom} left` : `${who} removed ${whom}`;
		case "banned": return e.off ? `${who} lifted the ban of ${whom}` : `${who} banned ${whom}`;
		case "role_changed": return `${who} made ${whom} ${e.role === "owner" || e.role === "admin" ? `an ${e.role}` : "a member"}`;
		case "renamed": return `${who} renamed the room to ${isolated(e.text ?? "")}`;
		case "archived": return e.off ? `${who} took the room out of the archive` : `${who} archived the room`;
		default: return "";
	}
}

/** Joins in a row, and leaves in a row, are one line. */
class Joins {
	/** @type {ChatEvent[]} */ #events = [];
	#time = NaN;

	/** @param {ChatEvent} e @param {number} time @returns {boolean} whether it fits */
	add(e, time) {
		const plain = (e.kind === "joined" || e.kind === "left") && (!e.target || e.target.id === e.user.id);
		if (!plain || (this.#events.length > 0 && this.#events[0].kind !== e.kind)) return false;
		this.#events.push(e);
		this.#time = time;
		return true;
	}

	/** @returns {SystemRow|null} */
	row() {
		const [first] = this.#events;
		if (!first) return null;
		const names = [...new Set(this.#events.map((e) => isolated(e.target?.name ?? e.user.name)))];
		const verb = first.kind === "joined" ? "joined" : "left";
		const shown = names.length > NAMES + 1 ? names.slice(0, NAMES) : names;
		const rest = names.length - shown.length;
		const parts = rest > 0 ? [...shown, `${rest} others`] : shown;
		const list = new Intl.ListFormat("en-GB", { type: "conjunction" }).format(parts);
		return { type: "system", key: `s${first.seq}`, seq: first.seq, text: `${list} ${verb}`, time: this.#time };
	}
}
