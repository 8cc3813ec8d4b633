// @ts-check

/**
 * The browser client of gochat: one ES module, no dependencies, no build step.
 * It speaks `gochat.v1` over a WebSocket.
 *
 *     import { Client } from "/js/gochat.js";
 *
 *     const client = new Client({
 *       url: "wss://chat.example/ws",
 *       token: async ({ refresh }) => auth.accessToken({ refresh }),
 *     });
 *     client.on("welcome", (w) => w.rooms.forEach(showRoom));
 *     client.on("event", (e) => { if (e.kind === "message") show(e); });
 *     client.on("gap", ({ room }) => reload(room));
 *     client.on("state", (s) => banner(s));
 *     client.start();
 *
 *     const sent = client.message(room, "hello");     // kept until it is stored
 *     const { seq } = await sent.done;                // the store has it
 *     const page = await client.history(room, { limit: 50 });
 *
 * Connection. The client dials, says which events it has, and gets the rest.
 * It comes back by itself, with full-jitter back-off from 0.5 to 30 s, at once
 * when the browser is online again, is shown again, or on `retryNow()`. `state`
 * is one of
 *
 *   - `connecting`: a token is asked for, or the socket is being opened;
 *   - `online`: welcomed, live;
 *   - `waiting`: the next try is at `retryAt` (ms, by `now`);
 *   - `closed`: not started, closed by `close()`, or ended with a `code` that
 *     says not to come back. `start()` begins again.
 *
 * The token callback, if given, is awaited before every dial, never twice at a time. It is
 * called with `refresh: true` when the server said that the token has ended or
 * is about to. `null` means that the user must log in again: the client closes
 * with the reason `no_token`. A rejection means "not now": it waits. A browser
 * can't tell why a handshake failed; `probe`, when given, is asked after one and
 * answers `"refresh"` (the token was refused), `"stop"` or `"retry"`.
 *
 * Delivery. Each event of a room reaches the listeners once, in the order of
 * `seq`, whatever the server repeats and however often the connection breaks.
 * `replayed` marks those that were missed while away. A `gap` event says that
 * what lies in (after, head] is not pushed: page it with `history`; with
 * `reset` everything that is known of the room is void. History pages are not
 * passed to the `event` listeners, and may overlap with what they had.
 *
 * Requests that store something (message, command, edit, create_room, join …)
 * go through the outbox: `send` gives each a random id, writes it to `storage`
 * and sends it, now or when there is a connection, again and again with the
 * same id until the server has given its final answer, so it happens once. A
 * command is final at its `outcome`. `unavailable` (it may have happened) and
 * `rate_limited` are tried again after a while; any other error is final and
 * the request certainly did not happen. Entries older than 24 h are not sent:
 * they fail with `expired`. A message or command that failed stays in the
 * outbox until `retry(id)` or `discard(id)`; other requests leave it. `done` of
 * what `send` returns settles with the answer; ignoring it is fine. The outbox
 * belongs to one user; give `user` to have it shown before the first welcome.
 *
 * Requests that only ask (`request`, and `history`, `rooms`, `members`,
 * `commands`, `complete`, `ping`) are promises that reject with a `ChatError`
 * after a timeout; a broken connection in between is made good. `read` and
 * `typing` are said when there is a connection, and have no answer.
 *
 * Node.js. From 22 on it has what this needs; 20 has it with the flag
 * `--experimental-websocket`, or give `WebSocket`. There is no sessionStorage:
 * the outbox is in memory unless `storage` is given.
 *
 * Errors. `ChatError` has the server's `code`, `field` and `retryAfter` (ms), or
 * a code of the client: `no_reply`, `closed`, `expired`, `discarded`,
 * `outbox_full`, `too_long`, `busy` (too many questions at once).
 *
 * Listeners. `on(name, fn)` returns a function that takes the listener off
 * again. Names: `event`, `notice`, `outcome`, `gap`, `welcome`, `rooms` (the
 * rooms of events that came before they were known), `state`, `outbox`. A
 * listener that throws is reported to the console and harms nobody else. Frames
 * that are not understood are ignored with a warning.
 *
 * @module gochat
 */

/** The WebSocket subprotocol. */
export const PROTOCOL = "gochat.v1";

/**
 * @typedef {{id: string, name: string, bot?: boolean}} User
 * @typedef {{room: string, seq: number, id: string, kind: string, time: string, user: User, target?: User,
 *   ref?: number, text?: string, role?: string, off?: boolean, mentions?: string[],
 *   call?: {id: string, name: string, by: User}, data?: object, edited_by?: number, deleted_by?: number,
 *   reactions?: Reaction[], replayed?: boolean}} ChatEvent reactions: of a message in a page of history
 * @typedef {{text: string, count: number, users: string[]}} Reaction users: ids of some, and always mine if I am among them
 * @typedef {{id: string, name?: string, kind: string, role?: string, head: number, floor?: number, read?: number,
 *   unread?: number, with?: User, archived?: boolean, data?: object}} Room
 * @typedef {{user: User, session: string, epoch: string, time: string, limits: Record<string, any>, rooms: Room[],
 *   more: boolean}} Welcome
 * @typedef {{room: string, after: number, head: number, floor: number, reset: boolean}} Gap
 * @typedef {{kind: string, [field: string]: any}} Notice
 * @typedef {{call: string, id?: string, status: string, text: string, seqs: number[], error?: ErrorBody,
 *   room?: string, line?: string}} Outcome id, room and line are those of the command, when this client sent it
 * @typedef {{code: string, message: string, field?: string, retry_after_ms?: number}} ErrorBody
 * @typedef {{name: "connecting"|"online"|"waiting"|"closed", retryAt?: number, code?: number, reason?: string}} State
 * @typedef {{id: string, type: string, fields: Record<string, any>, at: number, state: "pending"|"failed",
 *   call?: string, error?: ErrorBody}} Entry call is set once the server has taken a command
 * @typedef {{entry: Entry, change: "added"|"restored"|"accepted"|"done"|"failed"|"pending"|"discarded",
 *   reply?: Record<string, any>}} OutboxChange
 * @typedef {{event: ChatEvent, notice: Notice, outcome: Outcome, gap: Gap, welcome: Welcome, rooms: Room[],
 *   state: State, outbox: OutboxChange}} Listened
 * @typedef {{getItem(key: string): string|null, setItem(key: string, value: string): void,
 *   removeItem(key: string): void}} KeyStore
 * @typedef {object} Options
 * @property {string} url of the handler: ws:, wss:, http:, https:, or relative to the page's, as in "/ws"
 * @property {(why: {refresh: boolean}) => Promise<string|null>} [token] default: a cookie or the url says who it is
 * @property {() => Promise<"retry"|"refresh"|"stop">} [probe] asked after a handshake that failed
 * @property {string} [user] id of the user who is logged in
 * @property {new (url: string, protocols: string[]) => any} [WebSocket] default: the browser's
 * @property {KeyStore|null} [storage] for the outbox; default: sessionStorage; null: memory only
 * @property {string} [storageKey] default: "gochat.outbox"
 * @property {number} [maxOutbox] entries; default: 200
 * @property {() => number} [now] wall clock in ms; default: Date.now
 * @property {() => number} [random] for the jitter, in [0, 1); default: Math.random
 * @property {EventTarget|null} [target] what fires `online`, `offline`, `pageshow`, `visibilitychange`; default: the window
 */

