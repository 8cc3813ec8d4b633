import { strict as assert } from "node:assert";
import { beforeEach, test } from "node:test";

import { titleOf } from "./room.js";
import { Store } from "./store.js";

const ME = { id: "u1", name: "carlos" };
const JOHN = { id: "u2", name: "john" };

/** @type {Store} */
let store;
let told;
beforeEach(() => {
	store = new Store({ now: () => 1_000_000 });
	told = [];
	for (const topic of ["rooms", "room", "current", "conn", "specs"]) store.on(topic, (id) => told.push(id ? `${topic}:${id}` : topic));
});

const info = (id, head = 0, more = {}) => ({ id, name: id, kind: "public", role: "member", head, read: head, unread: 0, ...more });
const welcome = (rooms, more = {}) => store.welcome({ user: ME, session: "", epoch: "e", time: "", limits: {}, rooms, more: false, ...more });
const event = (room, seq, more = {}) => ({
	room, seq, id: `id-${seq}`, kind: "message", time: new Date(seq * 60_000).toISOString(), user: JOHN, text: `text ${seq}`, ...more,
});
const page = (room, from, to, more = false) => ({ events: Array.from({ length: to - from + 1 }, (_, i) => event(room, from + i)), head: to, floor: 1, more });
/** A room that is open and loaded. */
function opened(head = 3, more = {}) {
	welcome([info("r", head, more)]);
	store.select("r");
	store.loading("r");
	store.loadedPage("r", page("r", 1, head));
	return store.room;
}
const seqs = (room) => room.log.map((e) => e.seq);

test("what I read in another tab is read here", () => {
	welcome([info("r", 5, { read: 3, unread: 2 })]);
	const read = (user, seq) => store.notice({ kind: "read", in: "r", user, seq });
	store.notice({ kind: "read", in: "none", user: ME, seq: 5 });
	read(JOHN, 5);
	read(ME, 4);
	assert.deepEqual([store.unread, store.rooms.get("r").read], [2, 4]);
	read(ME, 9); // more than there is
	assert.deepEqual([store.unread, store.rooms.get("r").read], [0, 5]);
	read(ME, 3);
	assert.equal(store.rooms.get("r").read, 5);
});

test("the lists of rooms", () => {
	welcome([info("b"), info("a"), info("x", 0, { kind: "direct", name: "", with: JOHN })]);
	store.addRooms([info("c"), info("old", 0, { archived: true })]);
	assert.deepEqual(store.mine.map((r) => titleOf(r, ME)), ["a", "b", "john"]);
	assert.deepEqual(store.open.map((r) => r.id), ["c"]);
	const known = new Map([...store.rooms.values()].map((r) => [r.id, r.mine]));
	store.addRooms([info("e", 0, { role: undefined })]); // made while the list was on its way
	store.event(event("b", 1, { kind: "left", target: ME })); // and left meanwhile
	store.directory([info("a"), info("b"), info("d", 0, { role: undefined }), info("z", 9, { read: 2, unread: 7 })], known);
	assert.deepEqual(store.open.map((r) => r.id), ["b", "d", "e"], "c is gone");
	assert.deepEqual(store.mine.map((r) => r.id), ["a", "x", "z"], "z had no place in the welcome");
	assert.equal(store.rooms.get("z").unread, 7);
	store.directory([info("d", 9, { read: 2, unread: 7 })], new Map([["d", false]]));
	assert.deepEqual([store.rooms.get("d").mine, store.rooms.get("d").unread], [true, 7], "joined elsewhere");
});

test("a room that is created appears by its notice, and one I am added to is mine", () => {
	welcome([]);
	store.notice({ kind: "room_created", room: { id: "n", name: "new", kind: "public", head: 2 } });
	assert.deepEqual(store.open.map((r) => r.name), ["new"]);
	store.notice({ kind: "added", room: { id: "p", name: "secret", kind: "private", head: 2 } });
	assert.deepEqual(store.mine.map((r) => r.name), ["secret"]);
	store.notice({ kind: "later", room: { id: "x", kind: "public" } });
	assert.equal(store.rooms.size, 2);
});

test("an event of an unknown room makes the room; its name comes later", () => {
	welcome([]);
	store.event(event("n", 1, { kind: "joined", target: ME }));
	assert.equal(store.mine.length, 1);
	assert.equal(titleOf(store.mine[0], ME), "…");
	store.addRooms([info("n", 1, { name: "named" })]);
	assert.equal(titleOf(store.mine[0], ME), "named");
});

test("unread is what others said and I have not seen", () => {
	welcome([info("r", 3), info("q", 0)]);
	store.event(event("r", 4));
	store.event(event("r", 5, { user: ME }));
	store.event(event("r", 6, { kind: "joined", target: JOHN }));
	assert.equal(store.rooms.get("r").mentioned, false);
	store.event(event("r", 7, { mentions: ["u1"] }));
	store.event(event("q", 1, { text: "hey @Carlos!" }));
	assert.equal(store.rooms.get("q").mentioned, true);
	store.seen("q");
	assert.equal(store.rooms.get("r").unread, 2);
	assert.equal(store.rooms.get("r").mentioned, true);
	assert.equal(store.unread, 2);
	assert.equal(store.seen("r"), 7, "tell the server");
	assert.equal(store.unread, 0);
	assert.equal(store.seen("r"), 0, "nothing new to tell");
	assert.equal(store.seen("nope"), 0);
});

