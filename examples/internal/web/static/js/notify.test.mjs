import { strict as assert } from "node:assert";
import { beforeEach, test } from "node:test";

import { noticeOf, Notifier } from "./notify.js";

const ME = { id: "u1", name: "carlos" };
const JOHN = { id: "u2", name: "john" };
const event = (more = {}) => ({ room: "r", seq: 1, id: "i", kind: "message", time: "", user: JOHN, text: "hello", ...more });
const room = (more = {}) => ({ id: "r", name: "general", kind: "public", mine: true, peer: undefined, ...more });

test("direct messages and mentions are told, nothing else", () => {
	assert.equal(noticeOf(event(), room(), ME), null);
	assert.deepEqual(noticeOf(event(), room({ kind: "direct", peer: JOHN }), ME), { title: "john", body: "hello", tag: "gochat:r" });
	assert.deepEqual(noticeOf(event({ text: "look, @carlos" }), room(), ME), { title: "john in general", body: "look, @carlos", tag: "gochat:r" });
	assert.equal(noticeOf(event({ mentions: ["u1"] }), room(), ME).title, "john in general");
	assert.equal(noticeOf(event({ mentions: ["u1"], text: undefined }), room(), ME).body, "");
	for (const quiet of [{ user: ME }, { replayed: true }, { kind: "reacted" }]) assert.equal(noticeOf(event({ mentions: ["u1"], ...quiet }), room(), ME), null);
	assert.equal(noticeOf(event({ mentions: ["u1"] }), room({ mine: false }), ME), null);
	assert.equal(noticeOf(event({ mentions: ["u1"] }), undefined, ME), null);
});

class Desktop {
	static permission = "default";
	static answer = "granted";
	static asked = 0;
	static shown = [];
	static async requestPermission() {
		Desktop.asked++;
		return Desktop.permission = Desktop.answer;
	}
	constructor(title, options) { Desktop.shown.push(Object.assign(this, { title, ...options })); }
	close() { this.closed = true; }
}
let kept;
const storage = { getItem: (k) => kept.get(k) ?? null, setItem: (k, v) => kept.set(k, v), removeItem: (k) => kept.delete(k) };
let held;
const locks = {
	async request(name, options, fn) {
		held.add(name);
		await fn({ name });
		held.delete(name);
	},
	query: async () => ({ held: [...held].map((name) => ({ name })) }),
};
const notice = { title: "john", body: "hello", tag: "gochat:r" };
beforeEach(() => {
	Object.assign(Desktop, { permission: "default", answer: "granted", asked: 0, shown: [] });
	kept = new Map();
	held = new Set();
});

test("permission is asked when it is switched on, and never else", async () => {
	const n = new Notifier({ desktop: Desktop, storage, locks });
	await n.tell(notice, () => {});
	assert.equal(n.setting, "off");
	assert.deepEqual([Desktop.asked, Desktop.shown.length], [0, 0]);
	assert.equal(await n.set(true), "on");
	assert.equal(Desktop.asked, 1);
	let opened = 0;
	await n.tell(notice, () => opened++);
	assert.equal(Desktop.shown[0].tag, "gochat:r");
	Desktop.shown[0].onclick();
	assert.deepEqual([opened, Desktop.shown[0].closed], [1, true]);
	assert.equal(new Notifier({ desktop: Desktop, storage, locks }).setting, "on", "after a reload");
	assert.equal(await n.set(false), "off");
	await n.tell(notice, () => {});
	assert.equal(Desktop.shown.length, 1);
});

test("refused is refused", async () => {
	Desktop.answer = "denied";
	const n = new Notifier({ desktop: Desktop, storage, locks });
	assert.equal(await n.set(true), "refused");
	assert.equal(await n.set(true), "refused");
	assert.equal(Desktop.asked, 1);
	assert.equal(new Notifier({ desktop: undefined, storage, locks }).setting, "missing");
});

test("nothing is told while somebody looks at any of the tabs", async () => {
	const [here, there] = [new Notifier({ desktop: Desktop, storage, locks }), new Notifier({ desktop: Desktop, storage, locks })];
	await here.set(true);
	here.look(true);
	here.look(true);
	await here.tell(notice, () => {});
	await there.tell(notice, () => {});
	assert.equal(Desktop.shown.length, 0);
	here.look(false);
	await new Promise(setImmediate);
	await there.tell(notice, () => {});
	assert.equal(Desktop.shown.length, 1);
	here.look(true);
	here.look(false); // before the lock was given
	await new Promise(setImmediate);
	assert.equal(held.size, 0);
});
