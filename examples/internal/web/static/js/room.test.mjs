import assert from "node:assert/strict";
import test from "node:test";

import { changes, newRoom, rights } from "./room.js";

const ME = { id: "u1", name: "carlos" };
const room = (more) => ({ ...newRoom("r", "public"), mine: true, role: "member", ...more });
const message = (more) => ({ room: "r", seq: 1, id: "i", kind: "message", time: "", user: ME, text: "x", ...more });
const shown = (r) => {
	const { remove, ...rest } = rights(r);
	return [...Object.keys(rest).filter((k) => rest[k]), ...["member", "admin", "owner"].filter(remove).map((x) => `remove ${x}`)].join(", ");
};

test("what a role allows", () => {
	const cases = [
		[{ role: "member" }, "say, invite"],
		[{ role: "member", kind: "private" }, "say"],
		[{ role: "admin", kind: "private" }, "say, invite, rename, unban, deleteAny, remove member"],
		[{ role: "owner" }, "say, invite, rename, archive, roles, unban, deleteAny, remove member, remove admin, remove owner"],
		[{ role: "owner", archived: true }, "archive, unban, remove member, remove admin, remove owner"],
		[{ role: "member", kind: "direct" }, "say"],
		[{ role: "owner", kind: "direct" }, "say"],
		[{ role: "", mine: false }, ""],
	];
	for (const [r, want] of cases) assert.equal(shown(room(r)), want, JSON.stringify(r));
});

test("what I may do with a message", () => {
	const may = (r, e) => Object.entries(changes(room(r), message(e), ME)).filter(([, yes]) => yes).map(([k]) => k).join(", ");
	const john = { user: { id: "u2", name: "john" } };
	assert.equal(may({}, {}), "reply, react, edit, delete");
	assert.equal(may({}, john), "reply, react");
	assert.equal(may({ role: "admin" }, john), "reply, react, delete");
	assert.equal(may({ role: "owner", kind: "direct" }, john), "reply, react");
	assert.equal(may({}, { deleted_by: 2 }), "");
	assert.equal(may({ archived: true }, {}), "");
	assert.equal(may({ mine: false }, {}), "");
	assert.equal(may({}, { kind: "joined" }), "");
});
