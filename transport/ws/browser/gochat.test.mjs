// Run with: node --test
import { strict as assert } from "node:assert";
import { afterEach, beforeEach, mock, test } from "node:test";

import { ChatError, Client, PROTOCOL, cleanEvent, closeMeaning, randomID } from "./gochat.js";

// ---------------------------------------------------------------- a server made of nothing

const ME = { id: "u1", name: "carlos" };
const JOHN = { id: "u2", name: "john" };

/** A WebSocket whose other end is the test. */
class FakeSocket {
	/** @type {FakeSocket[]} */
	static all = [];
	protocol = "";
	/** @type {any[]} */
	got = [];
	closedWith = 0;
	constructor(url, protocols) {
		Object.assign(this, { url, protocols });
		FakeSocket.all.push(this);
	}
	send(text) { this.got.push(JSON.parse(text)); }
	close(code) { this.closedWith = code; }
	// What the server does:
	accept(protocol = PROTOCOL) { this.protocol = protocol; this.onopen?.({}); }
	say(frame) { this.onmessage?.({ data: typeof frame === "string" ? frame : JSON.stringify(frame) }); }
	end(code = 1006, reason = "") { this.onclose?.({ code, reason }); }
	last(type) { return this.got.filter((f) => f.type === type).at(-1); }
	count(type) { return this.got.filter((f) => f.type === type).length; }
}

class FakeStorage {
	map = new Map();
	getItem(key) { return this.map.get(key) ?? null; }
	setItem(key, value) { this.map.set(key, value); }
	removeItem(key) { this.map.delete(key); }
}

/** Lets promises run; the fake clock does not move. */
const settle = () => new Promise((resolve) => setImmediate(resolve));
const pass = async (ms) => {
	await settle();
	mock.timers.tick(ms);
	await settle();
};
const socket = () => FakeSocket.all.at(-1);

let warnings = [];
let clients = [];
beforeEach(() => {
	FakeSocket.all = [];
	warnings = [];
	mock.timers.enable({ apis: ["setTimeout", "Date"], now: Date.UTC(2026, 0, 1) });
	mock.method(console, "warn", (...args) => void warnings.push(args.join(" ")));
	mock.method(console, "error", (...args) => void warnings.push(args.join(" ")));
});
afterEach(() => {
	for (const c of clients) c.close();
	clients = [];
	mock.timers.reset();
	mock.restoreAll();
});

/** A client with everything it says to its listeners in `heard`. */
function newClient(options = {}) {
	const client = new Client({
		url: "ws://chat.test/ws",
		token: async () => "tok",
		WebSocket: FakeSocket,
		storage: null,
		target: null,
		random: () => 0.5,
		...options,
	});
	const heard = {};
	for (const name of ["event", "notice", "outcome", "gap", "welcome", "rooms", "state", "outbox"]) {
		heard[name] = [];
		client.on(name, (v) => heard[name].push(v));
	}
	clients.push(client);
	return { client, heard };
}

const room = (id, head, more = {}) => ({ id, name: id, kind: "public", role: "member", head, floor: 1, read: 0, unread: 0, ...more });

/** Answers the hello of the newest socket. */
function welcome(rooms = [], more = {}) {
	const s = socket();
	s.accept();
	const { id } = s.last("hello");
	s.say({
		type: "welcome", re: id, user: ME, session: "s1", epoch: "e1",
		time: new Date(Date.now()).toISOString(), limits: {}, rooms, ...more,
	});
	return s;
}

/** A client that is online. */
async function online(rooms = [], options = {}) {
	const c = newClient(options);
	c.client.start();
	await settle();
	return { ...c, s: welcome(rooms) };
}

const event = (room, seq, more = {}) => ({
	type: "event", room, seq, id: `id${seq}-0123456789`, kind: "message", time: "2026-01-01T00:00:00.000Z", user: JOHN,
	text: `text ${seq}`, ...more,
});
const seqs = (heard) => heard.event.map((e) => e.seq);

// ---------------------------------------------------------------- connecting

test("dials with the token in the subprotocol and says hello", async () => {
	const { client, heard } = newClient();
	assert.equal(client.state.name, "closed");
	client.start();
	assert.equal(client.state.name, "connecting");
	await settle();
	assert.deepEqual(socket().protocols, ["gochat.v1", "bearer.tok"]);
	welcome([room("r", 7)]);
	assert.equal(client.state.name, "online");
	assert.deepEqual(client.user, ME);
	assert.equal(client.lastSeq("r"), 7);
	assert.equal(heard.welcome.length, 1);
	const hello = socket().last("hello");
	assert.ok(!("epoch" in hello) && !("rooms" in hello), "nothing was seen before");
});

test("resumes from the end of the contiguous part", async () => {
	const { s, heard } = await online([room("r", 2), room("quiet", 0)]);
	s.say(event("r", 3));
	s.say(event("r", 4));
	s.end(1006);
	await pass(500);
	assert.equal(FakeSocket.all.length, 2);
	const s2 = welcome([room("r", 6), room("quiet", 0)]);
	assert.deepEqual(s2.last("hello").rooms, { r: 4, quiet: 0 });
	assert.equal(s2.last("hello").epoch, "e1");
	s2.say(event("r", 5));
	s2.say(event("r", 6));
	s2.say(event("r", 7));
	assert.deepEqual(seqs(heard), [3, 4, 5, 6, 7]);
	assert.deepEqual(heard.event.map((e) => e.replayed === true), [false, false, true, true, false]);
});

