import { strict as assert } from "node:assert";
import { test } from "node:test";

import { Chunks } from "./chunks.js";

const events = new Map();
const event = (seq) => events.get(seq) ?? events.set(seq, { seq, text: `text ${seq}` }).get(seq);
const message = (seq, more = {}) => ({ type: "message", key: `m${seq}`, event: event(seq), first: true, saving: false, unquoted: false, reactions: [], ...more });
const run = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => message(from + i));
const shape = (chunks) => chunks.map((c) => `${c.key}: ${c.rows[0].key}–${c.rows.at(-1).key}`);

test("older rows move none of those that are there", () => {
	const chunks = new Chunks();
	const before = chunks.update(run(100, 300));
	assert.deepEqual(shape(before), ["c1: m100–m127", "c2: m128–m191", "c3: m192–m255", "c4: m256–m300"]);
	const after = chunks.update(run(50, 300));
	assert.deepEqual(shape(after).slice(0, 2), ["c0: m50–m63", "c1: m64–m127"]);
	assert.deepEqual(after.slice(2), before.slice(1));
	for (let i = 1; i < 4; i++) assert.equal(after[i + 1], before[i], "the very same");
	assert.notEqual(after[1], before[0]);
	assert.equal(after[1].rows.at(-1), before[0].rows.at(-1), "of its rows those that were there are the same");
});

test("what changed is new, and so is its run alone", () => {
	const chunks = new Chunks();
	const reacted = [{ emoji: "x", count: 1, users: ["john"], mine: false }];
	const before = chunks.update([...run(1, 200), { type: "local", key: "oa", local: { id: "a" }, first: true }]);
	const rows = run(1, 200);
	rows[69] = message(70, { reactions: reacted });
	const after = chunks.update([...rows, { type: "local", key: "oa", local: { id: "a", progress: "half" }, first: true }]);
	assert.deepEqual(before.map((c, i) => c === after[i]), [true, false, true, true, false]);
	assert.equal(after[4].key, "tail");
	const again = chunks.update([...rows.slice(0, 69), message(70, { reactions: reacted.map((r) => ({ ...r })) }), ...rows.slice(70)]);
	assert.equal(again[1], after[1], "equal reactions are the same");
	assert.equal(again.length, 4);
	for (const differs of [{ first: false }, { saving: true }, { unquoted: true }, { replyTo: event(1) }, { event: { ...event(70) } }, { reactions: [] }]) {
		const [, chunk] = chunks.update([...rows.slice(0, 69), message(70, { reactions: reacted, ...differs }), ...rows.slice(70)]);
		assert.notEqual(chunk, after[1], JSON.stringify(differs));
	}
});

test("days and the marker stand with what is below them, notes with what is above", () => {
	const chunks = new Chunks();
	const day = { type: "day", key: "d1", label: "Today" };
	const rows = [{ type: "start", key: "start" }, day, ...run(62, 63), { type: "note", key: "n1", note: { after: 63 } }, { type: "new", key: "new" }, ...run(64, 65)];
	assert.deepEqual(shape(chunks.update(rows)), ["c0: start–n1", "c1: new–m65"]);
	assert.deepEqual(shape(chunks.update([{ type: "start", key: "start" }])), ["tail: start–start"]);
	chunks.clear();
	assert.deepEqual(chunks.update([]), []);
});
