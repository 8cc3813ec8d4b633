// @ts-check

/** Which notices this page understands: those of a kind that it knows, with what it needs of them. */

/** @typedef {import("./gochat.js").Notice} Notice */

/** @param {any} v */
const isText = (v) => typeof v === "string" && v !== "";
/** @param {any} n */
const isCount = (n) => Number.isSafeInteger(n) && n >= 0;
/** @param {Notice} n */
const hasUser = (n) => isText(n.user?.id);
/** @param {Notice} n */
const hasRoom = (n) => isText(n.room?.id) && isText(n.room.kind);
/** Of a crowd. @param {Notice} n */
const hasCount = (n) => isText(n.in) && n.user === undefined && isCount(n.count);

/** @type {Record<string, (n: Notice) => boolean>} */
const KINDS = {
	room_created: hasRoom,
	room_updated: hasRoom,
	added: hasRoom,
	progress: (n) => isText(n.call) && isText(n.text),
	auth_expiring: () => true, // the client sees to it
	typing: (n) => hasCount(n) || (isText(n.in) && hasUser(n)),
	presence: (n) => hasCount(n) || (hasUser(n) && typeof n.online === "boolean"),
	read: (n) => isText(n.in) && hasUser(n) && isCount(n.seq),
};

/** @param {Notice} n */
export const understood = (n) => Object.hasOwn(KINDS, n.kind) && KINDS[n.kind](n);