// Times in ms. The silence and back-off times are those of the protocol.
const SILENCE = 30_000; // without any frame before a ping
const PONG = 10_000; // for the answer
const HANDSHAKE = 15_000; // from the dial to the welcome, and for the token
const BACKOFF_MIN = 500;
const BACKOFF_MAX = 30_000;
const STABLE = 10_000; // online so long: the next failure is a first one; also between two retries without a wait
const REPLY = 15_000; // default timeout of a request
const RESEND_WINDOW = 24 * 3600_000; // the server remembers ids so long
const OVERDUE = 10_000; // after a command's deadline it is sent again, to be told its outcome
const IN_FLIGHT = 10; // outbox entries without a reply
const RATE_TRIES = 10; // of an entry that is refused as rate_limited
const MAX_FRAME = 64 << 10; // bytes the server accepts
const MAX_HELLO = 2000; // rooms in a hello
const MAX_ASKS = 100; // requests waiting for a reply
const MAX_SEQ = 2 ** 40;
const TYPING = 3_000; // between two of a room

/** Events that make the client look at its connection. */
const WAKES = ["online", "offline", "pageshow", "visibilitychange"];

/** What to dial: in a page its own address completes url. @param {string} url */
function address(url) {
	const u = new URL(url, /** @type {any} */ (globalThis).location?.href);
	u.protocol = u.protocol.replace(/^http/, "ws");
	return u.href;
}

/** Requests that store something; their id is the idempotency key. */
const STORING = new Set([
	"message", "command", "edit", "delete", "react", "create_room", "direct", "join", "leave", "invite", "remove", "ban",
	"unban", "set_member", "update_room",
]);
/** Those that stay in the outbox when they failed, for the user to decide. */
const KEPT = new Set(["message", "command"]);

/** An error of the server or of this client, told apart by `code`. */
export class ChatError extends Error {
	/** @param {ErrorBody} body */
	constructor(body) {
		super(body.message || body.code);
		this.name = "ChatError";
		this.code = body.code;
		/** @type {string|undefined} the field of the request that is wrong */
		this.field = body.field;
		/** @type {number|undefined} ms */
		this.retryAfter = body.retry_after_ms;
	}
}

/** @param {string} code @param {string} message */
const failure = (code, message) => new ChatError({ code, message });

/** 128 random bits in 22 characters of base64url: an id that no two tabs share. */
export function randomID() {
	const bytes = crypto.getRandomValues(new Uint8Array(16));
	return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/**
 * What a close code means: "refresh" and "retry" come back, "stop" does not.
 * 1005 and 1015 never travel: the browser makes them for a lost connection.
 * @param {number} code
 * @returns {"refresh"|"retry"|"stop"}
 */
export function closeMeaning(code) {
	if (code === 4001) return "refresh";
	if (code >= 4500 && code <= 4999) return "stop";
	if (code >= 1000 && code <= 2999) return [1001, 1005, 1006, 1011, 1012, 1013, 1015].includes(code) ? "retry" : "stop";
	return "retry";
}

/**
 * When a server that restarts wants this client back, in ms: it spreads its
 * clients.
 * @param {string} reason of a close with 1012
 */
function hintOf(reason) {
	const hint = /^retry_after_ms=(\d{1,9})$/.exec(reason)?.[1];
	return hint === undefined ? undefined : Math.min(Number(hint), BACKOFF_MAX);
}

// ---------------------------------------------------------------- what the server says

/** @param {any} v @returns {v is Record<string, any>} */
const isObject = (v) => typeof v === "object" && v !== null && !Array.isArray(v);
/** @param {any} v @returns {v is string} */
const isText = (v) => typeof v === "string";
/** @param {any} v @returns {v is string} */
const isID = (v) => isText(v) && v !== "" && v.length <= 64;
/** @param {any} v @param {number} min @returns {v is number} */
const isSeq = (v, min = 1) => Number.isSafeInteger(v) && v >= min && v < MAX_SEQ;

/** @param {any} v @returns {User|null} */
function cleanUser(v) {
	if (!isObject(v) || !isText(v.id) || v.id === "") return null;
	return { id: v.id, name: isText(v.name) && v.name !== "" ? v.name : v.id, ...(v.bot === true && { bot: true }) };
}

/**
 * The event without fields of the wrong type, or null when it is none.
 * @param {any} f
 * @returns {ChatEvent|null}
 */
export function cleanEvent(f) {
	if (!isObject(f) || !isID(f.room) || !isSeq(f.seq) || !isText(f.kind)) return null;
	const user = cleanUser(f.user);
	if (!user) return null;
	const { type, ...rest } = f;
	/** @type {any} */
	const e = { ...rest, user, id: isText(f.id) ? f.id : "", time: isText(f.time) ? f.time : "" };
	const target = cleanUser(f.target);
	const by = isObject(f.call) ? cleanUser(f.call.by) : null;
	const fits = {
		target: target !== null,
		ref: isSeq(f.ref),
		text: isText(f.text),
		role: isText(f.role),
		off: typeof f.off === "boolean",
		mentions: Array.isArray(f.mentions) && f.mentions.every(isText),
		call: by !== null && isText(f.call.id) && isText(f.call.name),
		data: isObject(f.data),
		edited_by: isSeq(f.edited_by),
		deleted_by: isSeq(f.deleted_by),
		reactions: Array.isArray(f.reactions),
	};
	for (const [field, ok] of Object.entries(fits)) if (!ok) delete e[field];
	if (e.reactions) e.reactions = cleanList(e.reactions, cleanReaction);
	if (target) e.target = target;
	if (e.call) e.call = { id: f.call.id, name: f.call.name, by };
	return e;
}

/** @param {any} r @returns {Reaction|null} */
function cleanReaction(r) {
	if (!isObject(r) || !isText(r.text) || r.text === "" || !Number.isSafeInteger(r.count) || r.count < 1) return null;
	return { text: r.text, count: r.count, users: cleanList(r.users, (u) => (isText(u) ? u : null)) };
}

/** @param {any} r @returns {Room|null} */
function cleanRoom(r) {
	if (!isObject(r) || !isID(r.id) || !isText(r.kind)) return null;
	/** @type {any} */
	const room = { ...r, head: isSeq(r.head, 0) ? r.head : 0, name: isText(r.name) ? r.name : "" };
	for (const field of ["floor", "read", "unread"]) if (!isSeq(r[field], 0)) delete room[field];
	const peer = cleanUser(r.with);
	if (peer) room.with = peer;
	else delete room.with;
	return room;
}

/** @template T @param {any} list @param {(v: any) => T|null} clean @returns {T[]} */
function cleanList(list, clean) {
	const out = [];
	for (const v of Array.isArray(list) ? list : []) {
		const c = clean(v);
		if (c !== null) out.push(c);
	}
	return out;
}

/** @param {any} v @returns {ErrorBody} */
function cleanError(v) {
	if (!isObject(v) || !isText(v.code)) return { code: "internal", message: "The server gave no reason." };
	return {
		code: v.code,
		message: isText(v.message) ? v.message : v.code,
		...(isText(v.field) && { field: v.field }),
		...(Number.isFinite(v.retry_after_ms) && v.retry_after_ms >= 0 && { retry_after_ms: v.retry_after_ms }),
	};
}

// ---------------------------------------------------------------- the outbox

/**
 * What is kept until the server has given its final answer, in the order in
 * which it was asked for. It knows nothing of connections.
 */
class Outbox {
	/**
	 * @param {KeyStore|null} storage
	 * @param {string} prefix
	 * @param {number} max
	 */
	constructor(storage, prefix, max) {
		this.storage = storage;
		this.prefix = prefix;
		this.max = max;
		/** @type {string|null} whose it is */
		this.user = null;
		/** @type {Map<string, Entry>} */
		this.entries = new Map();
	}

	/**
	 * Belongs to user from here on, and reads what an earlier page left. What
	 * was added before stays, behind it.
	 * @param {string} user
	 * @returns {Entry[]} what was read
	 */
	open(user) {
		this.user = user;
		const added = [...this.entries.values()];
		const read = this.#read().filter((e) => !this.entries.has(e.id));
		this.entries = new Map([...read, ...added].map((e) => [e.id, e]));
		return read;
	}

	/** @returns {Entry[]} */
	#read() {
		/** @type {any} */
		let list;
		try {
			list = JSON.parse(this.storage?.getItem(`${this.prefix}:${this.user}`) ?? "[]");
		} catch {
			return [];
		}
		return cleanList(list, (v) => {
			if (!isObject(v) || !isID(v.id) || !STORING.has(v.type) || !isObject(v.fields)) return null;
			if (!Number.isFinite(v.at) || (v.state !== "pending" && v.state !== "failed")) return null;
			/** @type {Entry} */
			const e = { id: v.id, type: v.type, fields: v.fields, at: v.at, state: v.state };
			if (isText(v.call)) e.call = v.call;
			if (v.state === "failed") e.error = cleanError(v.error);
			return e;
		}).slice(0, this.max);
	}

	save() {
		if (this.user === null) return; // nobody's yet: it is written at open
		const key = `${this.prefix}:${this.user}`;
		try {
			if (this.entries.size === 0) this.storage?.removeItem(key);
			else this.storage?.setItem(key, JSON.stringify([...this.entries.values()]));
		} catch (err) {
			console.warn("gochat: the outbox can't be written", err);
		}
	}
}

