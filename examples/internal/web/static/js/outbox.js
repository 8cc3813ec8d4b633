// @ts-check

/**
 * What I sent to a room and have not seen in it yet: messages and commands that
 * wait or failed, changes of messages that are shown ahead, and what commands
 * told only me. Sending, and sending again, is the client's.
 */

/**
 * @typedef {import("./room.js").Room} Room
 * @typedef {import("./room.js").Note} Note
 * @typedef {import("./gochat.js").OutboxChange} OutboxChange
 */

const MAX_NOTES = 50; // of a room

const CHANGES = new Set(["edit", "delete", "react"]);

/** Does an entry of the client's outbox show in its room? @param {string} type */
export const shows = (type) => type === "message" || type === "command" || CHANGES.has(type);

/** Takes in what has become of an entry of a room. @param {Room} room @param {OutboxChange} change @param {number} now */
export function moved(room, change, now) {
	const { type } = change.entry;
	if (CHANGES.has(type)) changeMoved(room, change);
	else if (type === "message") messageMoved(room, change, now);
	else if (type === "command") commandMoved(room, change, now);
}

/** @param {Room} room @param {OutboxChange} change @param {number} now */
function messageMoved(room, { entry, change, reply }, now) {
	if (change === "discarded") return void room.local.delete(entry.id);
	if (change !== "done") return wait(room, entry, change, now);
	const seq = reply?.seq;
	const here = typeof seq !== "number" || room.log.some((e) => e.seq === seq);
	const local = room.local.get(entry.id);
	// Its event may still be on the way: until then it stays, as stored.
	if (here || !local || room.loaded !== "yes") room.local.delete(entry.id);
	else room.local.set(entry.id, { ...local, state: "stored", seq });
}

/** @param {Room} room @param {OutboxChange} change @param {number} now */
function commandMoved(room, { entry, change }, now) {
	room.notes = room.notes.filter((n) => n.entry !== entry.id);
	if (change === "done" || change === "discarded") return void room.local.delete(entry.id);
	if (entry.state !== "failed") return wait(room, entry, change, now);
	room.local.delete(entry.id);
	note(room, { id: entry.id, entry: entry.id, line: String(entry.fields.text ?? ""), ...failure(entry.error) }, now);
}

/** @param {Room} room @param {import("./gochat.js").Entry} entry @param {string} change @param {number} now */
function wait(room, entry, change, now) {
	if (change === "added") room.newAfter = null; // who answers has read
	room.local.set(entry.id, {
		id: entry.id,
		type: entry.type === "command" ? "command" : "message",
		text: String(entry.fields.text ?? ""),
		at: room.local.get(entry.id)?.at ?? (change === "added" ? now : entry.at), // this computer's clock may be wrong
		state: entry.state,
		...(entry.error && { error: entry.error }),
		...(entry.call && { call: entry.call }),
		...(Number.isSafeInteger(entry.fields.reply_to) && { replyTo: entry.fields.reply_to }),
	});
}

/** What I change of a message is shown at once. @param {Room} room @param {OutboxChange} change */
function changeMoved(room, { entry, change, reply }) {
	const { seq, text, emoji, on } = entry.fields;
	if (!Number.isSafeInteger(seq)) return;
	if (change === "done" || change === "failed" || change === "discarded") {
		const had = room.pending.get(entry.id);
		// Its event may still be on the way: until then it looks as if it were here.
		if (change === "done" && had && typeof reply?.seq === "number" && reply.seq > room.head) room.pending.set(entry.id, { ...had, until: reply.seq });
		else room.pending.delete(entry.id);
		return;
	}
	room.pending.set(entry.id, {
		type: /** @type {"edit"|"delete"|"react"} */ (entry.type), seq, text: String(text ?? emoji ?? ""), on: on === true,
	});
}

/** Something of mine is in the room. @param {Room} room @param {string} id of the request */
export function arrived(room, id) {
	room.local.delete(id);
	room.pending.delete(id);
}

/** How a command of mine gets on. @param {Room} room @param {string} call @param {string} text @returns {boolean} whether it is one of this room */
export function progressed(room, call, text) {
	const local = [...room.local.values()].find((l) => l.call === call);
	if (!local) return false;
	room.local.set(local.id, { ...local, progress: text });
	return true;
}

/** How a command of mine ended. @param {Room} room @param {import("./gochat.js").Outcome} o @param {number} now */
export function ended(room, o, now) {
	if (o.id !== undefined) room.local.delete(o.id);
	const line = o.line ?? "";
	if (o.status === "failed") note(room, { id: o.call, line, ...failure(o.error) }, now);
	else if (o.text !== "") note(room, { id: o.call, line, text: o.text, status: "ephemeral" }, now);
}

/** @param {Room} room @param {Omit<Note, "at"|"after">} n @param {number} now */
function note(room, n, now) {
	if (room.notes.some((had) => had.id === n.id)) return;
	room.notes.push({ ...n, at: now, after: room.head });
	if (room.notes.length > MAX_NOTES) room.notes.shift();
}

/** @param {{code: string, message: string}} [error] @returns {{text: string, status: "failed", code: string}} */
function failure(error) {
	return { text: error?.message || "The command failed.", status: "failed", code: error?.code ?? "internal" };
}
