// @ts-check

/**
 * Rows in runs of a bounded length, and the same objects again for what has
 * not changed, so that a long timeline costs what is new in it.
 */

/** @typedef {import("./rows.js").Row} Row */
/** @typedef {{key: string, rows: Row[]}} Chunk */

const SPAN = 64; // sequence numbers of a run: a page of history is one or two

export class Chunks {
	/** @type {Row[]} */ #rows = [];
	/** @type {Map<string, Chunk>} */ #chunks = new Map();

	/** Forgets what was there: another room. */
	clear() {
		this.#rows = [];
		this.#chunks.clear();
	}

	/**
	 * Runs of rows, from top to bottom. Where a run stands does not depend on
	 * what else is loaded, so that older rows move none.
	 * @param {Row[]} rows with keys of their own
	 * @returns {Chunk[]} the same object as last time where nothing in it changed
	 */
	update(rows) {
		this.#rows = reuse(this.#rows, rows);
		/** @type {Chunk[]} */
		const chunks = [];
		/** @type {Row[]} what stands above the row that comes next */
		let above = [];
		let number = -1;
		const put = (/** @type {string} */ key, /** @type {Row[]} */ more) => {
			const last = chunks.at(-1);
			if (last?.key === key) last.rows.push(...more);
			else chunks.push({ key, rows: more });
		};
		for (const row of this.#rows) {
			above.push(row);
			const at = place(row);
			if (at === null) continue;
			if (at === Infinity) put("tail", above);
			else {
				number = Math.max(number, Math.floor(at / SPAN));
				put(`c${number}`, above);
			}
			above = [];
		}
		if (above.length > 0) put("tail", above);
		const kept = chunks.map((c) => {
			const had = this.#chunks.get(c.key);
			return had && had.rows.length === c.rows.length && had.rows.every((r, i) => r === c.rows[i]) ? had : c;
		});
		this.#chunks = new Map(kept.map((c) => [c.key, c]));
		return kept;
	}
}

/**
 * Fresh rows, with the old objects for those that look the same. Most are at
 * the end of the other list or at its beginning; only the rest is looked up.
 * @param {Row[]} old
 * @param {Row[]} fresh
 */
function reuse(old, fresh) {
	const out = fresh.slice();
	const most = Math.min(old.length, fresh.length);
	let head = 0;
	let tail = 0;
	for (; head < most && old[head].key === fresh[head].key; head++) if (sameRow(old[head], fresh[head])) out[head] = old[head];
	for (; tail < most - head && old[old.length - 1 - tail].key === fresh[fresh.length - 1 - tail].key; tail++) {
		const [a, b] = [old[old.length - 1 - tail], fresh.length - 1 - tail];
		if (sameRow(a, fresh[b])) out[b] = a;
	}
	if (head + tail >= most) return out;
	const rest = new Map(old.slice(head, old.length - tail).map((r) => [r.key, r]));
	for (let i = head; i < fresh.length - tail; i++) {
		const had = rest.get(fresh[i].key);
		if (had && sameRow(had, fresh[i])) out[i] = had;
	}
	return out;
}

/** The sequence number by which a row has its place; null: above the next one. @param {Row} row */
function place(row) {
	switch (row.type) {
		case "message": return row.event.seq;
		case "system": return row.seq;
		case "note": return row.note.after;
		case "local": return Infinity;
		default: return null;
	}
}

/**
 * Do two rows of one key look the same? Events, notes and what is unsent are
 * replaced when they change, never changed.
 * @param {any} a
 * @param {any} b
 */
function sameRow(a, b) {
	if (a.type !== b.type) return false;
	switch (a.type) {
		case "message": return a.event === b.event && a.first === b.first && a.saving === b.saving && a.unquoted === b.unquoted &&
			a.replyTo === b.replyTo && sameReactions(a.reactions, b.reactions);
		case "local": return a.local === b.local && a.first === b.first && a.replyTo === b.replyTo;
		case "system": return a.text === b.text;
		case "note": return a.note === b.note;
		case "day": return a.label === b.label;
		case "start": return a.created === b.created;
		default: return true;
	}
}

/** @param {import("./rows.js").Reaction[]} a @param {import("./rows.js").Reaction[]} b */
function sameReactions(a, b) {
	return a.length === b.length && a.every((r, i) => {
		const s = b[i];
		return r.emoji === s.emoji && r.count === s.count && r.mine === s.mine && r.users.join("\n") === s.users.join("\n");
	});
}
