// @ts-check

/** One room as the page knows it. */

import { mentions } from "./links.js";

/**
 * @typedef {import("./gochat.js").User} User
 * @typedef {import("./gochat.js").ChatEvent} ChatEvent
 *
 * @typedef {{id: string, type: "message"|"command", text: string, at: number, state: "pending"|"failed"|"stored",
 *   seq?: number, error?: {code: string, message: string}, call?: string, progress?: string}} Local
 *   what I sent and have not seen in the room yet
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
 * @property {Note[]} notes
 */

/** A room of which nothing is known yet. @param {string} id @param {string} kind @returns {Room} */
export function newRoom(id, kind) {
	return {
		id, name: "", kind, mine: false, role: "", archived: false, peer: undefined, head: 0, read: 0, unread: 0, mentioned: false,
		newAfter: null, active: 0, log: [], loaded: "no", more: true, loadingOlder: false, local: new Map(), notes: [],
	};
}

/** What an event does to an earlier message. @param {Room} room @param {ChatEvent} e */
export function apply(room, e) {
	if ((e.kind !== "edited" && e.kind !== "deleted") || e.ref === undefined) return;
	const i = room.log.findIndex((m) => m.seq === e.ref);
	const target = room.log[i];
	if (!target || target.deleted_by !== undefined) return;
	const { text, data, mentions: _, ...rest } = target;
	if (e.kind === "deleted") room.log[i] = { ...rest, deleted_by: e.seq };
	else if (e.text !== undefined && e.seq > (target.edited_by ?? 0)) {
		const { mentions: named } = e;
		room.log[i] = { ...rest, text: e.text, ...(e.data && { data: e.data }), ...(named && { mentions: named }), edited_by: e.seq };
	}
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

/** The order of lists. @param {Room} a @param {Room} b @param {User} me */
export function byTitle(a, b, me) {
	const order = titleOf(a, me).localeCompare(titleOf(b, me), undefined, { sensitivity: "base", numeric: true });
	return order || (a.id < b.id ? -1 : 1);
}
