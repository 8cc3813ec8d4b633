import { strict as assert } from "node:assert";
import { test } from "node:test";

import { understood } from "./notices.js";

const user = { id: "u", name: "u" };
const room = { id: "r", kind: "public" };

test("notices of the protocol are understood", () => {
	for (const n of [
		{ kind: "room_created", room }, { kind: "room_updated", room }, { kind: "added", room }, { kind: "progress", call: "c", text: "half" },
		{ kind: "auth_expiring", expires: "x" }, { kind: "typing", in: "r", user }, { kind: "typing", in: "r", count: 0 },
		{ kind: "presence", user, online: false }, { kind: "presence", in: "r", count: 1204 }, { kind: "read", in: "r", user, seq: 15 },
	]) assert.equal(understood(n), true, JSON.stringify(n));
});

test("unknown kinds, and those that lack something, are not", () => {
	for (const n of [
		{ kind: "later" }, { kind: "toString" }, { kind: "__proto__" }, { kind: "" }, { kind: "added" }, { kind: "added", room: "r" },
		{ kind: "added", room: { id: 7, kind: "public" } }, { kind: "progress", call: {}, text: "x" }, { kind: "progress", call: "c" },
		{ kind: "typing" }, { kind: "typing", user }, { kind: "typing", in: "r" }, { kind: "typing", in: "r", user: { id: 7 } }, { kind: "typing", in: "r", count: -1 },
		{ kind: "presence", user }, { kind: "presence", user, online: "x" }, { kind: "presence", count: 3 }, { kind: "presence", in: "r", count: "3" },
		{ kind: "read", in: "r", user }, { kind: "read", in: "r", seq: 3 }, { kind: "read", in: "r", user, seq: "3" },
	]) assert.equal(understood(n), false, JSON.stringify(n));
});
