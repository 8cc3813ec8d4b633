// @ts-check

/**
 * Notices of the desktop: for direct messages, and for messages that name me,
 * while nobody looks at the chat. Permission is asked only when somebody
 * switches them on.
 */

import { namesMe, titleOf } from "./room.js";

const KEY = "gochat.notify"; // in localStorage
const LOOKED = "gochat-looked-at"; // the lock that a tab holds while somebody looks at it
const MOST = 200; // characters of a message

/**
 * @typedef {{permission: string, requestPermission: () => Promise<string>, new (title: string, options: object): any}} Desktop
 * @typedef {{getItem(key: string): string|null, setItem(key: string, value: string): void, removeItem(key: string): void}} KeyStore
 * @typedef {"on"|"off"|"refused"|"missing"} Setting refused: by the browser's settings; missing: it has no such thing
 */

/**
 * What is told of an event: null for nothing.
 * @param {import("./gochat.js").ChatEvent} e
 * @param {import("./room.js").Room|undefined} room
 * @param {import("./gochat.js").User} me
 */
export function noticeOf(e, room, me) {
	if (!room?.mine || e.kind !== "message" || e.replayed || e.user.id === me.id) return null;
	const direct = room.kind === "direct";
	if (!direct && !namesMe(e, me)) return null;
	const where = direct ? "" : ` in ${titleOf(room, me)}`;
	return { title: `${e.user.name}${where}`, body: (e.text ?? "").slice(0, MOST), tag: `gochat:${e.room}` };
}

export class Notifier {
	#desktop; #storage; #locks;
	#looking = false;
	/** @type {(() => void)|null} */ #letGo = null;

	/**
	 * @param {{desktop?: Desktop, storage?: KeyStore, locks?: LockManager}} [o] default: the browser's
	 */
	constructor(o = {}) {
		const g = /** @type {any} */ (globalThis);
		/** @type {Desktop|undefined} */ this.#desktop = "desktop" in o ? o.desktop : g.Notification;
		/** @type {KeyStore|undefined} */ this.#storage = o.storage ?? safeStorage();
		/** @type {LockManager|undefined} */ this.#locks = "locks" in o ? o.locks : g.navigator?.locks;
	}

	/** @returns {Setting} */
	get setting() {
		if (!this.#desktop) return "missing";
		if (this.#desktop.permission === "denied") return "refused";
		return this.#desktop.permission === "granted" && this.#wanted() ? "on" : "off";
	}

	/** Switches them on or off; on asks the browser, so call it from a click. @param {boolean} on @returns {Promise<Setting>} */
	async set(on) {
		if (on && this.#desktop?.permission === "default") await this.#desktop.requestPermission();
		try {
			if (on && this.#desktop?.permission === "granted") this.#storage?.setItem(KEY, "on");
			else this.#storage?.removeItem(KEY);
		} catch { /* it is off after a reload */ }
		return this.setting;
	}

	#wanted() {
		try {
			return this.#storage?.getItem(KEY) === "on";
		} catch {
			return false;
		}
	}

	/** Whether somebody looks at this tab: then no tab of this browser tells anything. @param {boolean} yes */
	look(yes) {
		if (yes === this.#looking) return;
		this.#looking = yes;
		if (!yes) {
			this.#letGo?.();
			this.#letGo = null;
			return;
		}
		this.#locks?.request(LOOKED, { mode: "shared" }, () => new Promise((done) => {
			if (this.#looking) this.#letGo = () => done(undefined);
			else done(undefined);
		})).catch(() => {});
	}

	/**
	 * Tells, unless it is off or somebody looks. Two tabs make one notice: the
	 * tag is the room's.
	 * @param {NonNullable<ReturnType<typeof noticeOf>>} notice
	 * @param {() => void} open runs when it is clicked
	 */
	async tell({ title, body, tag }, open) {
		if (this.setting !== "on" || this.#looking || !this.#desktop) return;
		const held = (await this.#locks?.query())?.held ?? [];
		if (held.some((/** @type {{name?: string}} */ l) => l.name === LOOKED)) return;
		try {
			const n = new this.#desktop(title, { body, tag });
			n.onclick = () => {
				n.close();
				open();
			};
		} catch { /* phones have notices only for service workers */ }
	}
}

/** @returns {KeyStore|undefined} */
function safeStorage() {
	try {
		return globalThis.localStorage;
	} catch {
		return undefined;
	}
}
