// @ts-check

/**
 * What can be done when logged in: it joins the client, which talks, and the
 * store, which knows. It does not touch the document.
 */

import { parseLine } from "./commands.js";

const PAGE = 50; // events of a page of history
const SPECS_AGE = 30_000; // bots come and go
const SPREAD = 3_000; // all pages reconnect at once when a server comes back; their questions need not

export class ChatSession {
	#specsAt = -Infinity;
	#welcomed = false;
	/** @type {any} */ #timer = null;

	/**
	 * @param {import("./gochat.js").Client} client
	 * @param {import("./store.js").Store} store
	 */
	constructor(client, store) {
		this.client = client;
		this.store = store;
		client.on("state", (s) => store.connection(s));
		client.on("welcome", (w) => this.#welcome(w));
		client.on("event", (e) => {
			store.event(e);
			this.#read(e.room);
			if (e.room === store.current) this.#load();
		});
		client.on("gap", (g) => {
			store.gap(g);
			if (g.room === store.current) this.#load();
		});
		client.on("rooms", (list) => store.addRooms(list));
		client.on("notice", (n) => store.notice(n));
		client.on("outcome", (o) => store.outcome(o));
		client.on("outbox", (change) => store.outbox(change));
		for (const entry of client.outbox()) store.outbox({ entry, change: "restored" });
	}

	start() { this.client.start(); }

	stop() {
		clearTimeout(this.#timer);
		this.client.close();
	}

	/** @param {import("./gochat.js").Welcome} w */
	#welcome(w) {
		this.store.welcome(w);
		this.#load();
		clearTimeout(this.#timer);
		this.#timer = setTimeout(() => this.refresh(), this.#welcomed ? Math.random() * SPREAD : 0);
		this.#welcomed = true;
	}

	/** Asks for what is not pushed: the public rooms and the commands. */
	async refresh() {
		this.refreshSpecs();
		const known = new Map([...this.store.rooms.values()].map((r) => [r.id, r.mine]));
		try {
			this.store.directory(await this.client.allRooms(), known);
		} catch {
			// The list that was there stays, and the next welcome asks again.
		}
	}

	/** Asks for the commands, unless it just did. */
	async refreshSpecs() {
		if (Date.now() - this.#specsAt < SPECS_AGE || this.store.conn.name !== "online") return;
		this.#specsAt = Date.now();
		try {
			const specs = await this.client.commands();
			this.store.setSpecs(/** @type {import("./commands.js").Spec[]} */ (specs));
		} catch {
			this.#specsAt = -Infinity;
		}
	}

	// ------------------------------------------------------------ reading

	/** @param {string|null} id */
	open(id) {
		this.store.attending = null;
		this.store.select(id);
		this.#load();
	}

	/** Loads the newest page of the room that is open, unless it is there. */
	async #load() {
		const { room } = this.store;
		if (!room || !room.mine || room.loaded === "yes" || room.loaded === "loading") return;
		const { id } = room;
		this.store.loading(id);
		try {
			this.store.loadedPage(id, await this.client.history(id, { limit: PAGE }));
			this.#read(id);
		} catch {
			this.store.loadFailed(id);
		}
	}

	/** Tries again what failed. */
	reload() { this.#load(); }

	/** Loads the page before what is there. */
	async older() {
		const { room } = this.store;
		const first = room?.log[0]?.seq;
		if (!room || room.loaded !== "yes" || !room.more || room.loadingOlder || first === undefined) return;
		this.store.setLoadingOlder(room.id, true);
		try {
			this.store.olderPage(room.id, await this.client.history(room.id, { before: first, limit: PAGE }));
		} finally {
			this.store.setLoadingOlder(room.id, false);
		}
	}

	/** Whether the end of the room that is open is in sight. @param {boolean} yes */
	attend(yes) {
		const { store } = this;
		const was = store.attending;
		store.attending = yes ? store.current : null;
		if (was !== null && was !== store.attending) store.away(was);
		if (store.attending !== null) this.#read(store.attending);
	}

	/** @param {string} id */
	#read(id) {
		if (this.store.attending !== id || this.store.rooms.get(id)?.loaded !== "yes") return;
		const seq = this.store.seen(id);
		if (seq > 0) this.client.read(id, seq);
	}

	// ------------------------------------------------------------ doing

	/**
	 * Sends what was typed, as a message or as a command.
	 * @param {string} room
	 * @param {string} text
	 * @returns {boolean} whether there was something to send
	 */
	say(room, text) {
		const parsed = parseLine(text);
		if (!parsed) return false;
		if (parsed.type === "command") this.client.command(room, parsed.text);
		else this.client.message(room, parsed.text);
		return true;
	}

	/** @param {string} id */
	retry(id) { this.client.retry(id); }
	/** @param {string} id */
	discard(id) { this.client.discard(id); }

	/**
	 * @param {string} name
	 * @param {"public"|"private"} kind
	 * @returns {{id: string, done: Promise<string>}} the id of the room
	 */
	createRoom(name, kind) { return this.#entering(this.client.createRoom({ name, kind })); }

	/** @param {string} user @returns {Promise<string>} */
	direct(user) { return this.#entering(this.client.direct(user)).done; }

	/** @param {{id: string, done: Promise<any>}} sent */
	#entering({ id, done }) {
		return {
			id,
			done: done.then((reply) => {
				const { room, info } = reply;
				this.store.addRooms([{ ...info, id: room, head: info?.head ?? 0 }], true);
				return /** @type {string} */ (room);
			}),
		};
	}

	/** @param {string} room */
	async join(room) {
		await this.client.join(room).done;
		const known = this.store.rooms.get(room);
		if (known) this.store.addRooms([{ id: room, kind: known.kind, head: known.head, archived: known.archived }], true);
		this.#load();
	}

	/** @param {string} room */
	leave(room) { return this.client.leave(room).done; }
	/** @param {string} room @param {string} user */
	invite(room, user) { return this.client.invite(room, user).done; }

	/** @param {string} room */
	async members(room) {
		return (await this.client.allMembers(room)).filter((m) => m.role !== ""); // those without one are banned
	}
}
