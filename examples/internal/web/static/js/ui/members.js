// @ts-check

import { sayError } from "../errors.js";
import { crowdText } from "../presence.js";
import { rights } from "../room.js";
import { fill, h } from "./dom.js";
import { confirmDialog, dialogHead } from "./dialogs.js";
import { icon } from "./icons.js";
import { avatar, iconButton, showDialog } from "./parts.js";

const MANY = 12; // members from which on a filter is worth its place
const SHOWN = 300; // at once
const ROLES = ["member", "admin", "owner"];

/** @typedef {{user: import("../gochat.js").User, role: string}} Member */

/**
 * Who is in a room, and what I may do about it. It follows what happens in the
 * room while it is open.
 * @param {{room: import("../room.js").Room, title: string, session: import("../session.js").ChatSession, onInvite: () => void,
 *   onDirect: (user: import("../gochat.js").User) => void}} o
 */
export function membersDialog({ room, title, session, onInvite, onDirect }) {
	const { me } = session.store;
	const list = h("ul", { class: "members" });
	const banned = h("ul", { class: "members" });
	const bannedPart = h("section", { hidden: true, "aria-labelledby": "banned-title" }, h("h3", { id: "banned-title", class: "members-title" }, "Banned"), banned);
	const status = h("p", { class: "picker-status", role: "status", data: { testid: "members-status" } }, "Loading…");
	const filter = h("input", { type: "search", dir: "auto", hidden: true, class: "members-filter", placeholder: "Find a member", "aria-label": "Find a member", autocomplete: "off", on: { input: () => render() } });
	const dialog = h("dialog", { class: "dialog", "aria-labelledby": "members-title", data: { testid: "members-dialog" } },
		dialogHead("members-title", ["Members of ", h("bdi", {}, title)], () => dialog.close()),
		rights(room).invite && h("button", { type: "button", class: "button button-wide", data: { testid: "invite" }, on: { click: () => after(onInvite) } },
			icon("plus"), "Invite somebody"),
		filter, list, bannedPart, status);

	/** @type {Member[]} */
	let all = [];
	let asked = 0;

	const after = (/** @type {() => void} */ run) => {
		dialog.close();
		run();
	};

	async function load() {
		const mine = ++asked;
		try {
			const found = await session.members(room.id);
			if (mine !== asked) return;
			all = found;
			render();
		} catch (err) {
			if (mine === asked) status.textContent = sayError(err);
		}
	}

	function render() {
		const can = rights(room);
		const inside = all.filter((m) => m.role !== "");
		filter.hidden = inside.length < MANY;
		const wanted = filter.value.trim().toLowerCase();
		const found = inside.filter((m) => m.user.name.toLowerCase().includes(wanted));
		const shown = found.slice(0, SHOWN);
		const about = crowdText(room);
		status.textContent = (inside.length === 1 ? "1 member" : `${inside.length.toLocaleString("en-GB")} members`) +
			(about !== "" ? `, ${about}` : "") + (shown.length < found.length ? `, the first ${SHOWN} are shown: type to find others` : "");
		fill(list, shown.map((m) => member(m, can)));
		const out = all.filter((m) => m.role === "");
		bannedPart.hidden = out.length === 0 || !can.unban;
		fill(banned, can.unban ? out.map(({ user }) => h("li", { class: "member", data: { testid: "banned", user: user.id } },
			avatar(user, "s"), h("span", { class: "member-name" }, h("bdi", {}, user.name)),
			h("button", { type: "button", class: "button button-small", data: { testid: "unban" }, on: { click: () => run(session.unban(room.id, user.id)) } },
				"Lift ban"))) : []);
	}

	/** @param {Member} m @param {ReturnType<typeof rights>} can */
	function member({ user, role }, can) {
		const self = user.id === me.id;
		return h("li", { class: "member", data: { testid: "member", user: user.id, role } },
			avatar(user, "s"),
			h("span", { class: "member-name" }, h("bdi", {}, user.name), online(user) && h("span", { class: "online", title: "Online" }, h("span", { class: "sr-only" }, " online")), self && h("span", { class: "muted" }, " (you)")),
			can.roles && !user.bot ? roles(user, role) : role !== "member" && h("span", { class: "tag" }, role),
			!self && !user.bot && iconButton("message", `Message ${user.name}`, { data: { testid: "member-message" }, on: { click: () => after(() => onDirect(user)) } }),
			!self && can.remove(role) && iconButton("leave", `Remove ${user.name}`, { data: { testid: "member-remove" }, on: { click: () => remove(user) } }));
	}

	const online = (/** @type {import("../gochat.js").User} */ user) => session.store.people.online.get(user.id) === true;

	/** @param {import("../gochat.js").User} user @param {string} role */
	function roles(user, role) {
		const select = h("select", {
			class: "select", "aria-label": `Role of ${user.name}`, data: { testid: "member-role" },
			on: { change: () => run(session.setRole(room.id, user.id, select.value)) },
		}, ROLES.map((r) => h("option", { value: r, selected: r === role }, r)));
		return select;
	}

	/** @param {import("../gochat.js").User} user */
	function remove(user) {
		const ban = h("input", { type: "checkbox", data: { testid: "remove-ban" } });
		confirmDialog({
			title: `Remove ${user.name}?`,
			text: room.kind === "public" ? "They can join again at any time, unless you ban them." : "Somebody has to invite them if they should come back.",
			more: h("label", { class: "check" }, ban, "Ban, so that they can't come back"),
			action: "Remove",
			run: () => session.remove(room.id, user.id, ban.checked),
		});
	}

	/** @param {Promise<any>} done */
	async function run(done) {
		try {
			await done;
		} catch (err) {
			render();
			status.textContent = sayError(err);
		}
	}

	const off = session.client.on("event", (e) => {
		if (e.room === room.id && ["joined", "left", "banned", "role_changed"].includes(e.kind)) load();
	});
	const away = session.store.on("presence", () => asked > 0 && all.length > 0 && !dialog.contains(document.querySelector("select:focus")) && render());
	dialog.addEventListener("close", () => { off(); away(); });
	showDialog(dialog);
	load();
}
