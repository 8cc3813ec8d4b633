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
 *   onSwitch: () => void, onLogout: () => void, onLogins: () => void, onShortcuts: () => void, onTheme: (theme: string) => void,
 *   theme: () => string, notifier: import("../notify.js").Notifier}} o
 */
export function sidebar({ store, onNewRoom, onBrowse, onDirect, onSwitch, onLogout, onLogins, onShortcuts, onTheme, theme, notifier }) {
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
		h("nav", { class: "side-scroll", "aria-label": "Conversations", on: { keydown: walk } },
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
		const item = (/** @type {import("./icons.js").IconName} */ sign, /** @type {string} */ label, /** @type {string} */ testid, /** @type {() => void} */ run) =>
			h("button", { type: "button", class: "menu-item", data: { testid }, on: { click: () => { pop.hidePopover(); run(); } } }, icon(sign), label);
		const notice = noticeSwitch();
		const pop = h("div", { id: "user-menu", class: "menu", popover: "auto" },
			h("p", { id: "menu-theme", class: "menu-title" }, "Appearance"),
			h("div", { class: "segments", role: "radiogroup", "aria-labelledby": "menu-theme" },
				choice("system", "Auto"), choice("light", "Light"), choice("dark", "Dark")),
			h("hr", { class: "menu-line" }), notice,
			item("keyboard", "Keyboard shortcuts", "shortcuts", onShortcuts),
			item("device", "Where you are logged in", "logins", onLogins),
			item("leave", "Log out", "logout", onLogout));
		return [
			iconButton("more", "Settings and logout", { popovertarget: "user-menu", data: { testid: "user-menu" } }),
			pop,
		];
	}

	/** Permission is asked by the browser, and only on this click. */
	function noticeSwitch() {
		const detail = h("span", { class: "choice-detail block" });
		const el = h("button", { type: "button", class: "menu-item", role: "switch", data: { testid: "notify" }, on: { click: () => notifier.set(el.getAttribute("aria-checked") !== "true").then(show) } },
			icon("bell"), h("span", { class: "menu-text" }, "Notifications", detail), h("span", { class: "switch", "aria-hidden": "true" }));
		const show = (/** @type {import("../notify.js").Setting} */ setting) => {
			el.setAttribute("aria-checked", String(setting === "on"));
			el.hidden = setting === "missing";
			setText(detail, setting === "refused" ? "Allow them in the browser's site settings." : "Direct messages and mentions");
		};
		show(notifier.setting);
		return el;
	}

	/** Arrow keys go from room to room. @param {KeyboardEvent} e */
	function walk(e) {
		const step = e.key === "ArrowDown" ? 1 : e.key === "ArrowUp" ? -1 : 0;
		const at = document.activeElement?.closest(".room-item");
		if (step === 0 || !at || e.altKey || e.ctrlKey || e.metaKey || e.shiftKey) return;
		e.preventDefault();
		const all = /** @type {HTMLElement[]} */ ([...el.querySelectorAll(".room-item")]);
		all[all.indexOf(/** @type {HTMLElement} */ (at)) + step]?.focus();
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
