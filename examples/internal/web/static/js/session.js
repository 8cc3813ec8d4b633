// @ts-check

/**
 * What can be done when logged in: it joins the client, which talks, and the
 * store, which knows. It does not touch the document.
 */

import { completionOf, parseLine } from "./commands.js";
import { mentions } from "./links.js";
import { understood } from "./notices.js";
import { eventAt } from "./room.js";

const PAGE = 50; // events of a page of history
const SPECS_AGE = 3_000; // bots come and go
const FAR = 200; // events of a page on the way to a message that is far back
const FARTHEST = 100; // such pages, and such waits
const WAIT = 100; // ms
const MENTIONS = 50; // in a message, by the protocol
const SPREAD = 3_000; // all pages reconnect at once when a server comes back; their questions need not

/** Events after which a room has other members. */
const PLACES = new Set(["joined", "left", "banned", "role_changed"]);

export class ChatSession {
	#specsAt = -Infinity;
	/** @type {string|undefined} */ #specsOf; // the room that they were asked for
	#welcomed = false;
	/** @type {any} */ #timer = null;
	/** @type {Map<string, {user: import("./gochat.js").User, role: string}[]>} room → who is in it, as far as it was asked for */
	#people = new Map();

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
			if (PLACES.has(e.kind)) this.#people.delete(e.room);
			this.#read(e.room);
			if (e.room === store.current) this.#load();
		});
		client.on("gap", (g) => {
			store.gap(g);
			if (g.room === store.current) this.#load();
		});
		client.on("rooms", (list) => store.addRooms(list));
		client.on("notice", (n) => {
			if (understood(n)) store.notice(n);
			else console.warn("gochat: ignored a notice that this page does not understand", n);
		});
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

	/** Asks for the commands that I may call in the room that is open, unless it just did. */
	async refreshSpecs() {
		const room = this.store.room?.mine ? this.store.room.id : undefined;
		if (this.#specsOf === room && Date.now() - this.#specsAt < SPECS_AGE || this.store.conn.name !== "online") return;
		this.#specsAt = Date.now();
		this.#specsOf = room;
		try {
			const specs = await this.client.commands(room);
			if (room === this.#specsOf) this.store.setSpecs(/** @type {import("./commands.js").Spec[]} */ (specs));
		} catch {
			this.#specsAt = -Infinity;
		}
	}

	/**
	 * Ways to go on with a command line, as the server's registry has them now.
	 * @param {string} room @param {string} text @param {number} cursor
	 * @returns {Promise<import("./commands.js").Completion|null>} null when it can't be asked
	 */
	async complete(room, text, cursor) {
		if (this.store.conn.name !== "online") return null;
		try {
			return completionOf(await this.client.request("complete", { room, text, cursor }, { timeout: 5_000 }), text);
		} catch {
			return null; // the line can be typed as well
		}
	}

	// ------------------------------------------------------------ reading

	/** @param {string|null} id */
	open(id) {
		this.store.attending = null;
		this.store.select(id);
		this.#load();
		const { room } = this.store;
		if (room?.kind === "direct") this.members(room.id).catch(() => {}); // is the other one here?
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

	/** Loads the page before what is there. @param {number} [limit] @returns {Promise<boolean>} whether it did */
	async older(limit = PAGE) {
		const { room } = this.store;
		const first = room?.log[0]?.seq;
		if (!room || room.loaded !== "yes" || !room.more || room.loadingOlder || first === undefined) return false;
		this.store.setLoadingOlder(room.id, true);
		try {
			this.store.olderPage(room.id, await this.client.history(room.id, { before: first, limit }));
			return true;
		} finally {
			this.store.setLoadingOlder(room.id, false);
		}
	}

	/**
	 * Loads back to a message.
	 * @param {string} room
	 * @param {number} seq
	 * @returns {Promise<boolean>} whether it is there now
	 */
	async reach(room, seq) {
		for (let asked = 0, waited = 0; asked < FARTHEST && waited < FARTHEST; ) {
			const r = this.store.rooms.get(room);
			if (this.store.current !== room || (this.store.ready && !r?.mine) || r?.loaded === "failed") return false;
			const first = r?.log[0]?.seq;
			if (r?.loaded === "yes" && (first === undefined || first <= seq || !r.more)) return eventAt(r.log, seq) !== undefined;
			if (r?.loaded === "yes" && !r.loadingOlder) {
				asked++;
				await this.older(FAR);
			} else {
				waited++;
				await new Promise((done) => setTimeout(done, WAIT));
			}
		}
		return false;
	}

	/** @type {Map<string, Promise<import("./gochat.js").ChatEvent|null>>} */ #quoted = new Map();

	/** A message that is not loaded, to be quoted; null when there is none. @param {string} room @param {number} seq */
	quoted(room, seq) {
		const key = `${room} ${seq}`;
		const known = this.#quoted.get(key);
		if (known) return known;
		const asked = this.client.history(room, { before: seq + 1, limit: 1 })
			.then(({ events }) => events.find((e) => e.seq === seq) ?? null, () => { this.#quoted.delete(key); return null; });
		if (this.#quoted.size > 200) this.#quoted.clear();
		this.#quoted.set(key, asked);
		return asked;
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
	 * @param {number} [replyTo] the message that it answers
	 * @returns {boolean} whether there was something to send
	 */
	say(room, text, replyTo) {
		const parsed = parseLine(text);
		if (!parsed) return false;
		if (parsed.type === "command") this.client.command(room, parsed.text);
		else {
			const named = this.#named(room, parsed.text);
			this.client.message(room, parsed.text, { ...(replyTo && { reply_to: replyTo }), ...(named.length > 0 && { mentions: named }) });
		}
		return true;
	}

	/** Who is called by "@name", of those whose names are known. @param {string} room @param {string} text */
	#named(room, text) {
		if (!text.includes("@")) return [];
		const people = this.#people.get(room) ?? [];
		return people.filter((m) => mentions(text, m.user.name)).slice(0, MENTIONS).map((m) => m.user.id);
	}

	/** @param {string} room */
	typing(room) {
		this.store.wrote(room);
		this.client.typing(room);
	}

	/** @param {string} room @param {number} seq @param {string} text */
	edit(room, seq, text) { return this.client.edit(room, seq, text).done; }
	/** @param {string} room @param {number} seq */
	delete(room, seq) { return this.client.delete(room, seq).done; }
	/** @param {string} room @param {number} seq @param {string} emoji @param {boolean} on */
	react(room, seq, emoji, on) { return this.client.react(room, seq, emoji, on).done; }

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

	/** @param {string} room @param {string} user @param {boolean} ban and never again */
	remove(room, user, ban) { return this.client.send(ban ? "ban" : "remove", { room, user }).done; }
	/** @param {string} room @param {string} user */
	unban(room, user) { return this.client.send("unban", { room, user }).done; }
	/** @param {string} room @param {string} user @param {string} role */
	setRole(room, user, role) { return this.client.send("set_member", { room, user, role }).done; }
	/** @param {string} room @param {string} name */
	rename(room, name) { return this.client.send("update_room", { room, name }).done; }
	/** @param {string} room @param {boolean} archived */
	archive(room, archived) { return this.client.send("update_room", { room, archived }).done; }

	/** Everybody with a place in a room; those without a role are banned. @param {string} room */
	async members(room) {
		const all = await this.client.allMembers(room);
		this.#people.set(room, all.filter((m) => m.role !== ""));
		this.store.present(all.map((m) => ({ user: m.user, online: m.online === true })));
		return all;
	}

	/** Who can be called in a room: asked for once, and again when it has changed. @param {string} room */
	async people(room) {
		return this.#people.get(room) ?? (await this.members(room)).filter((m) => m.role !== "");
	}
}
