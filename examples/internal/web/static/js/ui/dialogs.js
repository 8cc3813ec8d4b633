// @ts-check

import { sayError } from "../errors.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { iconButton, showDialog } from "./parts.js";

/** @param {string} id @param {import("./dom.js").Child[]} title @param {() => void} close */
export function dialogHead(id, title, close) {
	return h("div", { class: "dialog-head" }, h("h2", { id }, title), iconButton("close", "Close", { on: { click: close } }));
}

/**
 * Asks for the name and the kind of a new room. What is wrong with the name is
 * said beside it.
 * @param {{create: (name: string, kind: "public"|"private") => {id: string, done: Promise<string>}, discard: (id: string) => void,
 *   online: () => boolean, created: (id: string) => void}} o
 */
export function newRoomDialog({ create, discard, online, created }) {
	const name = h("input", {
		id: "room-name", dir: "auto", autocomplete: "off", required: true, placeholder: "e.g. reading club", "aria-describedby": "room-error",
		data: { testid: "room-dialog-name" }, on: { input: () => say("") },
	});
	const error = h("p", { id: "room-error", class: "form-error", role: "alert", data: { testid: "room-dialog-error" } });
	const general = h("p", { class: "form-error", role: "alert", data: { testid: "room-dialog-general-error" } });
	/** @param {string} value @param {string} label @param {string} detail @param {import("./icons.js").IconName} sign */
	const kind = (value, label, detail, sign) => {
		const radio = h("input", { type: "radio", name: "kind", value, data: { testid: `room-dialog-${value}` } });
		radio.checked = value === "public";
		return h("label", { class: "choice" }, radio, icon(sign), h("span", {}, h("b", {}, label), h("span", { class: "choice-detail" }, detail)));
	};
	const submit = h("button", { type: "submit", class: "button button-primary", data: { testid: "room-dialog-submit" } }, "Create room");
	const form = h("form", { novalidate: true, on: { submit: send } },
		h("label", { for: "room-name" }, "Name"), name, error,
		h("fieldset", { class: "choices" }, h("legend", {}, "Who can find it"),
			kind("public", "Public", "Anyone can find it and join.", "hash"),
			kind("private", "Private", "Only people who are invited know of it.", "lock")),
		general,
		h("div", { class: "dialog-actions" }, h("button", { type: "button", class: "button", on: { click: () => dialog.close() } }, "Cancel"), submit));
	const dialog = h("dialog", { class: "dialog", "aria-labelledby": "room-dialog-title", data: { testid: "room-dialog" } },
		dialogHead("room-dialog-title", ["New room"], () => dialog.close()),
		form);

	/** @type {string|null} */
	let pending = null;
	dialog.addEventListener("close", () => pending && discard(pending));

	/** @param {string} text @param {boolean} [field] */
	function say(text, field = true) {
		error.textContent = field ? text : "";
		general.textContent = field ? "" : text;
		if (field && text !== "") name.setAttribute("aria-invalid", "true");
		else name.removeAttribute("aria-invalid");
	}

	/** @param {Event} e */
	async function send(e) {
		e.preventDefault();
		if (pending !== null) return;
		const wanted = name.value.trim();
		if (wanted === "") {
			say("Give the room a name.");
			return name.focus();
		}
		say(online() ? "" : "There is no connection. The room is created as soon as there is one.", false);
		submit.setAttribute("aria-busy", "true");
		const choice = /** @type {HTMLInputElement} */ (form.querySelector("input[name=kind]:checked")).value;
		try {
			const sent = create(wanted, choice === "private" ? "private" : "public");
			pending = sent.id;
			const id = await sent.done;
			pending = null;
			dialog.close();
			created(id);
		} catch (err) {
			pending = null;
			const about = /** @type {any} */ (err);
			say(sayError(err), about.field === "name" || about.code === "conflict");
			if (dialog.open && error.textContent !== "") name.focus();
		} finally {
			submit.removeAttribute("aria-busy");
		}
	}

	showDialog(dialog);
	name.focus();
}

/**
 * Asks before something that can't be taken back easily.
 * @param {{title: string, text: string, action: string, run: () => Promise<any>, more?: Node}} o
 */
export function confirmDialog({ title, text, action, run, more }) {
	const error = h("p", { class: "form-error", role: "alert" });
	const yes = h("button", { type: "button", class: "button button-danger", data: { testid: "confirm" }, on: { click: go } }, action);
	const labels = { "aria-labelledby": "confirm-title", "aria-describedby": "confirm-text" };
	const dialog = h("dialog", { class: "dialog dialog-small", role: "alertdialog", ...labels, data: { testid: "confirm-dialog" } },
		h("h2", { id: "confirm-title" }, title), h("p", { id: "confirm-text", class: "confirm-text" }, text), more, error,
		h("div", { class: "dialog-actions" }, h("button", { type: "button", class: "button", on: { click: () => dialog.close() } }, "Cancel"), yes));
	async function go() {
		try {
			await run();
			dialog.close();
		} catch (err) {
			error.textContent = sayError(err);
		}
	}
	showDialog(dialog);
}
