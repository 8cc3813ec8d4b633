// @ts-check

import { sayError } from "../errors.js";
import { clock, dayPhrase, shortTime } from "../time.js";
import { dialogHead } from "./dialogs.js";
import { fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { showDialog } from "./parts.js";

/**
 * Where I am logged in, each of which I can end, and the way out of all.
 * @param {{auth: import("../auth.js").Auth, now: () => number, onEverywhere: () => void}} o
 */
export function loginsDialog({ auth, now, onEverywhere }) {
	const list = h("ul", { class: "members" });
	const status = h("p", { class: "picker-status", role: "status", data: { testid: "logins-status" } }, "Loading…");
	const dialog = h("dialog", { class: "dialog", "aria-labelledby": "logins-title", data: { testid: "logins-dialog" } },
		dialogHead("logins-title", ["Where you are logged in"], () => dialog.close()),
		h("p", { class: "confirm-text" }, "Log out what you do not recognise or do not use any more."),
		list, status,
		h("div", { class: "dialog-actions" }, h("button", { type: "button", class: "button button-danger", data: { testid: "logout-all" }, on: { click: everywhere } }, "Log out everywhere")));

	function everywhere() {
		dialog.close();
		onEverywhere();
	}

	async function load() {
		try {
			const all = await auth.logins();
			fill(list, all.map(login));
			status.textContent = all.length === 1 ? "You are logged in here and nowhere else." : `${all.length} logins`;
		} catch (err) {
			status.textContent = `The list could not be loaded: ${sayError(err)}`;
		}
	}

	/** @param {import("../auth.js").Login} l */
	function login(l) {
		const at = now();
		const used = shortTime(l.used, at);
		const detail = l.current ? "Active now" : `Last active ${/^\d/.test(used) && !used.endsWith("ago") ? `${dayPhrase(l.used, at)} at ${used}` : used}`;
		return h("li", { class: "member login-row", data: { testid: "login", current: String(l.current) } },
			h("span", { class: "room-sign" }, icon("device")),
			h("span", { class: "member-name" }, l.current ? "This device" : "Another device",
				h("span", { class: "choice-detail block" }, `${detail}. Logged in ${dayPhrase(l.since, at)} at ${clock(l.since)}.`)),
			!l.current && h("button", { type: "button", class: "button button-small", "aria-label": `Log out the device used last ${used}`, data: { testid: "login-end" }, on: { click: () => end(l) } }, "Log out"));
	}

	/** @param {import("../auth.js").Login} l */
	async function end(l) {
		try {
			await auth.endLogin(l.id);
			await load();
		} catch (err) {
			status.textContent = `Not logged out: ${sayError(err)}`;
		}
	}

	showDialog(dialog);
	load();
}
