import { strict as assert } from "node:assert";
import { beforeEach, test } from "node:test";

import { arrived, ended, moved, progressed, shows } from "./outbox.js";
import { newRoom } from "./room.js";

const NOW = 1_000_000;
let room;
beforeEach(() => {
	room = Object.assign(newRoom("r", "public"), { mine: true, loaded: "yes", head: 3 });
});

const message = (more) => ({ id: "a", type: "message", fields: { room: "r", text: "hi" }, at: 5, state: "pending", ...more });
const command = (more) => ({ id: "c", type: "command", fields: { room: "r", text: "/help" }, at: 5, state: "pending", ...more });
const edit = { id: "e", type: "edit", fields: { room: "r", seq: 2, text: "better" }, at: 5, state: "pending" };
const move = (entry, change, reply) => moved(room, { entry, change, reply }, NOW);
const error = { code: "forbidden", message: "no" };

test("a message waits, is stored, and goes when its event is here", () => {
	room.newAfter = 2;
	move(message({ fields: { room: "r", text: "hi", reply_to: 2 } }), "added");
	assert.deepEqual([...room.local.values()], [{ id: "a", type: "message", text: "hi", at: NOW, state: "pending", replyTo: 2 }]);
	assert.equal(room.newAfter, null, "who answers has read");
	move(message(), "done", { seq: 4 });
	assert.deepEqual([room.local.get("a").state, room.local.get("a").seq, room.local.get("a").at], ["stored", 4, NOW]);
	arrived(room, "a");
	assert.equal(room.local.size, 0);
	move(message(), "added");
	room.log = [{ seq: 4 }];
	move(message(), "done", { seq: 4 });
	assert.equal(room.local.size, 0, "the event came first");
	move(message(), "added");
	room.loaded = "no";
	move(message(), "done", { seq: 5 });
	assert.equal(room.local.size, 0, "it will be in the page of history");
});

test("a message that failed says why, until it is sent again or thrown away", () => {
	move(message(), "restored");
	assert.equal(room.local.get("a").at, 5, "of an earlier page nothing better is known");
	move(message({ state: "failed", error }), "failed");
	assert.deepEqual([room.local.get("a").state, room.local.get("a").error], ["failed", error]);
	move(message(), "pending");
	assert.deepEqual([room.local.get("a").state, room.local.get("a").error], ["pending", undefined]);
	move(message(), "discarded");
	assert.equal(room.local.size, 0);
});

test("a command is pending until its outcome, which only I see", () => {
	move(command(), "added");
	move(command({ call: "k" }), "accepted");
	assert.equal(progressed(room, "other", "x"), false);
	assert.equal(progressed(room, "k", "half"), true);
	assert.equal(room.local.get("c").progress, "half");
	const outcome = { call: "k", id: "c", room: "r", line: "/help", status: "ephemeral", text: "this", seqs: [] };
	ended(room, outcome, NOW);
	ended(room, outcome, NOW);
	assert.equal(room.local.size, 0);
	assert.deepEqual(room.notes, [{ id: "k", line: "/help", text: "this", status: "ephemeral", at: NOW, after: 3 }], "once");
	ended(room, { ...outcome, call: "k2", status: "done", text: "" }, NOW);
	assert.equal(room.notes.length, 1, "done in silence");
	ended(room, { call: "k3", status: "failed", text: "", seqs: [], error: { code: "timeout", message: "late" } }, NOW);
	ended(room, { call: "k4", status: "failed", text: "", seqs: [] }, NOW);
	assert.deepEqual(room.notes.slice(1).map((n) => [n.status, n.code, n.text]), [["failed", "timeout", "late"], ["failed", "internal", "The command failed."]]);
	for (let i = 0; i < 200; i++) ended(room, { ...outcome, call: `n${i}` }, NOW);
	assert.equal(room.notes.length, 50, "they do not grow for ever");
	assert.equal(room.notes.at(-1).id, "n199");
});

test("a command that the server refused is a note, until it is run again or thrown away", () => {
	move(command(), "added");
	move(command({ state: "failed", error }), "failed");
	assert.equal(room.local.size, 0);
	assert.deepEqual([room.notes[0].entry, room.notes[0].code, room.notes[0].line], ["c", "forbidden", "/help"]);
	move(command(), "pending");
	assert.deepEqual([room.notes.length, room.local.size], [0, 1]);
	move(command({ state: "failed", error: { code: "x", message: "again" } }), "failed");
	assert.equal(room.notes[0].text, "again");
	move(command({ state: "failed" }), "discarded");
	assert.deepEqual([room.notes.length, room.local.size], [0, 0]);
});

test("what I change is shown ahead, until its event is here or it failed", () => {
	move(edit, "added");
	assert.deepEqual(room.pending.get("e"), { type: "edit", seq: 2, text: "better", on: false });
	move(edit, "done", { seq: 4 });
	assert.equal(room.pending.get("e").until, 4);
	arrived(room, "e");
	assert.equal(room.pending.size, 0);
	move(edit, "added");
	move(edit, "done", { seq: 3 });
	assert.equal(room.pending.size, 0, "the event came first");
	move({ id: "x", type: "react", fields: { room: "r", seq: 2, emoji: "👍", on: true }, at: 5, state: "pending" }, "added");
	assert.deepEqual(room.pending.get("x"), { type: "react", seq: 2, text: "👍", on: true });
	move({ id: "x", type: "react", fields: { room: "r", seq: 2 }, at: 5, state: "failed" }, "failed");
	move({ ...edit, fields: { room: "r", seq: "2" } }, "added");
	assert.equal(room.pending.size, 0);
});

test("joins and the like show nowhere", () => {
	assert.deepEqual(["message", "command", "edit", "delete", "react", "join", "create_room"].filter(shows), ["message", "command", "edit", "delete", "react"]);
	move({ id: "j", type: "join", fields: { room: "r" }, at: 5, state: "pending" }, "added");
	assert.deepEqual([room.local.size, room.pending.size], [0, 0]);
});
