// @ts-check

/**
 * What the page knows: rooms, their events, what is unsent, what is unread. It
 * is fed by the client's events and by the pages of history, and touches
 * neither the network nor the document.
 */

import { apply, byTitle, namesMe, newRoom } from "./room.js";

/**
 * @typedef {import("./gochat.js").User} User
 * @typedef {import("./gochat.js").ChatEvent} ChatEvent
 * @typedef {import("./gochat.js").Room} RoomInfo
 * @typedef {import("./room.js").Room} Room
 * @typedef {import("./room.js").Note} Note
 */

/**
 * @typedef {"rooms"|"room"|"current"|"conn"|"specs"|"typing"|"presence"} Topic rooms: the list or a badge; room: what is in one; its id is told
 */

const KEEP = 400; // events of a room of which nobody reads what is older
const MAX_NOTES = 50; // of a room
const TYPING = 6_000; // ms that somebody is held to be writing, by the protocol
const MAX_TYPING = 20; // of a room
const MAX_PRESENT = 5_000;

export class Store {
	/** @type {User} */
	me = { id: "", name: "" };
	/** @type {Map<string, Room>} mine, and the public ones I could join */
	rooms = new Map();
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

	/** @type {Map<string, boolean>} who is here, of those of whom the server has told */
	online = new Map();

	/** @type {Map<string, string>} what people are called, of those who were seen */
	names = new Map();

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

	/** Mine, in the order of the list: by name, direct ones by who spoke last. */
	get mine() {
		return [...this.rooms.values()].filter((r) => r.mine).sort((a, b) => byTitle(a, b, this.me));
	}

	/** Public rooms that I could join. */
	get open() {
		return [...this.rooms.values()]
			.filter((r) => !r.mine && r.kind === "public" && !r.archived)
			.sort((a, b) => byTitle(a, b, this.me));
	}

	/** All that is unread. */
	get unread() {
		let n = 0;
		for (const r of this.rooms.values()) if (r.mine) n += r.unread;
		return n;
	}

	// ------------------------------------------------------------ rooms

