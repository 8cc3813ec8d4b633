import { strict as assert } from "node:assert";
import { test } from "node:test";

import { rowsOf } from "./rows.js";

const ME = { id: "u1", name: "carlos" };
const JOHN = { id: "u2", name: "john" };
const ANA = { id: "u3", name: "ana" };
const NOON = new Date(2026, 0, 2, 12).getTime();
const MINUTE = 60_000;

const event = (seq, minutes, more = {}) => ({
	room: "r", seq, id: `i${seq}`, kind: "message", time: new Date(NOON + minutes * MINUTE).toISOString(), user: JOHN, text: "x", ...more,
});
const room = (log, more = {}) => ({
	id: "r", name: "r", kind: "public", newAfter: null, log, loaded: "yes", more: true, local: new Map(), pending: new Map(), notes: [], ...more,
});
const rows = (r, now = NOON + 60 * MINUTE) => rowsOf(r, { me: ME, now });
const shape = (list) => list.map((r) => (r.type === "message" ? `${r.key}${r.first ? "*" : ""}` : r.type));

test("messages of one author within five minutes are a group", () => {
	const log = [event(1, 0), event(2, 4), event(3, 8.9), event(4, 14), event(5, 15, { user: ANA }), event(6, 16)];
	assert.deepEqual(shape(rows(room(log))), ["day", "m1*", "m2", "m3", "m4*", "m5*", "m6*"]);
});

test("a day, an answer to something and another call begin a group", () => {
	const bot = { id: "bot:b", name: "b", bot: true };
	const call = (id) => ({ id, name: "x", by: JOHN });
	const log = [event(1, -721), event(2, -719), event(3, -718, { ref: 1 }), event(4, 0, { user: bot, call: call("a") }), event(5, 0, { user: bot, call: call("a") }), event(6, 0, { user: bot, call: call("b") })];
	const list = rows(room(log));
	assert.deepEqual(shape(list), ["day", "m1*", "day", "m2*", "m3*", "m4*", "m5", "m6*"]);
	assert.equal(list[4].replyTo.seq, 1);
	assert.deepEqual(list.filter((r) => r.type === "day").map((r) => r.label), ["Yesterday", "Today"]);
});

test("the marker is before the first message of others that is new", () => {
	const log = [event(1, 0), event(2, 1, { user: ME }), event(3, 2, { kind: "joined", target: ANA, user: ANA }), event(4, 3)];
	assert.deepEqual(shape(rows(room(log, { newAfter: 1 }))), ["day", "m1*", "oi2*", "system", "new", "m4*"]);
	assert.deepEqual(shape(rows(room(log, { newAfter: 4 }))), ["day", "m1*", "oi2*", "system", "m4*"]);
});

test("joins in a row are one line", () => {
	const join = (seq, user) => event(seq, 0, { kind: "joined", user, target: user });
	const many = [1, 2, 3, 4, 5].map((n) => join(n, { id: `x${n}`, name: `n${n}` }));
	const [, row] = rows(room(many));
	assert.equal(row.text, "n1, n2, n3 and 2 others joined");
	const list = rows(room([join(1, JOHN), join(2, ANA), event(3, 0, { kind: "left", user: ANA, target: ANA }), event(4, 0, { kind: "joined", user: JOHN, target: ANA })]));
	assert.deepEqual(list.slice(1).map((r) => r.text), ["john and ana joined", "ana left", "john added ana"]);
});

test("the beginning says who made the room, and not again that they joined", () => {
	const log = [event(1, 0, { kind: "created", text: "r" }), event(2, 0, { kind: "joined", target: JOHN }), event(3, 0, { kind: "joined", target: ANA }), event(4, 1)];
	const list = rows(room(log, { more: false }));
	assert.deepEqual(shape(list), ["start", "day", "system", "m4*"]);
	assert.equal(list[0].created.user.name, "john");
	assert.equal(list[2].text, "john added ana");
	assert.deepEqual(shape(rows(room(log))), ["day", "system", "m4*"], "the beginning is not known yet");
});

test("events of the future, edits and reactions are no rows; reactions are counted", () => {
	const react = (seq, user, off = false) => event(seq, 1, { kind: "reacted", ref: 1, text: "👍", user, ...(off && { off }) });
	const log = [event(1, 0), react(2, JOHN), react(3, ANA), react(4, ANA, true), event(5, 1, { kind: "edited", ref: 1 }), event(6, 1, { kind: "from_the_future" })];
	const list = rows(room(log));
	assert.deepEqual(shape(list), ["day", "m1*"]);
	assert.deepEqual(list[1].reactions, [{ emoji: "👍", count: 1, users: ["john"], mine: false }]);
});

