// @ts-check

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { avatar, place } from "./parts.js";

/**
 * Who somebody is, beside their name, and what to do with them.
 * @param {HTMLElement} beside
 * @param {{user: import("../gochat.js").User, self: boolean, online: boolean|undefined, onMessage: () => void, onMention: (() => void)|null}} o
 */
export function userCard(beside, { user, self, online, onMessage, onMention }) {
	const is = user.bot ? "Bot. Type / to see its commands." : self ? "This is you" : online === undefined ? "" : online ? "Online" : "Away";
	const after = (/** @type {() => void} */ run) => () => {
		card.hidePopover();
		run();
	};
	const card = h("div", { class: "card", popover: "auto", role: "dialog", "aria-label": `About ${user.name}`, data: { testid: "card", user: user.id } },
		h("div", { class: "card-head" }, avatar(user, "l"),
			h("div", { class: "card-who" }, h("p", { class: "card-name", dir: "auto" }, user.name),
				is !== "" && h("p", { class: "choice-detail" }, online && !self && !user.bot && h("span", { class: "online" }), is))),
		h("div", { class: "card-actions" },
			!user.bot && h("button", { type: "button", class: "button button-small", data: { testid: "card-message" }, on: { click: after(onMessage) } }, icon("message"), self ? "Notes to self" : "Message"),
			onMention && h("button", { type: "button", class: "button button-small", data: { testid: "card-mention" }, on: { click: after(onMention) } }, "Mention")));
	card.addEventListener("toggle", (e) => {
		if (/** @type {ToggleEvent} */ (e).newState !== "closed") return;
		if (document.activeElement === document.body || card.contains(document.activeElement)) beside.focus({ preventScroll: true });
		card.remove();
	});
	document.body.append(card);
	card.showPopover();
	place(card, beside, "start", true);
	/** @type {HTMLElement|null} */ (card.querySelector("button"))?.focus();
}
