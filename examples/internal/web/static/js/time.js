// @ts-check

/**
 * Times as people read them. Times are in ms since 1970 by the server's clock;
 * what is shown is in the browser's time zone.
 */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const clockFormat = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const weekdayFormat = new Intl.DateTimeFormat("en-GB", { weekday: "long" });
const dayFormat = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long" });
const yearFormat = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long", year: "numeric" });
const fullFormat = new Intl.DateTimeFormat("en-GB", { dateStyle: "full", timeStyle: "medium" });

/** @param {string} text RFC 3339 @returns {number} NaN when it is none */
export function parseTime(text) {
	return Date.parse(text);
}

/** The local day, such as 2026-01-31; "" for no time. @param {number} ms */
export function dayKey(ms) {
	if (!Number.isFinite(ms)) return "";
	const d = new Date(ms);
	const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
	return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
}

/** @param {number} ms @param {number} days */
function daysBefore(ms, days) {
	const d = new Date(ms);
	return new Date(d.getFullYear(), d.getMonth(), d.getDate() - days, 12).getTime(); // noon: daylight saving can't move the day
}

/** Today, Yesterday, Monday, 5 March, 5 March 2024. @param {number} ms @param {number} now */
export function dayLabel(ms, now) {
	const key = dayKey(ms);
	if (key === "") return "";
	if (key === dayKey(now)) return "Today";
	if (key === dayKey(daysBefore(now, 1))) return "Yesterday";
	for (let n = 2; n < 7; n++) if (key === dayKey(daysBefore(now, n))) return weekdayFormat.format(ms);
	const sameYear = new Date(ms).getFullYear() === new Date(now).getFullYear();
	return (sameYear ? dayFormat : yearFormat).format(ms);
}

/** 14:03. @param {number} ms */
export function clock(ms) {
	return Number.isFinite(ms) ? clockFormat.format(ms) : "";
}

/** The clock for where there is little space: without AM and PM. @param {number} ms */
export function bareClock(ms) {
	if (!Number.isFinite(ms)) return "";
	return clockFormat.formatToParts(ms).filter((p) => p.type !== "dayPeriod").map((p) => p.value).join("").trim();
}

/** The day within a sentence: today, yesterday, on Monday, on 5 March 2024. @param {number} ms @param {number} now */
export function dayPhrase(ms, now) {
	const label = dayLabel(ms, now);
	return label === "Today" || label === "Yesterday" ? label.toLowerCase() : label && `on ${label}`;
}

/** The whole date and time, for a tooltip. @param {number} ms */
export function fullTime(ms) {
	return Number.isFinite(ms) ? fullFormat.format(ms) : "";
}

/** "just now" or "5 min ago" within the hour, the clock after it. @param {number} ms @param {number} now */
export function shortTime(ms, now) {
	const age = now - ms;
	if (!(age < HOUR) || age < -MINUTE) return clock(ms);
	return age < MINUTE ? "just now" : `${Math.floor(age / MINUTE)} min ago`;
}

/** Whole seconds until ms, at least 0. @param {number} ms @param {number} now */
export function secondsUntil(ms, now) {
	return Math.max(0, Math.ceil((ms - now) / 1000));
}
