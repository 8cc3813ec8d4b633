// @ts-check

import { secondsUntil } from "../time.js";
import { fill, h, setText } from "./dom.js";
import { icon } from "./icons.js";

const PATIENCE = 700; // ms: a reconnect that is quicker is not worth a word

/** Why the server does not want this page back. @type {Record<number, string>} */
const ENDED = {
	4501: "Your session was ended.",
	4503: "You may not use this chat.",
	4505: "You have too many windows with this chat open.",
	4506: "This page is too old for the server. Reload it.",
};

/**
 * The state of the connection: nothing while it is good.
 * @param {{store: import("../store.js").Store, onRetry: () => void}} o
 */
export function banner({ store, onRetry }) {
	const text = h("span", { class: "banner-text" });
	const count = h("span", { class: "banner-count", "aria-hidden": "true" });
	const retry = h("button", { type: "button", class: "link", data: { testid: "retry-now" }, on: { click: onRetry } }, "Retry now");
	const live = h("div", { role: "status", class: "banner-live" });
	const bar = h("div", { class: "banner", hidden: true, data: { testid: "connection" } }, live, retry);
	const back = h("p", { class: "sr-only", role: "status" });
	const el = h("div", {}, bar, back);
	/** @type {any} */
	let timer = null;
	/** @type {any} */
	let soon = null;
	let shown = false;

	const render = () => {
		const { conn } = store;
		document.body.dataset.state = conn.name;
		clearInterval(timer);
		if (conn.name === "online") {
			clearTimeout(soon);
			soon = null;
			if (shown) back.textContent = "Connected again.";
			shown = false;
			bar.hidden = true;
			return;
		}
		if (!shown && conn.name !== "closed") {
			soon ??= setTimeout(() => { shown = true; soon = null; render(); }, PATIENCE);
			return;
		}
		shown = true;
		back.textContent = "";
		bar.hidden = false;
		bar.dataset.kind = conn.name;
		retry.hidden = conn.name === "connecting";
		setText(retry, conn.name === "closed" ? "Reconnect" : "Retry now");
		if (live.childElementCount === 0) fill(live, icon("offline"), text, count);
		setText(text, wording(conn));
		const tick = () => setText(count, conn.retryAt === undefined ? "" : ` Next try in ${secondsUntil(conn.retryAt, Date.now())} s.`);
		tick();
		if (conn.name === "waiting") timer = setInterval(tick, 500);
	};
	store.on("conn", render);
	render();
	return { el, stop: () => { clearInterval(timer); clearTimeout(soon); } };
}

/** @param {import("../gochat.js").State} conn */
function wording(conn) {
	if (conn.name === "connecting") return "Connecting…";
	if (conn.name === "waiting") return "No connection. What you write is kept and sent later.";
	return ENDED[conn.code ?? 0] ?? "Disconnected.";
}