test("what was missed is not counted twice", () => {
	welcome([info("r", 3)]);
	welcome([info("r", 5, { read: 3, unread: 2 })]);
	store.event(event("r", 4, { replayed: true }));
	store.event(event("r", 5, { replayed: true }));
	assert.equal(store.unread, 2);
	store.event(event("r", 6));
	assert.equal(store.unread, 3);
});

test("a read marker that the server does not have yet is not taken back", () => {
	welcome([info("r", 5, { read: 2, unread: 3 })]);
	store.seen("r");
	welcome([info("r", 5, { read: 2, unread: 3 })]);
	assert.equal(store.unread, 0);
});

test("what comes while the end is in sight is read; the marker shows where the rest began", () => {
	const room = opened(3);
	store.attending = "r";
	store.event(event("r", 4));
	assert.equal(room.unread, 0);
	assert.equal(room.newAfter, null);
	store.attending = null;
	store.event(event("r", 5));
	store.event(event("r", 6));
	assert.equal(room.unread, 2);
	assert.equal(room.newAfter, 4);
	store.seen("r");
	assert.equal(room.newAfter, 4, "it stays until one looks away");
	store.away("r");
	assert.equal(room.newAfter, null);
	store.select(null);
	store.event(event("r", 7));
	store.select("r");
	assert.equal(room.newAfter, 6);
});

