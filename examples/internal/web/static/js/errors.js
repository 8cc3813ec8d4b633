// @ts-check

/** What went wrong, in words for the person whom it happened to, with what to do about it. */

/** What to do where the words of the server do not say it. @type {Record<string, string>} */
const ADVICE = {
	bad_request: "Change it and try again.",
	unknown_type: "Reload the page: it may be older than the server.",
	empty: "Write something first.",
	rate_limited: "Wait a moment and try again.",
	unavailable: "Try again in a moment.",
	overloaded: "Try again in a moment.",
	unknown_command: "Type / to see all commands.",
	forbidden: "An owner of the room can.",
	not_found: "It may be gone, or not for you to see.",
	conflict: "Choose another name.",
	too_long: "Make it shorter.",
	unauthorized: "Log in again.",
	internal: "Try again. If it happens again, tell who runs this chat.",
	no_bot: "Try again in a few minutes.",
	timeout: "Try again, or ask for less.",
	no_reply: "Check your connection and try again.",
	closed: "Try again when there is a connection.",
	expired: "Send it again if it still matters.",
	id_reused: "Try again.",
	busy: "Wait a moment and try again.",
};

/**
 * Adds what to do to what was said, unless that is in it.
 * @param {string} message
 * @param {string} code
 */
export function advised(message, code) {
	const said = message.trim().replace(/([^.!?…])$/u, "$1.");
	if (/\b(try|choose|wait|check|ask|log in|retry|usage)\b/i.test(said)) return said;
	const advice = Object.hasOwn(ADVICE, code) ? ADVICE[code] : code === "" ? "Try again." : "Try again, or write it differently.";
	return `${said} ${advice}`;
}

/** A sentence or two for an error. @param {unknown} err */
export function sayError(err) {
	if (!(err instanceof Error) || !err.message) return "Something went wrong. Try again.";
	const code = /** @type {any} */ (err).code;
	return advised(err.message, typeof code === "string" ? code : "");
}
