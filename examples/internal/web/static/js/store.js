// @ts-check

/**
 * What the page knows: rooms, their events, what is unsent, what is unread. It
 * is fed by the client's events and by the pages of history, and touches
 * neither the network nor the document.
 */

import { append, begin, forget, prepend, trim } from "./history.js";
import { arrived, ended, moved, progressed, shows } from "./outbox.js";
import { People, crowded, writes, writing, wrote } from "./presence.js";
import { namesMe } from "./room.js";
import { Rooms, unreadOf } from "./rooms.js";

/**
 * @typedef {import("./gochat.js").User} User
 * @typedef {import("./gochat.js").ChatEvent} ChatEvent
 * @typedef {import("./gochat.js").Room} RoomInfo
 * @typedef {import("./room.js").Room} Room
 */

/**
 * @typedef {"rooms"|"room"|"current"|"conn"|"specs"|"typing"|"presence"} Topic rooms: the list or a badge; room: what is in one; its id is told
 */

export class Store {
	/** @type {User} */
	me = { id: "", name: "" };
	rooms = new Rooms();
	/** @type {string|null} the room that is open */
	current = null;
	/** @type {import("./gochat.js").State} */
	conn = { name: "closed" };
	/** @type {import("./commands.js").Spec[]} */
	specs = [];
	/** the list of rooms has come */
	ready = false;
	/** @type {string|null} the room whose end is in sight: what comes there is read at once */
	attending = null;

	people = new People();

	/** @type {Map<Topic, Set<(id?: string) => void>>} */ #subs = new Map();
	/** @type {() => number} */ #now;

	/** @param {{now?: () => number}} [options] the server's clock */
	constructor(options = {}) {
		this.#now = options.now ?? Date.now;
	}

	/** @param {Topic} topic @param {(id?: string) => void} fn */
	on(topic, fn) {
		const set = this.#subs.get(topic) ?? new Set();
		this.#subs.set(topic, set.add(fn));
		return () => void set.delete(fn);
	}