test("the token callback is asked before every dial, never twice at a time", async () => {
	let calls = 0;
	let give;
	const { client } = newClient({ token: () => (calls++, new Promise((r) => (give = r))) });
	client.start();
	client.retryNow();
	client.retryNow();
	await settle();
	assert.equal(calls, 1);
	assert.equal(FakeSocket.all.length, 0);
	give("one");
	await settle();
	assert.equal(socket().protocols[1], "bearer.one");
	socket().end(1006);
	await pass(500);
	assert.equal(calls, 2);
});

test("a token callback that fails or hangs is waited for; one that gives null ends it", async () => {
	const answers = [() => Promise.reject(new Error("offline")), () => new Promise(() => {}), async () => null];
	const { client } = newClient({ token: () => answers.shift()() });
	client.start();
	await settle();
	assert.equal(client.state.name, "waiting");
	await pass(500);
	assert.equal(client.state.name, "connecting");
	await pass(15_000);
	assert.equal(client.state.name, "waiting");
	await pass(1000);
	assert.deepEqual(client.state, { name: "closed", reason: "no_token" });
	assert.equal(FakeSocket.all.length, 0);
});

test("without a token callback a cookie or the url says who it is", async () => {
	const { client, s, heard } = await online([room("r1", 1)], { token: undefined });
	assert.deepEqual(s.protocols, [PROTOCOL]);
	s.say({ type: "notice", kind: "auth_expiring" });
	await settle();
	assert.equal(s.count("auth"), 0);
	s.end(4001);
	await pass(500);
	assert.equal(FakeSocket.all.length, 2);
	assert.equal(client.state.name, "connecting");
	assert.equal(heard.notice.length, 1);
});

test("the url may be relative to the page's", async () => {
	const dialed = async (url) => {
		newClient({ url }).client.start();
		await settle();
		return FakeSocket.all.pop()?.url;
	};
	assert.equal(await dialed("/ws"), undefined, "there is no page");
	assert.equal(await dialed("http://chat.test/ws"), "ws://chat.test/ws");
	globalThis.location = { href: "https://chat.test/room?x=1#top" };
	try {
		assert.equal(await dialed("/ws?name=ann"), "wss://chat.test/ws?name=ann");
		assert.equal(await dialed("ws://other.test/ws"), "ws://other.test/ws");
	} finally {
		delete globalThis.location;
	}
});

