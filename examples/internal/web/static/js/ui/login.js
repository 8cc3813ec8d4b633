// @ts-check

import { ApiError } from "../auth.js";
import { sayError } from "../errors.js";
import { fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { avatar } from "./parts.js";

const DEMO_PASSWORD = "1234"; // of the accounts that a demo shows

/**
 * The login page.
 * @param {HTMLElement} root
 * @param {import("../auth.js").Auth} auth
 * @param {{notice?: string, onLogin: (user: import("../auth.js").User) => void}} o
 */
export function showLogin(root, auth, { notice = "", onLogin }) {
	const username = h("input", {
		id: "username", name: "username", autocomplete: "username", autocapitalize: "none", spellcheck: "false", required: true,
		maxlength: "64", data: { testid: "login-username" }, "aria-describedby": "login-error",
	});
	const password = h("input", {
		id: "password", name: "password", type: "password", autocomplete: "current-password", required: true, maxlength: "256",
		data: { testid: "login-password" }, "aria-describedby": "login-error",
	});
	const error = h("p", { id: "login-error", class: "form-error", role: "alert", data: { testid: "login-error" } });
	const submit = h("button", { type: "submit", class: "button button-primary button-wide", data: { testid: "login-submit" } }, "Log in");
	const demo = h("div", { class: "demo" });
	const form = h("form", { class: "login-form", novalidate: true, data: { testid: "login-form" }, on: { submit: send } },
		h("label", { for: "username" }, "User name"), username,
		h("label", { for: "password" }, "Password"), password,
		error, submit);

	fill(root, h("main", { class: "login" },
		h("div", { class: "login-card" },
			h("div", { class: "login-brand" }, logo(), h("h1", {}, "gochat")),
			h("p", { class: "login-lead" }, "Log in to join the conversation."),
			notice !== "" && h("p", { class: "login-notice", role: "status" }, notice),
			form, demo)));
	username.focus();
	offerDemo();

	let busy = false;

	/** @param {SubmitEvent} e */
	async function send(e) {
		e.preventDefault();
		if (busy) return;
		if (username.value.trim() === "") return say("Enter your user name.", username);
		if (password.value === "") return say("Enter your password.", password);
		setBusy(true);
		say("");
		try {
			onLogin(await auth.login(username.value.trim(), password.value));
		} catch (err) {
			say(explain(err), password);
			password.select();
		} finally {
			setBusy(false);
		}
	}

	/** @param {boolean} on */
	function setBusy(on) {
		busy = on;
		submit.toggleAttribute("aria-busy", on);
		submit.textContent = on ? "Logging in…" : "Log in";
	}

	/** @param {string} text @param {HTMLInputElement} [field] */
	function say(text, field) {
		error.textContent = text;
		for (const f of [username, password]) f.toggleAttribute("aria-invalid", f === field);
		if (field) field.setAttribute("aria-invalid", "true");
		field?.focus();
	}

	async function offerDemo() {
		/** @type {import("../auth.js").Config} */
		let config;
		try {
			config = await auth.config();
		} catch (err) {
			if (error.textContent === "") say(sayError(err));
			return;
		}
		if (!config.demo || config.demo_users.length === 0) return;
		const fillIn = (/** @type {string} */ name) => {
			username.value = name;
			password.value = DEMO_PASSWORD;
			say("");
			submit.focus();
		};
		fill(demo,
			h("p", {}, "Demo accounts, password ", h("code", {}, DEMO_PASSWORD)),
			h("div", { class: "demo-users" }, config.demo_users.map((name) =>
				h("button", { type: "button", class: "demo-user", data: { testid: "demo-account", user: name }, on: { click: () => fillIn(name) } },
					avatar({ id: name, name }, "s"), name))));
	}
}

/** @param {unknown} err */
function explain(err) {
	if (!(err instanceof ApiError)) return sayError(err);
	if (err.status === 401) return "The user name or password is wrong.";
	const wait = err.retryAfter;
	if (err.status === 429 && wait) return `Too many attempts. Try again in ${wait} second${wait === 1 ? "" : "s"}.`;
	return sayError(err);
}

/** The sign of the house. */
export function logo() {
	return h("span", { class: "logo", "aria-hidden": "true" }, icon("message"));
}
