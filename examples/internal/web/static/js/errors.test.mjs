import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { advised, sayError } from "./errors.js";

test("what to do is said once", () => {
	assert.equal(advised("The name is taken.", "conflict"), "The name is taken. Choose another name.");
	assert.equal(advised("somebody has that name", "conflict"), "somebody has that name. Choose another name.");
	assert.equal(advised("That was too fast. Try again in a moment.", "rate_limited"), "That was too fast. Try again in a moment.");
	assert.equal(advised("There is no command /x. Try /help.", "unknown_command"), "There is no command /x. Try /help.");
	assert.equal(advised("symbol is missing.\nUsage: /stock <symbol…>", "usage"), "symbol is missing.\nUsage: /stock <symbol…>.");
	assert.equal(advised("Gone!", "a_bot's_own"), "Gone! Try again, or write it differently.");
	assert.equal(advised("Gone!", "constructor"), "Gone! Try again, or write it differently.");
	assert.equal(advised("No bot is there to answer /x now.", "no_bot"), "No bot is there to answer /x now. Try again in a few minutes.");
});

test("anything that is thrown becomes words", () => {
	assert.equal(sayError(Object.assign(new Error("Not connected."), { code: "closed" })), "Not connected. Try again when there is a connection.");
	assert.equal(sayError(Object.assign(new Error("x"), { code: 7 })), "x. Try again.");
	for (const odd of [null, undefined, "text", new Error(""), {}]) assert.equal(sayError(odd), "Something went wrong. Try again.");
});

test("whatever the server says by a code of the protocol, and the client by its own, something can be done", () => {
	const protocol = readFileSync(new URL("../../../../../transport/ws/PROTOCOL.md", import.meta.url), "utf8");
	const table = protocol.slice(protocol.indexOf("### Error codes"), protocol.indexOf("Every code but"));
	const codes = [...table.matchAll(/^\| (.*?) \|/gm)].flatMap(([, cell]) => [...cell.matchAll(/`(\w+)`/g)].map(([, code]) => code));
	assert.ok(codes.length >= 17, `${codes}`);
	for (const code of [...codes, "no_reply", "closed", "expired", "outbox_full", "busy"]) {
		const said = advised("It did not work.", code);
		assert.match(said, /^It did not work\. [A-Z].+\.$/, code);
	}
});
