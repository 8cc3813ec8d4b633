import assert from "node:assert/strict";
import test from "node:test";

import { matchingUsers, mentionAt } from "./mention.js";

test("what is typed behind an @", () => {
	const cases = [
		["@", 1, { start: 0, part: "" }],
		["hello @jo", 9, { start: 6, part: "jo" }],
		["(@jo", 4, { start: 1, part: "jo" }],
		["line\n@jö.x-1_", 13, { start: 5, part: "jö.x-1_" }],
		["hello @jo there", 9, { start: 6, part: "jo" }],
		["hello @john", 9, null], // in the middle of a name
		["mail@jo", 7, null],
		["@@jo", 4, null],
		["@jo hn", 6, null],
		["hello", 5, null],
		["", 0, null],
	];
	for (const [text, cursor, want] of cases) assert.deepEqual(mentionAt(text, cursor), want, text);
});

test("who is offered", () => {
	const users = [["u1", "Ann Lee"], ["u2", "lena"], ["u3", "Bob"], ["u4", "Leo"]].map(([id, name]) => ({ id, name }));
	const names = (part, me = "") => matchingUsers(users, part, me).map((u) => u.name);
	assert.deepEqual(names("le"), ["lena", "Leo", "Ann Lee"], "names before words of names");
	assert.deepEqual(names("LE", "u2"), ["Leo", "Ann Lee", "lena"], "me last");
	assert.deepEqual(names("x"), []);
	assert.equal(names("").length, 4);
	assert.deepEqual(names("b<"), []);
	const many = Array.from({ length: 5000 }, (_, i) => ({ id: `u${i}`, name: `user ${i}` }));
	assert.equal(matchingUsers(many, "us", "").length, 8);
});