test("reactions of a page of history count on with what is said later", () => {
	const react = (seq, user, off = false) => event(seq, 1, { kind: "reacted", ref: 1, text: "👍", user, ...(off && { off }) });
	const base = (users, count, at) => event(1, 0, { reactions: [{ text: "👍", count, users }], reactions_at: at });
	const of = (log, more) => rows(room(log, more)).find((r) => r.type === "message").reactions;
	assert.deepEqual(of([base(["u1", "u2"], 30, 9)]), [{ emoji: "👍", count: 30, users: ["you", "john"], mine: true }]);
	assert.deepEqual(of([base(["u2"], 1, 3), react(2, JOHN), react(3, JOHN)]), [{ emoji: "👍", count: 1, users: ["john"], mine: false }], "counted already");
	assert.deepEqual(of([base(["u2"], 1, 3), react(4, ANA), react(5, JOHN, true)]), [{ emoji: "👍", count: 1, users: ["ana"], mine: false }]);
	assert.deepEqual(of([base(["u1"], 22, 3), react(4, ANA, true)])[0].count, 21, "somebody who was not named");
	assert.deepEqual(of([base(["u1"], 1, 3)], { pending: new Map([["p", { type: "react", seq: 1, text: "👍", on: false }]]) }), []);
	assert.deepEqual(of([event(1, 0)], { pending: new Map([["p", { type: "react", seq: 1, text: "🎉", on: true }]]) }),
		[{ emoji: "🎉", count: 1, users: ["you"], mine: true }], "at once");
	assert.deepEqual(of([event(1, 0, { ...base(["u2"], 1, 3), text: undefined, deleted_by: 2 })]), []);
});

test("what I change is shown before the server has said so", () => {
	const pending = (p) => ({ pending: new Map([["p", { seq: 1, text: "", on: false, ...p }]]) });
	const edited = rows(room([event(1, 0)], pending({ type: "edit", text: "y" })))[1];
	assert.deepEqual([edited.event.text, edited.saving], ["y", true]);
	const gone = rows(room([event(1, 0)], pending({ type: "delete" })))[1];
	assert.deepEqual([gone.event.text, gone.event.deleted_by !== undefined], [undefined, true]);
	assert.equal(rows(room([event(1, 0)]))[1].saving, false);
});

test("an answer to what is not loaded says so", () => {
	assert.equal(rows(room([event(7, 0, { ref: 3 })]))[1].unquoted, true);
	assert.equal(rows(room([event(3, 0), event(7, 0, { ref: 3 })]))[2].replyTo.seq, 3);
});

test("what is unsent is at the end, and keeps its key when it is stored", () => {
	const local = new Map([["a", { id: "a", type: "message", text: "hi", at: NOON, state: "pending" }], ["c", { id: "c", type: "command", text: "/x", at: NOON, state: "pending" }], ["b", { id: "b", type: "message", text: "ho", at: NOON, state: "pending" }]]);
	const list = rows(room([event(1, 0)], { local }));
	assert.deepEqual(list.slice(2).map((r) => [r.key, r.first]), [["oa", true], ["oc", false], ["ob", false]]);
	const stored = rows(room([event(1, 0), event(2, 1, { user: ME, id: "a" })]));
	assert.equal(stored[2].key, "oa");
	const after = rows(room([event(1, 59, { user: ME })], { local }));
	assert.equal(after[2].first, false, "it goes on with what I said a minute ago");
});

test("a private note stands where it came", () => {
	const note = (id, after) => ({ id, line: "", text: "t", status: "ephemeral", at: 0, after });
	const list = rows(room([event(5, 0), event(6, 1)], { notes: [note("old", 2), note("a", 5), note("b", 6)] }));
	assert.deepEqual(list.map((r) => r.key), ["d2026-01-02", "m5", "na", "m6", "nb"], "what is before the page waits for its page");
});

test("times that are none do not hide messages", () => {
	assert.deepEqual(shape(rows(room([event(1, 0, { time: "" }), event(2, 0, { time: "x" })]))), ["m1*", "m2*"]);
});

test("five thousand events are quick to lay out", () => {
	const log = Array.from({ length: 5000 }, (_, i) => event(i + 1, i));
	const began = Date.now();
	rows(room(log));
	assert.ok(Date.now() - began < 1000);
});

test("a name that runs from right to left keeps to itself in a sentence", () => {
	const user = { id: "u9", name: "יוחנן (2)" };
	const log = [event(1, 0, { kind: "joined", target: user, user }), event(2, 1, { kind: "renamed", text: "plain", user }), event(3, 2, { kind: "renamed", text: "חדר" })];
	assert.deepEqual(rows(room(log)).filter((r) => r.type === "system").map((r) => r.text), [
		"\u2068יוחנן (2)\u2069 joined", "\u2068יוחנן (2)\u2069 renamed the room to plain", "john renamed the room to \u2068חדר\u2069",
	]);
});
