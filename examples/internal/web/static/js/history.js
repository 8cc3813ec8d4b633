// @ts-check

/**
 * A room's log: a run of events without holes, which ends at the newest one and
 * grows at both ends.
 */

import { apply } from "./room.js";

/**
 * @typedef {import("./room.js").Room} Room
 * @typedef {import("./room.js").ChatEvent} ChatEvent
 * @typedef {{events: ChatEvent[], head: number, more: boolean}} Page
 */

const KEEP = 400; // events of a room of which nobody reads what is older

/** Nothing is loaded any more. @param {Room} room */
export function forget(room) {
	room.log = [];
	room.loaded = "no";
	room.more = true;
	room.loadingOlder = false;
}

/** Lets go of what is long past. @param {Room} room @param {number} [most] that is nothing yet */
export function trim(room, most = KEEP) {
	if (room.log.length <= most) return;
	room.log = room.log.slice(-KEEP);
	room.more = true;
}

/** Something has happened in the room. @param {Room} room @param {ChatEvent} e @param {boolean} read somebody reads what is older */
export function append(room, e, read) {
	if (room.loaded !== "no" && e.seq > (room.log.at(-1)?.seq ?? 0)) {
		room.log.push(e);
		apply(room, e);
		if (!read) trim(room, 2 * KEEP);
	}
	room.head = Math.max(room.head, e.seq);
}

/** The newest page came; what was delivered meanwhile is behind it. @param {Room} room @param {Page} page */
export function begin(room, page) {
	const live = room.log.filter((e) => e.seq > (page.events.at(-1)?.seq ?? 0));
	room.log = [...counted(page), ...live];
	for (const e of live) apply(room, e);
	room.head = Math.max(room.head, page.head);
	room.more = page.more;
	room.loaded = "yes";
}

/** An older page came. @param {Room} room @param {Page} page */
export function prepend(room, page) {
	const first = room.log[0]?.seq ?? Infinity;
	const older = counted(page).filter((e) => e.seq < first);
	const later = room.log;
	room.log = [...older, ...later];
	// What was changed after the page was read.
	for (const e of later) if (e.ref !== undefined && e.ref < first) apply(room, e);
	room.more = page.more && older.length > 0;
	room.loadingOlder = false;
}

/** Notes up to where the reactions of a page are counted. @param {Page} page */
function counted({ events, head }) {
	return events.map((e) => (e.reactions ? { ...e, reactions_at: head } : e));
}
