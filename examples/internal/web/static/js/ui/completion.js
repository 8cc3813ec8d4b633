// @ts-check

import { h, fill } from "./dom.js";

/**
 * @typedef {{title: string, detail: string, data: Record<string, string>, picture?: Node, exact: string, optional?: boolean, take: () => void}} Offer
 *   exact: typed so, Enter sends; optional: Enter sends unless it was chosen by an arrow key
 */

/**
 * The list above the composer: what a line could become. The focus stays in the
 * field, which says by aria-activedescendant what is marked.
 * @param {HTMLTextAreaElement} input
 */
export function completion(input) {
	const list = h("ul", { id: "commands", class: "popup-list", role: "listbox", "aria-label": "Suggestions", data: { testid: "command-popup" } });
	const hint = h("p", { class: "popup-hint" });
	const el = h("div", { class: "popup", hidden: true }, list, hint);
	/** @type {Offer[]} */
	let offered = [];
	let chosen = 0;
	let moved = false; // by an arrow key

	/** @param {number} i */
	function mark(i) {
		list.children[chosen]?.setAttribute("aria-selected", "false");
		chosen = i;
		list.children[i].setAttribute("aria-selected", "true");
		list.children[i].scrollIntoView({ block: "nearest" });
		input.setAttribute("aria-activedescendant", `command-${i}`);
	}

	function close() {
		el.hidden = true;
		offered = [];
		input.removeAttribute("aria-activedescendant");
	}

	return {
		el,
		close,
		isOpen: () => !el.hidden,
		/** @param {Offer[]} offers @param {...import("./dom.js").Child} words what is said where there is nothing to choose */
		show(offers, ...words) {
			offered = offers;
			moved = false;
			el.hidden = offers.length === 0 && words.length === 0;
			list.hidden = offers.length === 0;
			hint.hidden = words.length === 0;
			fill(hint, ...words);
			fill(list, offers.map((o, i) => h("li", {
				id: `command-${i}`, class: "option", role: "option", "aria-selected": "false", data: o.data,
				on: { mousedown: (/** @type {Event} */ e) => { e.preventDefault(); o.take(); }, mousemove: () => chosen !== i && mark(i) },
			}, o.picture, h("span", { class: "option-name", dir: "auto" }, o.title), h("span", { class: "option-detail", dir: "auto" }, o.detail))));
			if (offers.length > 0) mark(0);
			else input.removeAttribute("aria-activedescendant");
		},
		/** @param {KeyboardEvent} e @returns {boolean} whether the key was for the list */
		pressed(e) {
			if (el.hidden) return false;
			if (offered.length > 0) {
				const step = e.key === "ArrowDown" ? 1 : e.key === "ArrowUp" ? -1 : 0;
				if (step !== 0) {
					moved = true;
					mark((chosen + step + offered.length) % offered.length);
					return true;
				}
				const exact = input.value.trim().toLowerCase() === offered[chosen].exact || (offered[chosen].optional && !moved);
				if (e.key === "Tab" || (e.key === "Enter" && !e.shiftKey && !exact)) {
					offered[chosen].take();
					return true;
				}
			}
			if (e.key !== "Escape") return false;
			close();
			return true;
		},
	};
}
