// @ts-check

import { titleOf } from "../room.js";
import { fill, h } from "./dom.js";
import { avatar, iconButton, roomIcon } from "./parts.js";

/**
 * What is above the timeline: the name of the room, and what can be done with
 * it.
 * @param {{store: import("../store.js").Store, onMenu: () => void, onMembers: () => void, onLeave: () => void}} o
 */
export function header({ store, onMenu, onMembers, onLeave }) {
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
				h("p", { class: "room-sub" }, subtitle(room))),
			room.mine && !direct && h("div", { class: "room-actions" },
				iconButton("people", "Members", { data: { testid: "members" }, on: { click: onMembers } }),
				iconButton("leave", "Leave room", { data: { testid: "leave-room" }, on: { click: onLeave } })));
	};
	store.on("current", render);
	render();
	return { el, render };
}

/** @param {import("../room.js").Room} room */
function subtitle(room) {
	const what = room.kind === "public" ? "Public room" : room.kind === "private" ? "Private room" : "Direct message";
	return room.archived ? `${what}, archived` : what;
}
