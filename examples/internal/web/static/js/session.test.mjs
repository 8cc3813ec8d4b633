import { strict as assert } from "node:assert";
import { test } from "node:test";

import { ChatSession } from "./session.js";
import { Store } from "./store.js";

const ME = { id: "u1", name: "carlos" };
const JOHN = { id: "u2", name: "john" };
const event = (room, seq, more = {}) => ({ room, seq, id: `i${seq}`, kind: "message", time: "2026-01-01T00:00:00Z", user: JOHN, text: "x", ...more });

/** A client that does what the test says. */
class FakeClient {
	listeners = {};
	asked = [];
	reads = [];
	entries = [];
	pages = {}; // what history answers; undefined rejects
	state = { name: "online" };
	on(name, fn) { (this.listeners[name] ??= []).push(fn); return () => {}; }
	emit(name, value) { for (const fn of this.listeners[name] ?? []) fn(value); }
	outbox() { return this.entries; }
	start() {}
	close() {}
	async history(room, range) {
		this.asked.push([room, range]);
		const page = this.pages[room]?.(range);
		if (!page) throw new Error("no");
		return page;
	}
	directory = [];
	async allRooms() { return this.directory; }
	async commands() { this.specsAsked = (this.specsAsked ?? 0) + 1; return [{ name: "help" }]; }
	read(room, seq) { this.reads.push([room, seq]); }
	message(room, text, more = {}) { this.asked.push(["message", room, text, ...(Object.keys(more).length > 0 ? [more] : [])]); }
	async allMembers() { return [{ user: { id: "u2", name: "john" }, role: "owner" }, { user: { id: "u3", name: "ana" }, role: "" }]; }
	command(room, text) { this.asked.push(["command", room, text]); }
	createRoom(r) { return { id: "x", done: Promise.resolve({ room: "new", info: { id: "new", name: r.name, kind: r.kind, head: 2 } }) }; }
	direct() { return { id: "x", done: Promise.resolve({ room: "d1", info: { id: "d1", kind: "direct", head: 3, with: JOHN } }) }; }
	join(room) { this.asked.push(["join", room]); return { id: "x", done: Promise.resolve({}) }; }
}

function begin(rooms = [{ id: "r", name: "r", kind: "public", head: 3, read: 1, unread: 2 }]) {
	const client = new FakeClient();
	const store = new Store();
	const session = new ChatSession(client, store);
	client.pages.r = ({ before = 100 }) => ({ events: [1, 2, 3].filter((n) => n < before).map((n) => event("r", n)), head: 3, floor: 1, more: before === 100 });
	const welcome = (list = rooms) => {
		client.emit("state", { name: "online" });
		client.emit("welcome", { user: ME, rooms: list, more: false });
	};
	return { client, store, session, welcome };
}
const settle = () => new Promise((resolve) => setImmediate(resolve));

test("a room that was opened before the welcome is loaded after it", async () => {
	const { client, store, session, welcome } = begin();
	session.open("r");
	assert.deepEqual(client.asked, []);
	welcome();
	await settle();
	assert.deepEqual(client.asked, [["r", { limit: 50 }]]);
	assert.equal(store.room.log.length, 3);
	session.stop();
});

test("read is told when the end is in sight, and only then", async () => {
	const { client, store, session, welcome } = begin();
	welcome();
	session.open("r");
	await settle();
	assert.equal(store.unread, 2);
	session.attend(true);
	assert.deepEqual(client.reads, [["r", 3]]);
	assert.equal(store.unread, 0);
	client.emit("event", event("r", 4));
	assert.deepEqual(client.reads.at(-1), ["r", 4]);
	session.attend(false);
	client.emit("event", event("r", 5));
	assert.equal(client.reads.length, 2);
	assert.equal(store.unread, 1);
	session.stop();
});

test("older pages are asked for one at a time, and again after a failure", async () => {
	const { client, store, session, welcome } = begin();
	welcome();
	session.open("r");
	await settle();
	client.pages.r = () => undefined;
	await assert.rejects(session.older());
	assert.equal(store.room.loadingOlder, false);
	client.pages.r = () => ({ events: [], head: 3, floor: 1, more: false });
	await Promise.all([session.older(), session.older()]);
	assert.equal(client.asked.filter(([, range]) => range?.before === 1).length, 2);
	await session.older();
	assert.equal(client.asked.length, 3, "there is no more");
	session.stop();
});

test("a page that can't be had is said, and can be tried again", async () => {
	const { client, store, session, welcome } = begin();
	const page = client.pages.r;
	client.pages.r = () => undefined;
	welcome();
	session.open("r");
	await settle();
	assert.equal(store.room.loaded, "failed");
	client.pages.r = page;
	session.reload();
	await settle();
	assert.equal(store.room.loaded, "yes");
	session.stop();
});

