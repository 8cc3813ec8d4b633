// @ts-check

/** Light, dark, or as the system has it. Kept on this device. */

const KEY = "gochat.theme";

/** @returns {string} system, light or dark */
export function theme() {
	try {
		const kept = localStorage.getItem(KEY);
		return kept === "light" || kept === "dark" ? kept : "system";
	} catch {
		return "system";
	}
}

/** @param {string} value */
export function setTheme(value) {
	try {
		if (value === "system") localStorage.removeItem(KEY);
		else localStorage.setItem(KEY, value);
	} catch { /* it holds until the reload */ }
	document.documentElement.dataset.theme = value;
}

document.documentElement.dataset.theme = theme();