	/** @param {Topic} topic @param {string} [id] */
	#tell(topic, id) {
		for (const fn of [...(this.#subs.get(topic) ?? [])]) fn(id);
	}

	/** @param {string} id */
	#changed(id) {
		this.#tell("room", id);
		this.#tell("rooms");
	}

	/** @returns {Room|undefined} the room that is open, if it is known */
	get room() { return this.current === null ? undefined : this.rooms.get(this.current); }

	/** Mine, in the order of the list: by name. */
	get mine() { return this.rooms.mine(this.me); }

	/** Public rooms that I could join. */
	get open() { return this.rooms.joinable(this.me); }

	/** All that is unread. */
	get unread() { return this.rooms.unread; }

	// ------------------------------------------------------------ rooms

	/** @param {import("./gochat.js").Welcome} w */
	welcome(w) {
		this.me = w.user;
		const listed = new Set(w.rooms.map((r) => r.id));
		for (const room of this.rooms.values()) if (!w.more && room.mine && !listed.has(room.id)) this.rooms.leave(room);
		for (const info of w.rooms) {
			const room = this.rooms.put(info, true);
			unreadOf(room, info);
			room.crowd = 0; // it is told again
			if (room.unread === 0) room.mentioned = false;
			else if (room.id === this.current && room.newAfter === null) room.newAfter = room.read;
			const last = /** @type {any} */ (info).last;
			if (last && typeof last.time === "string") room.active = Math.max(room.active, Date.parse(last.time) || 0);
		}
		this.ready = true;
		this.#tell("rooms");
		this.#tell("current");
	}

	/** Rooms that were asked for. @param {RoomInfo[]} list @param {boolean} [mine] undefined: as they were */
	addRooms(list, mine) {
		for (const info of list) this.rooms.put(info, mine);
		this.#tell("rooms");
		if (this.current !== null && list.some((r) => r.id === this.current)) this.#tell("current");
	}

	/**
	 * All rooms, mine and the public ones. Those that were known when it was
	 * asked for, and are not in the list, are gone.
	 * @param {RoomInfo[]} list
	 * @param {Map<string, boolean>} known room → whether it was mine then
	 */
	directory(list, known) {
		this.rooms.replace(list, known);
		this.#tell("rooms");
		if (this.current !== null && list.some((r) => r.id === this.current)) this.#tell("current");
	}

	/** @param {string|null} id */
	select(id) {
		if (id === this.current) return;
		const before = this.room;
		if (before) {
			before.newAfter = null;
			trim(before);
		}
		this.current = id;
		const room = this.room;
		if (room) room.newAfter = room.unread > 0 ? room.read : null;
		this.#tell("current");
	}

	/** I have seen everything of a room. @param {string} id @returns {number} the seq to tell the server; 0 is nothing new */
	seen(id) {
		const room = this.rooms.get(id);
		if (!room || !room.mine) return 0;
		const had = room.unread;
		const moved = room.head > room.read;
		room.read = Math.max(room.read, room.head);
		room.unread = 0;
		room.mentioned = false;
		if (had > 0) this.#tell("rooms");
		return moved ? room.read : 0;
	}

	/** I look elsewhere: what comes from now on is new. @param {string} id */
	away(id) {
		const room = this.rooms.get(id);
		if (room && room.unread === 0) room.newAfter = null;
	}

	// ------------------------------------------------------------ live

	/** @param {import("./gochat.js").State} state */
	connection(state) {
		this.conn = state;
		this.#tell("conn");
	}

	/** @param {ChatEvent} e */
	event(e) {
		this.people.met(e.user);
		if (e.target) this.people.met(e.target);
		let room = this.rooms.get(e.room);
		const before = room ? face(room) : "";
		// Only members get events. What it is called comes a moment later.
		if (!room) room = this.rooms.put({ id: e.room, kind: "private", head: 0 }, true);
		const subject = e.target ?? e.user;
		if (subject.id === this.me.id) {
			if (e.kind === "left" || (e.kind === "banned" && !e.off)) {
				this.rooms.leave(room);
				this.#changed(e.room);
				if (this.current === e.room) this.#tell("current");
				return;
			}
			if (e.kind === "joined") {
				const was = room.mine;
				room.mine = true;
				if (e.role) room.role = e.role;
				if (!was) forget(room);
				if (!was && this.current === e.room) this.#tell("current");
			}
			if (e.kind === "role_changed" && e.role) room.role = e.role;
		}
		if ((e.kind === "renamed" || e.kind === "created") && e.text) room.name = e.text;
		if (e.kind === "archived") room.archived = e.off !== true;
		if (["renamed", "archived", "created"].includes(e.kind) && this.current === e.room) this.#tell("current");

		append(room, e, this.current === e.room && this.attending !== e.room);
		if (e.user.id === this.me.id) arrived(room, e.id);
		if (room.typing.delete(e.user.id)) this.#tell("typing", e.room);
		if (e.kind === "message") {
			room.active = Math.max(room.active, Date.parse(e.time) || 0);
			if (e.user.id !== this.me.id && this.attending !== e.room && e.seq > room.read) this.#unread(room, e);
		}
		this.#tell("room", e.room);
		if (face(room) !== before) this.#tell("rooms");
	}

	/** @param {Room} room @param {ChatEvent} e */
	#unread(room, e) {
		// Where what I have not seen begins: only what is open has a marker.
		if (this.current === room.id && room.unread === 0 && room.newAfter === null) room.newAfter = e.seq - 1;
		if (!e.replayed) room.unread++; // the welcome has counted those
		if (namesMe(e, this.me)) room.mentioned = true;
	}

	/** @param {import("./gochat.js").Gap} gap */
	gap(gap) {
		const room = this.rooms.get(gap.room);
		if (!room) return;
		if (gap.reset) {
			room.head = gap.head;
			room.read = Math.min(room.read, gap.head);
			room.notes = [];
		}
		room.head = Math.max(room.head, gap.head);
		forget(room);
		this.#changed(gap.room);
	}

