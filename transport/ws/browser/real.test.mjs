// The client against a real server, started by go test: see real_test.go.
import { strict as assert } from "node:assert";
import { afterEach, test } from "node:test";

import { Client, closeMeaning } from "./gochat.js";

const URL_ = process.env.GOCHAT_TEST_URL;
const skip = URL_ ? false : "go test starts it, with a server";

/** Has the server, or the network in between, do something. */
async function control(path) {
	const answer = await fetch(process.env.GOCHAT_TEST_CONTROL + path, { method: "POST" });
	const body = await answer.text();
	assert.ok(answer.ok, body);
	return body ? JSON.parse(body) : undefined;
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until what is true; the whole test has a time limit. */
async function until(what) {
	while (!what()) await sleep(5);
}

let clients = [];
afterEach(async () => {
	for (const c of clients) c.close();
	clients = [];
	// Also ends sockets that wait for an answer to their close.
	if (!skip) await control("/cut");
});

/** A client with what it hears. It comes back soon, so that tests are quick. */
function connect(name, options = {}) {
	const client = new Client({ url: URL_, token: async () => name, random: () => 0.05, storage: null, target: null, ...options });
	const heard = { event: [], gap: [], outcome: [], welcome: [], state: [], notice: [] };
	for (const kind of Object.keys(heard)) client.on(kind, (v) => heard[kind].push(v));
	heard.texts = (room) => heard.event.filter((e) => e.kind === "message" && e.room === room).map((e) => e.text);
	clients.push(client);
	client.start();
	return { client, heard };
}

const online = ({ client }) => until(() => client.state.name === "online");

/** A room of its own for a test, with both in it. */
async function roomOf(a, b) {
	await online(a);
	const made = await a.client.createRoom({ name: `room ${Math.random()}`, kind: "public" }).done;
	if (b) {
		await online(b);
		await b.client.join(made.room).done;
	}
	return made.room;
}

const limits = { skip, timeout: 60_000 };

test("uses the WebSocket that Node.js has", limits, async () => {
	const a = connect("ana");
	await online(a);
	assert.equal(a.client.user.name, "ana");
	assert.equal(a.heard.welcome[0].rooms[0].name, "general");
	assert.ok(Math.abs(a.client.serverTime - Date.now()) < 60_000);
	assert.ok((await a.client.ping()) >= 0);
});

test("through connections that are killed again and again everybody has everything once, in order", limits, async () => {
	const people = [connect("ana"), connect("bob"), connect("eve")];
	const [a, b, c] = people;
	const room = await roomOf(a, b);
	await online(c);
	await c.client.join(room).done;
	const each = 40;
	const stored = new Map();
	const sent = [];
	for (let i = 0; i < each; i++) {
		for (const { client } of people) {
			const text = `${client.user.name} ${i}`;
			sent.push(client.message(room, text).done.then(({ seq }) => stored.set(text, seq)));
		}
		if (i % 5 === 2) {
			await until(() => people.every(({ client }) => client.state.name === "online"));
			await control("/cut");
		}
		await sleep(10);
	}
	await Promise.all(sent);
	await until(() => people.every(({ heard }) => heard.texts(room).length >= 3 * each));
	for (const { client, heard } of people) {
		const events = heard.event.filter((e) => e.room === room);
		const seqs = events.map((e) => e.seq);
		assert.deepEqual(seqs, seqs.map((_, i) => seqs[0] + i), `${client.user.name} has every seq once, in order`);
		assert.deepEqual(heard.texts(room), a.heard.texts(room));
		for (const e of events) if (e.kind === "message") assert.equal(stored.get(e.text), e.seq, "what was acknowledged is what came");
		assert.deepEqual(heard.gap, []);
		assert.ok(heard.welcome.length > 3, "it was cut");
		assert.deepEqual(client.outbox(), []);
	}
	// Each sender's own messages are in the order in which they were sent.
	for (const { client } of people) {
		const mine = a.heard.texts(room).filter((t) => t.startsWith(client.user.name));
		assert.deepEqual(new Set(mine).size, each);
	}
	const page = await a.client.history(room, { limit: 200 });
	assert.deepEqual(page.events.filter((e) => e.kind === "message").map((e) => e.text), a.heard.texts(room));
});

test("a server that restarts says when to come back, and what was sent meanwhile is stored once", limits, async () => {
	const [a, b] = [connect("ana"), connect("bob")];
	const room = await roomOf(a, b);
	await a.client.message(room, "before").done;
	const restarted = control("/restart");
	await until(() => a.client.state.name !== "online");
	assert.equal(a.client.state.code, 1012);
	assert.match(a.client.state.reason, /^retry_after_ms=\d+$/);
	const sent = a.client.message(room, "meanwhile");
	assert.equal(a.client.outbox().length, 1);
	await restarted;
	a.client.retryNow();
	await sent.done;
	await until(() => b.heard.texts(room).length >= 2);
	await a.client.message(room, "after").done;
	await until(() => b.heard.texts(room).length >= 3);
	assert.deepEqual(b.heard.texts(room), ["before", "meanwhile", "after"]);
	assert.ok(b.heard.welcome.length > 1);
});

test("the outbox outlives the page: another client with its storage sends the rest", limits, async () => {
	const map = new Map();
	const storage = { getItem: (k) => map.get(k) ?? null, setItem: (k, v) => map.set(k, v), removeItem: (k) => map.delete(k) };
	const [a, b] = [connect("ana", { storage }), connect("bob")];
	const room = await roomOf(a, b);
	await control("/refuse");
	await until(() => a.client.state.name !== "online");
	for (const text of ["one", "two", "three"]) a.client.message(room, text);
	a.client.close();
	const again = connect("ana", { storage, user: "u-ana" });
	assert.deepEqual(again.client.outbox().map((e) => e.fields.text), ["one", "two", "three"]);
	await control("/resume");
	again.client.retryNow();
	await until(() => again.client.outbox().length === 0 && b.heard.texts(room).length >= 3);
	assert.deepEqual(b.heard.texts(room), ["one", "two", "three"]);
	assert.equal(map.size, 0);
});

test("a token that is refused is asked for anew", limits, async () => {
	const asked = [];
	const a = connect("x", {
		token: async ({ refresh }) => (asked.push(refresh), refresh ? "ana" : "nobody"),
		probe: async () => "refresh",
	});
	await online(a);
	assert.deepEqual(asked, [false, true]);
	assert.ok((await control("/counts")).refused > 0);
});

test("a token that is about to end is renewed on the connection", limits, async () => {
	const asked = [];
	const a = connect("x", {
		token: async ({ refresh }) => (asked.push(refresh), `ana_${Date.now() + (refresh ? 3600_000 : 30_000)}`),
	});
	await online(a);
	await until(() => asked.length === 2);
	while ((await control("/counts")).renewed < 1) await sleep(5);
	await a.client.ping();
	assert.equal(a.heard.welcome.length, 1, "the connection is the same");
	assert.deepEqual(asked, [false, true]);
});

test("a login that is revoked ends it for good", limits, async () => {
	const a = connect("zoe");
	await online(a);
	await control("/revoke?user=zoe");
	await until(() => a.client.state.name === "closed");
	assert.equal(a.client.state.code, 4501);
	assert.equal(closeMeaning(a.client.state.code), "stop");
});

test("a command ends once, in the room or for its caller alone", limits, async () => {
	const [a, b] = [connect("ana"), connect("bob")];
	const room = await roomOf(a, b);
	const done = await a.client.command(room, "/echo hello").done;
	assert.equal(done.status, "done");
	await until(() => b.heard.texts(room).length === 1);
	const [e] = b.heard.event.filter((e) => e.kind === "message" && e.room === room);
	assert.deepEqual([e.text, e.user.bot, e.call.name, e.call.by.name], ["hello", true, "echo", "ana"]);
	assert.deepEqual(done.seqs, [e.seq]);
	const quiet = await a.client.command(room, "/echo privately").done;
	assert.deepEqual([quiet.status, quiet.text], ["ephemeral", "only you"]);
	const unknown = a.client.command(room, "/nothing");
	await assert.rejects(unknown.done, { code: "unknown_command" });
	a.client.discard(unknown.id);
	assert.ok((await a.client.commands()).some((c) => c.name === "echo"));

	const cut = a.client.command(room, "/echo again");
	await control("/cut");
	assert.equal((await cut.done).status, "done");
	await until(() => b.heard.texts(room).length === 2);
	assert.equal(a.heard.outcome.filter((o) => o.id === cut.id).length, 1);
	assert.deepEqual(b.heard.texts(room), ["hello", "again"]);
});

test("who was away too long is told of a gap, and pages it", limits, async () => {
	const [a, b] = [connect("ana"), connect("bob")];
	const room = await roomOf(a, b);
	await a.client.message(room, "m0").done;
	await until(() => b.heard.texts(room).length === 1);
	const last = b.client.lastSeq(room);
	b.client.close();
	const many = 520;
	const sent = [];
	for (let i = 1; i <= many; i++) {
		sent.push(a.client.message(room, `m${i}`).done);
		if (sent.length % 100 === 0) await Promise.all(sent); // the outbox has room for 200
	}
	await Promise.all(sent);
	b.client.start();
	await until(() => b.heard.gap.length > 0);
	const [gap] = b.heard.gap;
	assert.deepEqual([gap.room, gap.after, gap.head, gap.reset], [room, last, last + many, false]);
	const texts = [];
	for (let after = gap.after; after < gap.head; ) {
		const { events } = await b.client.history(room, { after, limit: 200 });
		texts.push(...events.map((e) => e.text));
		after = events.at(-1).seq;
	}
	assert.deepEqual(texts, Array.from({ length: many }, (_, i) => `m${i + 1}`));
	await a.client.message(room, "live").done;
	await until(() => b.heard.texts(room).includes("live"));
	assert.equal(b.client.lastSeq(room), gap.head + 1);
});

test("a connection that is dead without a word is found when the network comes back", limits, async () => {
	const target = new EventTarget();
	const a = connect("ana", { target });
	const room = await roomOf(a);
	await control("/halfopen");
	const sent = a.client.message(room, "into the void");
	await control("/resume");
	target.dispatchEvent(new Event("offline")); // a ping, and 10 s for its answer
	await sent.done;
	assert.deepEqual(a.heard.texts(room), ["into the void"]);
	assert.equal(a.heard.welcome.length, 2);
});

test("members, rooms and completion of a real server", limits, async () => {
	const [a, b] = [connect("ana"), connect("bob")];
	const room = await roomOf(a, b);
	assert.deepEqual((await a.client.allMembers(room)).map((m) => [m.user.name, m.role]), [["ana", "owner"], ["bob", "member"]]);
	assert.ok((await a.client.allRooms()).some((r) => r.id === room && r.role === "owner"));
	assert.ok((await a.client.complete(room, "/ec", 3)).length > 0);
	const direct = await a.client.direct("u-bob").done;
	assert.equal((await b.client.direct("u-ana").done).room, direct.room);
	const { seq } = await a.client.message(room, "helo").done;
	await a.client.edit(room, seq, "hello").done;
	await b.client.react(room, seq, "👍", true).done;
	const found = (await b.client.history(room)).events.find((e) => e.seq === seq);
	assert.deepEqual([found.text, found.reactions[0].text, found.reactions[0].count], ["hello", "👍", 1]);
	await a.client.delete(room, seq).done;
	await until(() => b.heard.event.some((e) => e.kind === "deleted" && e.ref === seq));
	b.client.read(room, seq);
	b.client.typing(room);
	await until(() => a.heard.notice.some((n) => n.kind === "typing" && n.in === room));
	await b.client.leave(room).done;
	await until(() => b.client.lastSeq(room) === 0);
});
