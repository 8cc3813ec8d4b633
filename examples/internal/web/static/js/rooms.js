// @ts-check

/** The rooms that the page knows: mine, and the public ones I could join. */

import { forget } from "./history.js";
import { byTitle, newRoom } from "./room.js";

/**
 * @typedef {import("./gochat.js").User} User
 * @typedef {import("./gochat.js").Room} RoomInfo
 * @typedef {import("./room.js").Room} Room
 */

/** @extends {Map<string, Room>} */
export class Rooms extends Map {
	/** Those I am in, by name. @param {User} me */
	mine(me) {
		return [...this.values()].filter((r) => r.mine).sort((a, b) => byTitle(a, b, me));
	}

	/** The public ones that I could join. @param {User} me */
	joinable(me) {
		return [...this.values()].filter((r) => !r.mine && r.kind === "public" && !r.archived).sort((a, b) => byTitle(a, b, me));
	}

	get unread() {
		let n = 0;
		for (const r of this.values()) if (r.mine) n += r.unread;
		return n;
	}

	/** @param {RoomInfo} info @param {boolean} [mine] undefined: as it was */
	put(info, mine) {
		const room = this.get(info.id) ?? newRoom(info.id, info.kind);
		room.name = info.name || room.name;
		room.kind = info.kind;
		room.archived = info.archived === true;
		room.peer = info.with ?? room.peer;
		room.role = info.role ?? room.role;
		room.head = Math.max(room.head, info.head);
		if (mine !== undefined) room.mine = mine;
		this.set(room.id, room);
		return room;
	}

	/** I am not in it any more. @param {Room} room */
	leave(room) {
		room.mine = false;
		room.role = "";
		room.unread = 0;
		room.crowd = 0;
		room.mentioned = false;
		forget(room);
		room.local.clear();
		room.pending.clear();
		if (room.kind !== "public") this.delete(room.id);
	}

	/**
	 * These are all rooms. Those that were known when it was asked for, and are
	 * not in the list, are gone.
	 * @param {RoomInfo[]} list
	 * @param {Map<string, boolean>} known room → whether it was mine then
	 */
	replace(list, known) {
		const listed = new Set(list.map((r) => r.id));
		for (const id of known.keys()) if (this.get(id)?.mine === false && !listed.has(id)) this.delete(id);
		for (const info of list) {
			const was = this.get(info.id)?.mine === true;
			const left = known.get(info.id) === true && !was; // while the list was on its way
			const room = this.put(info, info.role && !left ? true : undefined);
			if (room.mine && !was) unreadOf(room, info); // the welcome had no place for it
		}
	}
}

/** What the server says of what I have read, unless my own marker has not reached it yet. @param {Room} room @param {RoomInfo} info */
export function unreadOf(room, info) {
	if (room.read >= info.head && room.read > 0) return;
	room.read = Math.max(room.read, info.read ?? 0);
	room.unread = info.unread ?? 0;
}
