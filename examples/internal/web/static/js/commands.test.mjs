import { strict as assert } from "node:assert";
import { test } from "node:test";

import { callable, asTyped, completionOf, hinted, insertion, matching, parseLine, takesArguments, usageOf } from "./commands.js";

test("what a line is", () => {
	const cases = [
		["hello", { type: "message", text: "hello" }],
		["/stock=aapl.us", { type: "command", text: "/stock=aapl.us" }],
		["/stock=a=b  \n", { type: "command", text: "/stock=a=b" }],
		["/STOCK x", { type: "command", text: "/STOCK x" }],
		["//etc/hosts", { type: "message", text: "/etc/hosts" }],
		["///", { type: "message", text: "//" }],
		[" /stock", { type: "message", text: " /stock" }], // only at the start of the line
		["／stock", { type: "message", text: "／stock" }], // a full-width slash is none
		["a /stock", { type: "message", text: "a /stock" }],
		["/", { type: "command", text: "/" }],
		["\n\n/help", { type: "command", text: "/help" }],
		["a\n/b\n", { type: "message", text: "a\n/b" }],
		["", null],
		[" \n\t ", null],
	];
	for (const [text, want] of cases) assert.deepEqual(parseLine(text), want, JSON.stringify(text));
});

test("what was said can be typed again", () => {
	for (const text of ["hello", "/etc/hosts", "//x"]) assert.deepEqual(parseLine(asTyped(text)), { type: "message", text });
});

const SPECS = [
	{ name: "help", usage: "/help" },
	{ name: "stock", usage: "/stock <symbol>", args: [{ name: "symbol" }] },
	{ name: "restock", usage: "/restock", args: [] },
	{ name: "roll" },
];
const names = (...args) => matching(...args, SPECS).map((s) => s.name);

test("what is offered while a name is typed", () => {
	assert.deepEqual(names("/", 1), ["help", "stock", "restock", "roll"]);
	assert.deepEqual(names("/st", 3), ["stock", "restock"]); // beginnings first
	assert.deepEqual(names("/ST", 3), ["stock", "restock"]);
	assert.deepEqual(names("/r", 2), ["restock", "roll"]);
	assert.deepEqual(names("/stock", 6), ["stock", "restock"]);
	assert.deepEqual(names("/zzz", 4), []);
	assert.deepEqual(names("/stock ", 7), []);
	assert.deepEqual(names("/stock=a", 8), []);
	assert.deepEqual(names("/stock", 3), []); // in the middle of the name
	assert.deepEqual(names("//st", 4), []);
	assert.deepEqual(names("say /st", 7), []);
	assert.deepEqual(names("", 0), []);
	assert.deepEqual(names("/(", 2), []);
});

test("commands are offered to who may call them", () => {
	const specs = [{ name: "all" }, { name: "any", roles: [] }, { name: "lead", roles: ["owner", "admin"] }, { name: "odd", roles: "owner" }];
	assert.deepEqual(callable(specs, "admin").map((s) => s.name), ["all", "any", "lead", "odd"]);
	assert.deepEqual(callable(specs, "member").map((s) => s.name), ["all", "any", "odd"]);
	assert.deepEqual(callable(specs, "").map((s) => s.name), ["all", "any", "odd"]);
});

test("whose arguments are typed", () => {
	assert.equal(hinted("/stock a", SPECS)?.name, "stock");
	assert.equal(hinted("/Stock=a", SPECS)?.name, "stock");
	assert.equal(hinted("/stock", SPECS), undefined);
	assert.equal(hinted("/nope a", SPECS), undefined);
	assert.equal(hinted("//stock a", SPECS), undefined);
});

test("what a choice types", () => {
	assert.equal(insertion(SPECS[1]), "/stock ");
	assert.equal(insertion(SPECS[0]), "/help");
	assert.equal(takesArguments({ name: "x", usage: "/x=<y>" }), true);
	assert.equal(usageOf({ name: "x", usage: 7 }), "/x");
});

test("what the server offers is taken only where it fits the line", () => {
	assert.deepEqual(completionOf({ start: 7, end: 7, choices: [{ text: "symbol=", help: "as in aapl.us" }, { text: "" }, null, 7], arg: { name: "symbol", type: "string" } }, "/stock "), {
		start: 7, end: 7, choices: [{ text: "symbol=", help: "as in aapl.us" }], arg: { name: "symbol", type: "string", help: "" },
	});
	assert.deepEqual(completionOf({ start: 0, end: 2 }, "/s"), { start: 0, end: 2, choices: [], arg: null });
	for (const bad of [null, {}, { start: 1 }, { start: 2, end: 1 }, { start: 0, end: 3 }, { start: -1, end: 1 }, { start: 0.5, end: 1 }, { start: "0", end: 1 }]) {
		assert.equal(completionOf(bad, "/s"), null);
	}
});
