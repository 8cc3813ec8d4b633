// @ts-check

import { sayError } from "../errors.js";
import { rights, titleOf } from "../room.js";
import { dialogHead } from "./dialogs.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { showDialog } from "./parts.js";

/**
 * What can be changed of a room: its name, whether it is archived, and being in
 * it.
 * @param {{room: import("../room.js").Room, session: import("../session.js").ChatSession, onLeave: () => void}} o
 */
export function settingsDialog({ room, session, onLeave }) {
	const can = rights(room);
	const title = titleOf(room, session.store.me);
	const error = h("p", { class: "form-error", role: "alert", data: { testid: "settings-error" } });
	const name = h("input", {
		id: "settings-name", dir: "auto", autocomplete: "off", value: title, "aria-describedby": "settings-name-error", data: { testid: "settings-name" },
		on: { input: () => { nameError.textContent = ""; name.removeAttribute("aria-invalid"); } },
	});
	const nameError = h("p", { id: "settings-name-error", class: "form-error", role: "alert", data: { testid: "settings-name-error" } });
	const dialog = h("dialog", { class: "dialog", "aria-labelledby": "settings-title", data: { testid: "settings-dialog" } },
		dialogHead("settings-title", ["Settings of ", h("bdi", {}, title)], () => dialog.close()),
		can.rename && h("form", { on: { submit: rename } },
			h("label", { for: "settings-name" }, "Name"),
			h("div", { class: "field-row" }, name, h("button", { type: "submit", class: "button", data: { testid: "settings-rename" } }, "Rename")),
			nameError),
		h("div", { class: "settings-actions" },
			can.archive && h("button", { type: "button", class: "menu-item", data: { testid: "settings-archive" }, on: { click: archive } },
				icon("archive"), h("span", {}, room.archived ? "Take out of the archive" : "Archive",
					h("span", { class: "choice-detail block" }, room.archived ? "Messages can be written again." : "Everything stays readable, nothing more can be written."))),
			h("button", { type: "button", class: "menu-item menu-danger", data: { testid: "leave-room" }, on: { click: leave } },
				icon("leave"), "Leave room")),
		error);

	/** @param {Event} e */
	async function rename(e) {
		e.preventDefault();
		const wanted = name.value.trim();
		if (wanted === room.name) return dialog.close();
		try {
			await session.rename(room.id, wanted);
			dialog.close();
		} catch (err) {
			nameError.textContent = sayError(err);
			name.setAttribute("aria-invalid", "true");
			name.focus();
		}
	}

	async function archive() {
		try {
			await session.archive(room.id, !room.archived);
			dialog.close();
		} catch (err) {
			error.textContent = sayError(err);
		}
	}

	function leave() {
		dialog.close();
		onLeave();
	}

	showDialog(dialog);
}
