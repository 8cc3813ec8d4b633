// @ts-check

/** What the composer makes of a line, and what it offers while it is typed. */

/**
 * @typedef {{name: string, summary?: string, usage?: string, bot?: string, args?: any[], roles?: string[]}} Spec
 * @typedef {{type: "command"|"message", text: string}} Parsed
 * @typedef {{start: number, end: number, choices: {text: string, help: string}[], arg: {name: string, type: string, help: string}|null}} Completion
 *   what a choice replaces, in UTF-16 units, and the argument at the cursor
 */

/**
 * A line that begins with one slash is a command; two slashes are how to say
 * something that begins with one. null when there is nothing to send.
 * @param {string} text
 * @returns {Parsed|null}
 */
export function parseLine(text) {
	const said = text.replace(/^[\r\n]+|\s+$/g, "");
	if (said.trim() === "") return null;
	if (said.startsWith("//")) return { type: "message", text: said.slice(1) };
	if (said.startsWith("/")) return { type: "command", text: said };
	return { type: "message", text: said };
}

/** What to type to have text sent as a message. @param {string} text */
export function asTyped(text) {
	return text.startsWith("/") ? `/${text}` : text;
}

/** Does it take arguments? @param {Spec} spec */
export function takesArguments(spec) {
	return (Array.isArray(spec.args) && spec.args.length > 0) || /\s|=/.test(usageOf(spec));
}

/** @param {Spec} spec */
export function usageOf(spec) {
	return typeof spec.usage === "string" && spec.usage !== "" ? spec.usage : `/${spec.name}`;
}

/** What to put into the composer for a chosen command. @param {Spec} spec */
export function insertion(spec) {
	return takesArguments(spec) ? `/${spec.name} ` : `/${spec.name}`;
}

/** Those that who has this role in a room may call there. @param {Spec[]} specs @param {string} role */
export function callable(specs, role) {
	return specs.filter((s) => !Array.isArray(s.roles) || s.roles.length === 0 || s.roles.includes(role));
}

/**
 * The commands whose name begins with what is typed, then those that contain
 * it; none when the text is not a command's name up to the cursor.
 * @param {string} text
 * @param {number} cursor
 * @param {Spec[]} specs
 * @returns {Spec[]}
 */
export function matching(text, cursor, specs) {
	const typed = /^\/([a-z][a-z0-9_-]*)?$/i.exec(text.slice(0, cursor));
	if (!typed || /^\S/.test(text.slice(cursor))) return [];
	const part = (typed[1] ?? "").toLowerCase();
	const begins = specs.filter((s) => s.name.startsWith(part));
	return [...begins, ...specs.filter((s) => !begins.includes(s) && part !== "" && s.name.includes(part))];
}

/**
 * The command whose arguments are being typed.
 * @param {string} text
 * @param {Spec[]} specs
 * @returns {Spec|undefined}
 */
export function hinted(text, specs) {
	const name = /^\/([a-z][a-z0-9_-]*)[\s=]/i.exec(text)?.[1].toLowerCase();
	return name === undefined ? undefined : specs.find((s) => s.name === name);
}

/**
 * What the server offers for a line, without what does not fit it.
 * @param {any} reply
 * @param {string} line
 * @returns {Completion|null}
 */
export function completionOf(reply, line) {
	const { start, end, choices, arg } = reply ?? {};
	if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || end < start || end > line.length) return null;
	const text = (/** @type {any} */ v) => (typeof v === "string" ? v : "");
	return {
		start, end,
		choices: (Array.isArray(choices) ? choices : []).filter((c) => text(c?.text) !== "").map((c) => ({ text: c.text, help: text(c.help) })),
		arg: text(arg?.name) === "" ? null : { name: arg.name, type: text(arg.type), help: text(arg.help) },
	};
}
