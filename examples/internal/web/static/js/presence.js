// @ts-check

/** Who is here and who is writing. Of a crowd the server tells how many. */

import { isolated } from "./room.js";

/**
 * @typedef {import("./gochat.js").User} User
 * @typedef {import("./gochat.js").Notice} Notice
 * @typedef {import("./room.js").Room} Room
 */

const TYPING = 6_000; // ms that somebody is held to be writing, by the protocol
const MAX_TYPING = 20; // of a room
const MAX_PRESENT = 5_000;
const NAMED = 3; // of those who write

/** The users that the page has met. */
export class People {
	/** @type {Map<string, boolean>} who is here, of those of whom the server has told */
	online = new Map();
	/** @type {Map<string, string>} what people are called, of those who were seen */
	names = new Map();

	/** @param {User} user */
	met({ id, name }) {
		if (this.names.get(id) === name) return;
		this.names.set(id, name);
		if (this.names.size > MAX_PRESENT) this.names.delete(this.names.keys().next().value ?? "");
	}

	/** What the server says of who is here. @param {{user: User, online: boolean}[]} list */
	present(list) {
		for (const { user, online } of list) {
			this.met(user);
			this.online.delete(user.id); // to the end: the oldest go first
			this.online.set(user.id, online);
		}
		for (const id of this.online.keys()) {
			if (this.online.size <= MAX_PRESENT) break;
			this.online.delete(id);
		}
	}
}

/** About so many are here. @param {Room} room @param {Notice} n @returns {boolean} whether it is about a crowd */
export function crowded(room, n) {
	if (n.count === undefined) return false;
	room.crowd = n.count;
	return true;
}

/** Somebody is writing, or so many in a crowd are. @param {Room} room @param {Notice} n @param {User} me @param {number} now @returns {boolean} whether that is news */
export function writes(room, n, me, now) {
	if (n.count !== undefined) {
		room.typing.clear();
		room.writing = { count: n.count, until: now + TYPING };
		return true;
	}
	const { id, name } = n.user;
	if (id === me.id) return false;
	room.crowd = 0; // who is told names is in none
	room.writing = { count: 0, until: 0 };
	if (room.typing.size >= MAX_TYPING) return false;
	room.typing.set(id, { name: typeof name === "string" ? name : id, until: now + TYPING });
	return true;
}

/** I write, which a crowd's count counts too. @param {Room} room @param {number} now */
export function wrote(room, now) {
	room.wrote = now + TYPING;
}

/** Who else is writing, in words, and until when that is so. @param {Room|undefined} room @param {number} now */
export function writing(room, now) {
	if (!room) return { text: "", until: Infinity };
	for (const [user, { until }] of room.typing) if (until <= now) room.typing.delete(user);
	const all = [...room.typing.values()];
	if (all.length > 0) return { text: typingText(all.map((t) => t.name)), until: Math.min(...all.map((t) => t.until)) };
	const { count, until } = room.writing;
	const others = until > now ? count - (room.wrote > now ? 1 : 0) : 0;
	if (others <= 0) return { text: "", until: Infinity };
	return { text: others === 1 ? "Somebody is typing…" : "Several people are typing…", until };
}

/** @param {string[]} names */
function typingText(names) {
	const who = names.length > NAMED ? "Several people" : new Intl.ListFormat("en-GB", { type: "conjunction" }).format(names.map(isolated));
	return `${who} ${names.length === 1 ? "is" : "are"} typing…`;
}

/** How many are here, where the server says so. @param {Room} room */
export function crowdText(room) {
	return room.mine && room.crowd > 0 ? `about ${room.crowd.toLocaleString("en-GB")} online` : "";
}