	/** @param {RoomInfo} info @param {boolean} [mine] undefined: as it was */
	#put(info, mine) {
		const room = this.rooms.get(info.id) ?? newRoom(info.id, info.kind);
		room.name = info.name || room.name;
		room.kind = info.kind;
		room.archived = info.archived === true;
		room.peer = info.with ?? room.peer;
		room.role = info.role ?? room.role;
		room.head = Math.max(room.head, info.head);
		if (mine !== undefined) room.mine = mine;
		this.rooms.set(room.id, room);
		return room;
	}

	/** @param {import("./gochat.js").Welcome} w */
	welcome(w) {
		this.me = w.user;
		const listed = new Set(w.rooms.map((r) => r.id));
		for (const room of this.rooms.values()) if (!w.more && room.mine && !listed.has(room.id)) this.#leave(room);
		for (const info of w.rooms) {
			const room = this.#put(info, true);
			this.#counts(room, info);
			if (room.unread === 0) room.mentioned = false;
			else if (room.id === this.current && room.newAfter === null) room.newAfter = room.read;
			const last = /** @type {any} */ (info).last;
			if (last && typeof last.time === "string") room.active = Math.max(room.active, Date.parse(last.time) || 0);
		}
		this.ready = true;
		this.#tell("rooms");
		this.#tell("current");
	}

	/** What the server says of what I have read, unless my own marker has not reached it yet. @param {Room} room @param {RoomInfo} info */
	#counts(room, info) {
		if (room.read >= info.head && room.read > 0) return;
		room.read = Math.max(room.read, info.read ?? 0);
		room.unread = info.unread ?? 0;
	}

	/** Rooms that were asked for. @param {RoomInfo[]} list @param {boolean} [mine] undefined: as they were */
	addRooms(list, mine) {
		for (const info of list) this.#put(info, mine);
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
		const listed = new Set(list.map((r) => r.id));
		for (const id of known.keys()) if (this.rooms.get(id)?.mine === false && !listed.has(id)) this.rooms.delete(id);
		for (const info of list) {
			const had = this.rooms.get(info.id);
			const left = known.get(info.id) === true && had?.mine !== true; // while the list was on its way
			const room = this.#put(info, info.role && !left ? true : undefined);
			if (room.mine && !had?.mine) this.#counts(room, info); // the welcome had no place for it
		}
		this.#tell("rooms");
		if (this.current !== null && listed.has(this.current)) this.#tell("current");
	}

	/** @param {Room} room */
	#leave(room) {
		room.mine = false;
		room.role = "";
		room.unread = 0;
		room.mentioned = false;
		this.#forget(room);
		room.local.clear();
		room.pending.clear();
		if (room.kind !== "public") this.rooms.delete(room.id);
	}

	/** @param {Room} room */
	#forget(room) {
		room.log = [];
		room.loaded = "no";
		room.more = true;
		room.loadingOlder = false;
	}

	/** @param {string|null} id */
	select(id) {
		if (id === this.current) return;
		const before = this.room;
		if (before) {
			before.newAfter = null;
			if (before.log.length > KEEP) {
				before.log = before.log.slice(-KEEP);
				before.more = true;
			}
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

	/** @param {User} user */
	#met({ id, name }) {
		if (this.names.get(id) === name) return;
		this.names.set(id, name);
		if (this.names.size > MAX_PRESENT) this.names.delete(this.names.keys().next().value ?? "");
	}

	/** @param {ChatEvent} e */
	event(e) {
		this.#met(e.user);
		if (e.target) this.#met(e.target);
		let room = this.rooms.get(e.room);
		const before = room ? face(room) : "";
		// Only members get events. What it is called comes a moment later.
		if (!room) room = this.#put({ id: e.room, kind: "private", head: 0 }, true);
		const subject = e.target ?? e.user;
		if (subject.id === this.me.id) {
			if (e.kind === "left" || (e.kind === "banned" && !e.off)) {
				this.#leave(room);
				this.#changed(e.room);
				if (this.current === e.room) this.#tell("current");
				return;
			}
			if (e.kind === "joined") {
				const was = room.mine;
				room.mine = true;
				if (e.role) room.role = e.role;
				if (!was) this.#forget(room);
				if (!was && this.current === e.room) this.#tell("current");
			}
			if (e.kind === "role_changed" && e.role) room.role = e.role;
		}
		if ((e.kind === "renamed" || e.kind === "created") && e.text) room.name = e.text;
		if (e.kind === "archived") room.archived = e.off !== true;
		if (["renamed", "archived", "created"].includes(e.kind) && this.current === e.room) this.#tell("current");

		if (room.loaded !== "no" && (room.log.length === 0 || e.seq > /** @type {any} */ (room.log.at(-1)).seq)) {
			room.log.push(e);
			apply(room, e);
			// Not under the eyes of somebody who reads what is older.
			if (room.log.length > 2 * KEEP && (this.current !== e.room || this.attending === e.room)) {
				room.log = room.log.slice(-KEEP);
				room.more = true;
			}
		}
		room.head = Math.max(room.head, e.seq);
		if (e.user.id === this.me.id) {
			room.local.delete(e.id);
			room.pending.delete(e.id);
		}
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
		this.#forget(room);
		this.#changed(gap.room);
	}

	/** @param {import("./gochat.js").Notice} n */
	notice(n) {
		if (n.kind === "progress" && typeof n.text === "string") {
			for (const room of this.rooms.values()) {
				for (const local of room.local.values()) {
					if (local.call !== n.call) continue;
					room.local.set(local.id, { ...local, progress: n.text });
					this.#tell("room", room.id);
				}
			}
			return;
		}
		if (n.kind === "typing") return this.#typing(n);
		if (n.kind === "read") return this.#read(n);
		if (n.kind === "presence") {
			if (typeof n.user?.id === "string") this.present([{ user: n.user, online: n.online === true }]);
			return;
		}
		if (!n.room || typeof n.room.id !== "string" || typeof n.room.kind !== "string") return;
		/** @type {RoomInfo} */
		const info = { ...n.room, head: Number.isSafeInteger(n.room.head) ? n.room.head : 0 };
		this.addRooms([info], n.kind === "added" ? true : undefined);
	}

	/** What I have read elsewhere. @param {import("./gochat.js").Notice} n */
	#read(n) {
		const room = this.rooms.get(n.in);
		if (!room?.mine || n.user?.id !== this.me.id || !Number.isSafeInteger(n.seq) || n.seq <= room.read) return;
		room.read = Math.min(n.seq, room.head);
		if (room.read < room.head) return; // how many are left is told by the next welcome
		room.unread = 0;
		room.mentioned = false;
		this.#tell("rooms");
	}

	/** @param {import("./gochat.js").Notice} n */
	#typing(n) {
		const room = this.rooms.get(n.in);
		const { id, name } = n.user ?? {};
		if (!room || typeof id !== "string" || id === this.me.id || room.typing.size >= MAX_TYPING) return;
		room.typing.set(id, { name: typeof name === "string" ? name : id, until: this.#now() + TYPING });
		this.#tell("typing", room.id);
	}

	/** Who is writing in a room now, and until when the first of them is. @param {string} id */
	typing(id) {
		const all = this.rooms.get(id)?.typing ?? new Map();
		for (const [user, { until }] of all) if (until <= this.#now()) all.delete(user);
		const now = [...all.values()];
		return { names: now.map((t) => t.name), until: Math.min(...now.map((t) => t.until)) };
	}

	/** What the server says of who is here. @param {{user: User, online: boolean}[]} list */
	present(list) {
		for (const { user, online } of list) {
			this.#met(user);
			this.online.delete(user.id); // to the end: the oldest go first
			this.online.set(user.id, online);
		}
		for (const id of this.online.keys()) {
			if (this.online.size <= MAX_PRESENT) break;
			this.online.delete(id);
		}
		this.#tell("presence");
	}

	/** @param {import("./gochat.js").Outcome} o */
	outcome(o) {
		const room = o.room === undefined ? undefined : this.rooms.get(o.room);
		if (!room) return;
		if (o.id !== undefined) room.local.delete(o.id);
		const line = o.line ?? "";
		if (o.status === "failed") this.#note(room, { id: o.call, line, ...failure(o.error) });
		else if (o.text !== "") this.#note(room, { id: o.call, line, text: o.text, status: "ephemeral" });
		this.#tell("room", room.id);
	}

	/** @param {Room} room @param {Omit<Note, "at"|"after">} note */
	#note(room, note) {
		if (room.notes.some((n) => n.id === note.id)) return;
		room.notes.push({ ...note, at: this.#now(), after: room.head });
		if (room.notes.length > MAX_NOTES) room.notes.shift();
	}

	/** @param {string} room @param {string} id */
	dismiss(room, id) {
		const r = this.rooms.get(room);
		if (!r) return;
		r.notes = r.notes.filter((n) => n.id !== id);
		this.#tell("room", room);
	}

	/** @param {import("./gochat.js").OutboxChange} change */
	outbox({ entry, change, reply }) {
		if (entry.type === "edit" || entry.type === "delete" || entry.type === "react") return this.#pending(entry, change, reply);
		if (entry.type !== "message" && entry.type !== "command") return;
		const id = entry.fields.room;
		const room = this.rooms.get(id) ?? (change === "restored" ? this.#put({ id, kind: "private", head: 0 }, true) : undefined);
		if (!room) return;
		if (change === "done" && entry.type === "message") {
			const seq = reply?.seq;
			const here = typeof seq !== "number" || room.log.some((e) => e.seq === seq);
			const local = room.local.get(entry.id);
			// Its event may still be on the way: until then it stays, as stored.
			if (here || !local || room.loaded !== "yes") room.local.delete(entry.id);
			else room.local.set(entry.id, { ...local, state: "stored", seq });
		} else if (change === "done" || change === "discarded") {
			room.local.delete(entry.id);
			room.notes = room.notes.filter((n) => n.entry !== entry.id);
		} else if (entry.type === "command" && entry.state === "failed") {
			room.local.delete(entry.id);
			this.#note(room, { id: entry.id, entry: entry.id, line: String(entry.fields.text ?? ""), ...failure(entry.error) });
		} else {
			if (change === "added") room.newAfter = null; // who answers has read
			room.notes = room.notes.filter((n) => n.entry !== entry.id);
			room.local.set(entry.id, {
				id: entry.id,
				type: entry.type,
				text: String(entry.fields.text ?? ""),
				at: entry.at,
				state: entry.state,
				...(entry.error && { error: entry.error }),
				...(entry.call && { call: entry.call }),
				...(Number.isSafeInteger(entry.fields.reply_to) && { replyTo: entry.fields.reply_to }),
			});
		}
		this.#changed(id);
	}

	/** What I change of a message is shown at once. @param {import("./gochat.js").Entry} entry @param {string} change @param {Record<string, any>} [reply] */
	#pending(entry, change, reply) {
		const { room: id, seq, text, emoji, on } = entry.fields;
		const room = this.rooms.get(id);
		if (!room || !Number.isSafeInteger(seq)) return;
		if (change === "done" || change === "failed" || change === "discarded") {
			const had = room.pending.get(entry.id);
			// Its event may still be on the way: until then it looks as if it were here.
			if (change === "done" && had && typeof reply?.seq === "number" && reply.seq > room.head) room.pending.set(entry.id, { ...had, until: reply.seq });
			else room.pending.delete(entry.id);
		} else {
			room.pending.set(entry.id, {
				type: /** @type {"edit"|"delete"|"react"} */ (entry.type), seq, text: String(text ?? emoji ?? ""), on: on === true,
			});
		}
		this.#tell("room", id);
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
		this.#forget(room);
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
		for (const e of page.events) this.#met(e.user);
		const live = room.log.filter((e) => e.seq > (page.events.at(-1)?.seq ?? 0));
		room.log = [...counted(page), ...live];
		for (const e of live) apply(room, e);
		room.head = Math.max(room.head, page.head);
		room.more = page.more;
		room.loaded = "yes";
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
		for (const e of page.events) this.#met(e.user);
		const first = room.log[0]?.seq ?? Infinity;
		const older = counted(page).filter((e) => e.seq < first);
		const later = room.log;
		room.log = [...older, ...later];
		// What was changed after the page was read.
		for (const e of later) if (e.ref !== undefined && e.ref < first) apply(room, e);
		room.more = page.more && older.length > 0;
		room.loadingOlder = false;
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

/** Notes up to where the reactions of a page are counted. @param {{events: ChatEvent[], head: number}} page */
function counted({ events, head }) {
	return events.map((e) => (e.reactions ? { ...e, reactions_at: head } : e));
}

/** @param {{code: string, message: string}} [error] @returns {{text: string, status: "failed", code: string}} */
function failure(error) {
	return { text: error?.message || "The command failed.", status: "failed", code: error?.code ?? "internal" };
}
