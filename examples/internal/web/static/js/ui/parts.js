// @ts-check

/** Small pieces that several views use. */

import { colourOf, initials } from "../avatar.js";
import { fullTime, shortTime } from "../time.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";

/** @param {import("../gochat.js").User} user @param {string} [size] xs, s, l, or in between */
export function avatar(user, size = "") {
	const sized = size && `avatar-${size}`;
	if (user.bot) return h("span", { class: `avatar avatar-bot ${sized}`, "aria-hidden": "true" }, botFace());
	return h("span", { class: `avatar ${sized}`, vars: { "--avatar": colourOf(user.id) }, "aria-hidden": "true" }, initials(user.name));
}

function botFace() {
	return h("span", { class: "bot-face" }, h("i", {}), h("i", {}));
}

/** A time that is kept fresh by {@link freshen}. @param {number} ms @param {number} now */
export function timeOf(ms, now) {
	const el = h("time", { class: "time", title: fullTime(ms), data: { ms: String(ms) } }, shortTime(ms, now));
	if (Number.isFinite(ms)) el.dateTime = new Date(ms).toISOString();
	return el;
}

/** Rewrites the times below el. @param {Element} el @param {number} now */
export function freshen(el, now) {
	for (const t of el.querySelectorAll("time[data-ms]")) {
		const text = shortTime(Number(/** @type {HTMLElement} */ (t).dataset.ms), now);
		if (t.textContent !== text) t.textContent = text;
	}
}

/**
 * A button that shows only an icon; its name is its tooltip too.
 * @param {import("./icons.js").IconName} name
 * @param {string} label
 * @param {Record<string, any>} [props]
 */
export function iconButton(name, label, props = {}) {
	return h("button", { type: "button", ...props, class: `icon-button ${props.class ?? ""}`, "aria-label": label, title: label }, icon(name));
}

/** The sign in front of a room's name. @param {{kind: string}} room */
export function roomIcon(room) {
	return icon(room.kind === "private" ? "lock" : room.kind === "direct" ? "message" : "hash");
}

/** Where the finger is the pointer, a focus in a field brings the keyboard up: nobody wants that unasked. */
export const byTouch = () => matchMedia("(pointer: coarse)").matches;

/**
 * Puts a popover beside what it is about, below or above, where it fits.
 * @param {HTMLElement} el shown @param {Element} beside @param {"start"|"end"} edge that both have in common @param {boolean} below where there is place
 */
export function place(el, beside, edge, below) {
	const from = beside.getBoundingClientRect();
	const { width, height } = el.getBoundingClientRect();
	const left = (edge === "start") !== el.matches(":dir(rtl)") ? from.left : from.right - width;
	el.style.left = `${Math.max(8, Math.min(left, innerWidth - width - 8))}px`;
	const [above, under] = [from.top - height - 6, from.bottom + 6];
	el.style.top = `${below ? (under + height < innerHeight ? under : Math.max(8, above)) : above > 8 ? above : under}px`;
}

/**
 * Shows a dialog: modal, closed by Escape or by a click beside it, and gone
 * when closed. A click that began inside, to select text, does not count.
 * @param {HTMLDialogElement} dialog
 */
export function showDialog(dialog) {
	const beside = (/** @type {MouseEvent} */ e) => {
		const box = dialog.getBoundingClientRect();
		return e.target === dialog && (e.clientX < box.left || e.clientX > box.right || e.clientY < box.top || e.clientY > box.bottom);
	};
	let began = false;
	dialog.addEventListener("pointerdown", (e) => { began = beside(e); });
	dialog.addEventListener("click", (e) => began && beside(e) && dialog.close());
	dialog.addEventListener("close", () => {
		dialog.remove();
		// A browser may give the focus back without the caret, which was in the
		// dialog and is nowhere then: what is typed would be lost.
		const field = document.activeElement;
		if (field instanceof HTMLTextAreaElement) field.setSelectionRange(field.selectionStart, field.selectionEnd);
	});
	document.body.append(dialog);
	dialog.showModal();
}

/**
 * A picture and some words where there is nothing to show.
 * @param {import("./icons.js").IconName} name
 * @param {string} title
 * @param {...import("./dom.js").Child} more
 */
export function emptyState(name, title, ...more) {
	return h("div", { class: "empty" }, h("div", { class: "empty-icon" }, icon(name)), h("h2", {}, title), ...more);
}
