import { strict as assert } from "node:assert";
import { test } from "node:test";

import { bareClock, clock, dayKey, dayLabel, dayPhrase, fullTime, parseTime, secondsUntil, shortTime } from "./time.js";

const at = (...args) => new Date(...args).getTime();
const NOW = at(2026, 2, 18, 14, 3); // a Wednesday, in the zone of this machine

test("days are named as people do", () => {
	const cases = [
		[at(2026, 2, 18, 0, 0), "Today"],
		[at(2026, 2, 18, 23, 59), "Today"],
		[at(2026, 2, 17, 23, 59), "Yesterday"],
		[at(2026, 2, 16, 12), "Monday"],
		[at(2026, 2, 12, 12), "Thursday"],
		[at(2026, 2, 11, 12), "Wednesday 11 March"], // not just "Wednesday": that is today
		[at(2026, 0, 1, 12), "Thursday 1 January"],
		[at(2024, 2, 5, 12), "5 March 2024"],
	];
	for (const [ms, want] of cases) assert.equal(dayLabel(ms, NOW).replace(",", ""), want);
});

test("yesterday is found across the changes of daylight saving time", () => {
	for (let day = 1; day < 365; day++) {
		assert.equal(dayLabel(at(2026, 0, day, 0, 30), at(2026, 0, day + 1, 23, 30)), "Yesterday");
	}
});

test("recent times are relative, others are the clock", () => {
	assert.equal(shortTime(NOW - 5_000, NOW), "just now");
	assert.equal(shortTime(NOW + 5_000, NOW), "just now"); // clocks differ a little
	assert.equal(shortTime(NOW - 60_000, NOW), "1 min ago");
	assert.equal(shortTime(NOW - 59.9 * 60_000, NOW), "59 min ago");
	assert.equal(shortTime(NOW - 60 * 60_000, NOW), clock(NOW - 60 * 60_000));
	assert.equal(shortTime(NOW + 3600_000, NOW), clock(NOW + 3600_000)); // a server in the future
	assert.match(bareClock(NOW), /^(0?2|14):03$/);
	assert.deepEqual([dayPhrase(NOW, NOW), dayPhrase(at(2026, 2, 16), NOW), dayPhrase(NaN, NOW)], ["today", "on Monday", ""]);
	assert.match(clock(NOW), /\b0?2:03\b|\b14:03\b/);
});

test("what is no time does not break anything", () => {
	const ms = parseTime("soon");
	assert.deepEqual([dayKey(ms), dayLabel(ms, NOW), clock(ms), fullTime(ms), shortTime(ms, NOW)], ["", "", "", "", ""]);
});

test("a countdown never goes below zero", () => {
	assert.equal(secondsUntil(1500, 0), 2);
	assert.equal(secondsUntil(0, 5000), 0);
});