test("backs off with full jitter from 0.5 to 30 s", async () => {
	const delays = [];
	const { client } = newClient({ random: () => 0.999999 });
	client.on("state", (s) => s.name === "waiting" && delays.push(s.retryAt - Date.now()));
	client.start();
	for (let i = 0; i < 9; i++) {
		await settle();
		socket().end(1006);
		await pass(delays.at(-1));
	}
	assert.deepEqual(delays.map((d) => Math.round(d / 500) * 500), [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
	assert.ok(delays.every((d) => d <= 30000));
});

test("starts the back-off anew after it was stable, and does not wait long for a server that welcomes and falls", async () => {
	const { client } = newClient({ random: () => 0.999999 });
	client.start();
	const wait = () => Math.round((client.state.retryAt - Date.now()) / 500) * 500;
	const waits = [];
	for (let i = 0; i < 6; i++) {
		await settle();
		welcome();
		socket().end(1012);
		waits.push(wait());
		await pass(wait());
	}
	assert.deepEqual(waits, [500, 1000, 2000, 4000, 4000, 4000]);
	welcome();
	await pass(11_000);
	socket().end(1012);
	assert.equal(wait(), 500);
});

test("comes back from a restart when the server says", async () => {
	for (const [reason, want] of [["retry_after_ms=1234", 1234], ["retry_after_ms=999999999", 30_000], ["retry_after_ms=x", 250], ["", 250]]) {
		const { client, s } = await online();
		s.end(1012, reason);
		assert.equal(client.state.retryAt - Date.now(), want);
		client.close();
	}
});

test("tries at once when the browser is online or shown again, and on retryNow", async () => {
	const target = new EventTarget();
	const { client } = newClient({ target });
	client.start();
	for (const wake of [
		() => target.dispatchEvent(new Event("online")),
		() => target.dispatchEvent(new Event("visibilitychange")),
		() => target.dispatchEvent(new Event("pageshow")),
		() => client.retryNow(),
	]) {
		await settle();
		const before = FakeSocket.all.length;
		socket().end(1006);
		assert.equal(client.state.name, "waiting");
		wake();
		await settle();
		assert.equal(FakeSocket.all.length, before + 1);
	}
	client.close();
	target.dispatchEvent(new Event("online"));
	await settle();
	assert.equal(client.state.name, "closed");
});

test("4001 refreshes the token first and comes back at once, but not in a hot loop", async () => {
	const asked = [];
	const { client } = newClient({ token: async (why) => (asked.push(why.refresh), "t" + asked.length) });
	client.start();
	await settle();
	welcome();
	socket().end(4001, "expired");
	await settle();
	assert.deepEqual(asked, [false, true]);
	assert.equal(socket().protocols[1], "bearer.t2");
	welcome();
	socket().end(4001);
	await settle();
	assert.equal(client.state.name, "waiting");
	await pass(500);
	assert.deepEqual(asked, [false, true, true]);
	socket().end(1006);
	await pass(1000);
	assert.deepEqual(asked, [false, true, true, false], "the new token was given: no reason for another");
});

for (const code of [1000, 1002, 1003, 1007, 1008, 1009, 1010, 4500, 4501, 4503, 4505, 4506, 4999]) {
	test(`close code ${code} is final`, async () => {
		const { client, s } = await online();
		const asked = client.history("r");
		s.end(code, "why");
		assert.deepEqual(client.state, { name: "closed", code, reason: "why" });
		await assert.rejects(asked, { code: "closed" });
		await pass(60_000);
		assert.equal(FakeSocket.all.length, 1);
		client.retryNow(); // the user wants it
		await settle();
		assert.equal(FakeSocket.all.length, 2);
	});
}

for (const code of [1001, 1005, 1006, 1011, 1012, 1013, 4000, 4002, 4003, 4004, 4029, 4499, 3000]) {
	test(`close code ${code} comes back`, async () => {
		const { client, s } = await online();
		s.end(code);
		assert.equal(client.state.name, "waiting");
		await pass(30_000);
		assert.equal(FakeSocket.all.length, 2);
	});
}

test("what the close codes mean", () => {
	assert.equal(closeMeaning(4001), "refresh");
	assert.equal(closeMeaning(4002), "retry");
	assert.equal(closeMeaning(4501), "stop");
});

test("the probe says what a failed handshake was", async () => {
	const verdicts = ["retry", "refresh", "stop"];
	const asked = [];
	let probes = 0;
	const { client } = newClient({
		token: async (why) => (asked.push(why.refresh), "t"),
		probe: async () => (probes++, verdicts.shift()),
	});
	client.start();
	await settle();
	socket().end(1006);
	await settle();
	assert.equal(client.state.name, "waiting");
	await pass(500);
	socket().end(1006); // refresh: at once
	await settle();
	assert.deepEqual(asked, [false, false, true]);
	socket().end(1006);
	await settle();
	assert.deepEqual(client.state, { name: "closed", reason: "probe" });
	assert.equal(probes, 3);
});

test("a handshake that fails with an error alone, as in Node.js 20, is not waited for", async () => {
	let probes = 0;
	const { client } = newClient({ probe: async () => (probes++, "retry") });
	client.start();
	await settle();
	socket().onerror({});
	await pass(0);
	assert.equal(client.state.name, "waiting");
	assert.equal(probes, 1);
	await pass(500);
	const s = socket();
	s.onerror({}); // in a browser the close follows at once
	s.end(4501, "ended");
	await pass(0);
	assert.equal(client.state.code, 4501);
	client.retryNow();
	await settle();
	const open = welcome();
	open.onerror({}); // and of an open connection the close says what it was
	await pass(0);
	assert.equal(client.state.name, "online");
});

test("an open connection that breaks is not probed", async () => {
	let probes = 0;
	const { s } = await online([], { probe: async () => (probes++, "retry") });
	s.end(1006);
	await settle();
	assert.equal(probes, 0);
});

test("gives up a handshake without a welcome, and a server with another protocol", async () => {
	const { client } = newClient();
	client.start();
	await settle();
	socket().accept();
	await pass(15_000);
	assert.equal(client.state.name, "waiting");
	await pass(500);
	socket().accept("");
	assert.equal(client.state.code, 4506);
});

test("a hello that is refused is said without what was seen", async () => {
	const { client, s, heard } = await online([room("r", 3)]);
	s.end(1006);
	await pass(500);
	const s2 = socket();
	s2.accept();
	s2.say({ type: "error", re: s2.last("hello").id, error: { code: "bad_request", message: "no" } });
	assert.equal(client.state.name, "waiting");
	await pass(1000);
	const s3 = welcome([room("r", 9)]);
	assert.ok(!("rooms" in s3.last("hello")));
	assert.deepEqual(heard.gap, [{ room: "r", after: 3, head: 9, floor: 1, reset: false }]);
	s3.say(event("r", 10));
	assert.deepEqual(seqs(heard), [10]);
});

test("a hello that is refused for good waits for the close that says so", async () => {
	const { client } = newClient();
	client.start();
	await settle();
	const s = socket();
	s.accept();
	s.say({ type: "error", re: s.last("hello").id, error: { code: "unauthorized", message: "ended" } });
	s.end(4501);
	assert.equal(client.state.name, "closed");
	assert.equal(client.state.code, 4501);
});

test("an address that can't be dialled ends it", async () => {
	class Refusing { constructor() { throw new SyntaxError("bad url"); } }
	const { client } = newClient({ WebSocket: Refusing });
	client.start();
	await settle();
	assert.equal(client.state.name, "closed");
});

// ---------------------------------------------------------------- liveness

test("pings after 30 s of silence and reconnects 10 s later", async () => {
	const { client, s } = await online([room("r", 0)]);
	await pass(29_000);
	s.say(event("r", 1));
	await pass(29_000);
	assert.equal(s.count("ping"), 0, "an event was heard meanwhile");
	await pass(1_000);
	assert.equal(s.count("ping"), 1);
	await pass(9_000);
	assert.equal(client.state.name, "online");
	s.say({ type: "ok", re: s.last("ping").id, time: "2026-01-01T00:00:00Z" });
	await pass(30_000);
	assert.equal(s.count("ping"), 2);
	await pass(10_000);
	assert.equal(client.state.name, "waiting");
	assert.equal(s.closedWith, 1000);
});

test("a page that wakes up asks at once whether the connection lives", async () => {
	const target = new EventTarget();
	const { client, s } = await online([], { target });
	target.dispatchEvent(new Event("pageshow"));
	assert.equal(s.count("ping"), 0, "it was just heard");
	await pass(8_000);
	target.dispatchEvent(new Event("pageshow"));
	target.dispatchEvent(new Event("online"));
	assert.equal(s.count("ping"), 1);
	await pass(10_000);
	assert.equal(client.state.name, "waiting");
});

test("a browser that goes offline makes it look at the connection, and not dial", async () => {
	const target = new EventTarget();
	const { client, s } = await online([], { target });
	target.dispatchEvent(new Event("offline"));
	assert.equal(s.count("ping"), 1);
	await pass(10_000);
	assert.equal(client.state.name, "waiting");
	target.dispatchEvent(new Event("offline"));
	assert.equal(client.state.name, "waiting");
	target.dispatchEvent(new Event("online"));
	assert.equal(client.state.name, "connecting");
});

test("frames of an old connection are not read", async () => {
	const { s, heard } = await online([room("r", 0)]);
	const { onmessage, onclose } = s;
	await pass(30_000);
	await pass(10_000); // silence: given up
	await pass(500);
	assert.equal(FakeSocket.all.length, 2);
	const s2 = welcome([room("r", 0)]);
	onmessage?.({ data: JSON.stringify(event("r", 1)) });
	onclose?.({ code: 4501, reason: "" });
	assert.deepEqual(seqs(heard), []);
	s2.say(event("r", 1));
	assert.deepEqual(seqs(heard), [1]);
});

test("renews the token in band when the server says that it ends", async () => {
	const asked = [];
	const { s, heard } = await online([], { token: async (why) => (asked.push(why.refresh), "t" + asked.length) });
	s.say({ type: "notice", kind: "auth_expiring", expires: "2026-01-01T00:01:00Z" });
	s.say({ type: "notice", kind: "auth_expiring", expires: "2026-01-01T00:01:00Z" });
	await settle();
	assert.deepEqual(asked, [false, true], "one at a time");
	assert.equal(s.last("auth").token, "t2");
	assert.equal(heard.notice.length, 2);
	s.say({ type: "error", re: s.last("auth").id, error: { code: "bad_request", message: "no re-auth here" } });
	await settle();
	assert.deepEqual(warnings, []);
});

// ---------------------------------------------------------------- delivery

test("what the server repeats does not reach the listener twice", async () => {
	const { s, heard } = await online([room("r", 1)]);
	for (const seq of [1, 2, 2, 3, 1, 3, 4]) s.say(event("r", seq));
	assert.deepEqual(seqs(heard), [2, 3, 4]);
});

test("a hole makes it say hello again, at once, then with a wait", async () => {
	const { client, s, heard } = await online([room("r", 1)]);
	s.say(event("r", 3));
	assert.deepEqual(seqs(heard), []);
	await settle();
	const s2 = welcome([room("r", 3)]);
	assert.notEqual(s2, s);
	assert.deepEqual(s2.last("hello").rooms, { r: 1 });
	s.say(event("r", 2)); // the old connection
	s2.say(event("r", 2));
	s2.say(event("r", 3));
	assert.deepEqual(seqs(heard), [2, 3]);
	s2.say(event("r", 9));
	assert.equal(client.state.name, "waiting", "a server that keeps making holes is not hammered");
});

test("one's own joined event may jump; another's may not", async () => {
	const { s, heard } = await online([room("r", 5)]);
	s.say(event("r", 9, { kind: "joined", user: JOHN, target: ME }));
	s.say(event("r", 10));
	assert.deepEqual(seqs(heard), [9, 10]);
	s.say(event("r", 12, { kind: "joined", user: ME, target: JOHN }));
	assert.deepEqual(seqs(heard), [9, 10]);
});

test("after one's own removal the room is forgotten, until one is added again", async () => {
	const { client, s, heard } = await online([room("r", 5)]);
	s.say(event("r", 6, { kind: "left", user: JOHN, target: ME }));
	assert.equal(client.lastSeq("r"), 0);
	s.end(1006);
	await pass(500);
	const s2 = welcome([]);
	assert.ok(!("rooms" in s2.last("hello")));
	s2.say(event("r", 20, { kind: "joined", user: JOHN, target: ME }));
	s2.say(event("r", 21));
	assert.deepEqual(seqs(heard), [6, 20, 21]);
});

test("an event of an unknown room is delivered, and the room is asked for", async () => {
	const { client, s, heard } = await online([]);
	s.say(event("new", 4, { kind: "joined", user: ME, target: ME }));
	s.say(event("new", 5));
	assert.deepEqual(seqs(heard), [4, 5]);
	await settle();
	assert.equal(s.count("rooms"), 1);
	s.say({ type: "ok", re: s.last("rooms").id, rooms: [room("a", 1)], more: true });
	await settle();
	assert.equal(s.last("rooms").after, "a");
	s.say({ type: "ok", re: s.last("rooms").id, rooms: [room("new", 5)] });
	await settle();
	assert.deepEqual(heard.rooms.map((l) => l.map((r) => r.id)), [["new"]]);
	assert.equal(client.lastSeq("new"), 5);
});

test("a gap moves the room to its head", async () => {
	const { client, s, heard } = await online([room("r", 10)]);
	s.end(1006);
	await pass(500);
	const s2 = welcome([room("r", 900)]);
	s2.say({ type: "gap", room: "r", after: 10, head: 900, floor: 1 });
	s2.say({ type: "gap", room: "r", after: 10, head: 900, floor: 1 });
	s2.say(event("r", 901));
	assert.deepEqual(heard.gap, [{ room: "r", after: 10, head: 900, floor: 1, reset: false }]);
	assert.deepEqual(seqs(heard), [901]);
	assert.equal(client.lastSeq("r"), 901);
});

for (const says of ["with a gap of the server", "without one"]) {
	test(`a new epoch voids what was seen, ${says}`, async () => {
		const { s, heard } = await online([room("r", 10), room("q", 4)]);
		s.end(4004);
		await pass(500);
		const s2 = welcome([room("r", 3), room("q", 0)], { epoch: "e2" });
		if (says.startsWith("with a")) s2.say({ type: "gap", room: "r", after: 0, head: 3, floor: 1, reset: true });
		s2.say(event("r", 4));
		s2.say(event("q", 1));
		assert.deepEqual(heard.gap.map((g) => [g.room, g.head, g.reset]), [["r", 3, true], ["q", 0, true]]);
		assert.deepEqual(seqs(heard), [4, 1]);
	});
}

test("a reset of a room that is not mine any more does not bring it back", async () => {
	const { client, s, heard } = await online([room("r", 10)]);
	s.end(4004);
	await pass(500);
	const s2 = welcome([], { epoch: "e2" });
	s2.say({ type: "gap", room: "r", after: 0, head: 0, floor: 0, reset: true });
	await settle();
	assert.deepEqual(heard.gap.map((g) => [g.room, g.reset]), [["r", true]]);
	assert.equal(s2.count("rooms"), 0);
	s2.end(1006);
	await pass(1000);
	socket().accept();
	assert.ok(!("rooms" in socket().last("hello")));
	assert.equal(client.lastSeq("r"), 0);
});

test("a reset in the middle of a connection", async () => {
	const { s, heard } = await online([room("r", 10)]);
	s.say({ type: "gap", room: "r", after: 0, head: 2, floor: 1, reset: true });
	s.say(event("r", 3));
	assert.deepEqual(heard.gap, [{ room: "r", after: 0, head: 2, floor: 1, reset: true }]);
	assert.deepEqual(seqs(heard), [3]);
});

test("rooms that a shortened welcome leaves out are still followed", async () => {
	const { s, heard } = await online([room("a", 1), room("z", 5)]);
	s.end(1006);
	await pass(500);
	const s2 = welcome([room("a", 1)], { more: true });
	s2.say(event("z", 5));
	s2.say(event("z", 6));
	await settle();
	assert.deepEqual(seqs(heard), [6]);
	assert.equal(s2.count("rooms"), 0);
});

test("a listener that throws harms nobody", async () => {
	const { client, s } = await online([room("r", 0)]);
	const got = [];
	client.on("event", () => { throw new Error("mine"); });
	const off = client.on("event", (e) => got.push(e.seq));
	s.say(event("r", 1));
	off();
	s.say(event("r", 2));
	assert.deepEqual(got, [1]);
	assert.equal(client.state.name, "online");
});

// ---------------------------------------------------------------- the outbox

test("a message leaves the outbox when it is stored", async () => {
	const { client, s, heard } = await online([room("r", 0)]);
	const sent = client.message("r", "hi", { reply_to: 3 });
	assert.match(sent.id, /^[A-Za-z0-9_-]{22}$/);
	assert.deepEqual(s.last("message"), { type: "message", id: sent.id, room: "r", text: "hi", reply_to: 3 });
	s.say({ type: "ok", re: sent.id, room: "r", seq: 1 });
	assert.equal((await sent.done).seq, 1);
	assert.deepEqual(client.outbox(), []);
	assert.deepEqual(heard.outbox.map((o) => o.change), ["added", "done"]);
});

test("resent with the same id until the final answer, and seen once", async () => {
	const { client, s, heard } = await online([room("r", 0)]);
	const sent = client.message("r", "hi");
	s.end(1006); // the server has stored it; the reply is lost
	const later = client.message("r", "written offline");
	await pass(500);
	const s2 = welcome([room("r", 1)]);
	assert.deepEqual(s2.got.filter((f) => f.type === "message").map((f) => f.id), [sent.id, later.id]);
	s2.say(event("r", 1, { user: ME, id: sent.id, text: "hi" }));
	s2.say({ type: "ok", re: sent.id, room: "r", seq: 1, dup: true });
	s2.say({ type: "ok", re: later.id, room: "r", seq: 2 });
	s2.say(event("r", 2, { user: ME, id: later.id, text: "written offline" }));
	assert.deepEqual(seqs(heard), [1, 2]);
	assert.equal((await sent.done).seq, 1);
	assert.equal((await later.done).seq, 2);
	s2.end(1006);
	await pass(500);
	assert.equal(welcome([room("r", 2)]).count("message"), 0);
});

test("another's event with the same id proves nothing", async () => {
	const { client, s } = await online([room("r", 0)]);
	const sent = client.message("r", "hi");
	s.say(event("r", 1, { user: JOHN, id: sent.id }));
	assert.equal(client.outbox().length, 1);
});

test("a command stays until its outcome", async () => {
	const { client, s, heard } = await online([room("r", 0)]);
	const sent = client.command("r", "/stock=aapl.us");
	s.say({ type: "ok", re: sent.id, call: "c1", timeout_ms: 5000 });
	assert.equal(client.outbox()[0].call, "c1");
	s.say(event("r", 1, { user: { id: "bot:stock", name: "stock", bot: true }, call: { id: "c1", name: "stock", by: ME } }));
	s.end(1006);
	await pass(500);
	const s2 = welcome([room("r", 1)]);
	assert.equal(s2.last("command").id, sent.id);
	s2.say({ type: "ok", re: sent.id, call: "c1", timeout_ms: 100 });
	s2.say({ type: "outcome", re: sent.id, call: "c1", status: "done", seqs: [1] });
	s2.say({ type: "outcome", re: sent.id, call: "c1", status: "done", seqs: [1] });
	const outcome = { call: "c1", id: sent.id, room: "r", line: "/stock=aapl.us", status: "done", text: "", seqs: [1] };
	assert.deepEqual(heard.outcome, [outcome]);
	assert.deepEqual(await sent.done, outcome);
	assert.deepEqual(client.outbox(), []);
});

test("an event with its id does not end a command", async () => {
	const { client, s } = await online([room("r", 0)]);
	const sent = client.command("r", "/stock=aapl.us");
	s.say(event("r", 1, { user: ME, id: sent.id }));
	assert.equal(client.outbox().length, 1);
});

test("an outcome may come before the ok, and of a command of another tab", async () => {
	const { client, s, heard } = await online([room("r", 0)]);
	const sent = client.command("r", "/help");
	s.say({ type: "outcome", re: sent.id, call: "c1", status: "ephemeral", text: "this is all" });
	s.say({ type: "ok", re: sent.id, call: "c1", timeout_ms: 5000 });
	assert.deepEqual(client.outbox(), []);
	s.say({ type: "outcome", re: "of-another-tab-12", call: "c2", status: "failed", error: { code: "timeout", message: "late" } });
	assert.deepEqual(heard.outcome.map((o) => [o.call, o.status, o.text, o.error?.code]), [
		["c1", "ephemeral", "this is all", undefined],
		["c2", "failed", "", "timeout"],
	]);
});

test("a command whose outcome does not come is asked for again", async () => {
	const { client, s } = await online([room("r", 0)]);
	const sent = client.command("r", "/slow");
	s.say({ type: "ok", re: sent.id, call: "c1", timeout_ms: 5000 });
	await pass(14_000);
	assert.equal(s.count("command"), 1);
	await pass(1_000);
	assert.equal(s.count("command"), 2);
	assert.equal(s.last("command").id, sent.id);
});

test("unavailable is sent again with the same id; other errors are final", async () => {
	const { client, s, heard } = await online([room("r", 0)]);
	const sent = client.message("r", "hi");
	s.say({ type: "error", re: sent.id, error: { code: "unavailable", message: "store" } });
	assert.equal(client.outbox()[0].state, "pending");
	await pass(1_000);
	assert.deepEqual(s.got.filter((f) => f.type === "message").map((f) => f.id), [sent.id, sent.id]);
	s.say({ type: "error", re: sent.id, error: { code: "forbidden", message: "archived" } });
	await assert.rejects(sent.done, { name: "ChatError", code: "forbidden" });
	const [entry] = client.outbox();
	assert.equal(entry.state, "failed");
	assert.equal(entry.error.code, "forbidden");
	await pass(60_000);
	assert.equal(s.count("message"), 2);
	assert.equal(client.retry(sent.id), sent.id);
	assert.equal(s.count("message"), 3);
	s.say({ type: "ok", re: sent.id, room: "r", seq: 1 });
	assert.deepEqual(client.outbox(), []);
	assert.deepEqual(heard.outbox.map((o) => o.change), ["added", "failed", "pending", "done"]);
});

test("rate_limited rests the outbox as long as the server says", async () => {
	const { client, s } = await online([room("r", 0)]);
	const a = client.message("r", "a");
	s.say({ type: "error", re: a.id, error: { code: "rate_limited", message: "slow", retry_after_ms: 3000 } });
	client.message("r", "b");
	await pass(2_900);
	assert.equal(s.count("message"), 1);
	await pass(200);
	assert.deepEqual(s.got.filter((f) => f.type === "message").map((f) => f.text), ["a", "a", "b"], "in order");
});

test("a failed message can be discarded; id_reused gets a new id", async () => {
	const { client, s } = await online([room("r", 0)]);
	const a = client.message("r", "a");
	s.say({ type: "error", re: a.id, error: { code: "id_reused", message: "?" } });
	const renewed = client.retry(a.id);
	assert.notEqual(renewed, a.id);
	assert.equal(s.last("message").id, renewed);
	client.discard(renewed);
	assert.deepEqual(client.outbox(), []);
	s.say({ type: "ok", re: renewed, room: "r", seq: 1 });
	assert.deepEqual(warnings, []);
});

test("other requests than messages and commands do not stay when they fail", async () => {
	const { client, s, heard } = await online([]);
	const made = client.createRoom({ name: "general", kind: "public" });
	s.say({ type: "error", re: made.id, error: { code: "conflict", message: "The name is taken.", field: "name" } });
	await assert.rejects(made.done, (err) => err instanceof ChatError && err.code === "conflict" && err.field === "name");
	assert.deepEqual(client.outbox(), []);
	assert.equal(heard.outbox.at(-1).change, "failed");
});

test("survives a reload of the page", async () => {
	const storage = new FakeStorage();
	const first = await online([room("r", 0)], { storage });
	const sent = first.client.message("r", "hi");
	const command = first.client.command("r", "/help");
	first.s.say({ type: "ok", re: command.id, call: "c1", timeout_ms: 5000 });
	first.client.close();

	const { client, heard } = newClient({ storage, user: ME.id });
	assert.deepEqual(client.outbox().map((e) => [e.id, e.call]), [[sent.id, undefined], [command.id, "c1"]]);
	client.start();
	await settle();
	const s = welcome([room("r", 0)]);
	assert.equal(s.last("message").id, sent.id);
	assert.equal(s.last("command").id, command.id);
	s.say({ type: "ok", re: sent.id, room: "r", seq: 1 });
	s.say({ type: "outcome", re: command.id, call: "c1", status: "done" });
	assert.equal(heard.outcome[0].room, "r");
	assert.equal(storage.map.size, 0);
});

test("one user's outbox is never sent by another", async () => {
	const storage = new FakeStorage();
	const { client } = await online([room("r", 0)], { storage });
	client.message("r", "of carlos");
	client.close();

	const john = newClient({ storage });
	john.client.start();
	await settle();
	const s = welcome([room("r", 0)], { user: JOHN });
	assert.equal(s.count("message"), 0);
	john.client.close();

	const wrong = newClient({ storage, user: ME.id });
	wrong.client.start();
	await settle();
	assert.equal(welcome([room("r", 0)], { user: JOHN }).count("message"), 0);
	assert.equal(wrong.client.state.reason, "other_user");
});

test("older than 24 hours: not sent, and said so", async () => {
	const storage = new FakeStorage();
	const { client, heard } = newClient({ storage, user: ME.id });
	const sent = client.message("r", "long ago");
	await pass(24 * 3600_000 + 1);
	client.start();
	await settle();
	const s = welcome([room("r", 0)]);
	assert.equal(s.count("message"), 0);
	await assert.rejects(sent.done, { code: "expired" });
	assert.equal(heard.outbox.at(-1).change, "failed");
	const id = client.retry(sent.id);
	assert.notEqual(id, sent.id, "the server may have forgotten the old id");
	assert.equal(s.last("message").id, id);
});

test("the outbox is bounded, and what is too long is refused at once", async () => {
	const { client } = newClient({ maxOutbox: 2 });
	client.message("r", "1");
	client.message("r", "2");
	assert.throws(() => client.message("r", "3"), { code: "outbox_full" });
	client.forget();
	assert.deepEqual(client.outbox(), []);
	assert.throws(() => client.message("r", "é".repeat(40_000)), { code: "too_long" });
});

test("only a few are in flight at a time, in order", async () => {
	const { client } = newClient();
	for (let i = 0; i < 25; i++) client.message("r", String(i));
	client.start();
	await settle();
	const s = welcome([room("r", 0)]);
	const texts = () => s.got.filter((f) => f.type === "message").map((f) => Number(f.text));
	assert.equal(texts().length, 10);
	for (let i = 0; i < 25; i++) {
		const f = s.got.filter((g) => g.type === "message")[i];
		s.say({ type: "ok", re: f.id, room: "r", seq: i + 1 });
	}
	assert.deepEqual(texts(), [...Array(25).keys()]);
});

test("a storage that is full or broken does not stop anything", async () => {
	const storage = {
		getItem: () => "{not json",
		setItem: () => { throw new Error("quota"); },
		removeItem: () => { throw new Error("quota"); },
	};
	const { client, s } = await online([room("r", 0)], { storage });
	const sent = client.message("r", "hi");
	s.say({ type: "ok", re: sent.id, room: "r", seq: 1 });
	assert.equal((await sent.done).seq, 1);
});

test("lone surrogates do not reach the server", async () => {
	const { client, s } = await online([room("r", 0)]);
	client.message("r", "a\uD800b 👍🏽");
	assert.equal(s.last("message").text, "a\uFFFDb 👍🏽");
});

// ---------------------------------------------------------------- asking

test("history gives clean pages", async () => {
	const { client, s } = await online([room("r", 3)]);
	const asked = client.history("r", { before: 3, limit: 2 });
	assert.deepEqual({ ...s.last("history"), id: 0 }, { type: "history", id: 0, room: "r", before: 3, limit: 2 });
	s.say({ type: "ok", re: s.last("history").id, events: [event("r", 1), { seq: "x" }, event("r", 2)], head: 3, floor: 1, more: false });
	const page = await asked;
	assert.deepEqual(page.events.map((e) => e.seq), [1, 2]);
	assert.ok(!("type" in page.events[0]));
	assert.deepEqual([page.head, page.floor, page.more], [3, 1, false]);
});

test("a request waits for the connection and is asked again on the next", async () => {
	const { client } = newClient();
	client.start();
	const asked = client.members("r");
	await settle();
	const s = welcome([room("r", 1)]);
	assert.equal(s.count("members"), 1);
	s.end(1006);
	await pass(500);
	const s2 = welcome([room("r", 1)]);
	s2.say({ type: "ok", re: s2.last("members").id, members: [{ user: JOHN, role: "owner" }, { user: 7 }, null] });
	assert.deepEqual((await asked).members, [{ user: JOHN, role: "owner" }]);
});

test("lists are asked for page by page, but not for ever", async () => {
	const { client, s } = await online([]);
	const asked = client.commands();
	const answer = async (names, more) => {
		s.say({ type: "ok", re: s.last("commands").id, commands: names.map((name) => ({ name })), more });
		await settle();
	};
	await answer(["a", "b"], true);
	assert.equal(s.last("commands").after, "b");
	await answer([{}, "c"], true);
	await answer(["c"], true); // a server that says the same again
	assert.deepEqual((await asked).map((c) => c.name), ["a", "b", "c", "c"]);
	assert.equal(s.count("commands"), 3);
});

test("a request is rejected by the server's error, by its timeout, and when closed", async () => {
	const { client, s } = await online([]);
	const refused = client.history("r");
	s.say({ type: "error", re: s.last("history").id, error: { code: "not_found", message: "No such room." } });
	await assert.rejects(refused, { code: "not_found", message: "No such room." });
	const late = assert.rejects(client.request("commands", {}, { timeout: 1000 }), { code: "no_reply" });
	await pass(1000);
	await late;
	client.close();
	await assert.rejects(client.history("r"), { code: "closed" });
});

test("ping tells the round trip, and the welcome the server's clock", async () => {
	const { client, s } = await online([]);
	const ping = client.ping();
	await pass(40);
	s.say({ type: "ok", re: s.last("ping").id, time: "2026-01-01T00:00:00Z" });
	assert.equal(await ping, 40);
	s.end(1006);
	await pass(500);
	welcome([], { time: new Date(Date.now() + 3600_000).toISOString() });
	assert.equal(client.serverTime, Date.now() + 3600_000);
});

test("read marks go forward, together, and again after a reconnect", async () => {
	const { client, s } = await online([room("r", 5)]);
	for (const seq of [3, 5, 4]) client.read("r", seq);
	await pass(250);
	assert.deepEqual(s.got.filter((f) => f.type === "read"), [{ type: "read", room: "r", seq: 5 }]);
	s.end(1006);
	await pass(500);
	assert.equal(welcome([room("r", 5, { read: 3 })]).last("read").seq, 5);
});

test("typing is said at most every 3 s", async () => {
	const { client, s } = await online([room("r", 5)]);
	client.typing("r");
	client.typing("r");
	assert.equal(s.count("typing"), 1);
	await pass(3000);
	client.typing("r");
	assert.equal(s.count("typing"), 2);
});

// ---------------------------------------------------------------- a hostile server

const HOSTILE = [
	"", "null", "[]", "42", '"x"', "{", "{}", "nul", '{"type":1}', '{"type":"unknown"}', '{"type":"event"}',
	'{"type":"event","room":"r","seq":"7"}', '{"type":"event","room":"r","seq":-1}', '{"type":"event","room":"r","seq":1.5}',
	'{"type":"event","room":"r","seq":1e300}', '{"type":"event","room":{},"seq":1}', '{"type":"event","room":null,"seq":1}',
	'{"type":"ok"}', '{"type":"ok","re":{}}', '{"type":"ok","re":"__proto__"}', '{"type":"error"}', '{"type":"error","re":null}',
	'{"type":"error","re":7,"error":7}', '{"type":"outcome"}', '{"type":"outcome","call":7,"status":"done"}',
	'{"type":"outcome","call":"c","status":"failed","error":null,"seqs":"x","text":7}', '{"type":"notice"}',
	'{"type":"notice","kind":{}}', '{"type":"notice","kind":"new_thing","room":7}', '{"type":"gap"}',
	'{"type":"gap","room":"r","head":"x"}', '{"type":"gap","room":"r","head":-5}', '{"type":"welcome"}',
	'{"type":"event","__proto__":{"room":"r","seq":1}}', '{"__proto__":null,"type":"event"}', "[".repeat(100_000),
];

test("hostile frames are ignored with a warning, before and after the welcome", async () => {
	const { client } = newClient();
	client.start();
	await settle();
	socket().accept();
	for (const frame of HOSTILE) if (!/"type":"(error|welcome)"/.test(frame)) socket().say(frame);
	assert.equal(client.state.name, "connecting");
	const s = welcome([room("r", 0), null, { id: 7 }, { id: "x" }]);
	for (const frame of HOSTILE) s.say(frame);
	assert.equal(client.state.name, "online");
	assert.ok(warnings.length > 40);
	assert.ok(!warnings.some((w) => w.includes("listener")));
	s.say(event("r", 1));
	assert.equal(client.lastSeq("r"), 1);
	assert.equal({}.room, undefined);
});

test("an event that makes no sense is passed over, not asked for again and again", async () => {
	const { s, heard } = await online([room("r", 0)]);
	s.say({ type: "event", room: "r", seq: 1, kind: "message" });
	s.say({ type: "event", room: "r", seq: 2, kind: 7, user: JOHN });
	s.say(event("r", 3, { kind: "from_the_future" }));
	s.say(event("r", 4, { text: { html: 1 }, target: "x", ref: "7", call: { id: 1 }, data: [], mentions: [1], off: "no" }));
	assert.equal(FakeSocket.all.length, 1);
	assert.deepEqual(seqs(heard), [3, 4]);
	const { replayed, ...e } = heard.event[1];
	assert.deepEqual(e, { room: "r", seq: 4, id: "id4-0123456789", kind: "message", time: "2026-01-01T00:00:00.000Z", user: JOHN });
});

test("a welcome that is none is not believed", async () => {
	for (const bad of [{ re: "other" }, { user: null }, { epoch: 7 }, { rooms: {} }]) {
		const { client } = newClient();
		client.start();
		await settle();
		welcome([], bad);
		assert.equal(client.state.name, "waiting", JSON.stringify(bad));
		client.close();
	}
});

test("rooms with names of the language are rooms", async () => {
	const { s, heard } = await online([room("__proto__", 1), room("constructor", 2)]);
	s.say(event("__proto__", 2));
	s.end(1006);
	await pass(500);
	const s2 = socket();
	s2.accept();
	assert.deepEqual(Object.entries(s2.last("hello").rooms).sort(), [["__proto__", 2], ["constructor", 2]]);
	assert.deepEqual(seqs(heard), [2]);
});

test("cleanEvent refuses what is none", () => {
	for (const bad of [null, 7, [], {}, { room: "r" }, { room: "r", seq: 1 }, { ...event("r", 1), user: {} }]) {
		assert.equal(cleanEvent(bad), null);
	}
});

test("reactions of a page of history are checked", () => {
	const of = (reactions) => cleanEvent({ ...event("r", 1), reactions }).reactions;
	const good = { text: "👍", count: 22, users: ["u1", "u2"] };
	assert.deepEqual(of([good, null, 7, { text: "" }, { text: "x", count: 0, users: [] }, { text: "y", count: 1, users: "no" }, { ...good, count: 1.5 }]),
		[good, { text: "y", count: 1, users: [] }]);
	assert.equal(of("no"), undefined);
});

test("ids are random", () => {
	const ids = new Set(Array.from({ length: 1000 }, randomID));
	assert.equal(ids.size, 1000);
	for (const id of ids) assert.match(id, /^[A-Za-z0-9_-]{22}$/);
});
