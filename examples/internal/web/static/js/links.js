// @ts-check

/**
 * What a message's text is made of. Text of others is hostile: nothing here
 * makes HTML, and only addresses that a parser has understood become links.
 */

/** @typedef {{text: string, href?: string, mention?: boolean, other?: boolean}} Token mention: of who is reading; other: of somebody else */

const SCHEMES = new Set(["http:", "https:", "mailto:"]);
const CANDIDATE = /(?<![\w:@/.+-])(?:https?:\/\/|mailto:)[^\s<>"\u0000-\u001f\u007f]+/gi;
const MAX_LINKS = 100; // in one text

/**
 * The address that a link may lead to, or null: http, https and mailto only,
 * without user and password, which are there to deceive.
 * @param {string} text
 * @returns {string|null}
 */
export function safeHref(text) {
	/** @type {URL} */
	let url;
	try {
		url = new URL(text);
	} catch {
		return null;
	}
	if (!SCHEMES.has(url.protocol) || url.username !== "" || url.password !== "") return null;
	if (url.protocol !== "mailto:" && url.hostname === "") return null;
	if (url.protocol === "mailto:" && !url.pathname.includes("@")) return null;
	return url.href;
}

/** What follows an address in a sentence is not part of it. @param {string} found */
function trimEnd(found) {
	/** @type {Record<string, number>} how many more are closed than were opened */
	const excess = { ")": 0, "]": 0, "}": 0 };
	for (const c of found) {
		if (c in excess) excess[c]++;
		else if (c === "(") excess[")"]--;
		else if (c === "[") excess["]"]--;
		else if (c === "{") excess["}"]--;
	}
	let end = found.length;
	for (; end > 0; end--) {
		const last = found[end - 1];
		if (excess[last] > 0) excess[last]--;
		else if (!/[.,;:!?'*_~…»”’]/.test(last)) break;
	}
	return found.slice(0, end);
}

/**
 * Splits text into plain parts, links and mentions of name. The parts joined
 * are the text.
 * @param {string} text
 * @param {string} [name] who is reading
 * @param {string[]} [others] who else is called
 * @returns {Token[]}
 */
export function tokens(text, name = "", others = []) {
	/** @type {Token[]} */
	const out = [];
	let at = 0;
	let links = 0;
	for (const match of text.matchAll(CANDIDATE)) {
		if (links === MAX_LINKS) break;
		const found = trimEnd(match[0]);
		const href = safeHref(found);
		if (!href) continue;
		links++;
		out.push(...mentionTokens(text.slice(at, match.index), name, others), { text: found, href });
		at = match.index + found.length;
	}
	out.push(...mentionTokens(text.slice(at), name, others));
	return out;
}

/** @param {...string} names */
function mentionPattern(...names) {
	const literal = (/** @type {string} */ name) => name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
	const longestFirst = names.sort((a, b) => b.length - a.length).map(literal).join("|");
	return new RegExp(`(?<![\\p{L}\\p{N}_@])@(?:${longestFirst})(?![\\p{L}\\p{N}_-])`, "giu");
}

/** @param {string} text @param {string} name @param {string[]} others @returns {Token[]} */
function mentionTokens(text, name, others) {
	if (text === "") return [];
	const names = [name, ...others].filter((n) => n !== "");
	if (names.length === 0 || !text.includes("@")) return [{ text }];
	const mine = `@${name}`.toLowerCase();
	/** @type {Token[]} */
	const out = [];
	let at = 0;
	for (const match of text.matchAll(mentionPattern(...names))) {
		if (match.index > at) out.push({ text: text.slice(at, match.index) });
		out.push({ text: match[0], ...(match[0].toLowerCase() === mine ? { mention: true } : { other: true }) });
		at = match.index + match[0].length;
	}
	if (at < text.length) out.push({ text: text.slice(at) });
	return out;
}

/** Is name mentioned in text? @param {string} text @param {string} name */
export function mentions(text, name) {
	return name !== "" && text.includes("@") && mentionPattern(name).test(text);
}

const PICTURE = /^(?:\p{Extended_Pictographic}|\p{Regional_Indicator}|[#*0-9]\uFE0F?\u20E3)/u;

/** One to three emoji and nothing else: shown bigger. @param {string} text */
export function isEmojiOnly(text) {
	const bare = text.trim();
	if (bare === "" || bare.length > 60) return false;
	const parts = [...new Intl.Segmenter("en", { granularity: "grapheme" }).segment(bare)]
		.map((s) => s.segment)
		.filter((s) => s.trim() !== "");
	return parts.length <= 3 && parts.every((s) => PICTURE.test(s));
}