test("history joins with what came live meanwhile", () => {
	welcome([info("r", 10)]);
	store.select("r");
	store.loading("r");
	store.event(event("r", 11));
	store.event(event("r", 12));
	store.loadedPage("r", page("r", 5, 11, true));
	assert.deepEqual(seqs(store.room), [5, 6, 7, 8, 9, 10, 11, 12]);
	store.olderPage("r", page("r", 1, 5));
	assert.deepEqual(seqs(store.room), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
	assert.equal(store.room.more, false);
});

test("a page that failed can be asked for again, and a late one is ignored", () => {
	welcome([info("r", 10)]);
	store.select("r");
	store.loading("r");
	store.event(event("r", 11));
	store.loadFailed("r");
	assert.equal(store.room.loaded, "failed");
	assert.deepEqual(seqs(store.room), []);
	store.loadedPage("r", page("r", 1, 10));
	assert.deepEqual(seqs(store.room), []);
	store.loading("r");
	store.loadedPage("r", page("r", 1, 11));
	assert.equal(store.room.log.length, 11);
});

test("edits and deletions change the message, whenever they come", () => {
	const room = opened(3);
	store.event(event("r", 4, { kind: "edited", ref: 2, text: "better" }));
	assert.equal(room.log[1].text, "better");
	assert.equal(room.log[1].edited_by, 4);
	store.event(event("r", 5, { kind: "deleted", ref: 3 }));
	assert.equal(room.log[2].text, undefined);
	store.event(event("r", 6, { kind: "edited", ref: 3, text: "zombie" }));
	assert.equal(room.log[2].text, undefined);
	store.event(event("r", 7, { kind: "edited", ref: 999, text: "of nothing" }));
	store.event(event("r", 8, { kind: "deleted" }));
});

test("an edit that came before the page of its message", () => {
	welcome([info("r", 10)]);
	store.select("r");
	store.loading("r");
	store.loadedPage("r", page("r", 5, 10, true));
	store.event(event("r", 11, { kind: "edited", ref: 2, text: "better" }));
	store.olderPage("r", page("r", 1, 4));
	assert.equal(store.room.log[1].text, "better");
});

test("my removal empties the room; a private one is gone", () => {
	opened(3);
	store.event(event("r", 4, { kind: "left", target: ME }));
	assert.equal(store.rooms.get("r").mine, false);
	assert.deepEqual(store.rooms.get("r").log, []);
	store.addRooms([info("p", 1, { kind: "private" })], true);
	store.event(event("p", 2, { kind: "banned", target: ME }));
	assert.equal(store.rooms.has("p"), false);
	store.event(event("r", 5, { kind: "joined", target: ME, role: "member" }));
	assert.equal(store.rooms.get("r").mine, true);
	welcome([]);
	assert.deepEqual(store.mine, [], "left while away");
});

test("a gap makes the room be read again", () => {
	const room = opened(3);
	store.gap({ room: "r", after: 3, head: 900, floor: 1, reset: false });
	assert.equal(room.loaded, "no");
	assert.equal(room.head, 900);
	store.gap({ room: "r", after: 0, head: 5, floor: 1, reset: true });
	assert.equal(room.head, 5);
	assert.equal(room.read, 3);
	store.gap({ room: "unknown", after: 0, head: 5, floor: 1, reset: true });
});

const entry = (id, more = {}) => ({ id, type: "message", fields: { room: "r", text: "hi" }, at: 5, state: "pending", ...more });

test("what I send is there at once, and once", () => {
	const room = opened(3);
	store.outbox({ entry: entry("a"), change: "added" });
	assert.deepEqual([...room.local.values()], [{ id: "a", type: "message", text: "hi", at: 1_000_000, state: "pending" }]);
	store.outbox({ entry: entry("a"), change: "done", reply: { seq: 4 } }); // the ok before the event
	assert.equal(room.local.get("a").state, "stored");
	store.event(event("r", 4, { user: ME, id: "a" }));
	assert.equal(room.local.size, 0);
	store.outbox({ entry: entry("b"), change: "added" });
	store.event(event("r", 5, { user: ME, id: "b" })); // the event before the ok
	store.outbox({ entry: entry("b"), change: "done", reply: { seq: 5 } });
	assert.equal(room.local.size, 0);
	assert.equal(room.unread, 0);
});

test("another's event with my id is not mine", () => {
	const room = opened(3);
	store.outbox({ entry: entry("a"), change: "added" });
	store.event(event("r", 4, { user: JOHN, id: "a" }));
	assert.equal(room.local.size, 1);
});

test("what is unsent after a reload is shown in its room", () => {
	store.outbox({ entry: entry("a"), change: "restored" });
	welcome([info("r", 3)]);
	assert.equal(store.rooms.get("r").local.size, 1);
	assert.equal(store.rooms.get("r").name, "r");
});

test("what commands say goes to their rooms", () => {
	const room = opened(3);
	const entry = { id: "c", type: "command", fields: { room: "r", text: "/help" }, at: 5, state: "pending", call: "k" };
	store.outbox({ entry, change: "accepted" });
	store.notice({ kind: "progress", call: "none", text: "half" });
	told = [];
	store.notice({ kind: "progress", call: "k", text: "half" });
	assert.deepEqual([room.local.get("c").progress, told], ["half", ["room:r"]]);
	store.outcome({ call: "k", id: "c", room: "r", status: "ephemeral", text: "this", seqs: [] });
	assert.deepEqual([room.local.size, room.notes[0].text, room.notes[0].at], [0, "this", 1_000_000]);
	store.dismiss("r", "k");
	store.dismiss("none", "k");
	assert.deepEqual(room.notes, []);
	for (const of of [{ room: "unknown" }, {}]) store.outcome({ call: "k2", status: "ephemeral", text: "x", seqs: [], ...of });
	assert.deepEqual(room.notes, []);
});

test("of a crowd the store tells the number, until the next welcome", () => {
	const room = opened(3);
	for (const topic of ["typing", "presence"]) store.on(topic, (id) => told.push(id ? `${topic}:${id}` : topic));
	told = [];
	store.notice({ kind: "presence", in: "r", count: 1204 });
	store.notice({ kind: "presence", in: "none", count: 7 });
	store.notice({ kind: "typing", in: "r", count: 3 });
	assert.deepEqual([room.crowd, store.typing("r").text, told], [1204, "Several people are typing…", ["presence", "typing:r"]]);
	store.notice({ kind: "typing", in: "r", user: JOHN });
	assert.deepEqual([room.crowd, told.at(-1)], [0, "presence"], "it is none any more");
	store.notice({ kind: "presence", in: "r", count: 1204 });
	store.wrote("r");
	store.notice({ kind: "typing", in: "r", count: 1 });
	assert.equal(store.typing("r").text, "");
	welcome([info("r", 3)]);
	assert.equal(room.crowd, 0);
});

test("forgotten rooms do not grow for ever", () => {
	const room = opened(3);
	store.select(null);
	for (let i = 4; i < 5000; i++) store.event(event("r", i));
	assert.ok(room.log.length <= 800);
	assert.equal(room.more, true);
	assert.equal(room.log.at(-1).seq, 4999);
	store.select("r");
	store.attending = "r";
	for (let i = 5000; i < 9000; i++) store.event(event("r", i));
	assert.ok(room.log.length <= 800, "also when it is open and the end is in sight");
	store.attending = null;
	for (let i = 9000; i < 12_000; i++) store.event(event("r", i));
	assert.ok(room.log.length > 3000, "but nothing is taken away from a reader");
});

test("names and roles change with the events", () => {
	const room = opened(3);
	store.event(event("r", 4, { kind: "renamed", text: "other" }));
	store.event(event("r", 5, { kind: "role_changed", target: ME, role: "admin" }));
	store.event(event("r", 6, { kind: "archived" }));
	assert.deepEqual([room.name, room.role, room.archived], ["other", "admin", true]);
	store.event(event("r", 7, { kind: "archived", off: true }));
	assert.equal(room.archived, false);
	assert.ok(told.includes("current"));
});
