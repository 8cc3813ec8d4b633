// @ts-check

import { dialogHead } from "./dialogs.js";
import { h } from "./dom.js";
import { showDialog } from "./parts.js";

/** What each does, and the keys; a key with a + is held together with the next. @type {[string, string[]][]} */
const SHORTCUTS = [
	["Jump to a room or person", ["Ctrl", "+", "K"]],
	["Previous or next conversation", ["Alt", "+", "↑", "↓"]],
	["Send", ["Enter"]],
	["New line", ["Shift", "+", "Enter"]],
	["Run a command", ["/"]],
	["Mention somebody", ["@"]],
	["Edit your last message", ["↑"]],
	["Go through the messages", ["Shift", "+", "Tab", "↑", "↓"]],
	["Actions of a message", ["Tab"]],
	["Back to writing", ["Esc"]],
	["These shortcuts", ["Ctrl", "+", "/"]],
];

export function shortcutsDialog() {
	const dialog = h("dialog", { class: "dialog", "aria-labelledby": "shortcuts-title", data: { testid: "shortcuts-dialog" } },
		dialogHead("shortcuts-title", ["Keyboard shortcuts"], () => dialog.close()),
		h("dl", { class: "shortcuts" }, SHORTCUTS.map(([what, keys]) => h("div", {}, h("dt", {}, what),
			h("dd", {}, keys.map((k) => (k === "+" ? h("span", { class: "muted" }, "+") : h("kbd", {}, k))))))));
	showDialog(dialog);
}
