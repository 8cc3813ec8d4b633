import { strict as assert } from "node:assert";
import { test } from "node:test";

import { advised, sayError } from "./errors.js";

test("what to do is said once", () => {
	assert.equal(advised("The name is taken.", "conflict"), "The name is taken. Choose another name.");
	assert.equal(advised("somebody has that name", "conflict"), "somebody has that name. Choose another name.");
	assert.equal(advised("That was too fast. Try again in a moment.", "rate_limited"), "That was too fast. Try again in a moment.");
	assert.equal(advised("There is no command /x. Try /help.", "unknown_command"), "There is no command /x. Try /help.");
	assert.equal(advised("The text holds the control character U+0001.", "bad_request"), "The text holds the control character U+0001.");
	assert.equal(advised("Gone!", "no_code_that_is_known"), "Gone!");
	assert.equal(advised("No bot is there to answer /x now.", "no_bot"), "No bot is there to answer /x now. Try again in a few minutes.");
});

test("anything that is thrown becomes words", () => {
	assert.equal(sayError(Object.assign(new Error("Not connected."), { code: "closed" })), "Not connected. Try again when there is a connection.");
	assert.equal(sayError(Object.assign(new Error("x"), { code: 7 })), "x.");
	for (const odd of [null, undefined, "text", new Error(""), {}]) assert.equal(sayError(odd), "Something went wrong. Try again.");
});