	/** @param {import("./gochat.js").Notice} n one that is understood, see notices.js */
	notice(n) {
		switch (n.kind) {
			case "progress":
				for (const room of this.rooms.values()) if (progressed(room, n.call, n.text)) this.#tell("room", room.id);
				return;
			case "typing": {
				const room = this.rooms.get(n.in);
				const crowd = room?.crowd;
				if (room && writes(room, n, this.me, this.#now())) this.#tell("typing", room.id);
				if (crowd !== room?.crowd) this.#tell("presence");
				return;
			}
			case "presence": {
				const room = this.rooms.get(n.in);
				if (room && crowded(room, n)) this.#tell("presence");
				else if (n.user) this.present([{ user: n.user, online: n.online === true }]);
				return;
			}
			case "read": return this.#read(n);
			case "room_created": case "room_updated": case "added": {
				/** @type {RoomInfo} */
				const info = { ...n.room, head: Number.isSafeInteger(n.room.head) ? n.room.head : 0 };
				return this.addRooms([info], n.kind === "added" ? true : undefined);
			}
		}
	}

	/** What I have read elsewhere. @param {import("./gochat.js").Notice} n */
	#read(n) {
		const room = this.rooms.get(n.in);
		if (!room?.mine || n.user.id !== this.me.id || n.seq <= room.read) return;
		room.read = Math.min(n.seq, room.head);
		if (room.read < room.head) return; // how many are left is told by the next welcome
		room.unread = 0;
		room.mentioned = false;
		this.#tell("rooms");
	}

	/** Who is writing in a room now, in words, and until when that is so. @param {string} id */
	typing(id) { return writing(this.rooms.get(id), this.#now()); }

	/** I write. @param {string} id */
	wrote(id) {
		const room = this.rooms.get(id);
		if (room) wrote(room, this.#now());
	}

	/** What the server says of who is here. @param {{user: User, online: boolean}[]} list */
	present(list) {
		this.people.present(list);
		this.#tell("presence");
	}

	/** @param {import("./gochat.js").Outcome} o */
	outcome(o) {
		const room = o.room === undefined ? undefined : this.rooms.get(o.room);
		if (!room) return;
		ended(room, o, this.#now());
		this.#tell("room", room.id);
	}

	/** @param {string} room @param {string} id */
	dismiss(room, id) {
		const r = this.rooms.get(room);
		if (!r) return;
		r.notes = r.notes.filter((n) => n.id !== id);
		this.#tell("room", room);
	}

	/** @param {import("./gochat.js").OutboxChange} change */
	outbox(change) {
		const { entry } = change;
		if (!shows(entry.type)) return;
		const id = entry.fields.room;
		const own = entry.type === "message" || entry.type === "command";
		const room = this.rooms.get(id) ?? (own && change.change === "restored" ? this.rooms.put({ id, kind: "private", head: 0 }, true) : undefined);
		if (!room) return;
		moved(room, change, this.#now());
		if (own) this.#changed(id);
		else this.#tell("room", id);
	}

	// ------------------------------------------------------------ history

	/** The newest page is being asked for. @param {string} id */
	loading(id) {
		const room = this.rooms.get(id);
		if (!room) return;
		room.log = [];
		room.loaded = "loading";
		this.#tell("room", id);
	}

	/** @param {string} id */
	loadFailed(id) {
		const room = this.rooms.get(id);
		if (!room || room.loaded !== "loading") return;
		forget(room);
		room.loaded = "failed";
		this.#tell("room", id);
	}

	/**
	 * The newest page came; what was delivered meanwhile is behind it.
	 * @param {string} id
	 * @param {{events: ChatEvent[], head: number, more: boolean}} page
	 */
	loadedPage(id, page) {
		const room = this.rooms.get(id);
		if (!room || room.loaded !== "loading") return;
		for (const e of page.events) this.people.met(e.user);
		begin(room, page);
		for (const e of page.events) if (e.user.id === this.me.id) room.local.delete(e.id);
		this.#changed(id);
	}

	/**
	 * An older page came.
	 * @param {string} id
	 * @param {{events: ChatEvent[], head: number, more: boolean}} page
	 */
	olderPage(id, page) {
		const room = this.rooms.get(id);
		if (!room || room.loaded !== "yes") return;
		for (const e of page.events) this.people.met(e.user);
		prepend(room, page);
		this.#tell("room", id);
	}

	/** @param {string} id @param {boolean} loading */
	setLoadingOlder(id, loading) {
		const room = this.rooms.get(id);
		if (!room) return;
		room.loadingOlder = loading;
		this.#tell("room", id);
	}

	/** @param {import("./commands.js").Spec[]} specs */
	setSpecs(specs) {
		this.specs = specs;
		this.#tell("specs");
	}
}

/** What the list of rooms shows of one, and its place there: most events change nothing of it. @param {Room} room */
function face(room) {
	return JSON.stringify([room.mine, room.name, room.archived, room.unread, room.mentioned, room.kind === "direct" && room.active]);
}
