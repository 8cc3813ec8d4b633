// @ts-check

import { titleOf } from "../room.js";
import { h, fill, perFrame, reconcile, setText } from "./dom.js";
import { icon } from "./icons.js";
import { logo } from "./login.js";
import { avatar, iconButton, roomIcon } from "./parts.js";

const OPEN_SHOWN = 8; // public rooms that one is not in; the rest is behind "Browse"

/**
 * The list of rooms, and who I am.
 * @param {{store: import("../store.js").Store, onNewRoom: () => void, onBrowse: () => void, onDirect: () => void,
 *   onSwitch: () => void, onLogout: () => void, onLogoutAll: () => void, onTheme: (theme: string) => void, theme: () => string}} o
 */
export function sidebar({ store, onNewRoom, onBrowse, onDirect, onSwitch, onLogout, onLogoutAll, onTheme, theme }) {
	const rooms = h("ul", { class: "room-list", data: { testid: "room-list" } });
	const directs = h("ul", { class: "room-list", data: { testid: "direct-list" } });
	const open = h("ul", { class: "room-list", data: { testid: "open-list" } });
	const openCount = h("span", { class: "count" });
	const openSection = h("section", { class: "side-section", "aria-labelledby": "side-open" },
		h("div", { class: "side-title" }, h("h2", { id: "side-open" }, "Open to join"), openCount));
	openSection.append(open);
	const nothing = h("p", { class: "side-hint" }, "No conversations yet.");
	const noRooms = h("p", { class: "side-hint" }, "You are in no room yet.");
	const me = h("span", { class: "me" });

	const el = h("aside", { class: "sidebar", id: "sidebar", "aria-label": "Rooms and people" },
		h("div", { class: "side-head" },
			h("a", { class: "brand", href: "#/" }, logo(), h("span", {}, "gochat")),
			iconButton("search", "Jump to… (Ctrl+K)", { data: { testid: "switcher" }, on: { click: onSwitch } })),
		h("nav", { class: "side-scroll", "aria-label": "Conversations" },
			h("section", { class: "side-section", "aria-labelledby": "side-rooms" },
				h("div", { class: "side-title" }, h("h2", { id: "side-rooms" }, "Rooms"),
					iconButton("compass", "Browse public rooms", { data: { testid: "browse-rooms" }, on: { click: onBrowse } }),
					iconButton("plus", "New room", { data: { testid: "new-room" }, on: { click: onNewRoom } })),
				rooms, noRooms),
			h("section", { class: "side-section", "aria-labelledby": "side-direct" },
				h("div", { class: "side-title" }, h("h2", { id: "side-direct" }, "Direct messages"),
					iconButton("plus", "New direct message", { data: { testid: "new-direct" }, on: { click: onDirect } })),
				directs, nothing),
			openSection),
		h("div", { class: "side-foot" }, me, menu()));

	function menu() {
		const choice = (/** @type {string} */ value, /** @type {string} */ label) => {
			const input = h("input", { type: "radio", name: "theme", value, on: { change: () => onTheme(value) } });
			input.checked = theme() === value;
			return h("label", { class: "segment" }, input, h("span", {}, label));
		};
		const pop = h("div", { id: "user-menu", class: "menu", popover: "auto" },
			h("p", { id: "menu-theme", class: "menu-title" }, "Appearance"),
			h("div", { class: "segments", role: "radiogroup", "aria-labelledby": "menu-theme" },
				choice("system", "Auto"), choice("light", "Light"), choice("dark", "Dark")),
			h("button", { type: "button", class: "menu-item", data: { testid: "logout" }, on: { click: onLogout } }, icon("leave"), "Log out"),
			h("button", { type: "button", class: "menu-item menu-next", data: { testid: "logout-all" }, on: { click: onLogoutAll } }, icon("leave"), "Log out everywhere"));
		return [
			iconButton("more", "Settings and logout", { popovertarget: "user-menu", data: { testid: "user-menu" } }),
			pop,
		];
	}

	const render = () => {
		const mine = store.mine;
		const inRooms = mine.filter((r) => r.kind !== "direct");
		const talks = mine.filter((r) => r.kind === "direct").sort((a, b) => b.active - a.active);
		const joinable = store.open;
		items(rooms, inRooms);
		items(directs, talks);
		items(open, joinable.slice(0, OPEN_SHOWN));
		noRooms.hidden = inRooms.length > 0 || !store.ready;
		nothing.hidden = talks.length > 0 || !store.ready;
		openSection.hidden = joinable.length === 0;
		setText(openCount, String(joinable.length));
	};

	/** @param {Element} list @param {import("../room.js").Room[]} shown */
	function items(list, shown) {
		reconcile(list, shown, {
			key: (r) => r.id,
			stamp: (r) => JSON.stringify([titleOf(r, store.me), r.kind, r.unread, r.mentioned, r.mine, r.archived, r.peer, r.id === store.current]),
			make: (r) => item(r),
		});
	}

	/** @param {import("../room.js").Room} r */
	function item(r) {
		const title = titleOf(r, store.me);
		const badge = r.unread > 0 && h("span", { class: `badge ${r.mentioned ? "badge-mention" : ""}`, data: { testid: "unread" } },
			r.unread > 99 ? "99+" : String(r.unread), h("span", { class: "sr-only" }, r.mentioned ? " unread, you are mentioned" : " unread"));
		return h("li", {},
			h("a", {
				class: "room-item", href: `#/r/${r.id}`, "aria-current": r.id === store.current ? "page" : null,
				data: { testid: "room-item", room: r.id, unread: String(r.unread), joined: String(r.mine), kind: r.kind },
			},
			r.kind === "direct" ? avatar(r.peer ?? { id: r.id, name: title }, "xs") : roomIcon(r),
			h("span", { class: "room-name", dir: "auto", data: { testid: "room-name" } }, title),
			badge));
	}

	const later = perFrame(render);
	store.on("rooms", later);
	store.on("current", () => {
		fill(me, avatar(store.me, "s"), h("span", { class: "me-name", dir: "auto", data: { testid: "me" } }, store.me.name));
		later();
	});
	return { el, render };
}
