// @ts-check

import { crowdText } from "../presence.js";
import { titleOf } from "../room.js";
import { fill, h } from "./dom.js";
import { avatar, iconButton, roomIcon } from "./parts.js";

/**
 * What is above the timeline: the name of the room, and what can be done with
 * it.
 * @param {{store: import("../store.js").Store, onMenu: () => void, onMembers: () => void, onSettings: () => void}} o
 */
export function header({ store, onMenu, onMembers, onSettings }) {
	const el = h("header", { class: "room-head" });
	const render = () => {
		const { room } = store;
		const menu = iconButton("menu", "Show rooms", {
			class: "menu-button", data: { testid: "open-drawer" }, "aria-controls": "sidebar", on: { click: onMenu },
		});
		if (!room) return fill(el, menu, h("div", { class: "room-titles" }, h("h1", { class: "room-title" }, "gochat")));
		const direct = room.kind === "direct";
		fill(el, menu,
			direct ? avatar(room.peer ?? { id: room.id, name: "?" }, "s") : h("span", { class: "room-sign" }, roomIcon(room)),
			h("div", { class: "room-titles" },
				h("h1", { class: "room-title", dir: "auto", data: { testid: "room-title", room: room.id } }, titleOf(room, store.me)),
				h("p", { class: "room-sub", data: { testid: "room-sub" } }, subtitle(room, store.people.online))),
			room.mine && !direct && h("div", { class: "room-actions" },
				iconButton("people", "Members", { data: { testid: "members" }, on: { click: onMembers } }),
				iconButton("settings", "Room settings", { data: { testid: "settings" }, on: { click: onSettings } })));
	};
	store.on("current", render);
	store.on("presence", () => {
		const sub = el.querySelector(".room-sub");
		if (sub && store.room) sub.textContent = subtitle(store.room, store.people.online);
	});
	render();
	return { el, render };
}

/** @param {import("../room.js").Room} room @param {Map<string, boolean>} online */
function subtitle(room, online) {
	const here = online.get(room.peer?.id ?? "");
	const direct = here === undefined ? "Direct message" : here ? "Online" : "Away";
	const what = room.kind === "public" ? "Public room" : room.kind === "private" ? "Private room" : direct;
	return [room.archived ? `${what}, archived` : what, crowdText(room)].filter(Boolean).join(" · ");
}