test("a gap in the room that is open loads it anew", async () => {
	const { client, store, session, welcome } = begin();
	welcome();
	session.open("r");
	await settle();
	client.emit("gap", { room: "r", after: 3, head: 900, floor: 1, reset: false });
	await settle();
	assert.equal(client.asked.length, 2);
	assert.equal(store.room.loaded, "yes");
	session.stop();
});

test("what is typed becomes a message or a command", () => {
	const { client, session } = begin();
	assert.equal(session.say("r", "hi"), true);
	assert.equal(session.say("r", "/help"), true);
	assert.equal(session.say("r", "//x"), true);
	assert.equal(session.say("r", "  "), false);
	assert.deepEqual(client.asked, [["message", "r", "hi"], ["command", "r", "/help"], ["message", "r", "/x"]]);
});

test("those who are called by name are told to the server, and what is answered", async () => {
	const { client, session } = begin();
	session.say("r", "hi @john");
	assert.deepEqual((await session.people("r")).map((m) => m.user.name), ["john"], "not who is banned");
	session.say("r", "hi @john and @ana, not@john", 7);
	assert.deepEqual(client.asked, [["message", "r", "hi @john"], ["message", "r", "hi @john and @ana, not@john", { reply_to: 7, mentions: ["u2"] }]]);
});

test("a room that I made, or a conversation, is there when the promise says so", async () => {
	const { store, session, welcome } = begin();
	welcome([]);
	assert.equal(await session.createRoom("book club", "public").done, "new");
	assert.deepEqual(store.mine.map((r) => r.name), ["book club"]);
	assert.equal(await session.direct("u2"), "d1");
	assert.equal(store.rooms.get("d1").peer.name, "john");
	session.stop();
});

test("joining opens the history", async () => {
	const { client, store, session, welcome } = begin();
	client.directory = [{ id: "r", name: "r", kind: "public", head: 3 }];
	welcome([]);
	await session.refresh(); // the welcome asks too, a little later
	session.open("r");
	await settle();
	assert.deepEqual(client.asked, []);
	await session.join("r");
	await settle();
	assert.deepEqual(client.asked, [["join", "r"], ["r", { limit: 50 }]]);
	session.stop();
});

test("the commands are not asked for with every key", async () => {
	const { client, store, session, welcome } = begin();
	welcome();
	for (let i = 0; i < 5; i++) await session.refreshSpecs();
	assert.equal(client.specsAsked, 1);
	assert.deepEqual(store.specs, [{ name: "help" }]);
	session.stop();
});

test("what was unsent before the reload is shown", () => {
	const client = new FakeClient();
	client.entries = [{ id: "a", type: "message", fields: { room: "r", text: "hi" }, at: 1, state: "pending" }];
	const store = new Store();
	new ChatSession(client, store);
	assert.equal(store.rooms.get("r").local.get("a").text, "hi");
});

test("a message far back is reached page by page, and one that is not there is not looked for for ever", async () => {
	const { client, store, session, welcome } = begin([{ id: "r", name: "r", kind: "public", head: 1000, read: 1000, unread: 0 }]);
	client.pages.r = ({ before = 1001, limit }) => {
		const from = Math.max(1, before - limit);
		return { events: Array.from({ length: before - from }, (_, i) => event("r", from + i)), head: 1000, floor: 1, more: from > 1 };
	};
	session.open("r");
	welcome();
	await settle();
	assert.equal(store.room.log[0].seq, 951);
	assert.equal(await session.reach("r", 300), true);
	assert.equal(store.room.log[0].seq, 151);
	assert.equal(await session.reach("r", 2000), false);
	client.pages.r = undefined;
	await assert.rejects(session.reach("r", 1));
	assert.equal(await session.reach("other", 1), false);
});

test("a quoted message is asked for once, and again after a failure", async () => {
	const { client, session } = begin();
	assert.equal((await session.quoted("r", 2)).seq, 2);
	assert.equal((await session.quoted("r", 2)).seq, 2);
	assert.equal(client.asked.length, 1);
	assert.equal(await session.quoted("r", 9), null, "another message came instead");
	assert.equal(await session.quoted("gone", 1), null);
	client.pages.gone = () => ({ events: [event("gone", 1)], head: 1, floor: 1, more: false });
	assert.equal((await session.quoted("gone", 1)).seq, 1);
});

test("completion is asked for when there is a connection, and is no error", async () => {
	const { client, session, welcome } = begin();
	assert.equal(await session.complete("r", "/stock ", 7), null);
	welcome();
	client.request = async (type, fields) => ({ start: 7, end: 7, choices: [{ text: `${type} ${fields.text}${fields.cursor}` }] });
	assert.equal((await session.complete("r", "/stock ", 7)).choices[0].text, "complete /stock 7");
	client.request = async () => { throw new Error("no"); };
	assert.equal(await session.complete("r", "/stock ", 7), null);
});
