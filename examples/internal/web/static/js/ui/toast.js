// @ts-check

/** Short messages about what was done, or was not. */

import { h } from "./dom.js";
import { icon } from "./icons.js";

const SHOWN = 8_000; // ms
const MOST = 3;

/** @type {HTMLElement|null} */
let region = null;

/**
 * @param {string} text
 * @param {{kind?: "info"|"error", action?: {label: string, run: () => void}}} [o]
 */
export function toast(text, { kind = "info", action } = {}) {
	if (!region) {
		region = h("div", { class: "toasts", role: "status", "aria-live": "polite" });
		document.body.append(region);
	}
	const el = h("div", { class: `toast toast-${kind}`, data: { testid: "toast" } },
		icon(kind === "error" ? "alert" : "check"),
		h("span", { class: "toast-text", dir: "auto" }, text),
		action && h("button", { type: "button", class: "link", on: { click: () => { el.remove(); action.run(); } } }, action.label),
		h("button", { type: "button", class: "toast-close", "aria-label": "Dismiss", on: { click: () => el.remove() } }, icon("close")));
	region.append(el);
	while (region.childElementCount > MOST) region.firstElementChild?.remove();
	setTimeout(() => el.remove(), SHOWN);
}
