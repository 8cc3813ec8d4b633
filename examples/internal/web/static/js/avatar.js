// @ts-check

/** The picture of somebody who has none: initials on a colour of their own. */

/** Colours on which white text has a contrast of at least 4.5 to 1 (WCAG 2.2, 1.4.3). */
export const COLOURS = [
	"#b4232f", "#a8430f", "#8a5a00", "#5d6b00", "#2f7a1f", "#0b7a52",
	"#0b7285", "#1766a8", "#3b55c4", "#6741c4", "#8f36b0", "#ad2a72",
];

/** The same colour for the same id, on every device. @param {string} id */
export function colourOf(id) {
	let hash = 2166136261; // FNV-1a
	for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 16777619);
	return COLOURS[(hash >>> 0) % COLOURS.length];
}

/** One or two letters that stand for a name. @param {string} name */
export function initials(name) {
	const words = name.split(/[\s._-]+/u).filter((w) => /[\p{L}\p{N}]/u.test(w));
	const first = (/** @type {string|undefined} */ w) => w?.match(/[\p{L}\p{N}]/u)?.[0].toLocaleUpperCase() ?? "";
	if (words.length === 0) return "?";
	return words.length === 1 ? first(words[0]) : first(words[0]) + first(words.at(-1));
}