/** @returns {KeyStore|null} */
function defaultStorage() {
	try {
		return globalThis.sessionStorage ?? null;
	} catch {
		return null; // forbidden by the browser's settings
	}
}

// ---------------------------------------------------------------- the client

/**
 * @typedef {object} Conn one connection, from its dial until it is let go
 * @property {any} ws
 * @property {number} dialed
 * @property {boolean} opened
 * @property {number} online when it was welcomed; 0 is not yet
 * @property {number} heard when the last frame came
 * @property {boolean} pinged a ping is out
 * @property {string} hello id of the hello
 * @property {Map<string, number>} sent room → last seq that the hello said
 * @property {Map<string, number>} heads room → head that the welcome said, of the rooms in sent
 * @property {Set<string>} reset rooms that were reset because of a new epoch
 * @property {any} timer
 */

/**
 * @typedef {{id: string, type: string, fields: Record<string, any>, on: Conn|null, timer: any,
 *   resolve: (reply: any) => void, reject: (err: ChatError) => void}} Ask a request that only asks
 */

/**
 * @typedef {object} Flight what the client knows of an outbox entry while it runs
 * @property {Conn|null} on the connection it was sent on
 * @property {boolean} replied there
 * @property {number} after it is not sent before this time
 * @property {number} tries in a row that ended in unavailable or rate_limited
 * @property {Promise<any>} done
 * @property {(reply: any) => void} resolve
 * @property {(err: ChatError) => void} reject
 */

/** A connection to a gochat server that comes back. See the top of this file. */
export class Client {
	/** @type {Options} */ #o;
	/** @type {() => number} */ #now;
	/** @type {() => number} */ #random;
	/** @type {Map<string, Set<(v: any) => void>>} */ #listeners = new Map();
	/** @type {State} */ #state = { name: "closed", reason: "new" };
	/** @type {Conn|null} */ #conn = null;
	#run = 0; // grows when what is under way is void
	#attempt = 0; // failures in a row
	#rushed = -Infinity; // the last retry without a wait
	#refresh = false; // the next token must be a new one
	/** @type {Promise<string|null>|null} */ #tokenCall = null;
	/** @type {any} */ #retryTimer = null;
	/** @type {any} */ #flushTimer = null;
	/** @type {any} */ #readTimer = null;
	/** @type {User|null} */ #user = null;
	#epoch = "";
	#skew = 0; // server's clock − ours, ms
	/** @type {Record<string, any>} */ #limits = {};
	/** @type {Map<string, number>} room → end of the contiguous part */ #last = new Map();
	/** @type {Outbox} */ #outbox;
	/** @type {Map<string, Flight>} */ #flights = new Map();
	/** @type {Map<string, Ask>} */ #asks = new Map();
	/** @type {Map<string, {want: number, said: number}>} */ #reads = new Map();
	/** @type {Map<string, number>} */ #typed = new Map();
	/** @type {Set<string>} calls whose outcome was told */ #ended = new Set();
	#pausedUntil = 0; // the outbox rests, because the server said rate_limited
	#asking = 0; // ids of requests that only ask
	/** @type {Set<string>} rooms of which an event came before they were known */ #unknown = new Set();
	#asksRooms = false;
	#plain = false; // the next hello says nothing of what was seen, because the server refused it
	#wake = (/** @type {Event} */ e) => this.#woken(e.type);

	/** @param {Options} options */
	constructor(options) {
		this.#o = { ...options };
		this.#now = options.now ?? Date.now;
		this.#random = options.random ?? Math.random;
		const storage = options.storage === undefined ? defaultStorage() : options.storage;
		this.#outbox = new Outbox(storage, options.storageKey ?? "gochat.outbox", options.maxOutbox ?? 200);
		if (options.user !== undefined) this.#restore(options.user);
	}

