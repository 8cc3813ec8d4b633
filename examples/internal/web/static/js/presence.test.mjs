import { strict as assert } from "node:assert";
import { beforeEach, test } from "node:test";

import { crowdText, crowded, People, writes, writing, wrote } from "./presence.js";
import { newRoom } from "./room.js";

const ME = { id: "u1", name: "carlos" };
const user = (id) => ({ id, name: `name of ${id}` });
let room;
beforeEach(() => {
	room = Object.assign(newRoom("r", "public"), { mine: true });
});
const typing = (more, now = 0) => writes(room, { kind: "typing", in: "r", ...more }, ME, now);
const text = (now) => writing(room, now).text;

test("who writes is named, for six seconds", () => {
	assert.equal(typing({ user: user("a") }), true);
	assert.deepEqual(writing(room, 0), { text: "name of a is typing…", until: 6_000 });
	typing({ user: user("b") }, 1_000);
	assert.deepEqual(writing(room, 2_000), { text: "name of a and name of b are typing…", until: 6_000 });
	assert.equal(text(6_500), "name of b is typing…");
	for (const id of ["c", "d", "e"]) typing({ user: user(id) }, 6_500);
	assert.equal(text(6_600), "Several people are typing…");
	assert.equal(text(20_000), "");
	for (let i = 0; i < 100; i++) typing({ user: user(`x${i}`) }, 20_000);
	assert.equal(room.typing.size, 20, "not without end");
});

test("I am not told that I write", () => {
	assert.equal(typing({ user: ME }), false);
	assert.equal(text(0), "");
	assert.equal(writing(undefined, 0).text, "");
});

test("of a crowd it is said how many write, but for myself", () => {
	typing({ user: user("a") });
	typing({ count: 7 });
	assert.deepEqual(writing(room, 100), { text: "Several people are typing…", until: 6_000 });
	typing({ count: 1 }, 1_000);
	assert.equal(text(1_100), "Somebody is typing…");
	wrote(room, 1_100);
	assert.equal(text(1_200), "", "that is me");
	typing({ count: 2 }, 1_200);
	assert.equal(text(1_300), "Somebody is typing…");
	typing({ count: 0 }, 2_000);
	assert.equal(text(2_000), "");
	typing({ count: 9 }, 3_000);
	assert.equal(text(9_000), "", "the server says it again while it is so");
});

test("of a crowd it is said how many are here, until it is none any more", () => {
	assert.equal(crowded(room, { kind: "presence", user: user("a"), online: true }), false);
	assert.equal(crowdText(room), "");
	assert.equal(crowded(room, { kind: "presence", in: "r", count: 1234 }), true);
	assert.equal(crowdText(room), "about 1,234 online");
	assert.equal(crowdText({ ...room, mine: false }), "");
	typing({ user: user("a") });
	assert.equal(crowdText(room), "", "names are said in small rooms");
});

test("what is known of people does not grow without end", () => {
	const people = new People();
	people.present([{ user: user("old"), online: true }]);
	people.present([{ user: user("old"), online: false }]);
	assert.deepEqual([people.online.get("old"), people.names.get("old")], [false, "name of old"]);
	people.present(Array.from({ length: 6_000 }, (_, i) => ({ user: user(`u${i}`), online: true })));
	assert.deepEqual([people.online.size, people.names.size, people.online.has("old"), people.online.get("u5999")], [5_000, 5_000, false, true]);
});
