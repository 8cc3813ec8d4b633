// @ts-check

/** What was typed and not sent, for each user and room, as long as the tab lives. */

const PREFIX = "gochat.draft:";

/** @param {string} user @param {string} room */
export function draft(user, room) {
	try {
		return sessionStorage.getItem(`${PREFIX}${user}:${room}`) ?? "";
	} catch {
		return "";
	}
}

/** @param {string} user @param {string} room @param {string} text */
export function keepDraft(user, room, text) {
	try {
		if (text === "") sessionStorage.removeItem(`${PREFIX}${user}:${room}`);
		else sessionStorage.setItem(`${PREFIX}${user}:${room}`, text);
	} catch { /* not kept then */ }
}

/** @param {string} user */
export function forgetDrafts(user) {
	try {
		for (const key of Object.keys(sessionStorage)) if (key.startsWith(`${PREFIX}${user}:`)) sessionStorage.removeItem(key);
	} catch { /* there are none */ }
}