	/** @returns {State} */
	get state() { return this.#state; }
	/** Who this is; null before the first welcome. */
	get user() { return this.#user; }
	/** The limits of the last welcome. */
	get limits() { return this.#limits; }
	/** The server's time now, in ms, as far as the last welcome tells. */
	get serverTime() { return this.#now() + this.#skew; }

	/** The end of the contiguous part of room that was delivered; 0 is unknown. @param {string} room */
	lastSeq(room) { return this.#last.get(room) ?? 0; }

	/**
	 * @template {keyof Listened} K
	 * @param {K} name
	 * @param {(v: Listened[K]) => void} fn
	 * @returns {() => void} takes it off again
	 */
	on(name, fn) {
		const set = this.#listeners.get(name) ?? new Set();
		this.#listeners.set(name, set.add(fn));
		return () => void set.delete(fn);
	}

	/** Connects, and stays so. A no-op unless closed. */
	start() {
		if (this.#state.name !== "closed") return;
		const target = this.#target();
		for (const name of WAKES) target?.addEventListener(name, this.#wake);
		this.#attempt = 0;
		this.#dial();
	}

	/** Disconnects, and stays so. The outbox is kept; requests that wait for a reply are rejected. */
	close() { this.#stop({ name: "closed", code: 1000, reason: "closed" }); }

	/** Tries again now, instead of waiting, and also after the server has said not to come back. */
	retryNow() {
		if (this.#state.name === "waiting") this.#dial();
		else this.start();
	}

	/** Empties the outbox, also in the storage: for a logout. */
	forget() {
		for (const e of [...this.#outbox.entries.values()]) this.discard(e.id);
	}

	// ------------------------------------------------------------ requests that store

	/**
	 * Puts a request into the outbox and sends it, now or when there is a
	 * connection. Throws a ChatError when it is too long or the outbox is full.
	 * @param {string} type
	 * @param {Record<string, any>} fields
	 * @returns {{id: string, done: Promise<any>}} done: the server's final answer: the reply, or the outcome of a command
	 */
	send(type, fields) {
		if (!STORING.has(type)) throw new TypeError(`gochat: ${type} is not a request that stores`);
		/** @type {Entry} */
		const entry = { id: randomID(), type, fields: wellFormed(fields), at: this.#now(), state: "pending" };
		const frame = JSON.stringify({ ...entry.fields, type, id: entry.id });
		if (new TextEncoder().encode(frame).length > MAX_FRAME) throw failure("too_long", "This is too long to send.");
		if (this.#outbox.entries.size >= this.#outbox.max) {
			throw failure("outbox_full", "Too much is waiting to be sent. Retry or delete what has failed.");
		}
		this.#outbox.entries.set(entry.id, entry);
		this.#outbox.save();
		const flight = this.#flight(entry);
		this.#changed(entry, "added");
		this.#flush();
		return { id: entry.id, done: flight.done };
	}

	/** @param {string} room @param {string} text @param {{reply_to?: number, mentions?: string[], data?: object}} [more] */
	message(room, text, more) { return this.send("message", { ...more, room, text }); }
	/** @param {string} room @param {string} text the line, such as "/stock=aapl.us" */
	command(room, text) { return this.send("command", { room, text }); }
	/** @param {string} room @param {number} seq @param {string} text */
	edit(room, seq, text) { return this.send("edit", { room, seq, text }); }
	/** @param {string} room @param {number} seq */
	delete(room, seq) { return this.send("delete", { room, seq }); }
	/** @param {string} room @param {number} seq @param {string} emoji @param {boolean} on */
	react(room, seq, emoji, on) { return this.send("react", { room, seq, emoji, on }); }
	/** @param {{name: string, kind: "public"|"private", members?: string[], data?: object}} room */
	createRoom(room) { return this.send("create_room", room); }
	/** The direct room with a user; the same one every time. @param {string} user */
	direct(user) { return this.send("direct", { user }); }
	/** @param {string} room */
	join(room) { return this.send("join", { room }); }
	/** @param {string} room */
	leave(room) { return this.send("leave", { room }); }
	/** @param {string} room @param {string} user */
	invite(room, user) { return this.send("invite", { room, user }); }

	/** What waits or has failed, in order. The entries are copies. */
	outbox() { return [...this.#outbox.entries.values()].map((e) => ({ ...e })); }

	/**
	 * Sends a failed entry again: with its id, so that it can't happen twice;
	 * with a new one only where the old can't serve any more.
	 * @param {string} id
	 * @returns {string|undefined} the id it has now
	 */
	retry(id) {
		const old = this.#outbox.entries.get(id);
		if (!old || old.state !== "failed") return undefined;
		const renew = old.error?.code === "id_reused" || old.error?.code === "expired" || this.#tooOld(old);
		if (renew) {
			this.#remove(old, "discarded");
			return this.send(old.type, old.fields).id;
		}
		const { error, call, ...entry } = old;
		entry.state = "pending";
		this.#outbox.entries.set(id, entry);
		this.#outbox.save();
		this.#flights.delete(id);
		this.#flight(entry);
		this.#changed(entry, "pending");
		this.#flush();
		return id;
	}

	/** Takes an entry out of the outbox. If it was sent, it may have happened. @param {string} id */
	discard(id) {
		const entry = this.#outbox.entries.get(id);
		if (!entry) return;
		const flight = this.#flights.get(id);
		this.#remove(entry, "discarded");
		flight?.reject(failure("discarded", "Discarded."));
	}

	// ------------------------------------------------------------ requests that ask

	/**
	 * Asks the server. Waits for a connection and asks again on the next one
	 * when it breaks, until the timeout.
	 * @param {string} type
	 * @param {Record<string, any>} [fields]
	 * @param {{timeout?: number}} [opts] ms
	 * @returns {Promise<any>}
	 */
	request(type, fields = {}, opts = {}) {
		if (this.#state.name === "closed") return Promise.reject(failure("closed", "Not connected."));
		if (this.#asks.size >= MAX_ASKS) return Promise.reject(failure("busy", "Too many requests at once."));
		return new Promise((resolve, reject) => {
			const id = `q${++this.#asking}`;
			const timer = setTimeout(() => {
				this.#asks.delete(id);
				reject(failure("no_reply", "The server did not answer in time."));
			}, opts.timeout ?? REPLY);
			/** @type {Ask} */
			const ask = { id, type, fields: wellFormed(fields), on: null, timer, resolve, reject };
			this.#asks.set(id, ask);
			this.#sendAsk(ask);
		});
	}

	/**
	 * @param {string} room
	 * @param {{before?: number, after?: number, around?: number, limit?: number}} [range] before and after are exclusive;
	 *   without any of the three: the newest
	 * @returns {Promise<{events: ChatEvent[], head: number, floor: number, more: boolean}>}
	 */
	async history(room, range = {}) {
		const reply = await this.request("history", { ...range, room });
		const events = cleanList(reply.events, (e) => cleanEvent(isObject(e) ? { room, ...e } : e));
		const head = isSeq(reply.head, 0) ? reply.head : (events.at(-1)?.seq ?? 0);
		return { events, head, floor: isSeq(reply.floor, 0) ? reply.floor : 0, more: reply.more === true };
	}

	/** One page: mine, and the public ones I could join. @param {{after?: string, limit?: number}} [page] */
	async rooms(page = {}) {
		const reply = await this.request("rooms", page);
		return { rooms: cleanList(reply.rooms, cleanRoom), more: reply.more === true };
	}

	/** All pages of rooms. @returns {Promise<Room[]>} */
	allRooms() {
		return pages((page) => this.rooms(page).then(({ rooms, more }) => ({ items: rooms, more })), (r) => r.id);
	}

	/** @param {string} room @param {{after?: string, limit?: number}} [page] */
	async members(room, page = {}) {
		const reply = await this.request("members", { ...page, room });
		const members = cleanList(reply.members, (m) => {
			const user = isObject(m) ? cleanUser(m.user) : null;
			return user && { ...m, user, role: isText(m.role) ? m.role : "" };
		});
		return { members, more: reply.more === true };
	}

	/** All members of room. @param {string} room */
	allMembers(room) {
		return pages((page) => this.members(room, page).then(({ members, more }) => ({ items: members, more })), (m) => m.user.id);
	}

	/** All commands, or those that I may call in a room. @param {string} [room] @returns {Promise<Record<string, any>[]>} */
	commands(room) {
		return pages(async (page) => {
			const reply = await this.request("commands", room === undefined ? page : { ...page, room });
			/** @type {Record<string, any>[]} */
			const items = cleanList(reply.commands, (c) => (isObject(c) && isText(c.name) ? c : null));
			return { items, more: reply.more === true };
		}, (c) => c.name);
	}

	/** Choices for the word at cursor (UTF-16 units). @param {string} room @param {string} text @param {number} cursor */
	async complete(room, text, cursor) {
		const reply = await this.request("complete", { room, text, cursor });
		return cleanList(reply.choices, (c) => (isObject(c) ? c : isText(c) ? { value: c } : null));
	}

	/** @param {{timeout?: number}} [opts] @returns {Promise<number>} round trip in ms */
	async ping(opts) {
		const began = this.#now();
		await this.request("ping", {}, opts);
		return this.#now() - began;
	}

	/** I have read room up to seq. Said soon, only forward. @param {string} room @param {number} seq */
	read(room, seq) {
		const mark = this.#reads.get(room) ?? { want: 0, said: 0 };
		if (!isSeq(seq) || seq <= mark.want) return;
		this.#reads.set(room, { ...mark, want: seq });
		this.#readTimer ??= setTimeout(() => this.#sayReads(), 250);
	}

	/** I am typing in room: said at most every 3 s, and not at all without a connection. @param {string} room */
	typing(room) {
		const now = this.#now();
		if (now - (this.#typed.get(room) ?? -Infinity) < TYPING || this.#state.name !== "online") return;
		this.#typed.set(room, now);
		this.#write({ type: "typing", room });
	}

	// ------------------------------------------------------------ connecting

	#target() { return this.#o.target === undefined ? /** @type {any} */ (globalThis).window ?? null : this.#o.target; }

	/** @param {State} state */
	#setState(state) {
		this.#state = state;
		this.#emit("state", state);
	}

	async #dial() {
		const run = ++this.#run;
		clearTimeout(this.#retryTimer);
		this.#setState({ name: "connecting" });
		/** @type {string|null} */
		let token = null;
		try {
			if (this.#o.token) token = await this.#token(this.#o.token);
		} catch (err) {
			if (run === this.#run) this.#wait(0, `token: ${err instanceof Error ? err.message : err}`);
			return;
		}
		if (run !== this.#run) return;
		if (this.#o.token && !token) return this.#stop({ name: "closed", reason: "no_token" });
		/** @type {any} */
		let ws;
		try {
			const WebSocket = this.#o.WebSocket ?? /** @type {any} */ (globalThis).WebSocket;
			ws = new WebSocket(address(this.#o.url), token ? [PROTOCOL, `bearer.${token}`] : [PROTOCOL]);
		} catch (err) {
			// A bad address or token: it will not get better by itself.
			return this.#stop({ name: "closed", reason: `dial: ${err instanceof Error ? err.message : err}` });
		}
		const now = this.#now();
		/** @type {Conn} */
		const conn = {
			ws, dialed: now, opened: false, online: 0, heard: now, pinged: false, hello: "", sent: new Map(),
			heads: new Map(), reset: new Set(), timer: null,
		};
		this.#conn = conn;
		conn.timer = setTimeout(() => this.#lost(conn, 1006, "no answer"), HANDSHAKE);
		ws.onopen = () => this.#opened(conn);
		ws.onmessage = (/** @type {any} */ m) => this.#frame(conn, m.data);
		ws.onclose = (/** @type {any} */ c) => this.#lost(conn, c.code, c.reason ?? "");
		// A close follows, but in Node.js 20 not after a handshake that failed.
		ws.onerror = () => setTimeout(() => conn.opened || this.#lost(conn, 1006, "the handshake failed"), 0);
	}

	/**
	 * One call of the token callback at a time, also between a dial and a renewal.
	 * @param {NonNullable<Options["token"]>} ask
	 * @returns {Promise<string|null>}
	 */
	#token(ask) {
		if (this.#tokenCall) return this.#tokenCall;
		const refresh = this.#refresh;
		/** @type {any} */
		let timer;
		const late = new Promise((_, reject) => {
			timer = setTimeout(() => reject(failure("no_reply", "no token in time")), HANDSHAKE);
		});
		const asked = (async () => ask({ refresh }))().then((token) => {
			if (refresh) this.#refresh = false;
			return token;
		});
		/** @type {Promise<any>} */
		const call = Promise.race([asked, late]).finally(() => {
			clearTimeout(timer);
			if (this.#tokenCall === call) this.#tokenCall = null;
		});
		this.#tokenCall = call;
		return call;
	}

	/** @param {Conn} conn */
	#opened(conn) {
		if (conn !== this.#conn) return;
		conn.opened = true;
		if (conn.ws.protocol !== PROTOCOL) return this.#lost(conn, 4506, "the server does not speak gochat.v1");
		// The rooms that moved last are at the end.
		if (this.#epoch && !this.#plain) conn.sent = new Map([...this.#last].slice(-MAX_HELLO));
		const resume = conn.sent.size > 0 && { epoch: this.#epoch, rooms: Object.fromEntries(conn.sent) };
		conn.hello = `h${++this.#asking}`;
		this.#write({ type: "hello", id: conn.hello, ...resume });
	}

	/**
	 * The connection is gone, or is given up.
	 * @param {Conn} conn
	 * @param {number} code
	 * @param {string} reason
	 */
	#lost(conn, code, reason) {
		if (conn !== this.#conn) return;
		const online = this.#letGo(conn);
		// A server that welcomes and falls is not asked at once, but soon.
		if (online) this.#attempt = this.#now() - online >= STABLE ? 0 : Math.min(this.#attempt, 3);
		const meaning = closeMeaning(code);
		if (meaning === "stop") return this.#stop({ name: "closed", code, reason });
		if (meaning === "refresh") this.#refresh = true;
		if (meaning === "refresh" && this.#rush()) return void this.#dial();
		if (code === 4029) this.#attempt = Math.max(this.#attempt, 4);
		this.#wait(code, reason, code === 1012 ? hintOf(reason) : undefined);
		if (!conn.opened && this.#o.probe) this.#probe(this.#run, this.#o.probe);
	}

	/** Frames of conn are not read any more. @param {Conn} conn @returns {number} when it was welcomed; 0 is never */
	#letGo(conn) {
		this.#conn = null;
		clearTimeout(conn.timer);
		const { ws } = conn;
		ws.onopen = ws.onmessage = ws.onclose = ws.onerror = null;
		try {
			ws.close(1000);
		} catch {
			// closed already
		}
		return conn.online;
	}

	/** May be tried again without a wait, but not twice in a short time. */
	#rush() {
		const now = this.#now();
		if (now - this.#rushed < STABLE) return false;
		this.#rushed = now;
		return true;
	}

	/** @param {number} code @param {string} reason @param {number} [hint] ms */
	#wait(code, reason, hint) {
		const cap = Math.min(BACKOFF_MAX, BACKOFF_MIN * 2 ** Math.min(this.#attempt++, 16));
		const delay = hint ?? Math.floor(this.#random() * cap);
		this.#run++;
		clearTimeout(this.#retryTimer);
		this.#retryTimer = setTimeout(() => this.#dial(), delay);
		this.#setState({ name: "waiting", retryAt: this.#now() + delay, code, reason });
	}

	/** @param {number} run @param {NonNullable<Options["probe"]>} probe */
	async #probe(run, probe) {
		/** @type {string} */
		let verdict;
		try {
			verdict = await probe();
		} catch {
			return; // no answer: it stays at waiting
		}
		if (run !== this.#run || this.#state.name !== "waiting") return;
		if (verdict === "stop") return this.#stop({ name: "closed", reason: "probe" });
		if (verdict === "refresh") {
			this.#refresh = true;
			if (this.#rush()) this.#dial();
		}
	}

	/** @param {State} state */
	#stop(state) {
		this.#run++;
		clearTimeout(this.#retryTimer);
		clearTimeout(this.#flushTimer);
		clearTimeout(this.#readTimer);
		this.#flushTimer = this.#readTimer = null;
		const target = this.#target();
		for (const name of WAKES) target?.removeEventListener(name, this.#wake);
		if (this.#conn) this.#letGo(this.#conn);
		for (const ask of this.#asks.values()) {
			clearTimeout(ask.timer);
			ask.reject(failure("closed", "Not connected."));
		}
		this.#asks.clear();
		if (this.#state.name !== "closed" || this.#state.reason !== state.reason) this.#setState(state);
	}

	/** The browser is online again or not any more, or the page is seen again. @param {string} why */
	#woken(why) {
		// A connection that slept, or whose network went, may be dead without
		// anybody having said so.
		const doubtful = why === "offline" || this.#now() - (this.#conn?.heard ?? 0) > PONG / 2;
		if (this.#conn?.online) return doubtful ? this.#ping(this.#conn) : undefined;
		const seen = /** @type {any} */ (globalThis).document?.visibilityState !== "hidden";
		if (this.#state.name === "waiting" && why !== "offline" && seen) this.#dial();
	}

	/** @param {Conn} conn @param {number} delay */
	#listen(conn, delay) {
		clearTimeout(conn.timer);
		conn.timer = setTimeout(() => {
			const silent = this.#now() - conn.heard;
			if (silent < SILENCE) this.#listen(conn, SILENCE - silent);
			else this.#ping(conn);
		}, delay);
	}

	/** @param {Conn} conn */
	#ping(conn) {
		if (conn.pinged) return;
		conn.pinged = true;
		this.#write({ type: "ping", id: `p${++this.#asking}` });
		clearTimeout(conn.timer);
		conn.timer = setTimeout(() => this.#lost(conn, 1006, "no answer"), PONG);
	}

	/** @param {Record<string, any>} frame */
	#write(frame) {
		try {
			this.#conn?.ws.send(JSON.stringify(frame));
		} catch {
			// Not open any more: the close event is on its way.
		}
	}

	// ------------------------------------------------------------ frames

	/** @param {Conn} conn @param {any} data */
	#frame(conn, data) {
		if (conn !== this.#conn) return;
		conn.heard = this.#now();
		if (conn.pinged) {
			conn.pinged = false;
			this.#listen(conn, SILENCE);
		}
		/** @type {any} */
		let f;
		try {
			f = JSON.parse(data);
		} catch {
			return this.#warn("a frame that is not JSON", typeof data === "string" ? data : typeof data);
		}
		if (!isObject(f) || !isText(f.type)) return this.#warn("a frame without a type", f);
		if (!conn.online) {
			if (f.type === "welcome") return this.#welcome(conn, f);
			if (f.type === "error") {
				const { code } = cleanError(f.error);
				this.#plain = code === "bad_request" || code === "too_long";
				// The server closes after any other refusal, with a code that
				// says whether to come back. The hello's timer bounds the wait.
				if (!this.#plain) return this.#warn(`hello was refused: ${code}`, f);
				return this.#lost(conn, 1006, `hello: ${code}`);
			}
			return this.#warn("a frame before the welcome", f);
		}
		switch (f.type) {
			case "event": return this.#event(conn, f);
			case "ok": return this.#ok(f);
			case "error": return this.#error(f);
			case "outcome": return this.#outcome(f);
			case "notice": return this.#notice(conn, f);
			case "gap": return this.#gap(conn, f);
			default: return this.#warn("a frame of unknown type", f);
		}
	}

	/** @param {Conn} conn @param {Record<string, any>} f */
	#welcome(conn, f) {
		const user = cleanUser(f.user);
		if (f.re !== conn.hello || !user || !isText(f.epoch) || f.epoch === "" || !Array.isArray(f.rooms)) {
			this.#warn("a welcome that is none", f);
			return this.#lost(conn, 1006, "bad welcome");
		}
		const owner = this.#outbox.user;
		if (owner !== null && owner !== user.id) return this.#stop({ name: "closed", reason: "other_user" });
		conn.online = this.#now();
		this.#user = user;
		this.#limits = isObject(f.limits) ? f.limits : {};
		const time = Date.parse(f.time);
		if (Number.isFinite(time)) this.#skew = time - conn.online;
		const rooms = cleanList(f.rooms, cleanRoom);
		const more = f.more === true;
		const gaps = this.#resume(conn, f.epoch, rooms, more);
		this.#plain = false;
		for (const room of rooms) {
			const mark = this.#reads.get(room.id);
			if (mark) mark.said = Math.min(mark.want, room.read ?? 0);
		}
		this.#listen(conn, SILENCE);
		this.#setState({ name: "online" });
		if (conn !== this.#conn) return; // a listener closed it
		const session = isText(f.session) ? f.session : "";
		this.#emit("welcome", { user, session, epoch: f.epoch, time: f.time, limits: this.#limits, rooms, more });
		for (const gap of gaps) this.#emit("gap", gap);
		if (owner === null) this.#restore(user.id);
		for (const ask of this.#asks.values()) this.#sendAsk(ask);
		this.#pausedUntil = 0;
		this.#flush();
		this.#sayReads();
	}

	/**
	 * Takes over where each room stands.
	 * @param {Conn} conn @param {string} epoch @param {Room[]} rooms @param {boolean} more
	 * @returns {Gap[]} what will not be replayed
	 */
	#resume(conn, epoch, rooms, more) {
		/** @type {Gap[]} */
		const gaps = [];
		const renewed = this.#epoch !== "" && this.#epoch !== epoch;
		this.#epoch = epoch;
		const before = this.#last;
		// Rooms that a shortened list leaves out are still mine, as far as I know.
		this.#last = more && !renewed ? new Map(before) : new Map();
		for (const { id, head, floor = 0 } of rooms) {
			const last = before.get(id);
			const replays = !renewed && conn.sent.has(id);
			this.#last.set(id, replays ? /** @type {number} */ (last) : head);
			if (replays) conn.heads.set(id, head);
			if (last === undefined || replays) continue;
			// It has seen the room, and the server does not know how far.
			if (renewed) conn.reset.add(id);
			if (renewed || head > last) gaps.push({ room: id, after: renewed ? 0 : last, head, floor, reset: renewed });
		}
		return gaps;
	}

	/** @param {Conn} conn @param {Record<string, any>} f */
	#event(conn, f) {
		if (!isID(f.room) || !isSeq(f.seq)) return this.#warn("an event without room and seq", f);
		const last = this.#last.get(f.room);
		if (last !== undefined && f.seq <= last) return; // a repeat
		const e = cleanEvent(f);
		const mine = e !== null && (e.target ?? e.user).id === this.#user?.id;
		if (last !== undefined && f.seq > last + 1 && !(mine && e.kind === "joined")) {
			this.#warn(`a hole before ${f.seq} of room ${f.room}, which is known up to ${last}`);
			return this.#again(conn);
		}
		this.#last.delete(f.room); // to the end: see #opened
		this.#last.set(f.room, f.seq);
		if (last === undefined) this.#ask(f.room);
		if (e === null) return this.#warn("an event that is not understood", f);
		if (mine && (e.kind === "left" || (e.kind === "banned" && !e.off))) {
			this.#last.delete(f.room); // it was the last event of this room for me
			this.#reads.delete(f.room);
		}
		if (f.seq <= (conn.heads.get(f.room) ?? 0)) e.replayed = true;
		this.#emit("event", e);
		this.#echo(e);
	}

	/** My own event proves that the request was stored, also when its reply was lost. @param {ChatEvent} e */
	#echo(e) {
		if (e.user.id !== this.#user?.id) return;
		const entry = this.#outbox.entries.get(e.id);
		if (entry && entry.type !== "command" && entry.fields.room === e.room) this.#finish(entry, { room: e.room, seq: e.seq });
	}

	/** Hello again, on a new connection: at once, but not in a hot loop. @param {Conn} conn */
	#again(conn) {
		this.#letGo(conn);
		if (this.#rush()) this.#dial();
		else this.#wait(0, "hole");
	}

	/** @param {Conn} conn @param {Record<string, any>} f */
	#gap(conn, f) {
		if (!isID(f.room) || !isSeq(f.head, 0)) return this.#warn("a gap without room and head", f);
		const last = this.#last.get(f.room);
		const reset = f.reset === true;
		if (!reset && last !== undefined && f.head <= last) return; // a repeat
		const gone = reset && f.head === 0 && last === undefined; // not mine any more
		if (!gone) this.#last.set(f.room, f.head);
		if (last === undefined && !gone) this.#ask(f.room);
		if (reset && conn.reset.delete(f.room) && f.head === last) return; // told at the welcome
		const after = reset ? 0 : Math.max(last ?? 0, isSeq(f.after, 0) ? f.after : 0);
		this.#emit("gap", { room: f.room, after, head: f.head, floor: isSeq(f.floor, 0) ? f.floor : 0, reset });
	}

	/** @param {Conn} conn @param {Record<string, any>} f */
	#notice(conn, f) {
		if (!isText(f.kind)) return this.#warn("a notice without a kind", f);
		const { type, ...notice } = f;
		if (f.kind === "auth_expiring") this.#renew(conn);
		this.#emit("notice", /** @type {Notice} */ (notice));
	}

	/** A new token in band, so that the connection need not end with the old one. @param {Conn} conn */
	async #renew(conn) {
		if (!this.#o.token) return;
		try {
			this.#refresh = true;
			const token = await this.#token(this.#o.token);
			if (token && conn === this.#conn) await this.request("auth", { token });
		} catch {
			// The server will close with 4001, and there is a new try then.
		}
	}

	/** @param {Record<string, any>} f */
	#outcome(f) {
		if (!isText(f.call) || !isText(f.status)) return this.#warn("an outcome without call and status", f);
		const entry = this.#outbox.entries.get(isText(f.re) ? f.re : "") ??
			[...this.#outbox.entries.values()].find((e) => e.call === f.call);
		const told = this.#ended.has(f.call);
		this.#ended.add(f.call);
		if (this.#ended.size > 1000) this.#ended.delete(this.#ended.values().next().value ?? "");
		if (told && !entry) return;
		/** @type {Outcome} */
		const outcome = {
			call: f.call,
			status: f.status,
			text: isText(f.text) ? f.text : "",
			seqs: Array.isArray(f.seqs) ? f.seqs.filter((/** @type {any} */ s) => isSeq(s)) : [],
		};
		if (f.status === "failed") outcome.error = cleanError(f.error);
		const id = entry?.id ?? f.re;
		if (isText(id)) outcome.id = id;
		const room = entry?.fields.room ?? f.room;
		if (isText(room)) outcome.room = room;
		if (isText(entry?.fields.text)) outcome.line = entry?.fields.text;
		this.#emit("outcome", outcome);
		if (entry) this.#finish(entry, outcome);
	}

	/** @param {Record<string, any>} f */
	#ok(f) {
		const ask = this.#asks.get(f.re);
		if (ask) {
			this.#asks.delete(ask.id);
			clearTimeout(ask.timer);
			return ask.resolve(f);
		}
		const entry = this.#outbox.entries.get(f.re);
		if (!entry) return; // of a ping, or of what its event or outcome has finished
		if (entry.type !== "command") return this.#finish(entry, f);
		const flight = this.#flight(entry);
		const timeout = Number.isFinite(f.timeout_ms) ? Math.min(Math.max(f.timeout_ms, 0), 3600_000) : 60_000;
		flight.replied = true;
		flight.tries = 0;
		flight.after = this.#now() + timeout + OVERDUE;
		if (isText(f.call)) entry.call = f.call;
		this.#outbox.save();
		this.#changed(entry, "accepted", f);
		this.#flush();
	}

	/** @param {Record<string, any>} f */
	#error(f) {
		const body = cleanError(f.error);
		const ask = this.#asks.get(f.re);
		if (ask) {
			this.#asks.delete(ask.id);
			clearTimeout(ask.timer);
			return ask.reject(new ChatError(body));
		}
		const entry = this.#outbox.entries.get(f.re);
		if (!entry) return isText(f.re) ? undefined : this.#warn("an error of no request", f);
		const flight = this.#flight(entry);
		flight.replied = true;
		const limited = body.code === "rate_limited" && flight.tries < RATE_TRIES;
		if (body.code !== "unavailable" && !limited) return this.#fail(entry, body);
		const cap = Math.min(BACKOFF_MAX, 2 * BACKOFF_MIN * 2 ** Math.min(flight.tries++, 16));
		const wait = Math.max(body.retry_after_ms ?? 0, cap * (1 + this.#random()) / 2);
		flight.after = this.#now() + wait;
		flight.on = null;
		if (limited) this.#pausedUntil = Math.max(this.#pausedUntil, flight.after);
		this.#flush();
	}

	/** What is this room? Coalesced: one question for all that come meanwhile. @param {string} room */
	async #ask(room) {
		this.#unknown.add(room);
		if (this.#asksRooms) return;
		this.#asksRooms = true;
		try {
			await Promise.resolve();
			const found = (await this.allRooms()).filter((r) => this.#unknown.delete(r.id));
			this.#unknown.clear(); // left again meanwhile
			if (found.length > 0) this.#emit("rooms", found);
		} catch (err) {
			if (this.#conn?.online) this.#warn("an event of an unknown room", err);
		} finally {
			this.#asksRooms = false;
		}
	}

	// ------------------------------------------------------------ sending

	/** @param {Ask} ask */
	#sendAsk(ask) {
		if (this.#state.name !== "online" || ask.on === this.#conn) return;
		ask.on = this.#conn;
		this.#write({ ...ask.fields, type: ask.type, id: ask.id });
	}

	#sayReads() {
		clearTimeout(this.#readTimer);
		this.#readTimer = null;
		if (this.#state.name !== "online") return;
		for (const [room, mark] of this.#reads) {
			if (mark.want <= mark.said) continue;
			mark.said = mark.want;
			this.#write({ type: "read", room, seq: mark.want });
		}
	}

	/** @param {string} user */
	#restore(user) {
		for (const entry of this.#outbox.open(user)) {
			this.#flight(entry);
			this.#changed(entry, "restored");
		}
		this.#outbox.save();
	}

	/** @param {Entry} entry @returns {Flight} */
	#flight(entry) {
		const have = this.#flights.get(entry.id);
		if (have) return have;
		/** @type {any} */
		const flight = { on: null, replied: false, after: 0, tries: 0 };
		flight.done = new Promise((resolve, reject) => Object.assign(flight, { resolve, reject }));
		flight.done.catch(() => {}); // nobody has to look
		this.#flights.set(entry.id, flight);
		return flight;
	}

	/** @param {Entry} entry */
	#tooOld(entry) { return this.#now() - entry.at > RESEND_WINDOW; }

	/** Sends what is due, in order, a few at a time, and looks again when more is. */
	#flush() {
		clearTimeout(this.#flushTimer);
		this.#flushTimer = null;
		const now = this.#now();
		let next = Infinity;
		for (const entry of [...this.#outbox.entries.values()]) {
			if (entry.state !== "pending" || this.#outbox.entries.get(entry.id) !== entry) continue;
			if (this.#tooOld(entry)) {
				this.#fail(entry, { code: "expired", message: "Not sent within 24 hours." });
				continue;
			}
			if (this.#state.name !== "online") continue;
			const flight = this.#flight(entry);
			if (flight.on === this.#conn && !flight.replied) continue; // its reply will come
			const due = Math.max(flight.on === this.#conn || flight.on === null ? flight.after : 0, this.#pausedUntil);
			if (due > now) {
				next = Math.min(next, due);
				continue;
			}
			if (this.#flying() >= IN_FLIGHT) break; // a reply will come and flush again
			flight.on = this.#conn;
			flight.replied = false;
			this.#write({ ...entry.fields, type: entry.type, id: entry.id });
		}
		if (next < Infinity) this.#flushTimer = setTimeout(() => this.#flush(), next - now);
	}

	#flying() {
		let n = 0;
		for (const flight of this.#flights.values()) if (flight.on === this.#conn && !flight.replied) n++;
		return n;
	}

	/** @param {Entry} entry @param {Record<string, any>} reply */
	#finish(entry, reply) {
		const flight = this.#flight(entry);
		this.#remove(entry, "done", reply);
		flight.resolve(reply);
		this.#flush();
	}

	/** @param {Entry} entry @param {ErrorBody} error */
	#fail(entry, error) {
		const flight = this.#flight(entry);
		entry.state = "failed";
		entry.error = error;
		if (!KEPT.has(entry.type)) this.#outbox.entries.delete(entry.id);
		this.#flights.delete(entry.id);
		this.#outbox.save();
		this.#changed(entry, "failed");
		flight.reject(new ChatError(error));
		this.#flush();
	}

	/** @param {Entry} entry @param {"done"|"discarded"} change @param {Record<string, any>} [reply] */
	#remove(entry, change, reply) {
		this.#outbox.entries.delete(entry.id);
		this.#flights.delete(entry.id);
		this.#outbox.save();
		this.#changed(entry, change, reply);
	}

	// ------------------------------------------------------------ telling

	/** @param {Entry} entry @param {OutboxChange["change"]} change @param {Record<string, any>} [reply] */
	#changed(entry, change, reply) {
		this.#emit("outbox", { entry: { ...entry }, change, ...(reply && { reply }) });
	}

	/** @template {keyof Listened} K @param {K} name @param {Listened[K]} value */
	#emit(name, value) {
		for (const fn of [...(this.#listeners.get(name) ?? [])]) {
			try {
				fn(value);
			} catch (err) {
				console.error(`gochat: a listener of ${name} threw`, err);
			}
		}
	}

	/** @param {string} what @param {any} [detail] */
	#warn(what, detail) {
		console.warn(`gochat: ignored ${what}`, ...(detail === undefined ? [] : [detail]));
	}
}

/**
 * All pages of a list, up to 5,000 items.
 * @template T
 * @param {(page: {after?: string, limit: number}) => Promise<{items: T[], more: boolean}>} ask
 * @param {(item: T) => string} key what the next page goes on after
 */
async function pages(ask, key) {
	/** @type {T[]} */
	const all = [];
	for (let after = ""; all.length < 5000; ) {
		const { items, more } = await ask({ ...(after && { after }), limit: 200 });
		all.push(...items);
		const end = items.length > 0 ? key(/** @type {T} */ (items.at(-1))) : "";
		if (!more || end === "" || end === after) break;
		after = end;
	}
	return all;
}

/**
 * A copy as JSON has it, with lone surrogates, which no server accepts,
 * replaced by U+FFFD.
 * @template T
 * @param {T} value
 * @returns {T}
 */
function wellFormed(value) {
	return JSON.parse(JSON.stringify(value, (_, v) => (typeof v === "string" ? v.toWellFormed() : v)));
}
