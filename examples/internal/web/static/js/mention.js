// @ts-check

/** Completing "@name" while it is typed. */

/** @typedef {import("./gochat.js").User} User */

const MOST = 8;

/**
 * The part of a name that is being typed behind an "@", up to the cursor.
 * @param {string} text
 * @param {number} cursor UTF-16 units
 * @returns {{start: number, part: string}|null} start: where the "@" is
 */
export function mentionAt(text, cursor) {
	const found = /(?:^|[\s(])@([\p{L}\p{N}_.-]{0,64})$/u.exec(text.slice(0, cursor));
	if (!found || /^[\p{L}\p{N}_-]/u.test(text.slice(cursor))) return null;
	return { start: cursor - found[1].length - 1, part: found[1] };
}

/**
 * Those whose name, or a word of it, begins with part: me last.
 * @param {User[]} users
 * @param {string} part
 * @param {string} me
 * @returns {User[]}
 */
export function matchingUsers(users, part, me) {
	const wanted = part.toLowerCase();
	const rank = (/** @type {User} */ u) => {
		const name = u.name.toLowerCase();
		if (name.startsWith(wanted)) return u.id === me ? 2 : 0;
		return name.split(/[\s._-]+/u).some((w) => w.startsWith(wanted)) ? 1 : -1;
	};
	return users.map((u) => ({ u, r: rank(u) })).filter(({ r }) => r >= 0)
		.sort((a, b) => a.r - b.r || a.u.name.localeCompare(b.u.name)).slice(0, MOST).map(({ u }) => u);
}
