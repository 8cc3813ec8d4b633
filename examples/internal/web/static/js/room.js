// @ts-check

/** One room as the page knows it. */

import { mentions } from "./links.js";

/**
 * @typedef {import("./gochat.js").User} User
 * @typedef {import("./gochat.js").ChatEvent & {reactions_at?: number}} ChatEvent reactions_at: up to which seq the reactions that
 *   came with it are counted
 *
 * @typedef {{id: string, type: "message"|"command", text: string, at: number, state: "pending"|"failed"|"stored",
 *   seq?: number, error?: {code: string, message: string}, call?: string, progress?: string, replyTo?: number}} Local
 *   what I sent and have not seen in the room yet
 * @typedef {{type: "edit"|"delete"|"react", seq: number, text: string, on: boolean, until?: number}} Pending
 *   what I change of a message; text: the new one, or the emoji; until: its event's seq, once the server has told
 * @typedef {{id: string, line: string, text: string, status: "ephemeral"|"failed", code?: string, at: number,
 *   after: number, entry?: string}} Note what a command told only me, shown behind the event with the seq after; entry: of the
 *   outbox, when the server refused the command
 *
 * @typedef {object} Room
 * @property {string} id
 * @property {string} name
 * @property {string} kind public, private or direct
 * @property {boolean} mine I am a member
 * @property {string} role
 * @property {boolean} archived
 * @property {User|undefined} peer of a direct room
 * @property {number} head the newest seq that is known
 * @property {number} read my read marker
 * @property {number} unread
 * @property {boolean} mentioned somebody named me in what is unread
 * @property {number|null} newAfter where "new" began when I opened it
 * @property {number} active when something was last said, in ms; 0 is unknown
 * @property {ChatEvent[]} log a run without holes, ascending; its end is the head
 * @property {"no"|"loading"|"yes"|"failed"} loaded whether the newest page is here
 * @property {boolean} more there is older history
 * @property {boolean} loadingOlder
 * @property {Map<string, Local>} local
 * @property {Map<string, Pending>} pending by the id of the request
 * @property {Note[]} notes
 * @property {Map<string, {name: string, until: number}>} typing who is writing, by user id
 * @property {{count: number, until: number}} writing how many are, in a crowd
 * @property {number} wrote until when I am held to be writing
 * @property {number} crowd about how many are here, in a crowd; 0 is unknown
 */

/** A room of which nothing is known yet. @param {string} id @param {string} kind @returns {Room} */
export function newRoom(id, kind) {
	return {
		id, name: "", kind, mine: false, role: "", archived: false, peer: undefined, head: 0, read: 0, unread: 0, mentioned: false,
		newAfter: null, active: 0, log: [], loaded: "no", more: true, loadingOlder: false, local: new Map(), pending: new Map(), notes: [], typing: new Map(),
		writing: { count: 0, until: 0 }, wrote: 0, crowd: 0,
	};
}

/** The event with a sequence number. @param {ChatEvent[]} log ascending @param {number} seq */
export function eventAt(log, seq) {
	let [from, to] = [0, log.length];
	while (from < to) {
		const middle = (from + to) >> 1;
		if (log[middle].seq < seq) from = middle + 1;
		else to = middle;
	}
	return log[from]?.seq === seq ? log[from] : undefined;
}

/** What an event does to an earlier message. @param {Room} room @param {ChatEvent} e */
export function apply(room, e) {
	if ((e.kind !== "edited" && e.kind !== "deleted") || e.ref === undefined) return;
	const target = eventAt(room.log, e.ref);
	const i = target ? room.log.indexOf(target) : -1;
	if (!target || target.deleted_by !== undefined) return;
	const { text, data, mentions: _, reactions, ...rest } = target;
	if (e.kind === "deleted") room.log[i] = { ...rest, deleted_by: e.seq };
	else if (e.text !== undefined && e.seq > (target.edited_by ?? 0)) {
		const { mentions: named } = e;
		room.log[i] = {
			...rest, ...(reactions && { reactions }), text: e.text, ...(e.data && { data: e.data }), ...(named && { mentions: named }), edited_by: e.seq,
		};
	}
}

/**
 * What I may do in a room, after the server's own rules, which it keeps
 * whatever is shown here.
 * @param {Room} room
 */
export function rights(room) {
	const lead = room.role === "owner" || room.role === "admin";
	const group = room.kind !== "direct" && room.mine;
	const open = group && !room.archived;
	return {
		say: room.mine && !room.archived,
		invite: open && (lead || room.kind === "public"),
		rename: open && lead,
		archive: group && room.role === "owner",
		roles: open && room.role === "owner",
		unban: group && lead,
		deleteAny: open && lead,
		/** @param {string} role of a member */
		remove: (role) => group && (room.role === "owner" || (room.role === "admin" && role === "member")),
	};
}

/**
 * May I change a message?
 * @param {Room} room @param {ChatEvent} e @param {User} me
 */
export function changes(room, e, me) {
	const { say, deleteAny } = rights(room);
	const there = e.kind === "message" && e.deleted_by === undefined;
	const own = e.user.id === me.id && e.call === undefined;
	return { reply: say && there, react: say && there, edit: say && there && own, delete: there && ((say && own) || deleteAny) };
}

/** Does somebody call me? @param {ChatEvent} e @param {User} me */
export function namesMe(e, me) {
	return e.user.id !== me.id && (e.mentions?.includes(me.id) === true || mentions(e.text ?? "", me.name));
}

/** What a room is called by somebody. @param {Room} room @param {User} me */
export function titleOf(room, me) {
	if (room.kind !== "direct") return room.name || "…";
	if (room.peer && room.peer.id !== me.id) return room.peer.name;
	return room.peer ? `${me.name} (notes to self)` : "Direct message";
}

/** A name within a sentence: one that runs from right to left keeps to itself. @param {string} name */
export const isolated = (name) => (/[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/.test(name) ? `\u2068${name}\u2069` : name);

const names = new Intl.Collator(undefined, { sensitivity: "base", numeric: true });

/** The order of lists. @param {Room} a @param {Room} b @param {User} me */
export function byTitle(a, b, me) {
	const order = names.compare(titleOf(a, me), titleOf(b, me));
	return order || (a.id < b.id ? -1 : 1);
}
