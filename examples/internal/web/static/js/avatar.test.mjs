import { strict as assert } from "node:assert";
import { test } from "node:test";

import { COLOURS, colourOf, initials } from "./avatar.js";

/** Relative luminance, WCAG 2.2. */
function luminance(hex) {
	const [r, g, b] = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
	return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

test("white is readable on every colour", () => {
	for (const c of COLOURS) assert.ok(1.05 / (luminance(c) + 0.05) >= 4.5, c);
});

test("ids have their colour, and ids spread over the colours", () => {
	assert.equal(colourOf("u1"), colourOf("u1"));
	const used = new Set(Array.from({ length: 200 }, (_, i) => colourOf(`user-${i}`)));
	assert.equal(used.size, COLOURS.length);
	assert.ok(COLOURS.includes(colourOf("")));
});

test("initials", () => {
	const cases = [["carlos", "C"], ["Ada Lovelace", "AL"], ["jean-luc picard", "JP"], ["élodie", "É"], ["李 小龙", "李小"], ["", "?"], ["🎉", "?"], ["_x_", "X"], ["a b c d", "AD"]];
	for (const [name, want] of cases) assert.equal(initials(name), want, name);
});
