// @ts-check

/**
 * Who is logged in. The access token lives in memory only; a cookie that
 * scripts can't read keeps the login over a reload. The tabs of a browser share
 * both: one asks for a new token at a time, and a logout ends all.
 */

/**
 * @typedef {{id: string, name: string}} User
 * @typedef {{id: string, since: number, used: number, current: boolean}} Login since when, and used last, in ms
 * @typedef {{demo: boolean, demo_users: string[]}} Config
 * @typedef {"expired"|"logout"|"changed"} Ended why: the login ended, was ended here or in another tab, or is another user's now
 */

const LOCK = "gochat-refresh";
const CHANNEL = "gochat-auth";
const HINT = "gochat.session"; // in localStorage: there may be a cookie, so that asking is worth it
const TIMEOUT = 10_000;

/** An answer that is not what was asked for: of RFC 9457, or made of the status. */
export class ApiError extends Error {
	/** @param {number} status 0: the server was not reached @param {Record<string, any>} problem @param {number} [retryAfter] s */
	constructor(status, problem, retryAfter) {
		super(typeof problem.detail === "string" && problem.detail !== "" ? problem.detail : ApiError.#text(status));
		this.name = "ApiError";
		this.status = status;
		this.code = typeof problem.code === "string" ? problem.code : "";
		this.field = typeof problem.field === "string" ? problem.field : undefined;
		this.retryAfter = retryAfter;
	}

	/** @param {number} status */
	static #text(status) {
		if (status === 0) return "The server can't be reached. Check your connection.";
		if (status === 401) return "You are not logged in.";
		if (status === 429) return "Too many attempts. Wait a moment.";
		return status >= 500 ? "The server has a problem. Try again in a moment." : `The server refused (${status}).`;
	}
}

export class Auth {
	/** @type {User|null} */
	user = null;
	/** @type {(why: Ended) => void} */
	onEnd = () => {};
	/** @type {(user: User) => void} a login in another tab */
	onLogin = () => {};

	#token = "";
	#expires = 0;
	#margin = 0; // a token with less time left is not given out
	#given = ""; // the last token that was given out
	/** @type {Promise<string|null>|null} */ #refreshing = null;
	/** @type {BroadcastChannel|null} */ #channel;
	/** @type {string} */ #base;
	/** @type {string} */ #api;

	/** @param {{auth?: string, chat?: string}} [origins] "" is the page's own */
	constructor({ auth = "", chat = "" } = {}) {
		this.#base = `${auth}/auth`;
		this.#api = `${chat}/api`;
		this.#channel = typeof BroadcastChannel === "function" ? new BroadcastChannel(CHANNEL) : null;
		if (this.#channel) this.#channel.onmessage = (m) => this.#heard(m.data);
	}

	/** @returns {Promise<Config>} */
	async config() {
		const c = await this.#fetch("GET", `${this.#base}/config`);
		const users = Array.isArray(c.demo_users) ? c.demo_users.filter((/** @type {any} */ u) => typeof u === "string") : [];
		return { demo: c.demo === true, demo_users: users };
	}

	/** @param {string} username @param {string} password */
	async login(username, password) {
		this.#take(await this.#fetch("POST", `${this.#base}/login`, { username, password }));
		this.#share();
		return /** @type {User} */ (this.user);
	}

	/** The login of before a reload, if there is one. @returns {Promise<User|null>} */
	async restore() {
		if (!hint()) return null;
		await this.#refresh();
		return this.user;
	}

	/**
	 * A token that lasts a while; null when the user has to log in again.
	 * Rejects when the server can't be asked now.
	 * @param {{refresh: boolean}} why refresh: the last one is of no use any more
	 */
	async token({ refresh }) {
		const lasts = this.#token !== "" && this.#expires - Date.now() > this.#margin;
		const token = lasts && (!refresh || this.#token !== this.#given) ? this.#token : await this.#refresh();
		this.#given = token ?? "";
		return token;
	}

	/** Whom one can talk to. @param {string} query @returns {Promise<User[]>} */
	async users(query) {
		const found = await this.#fetch("GET", `${this.#base}/users?q=${encodeURIComponent(query)}`, undefined, true);
		return Array.isArray(found.users) ? found.users.filter(isUser) : [];
	}

	/** What a refused handshake was about. @returns {Promise<"retry"|"refresh"|"stop">} */
	async probe() {
		try {
			await this.#fetch("GET", `${this.#api}/session`, undefined, true);
			return "retry";
		} catch (err) {
			return err instanceof ApiError && err.status === 401 ? "refresh" : "retry";
		}
	}

	/** Ends the login, here and in the other tabs, also when the server can't be reached. */
	async logout() {
		this.#clear();
		this.#channel?.postMessage({ type: "logout" });
		this.onEnd("logout");
		await this.#fetch("POST", `${this.#base}/logout`, {}).catch(() => {});
	}

	/** Where this user is logged in: this one first, then the one that was used last. @returns {Promise<Login[]>} */
	async logins() {
		const { sessions } = await this.#fetch("GET", `${this.#base}/sessions`, undefined, true);
		const list = (Array.isArray(sessions) ? sessions : []).filter((s) => typeof s?.id === "string").map((s) => ({
			id: s.id, since: Date.parse(s.since), used: Date.parse(s.used), current: s.current === true,
		}));
		return list.sort((a, b) => Number(b.current) - Number(a.current) || b.used - a.used);
	}

	/** Ends one of them, elsewhere. @param {string} id */
	async endLogin(id) {
		await this.#fetch("DELETE", `${this.#base}/sessions/${encodeURIComponent(id)}`, undefined, true);
	}

	/** Ends all logins of this user, on every device; this one too. */
	async logoutAll() {
		await this.#fetch("POST", `${this.#base}/logout-all`, {}, true);
		await this.logout();
	}

	/** One at a time, of all tabs. @returns {Promise<string|null>} */
	#refresh() {
		this.#refreshing ??= this.#locked(async () => {
			const had = this.#given;
			// Another tab may have been quicker while this one waited.
			if (this.#token !== "" && this.#token !== had && this.#expires - Date.now() > this.#margin) return this.#token;
			try {
				this.#take(await this.#fetch("POST", `${this.#base}/refresh`, {}));
			} catch (err) {
				if (!(err instanceof ApiError) || err.status !== 401) throw err;
				const was = this.user;
				this.#clear();
				if (was) this.onEnd("expired");
				return null;
			}
			this.#share();
			return this.#token;
		}).finally(() => {
			this.#refreshing = null;
		});
		return this.#refreshing;
	}

	/** @template T @param {() => Promise<T>} fn @returns {Promise<T>} */
	#locked(fn) {
		const { locks } = globalThis.navigator ?? {};
		return /** @type {Promise<T>} */ (locks ? locks.request(LOCK, fn) : fn());
	}

	/** @param {any} answer */
	#take(answer) {
		if (typeof answer.access_token !== "string" || !isUser(answer.user)) throw new ApiError(502, {});
		const was = this.user;
		const ttl = Math.max(0, Number(answer.expires_in) || 0) * 1000;
		this.#token = answer.access_token;
		this.#expires = Date.now() + ttl;
		this.#margin = Math.min(60_000, ttl / 5);
		this.user = answer.user;
		hint(true);
		if (was && was.id !== answer.user.id) this.onEnd("changed");
	}

	#share() {
		const { user } = this;
		this.#channel?.postMessage({ type: "session", token: this.#token, expires: this.#expires, margin: this.#margin, user });
	}

	/** Of another tab of this origin. @param {any} m */
	#heard(m) {
		if (m?.type === "logout" && this.user) {
			this.#clear();
			this.onEnd("logout");
		}
		if (m?.type !== "session" || !isUser(m.user)) return;
		if (this.user && this.user.id !== m.user.id) return this.onEnd("changed");
		const before = this.user;
		this.#token = m.token;
		this.#expires = m.expires;
		this.#margin = m.margin;
		this.user = m.user;
		if (!before) this.onLogin(m.user);
	}

	#clear() {
		this.#token = this.#given = "";
		this.#expires = 0;
		this.user = null;
		hint(false);
	}

	/**
	 * @param {string} method
	 * @param {string} url
	 * @param {object} [body]
	 * @param {boolean} [bearer]
	 * @returns {Promise<any>}
	 */
	async #fetch(method, url, body, bearer = false) {
		/** @type {Record<string, string>} */
		const headers = { Accept: "application/json" };
		if (body) headers["Content-Type"] = "application/json";
		if (bearer) {
			const token = await this.token({ refresh: false });
			if (!token) throw new ApiError(401, {});
			headers.Authorization = `Bearer ${token}`;
		}
		/** @type {Response} */
		let res;
		try {
			res = await fetch(url, {
				method,
				headers,
				body: body && JSON.stringify(body),
				credentials: url.startsWith("/") ? "same-origin" : "include",
				cache: "no-store",
				redirect: "error",
				signal: AbortSignal.timeout(TIMEOUT),
			});
		} catch {
			throw new ApiError(0, {});
		}
		const answer = await res.json().catch(() => null);
		const fields = typeof answer === "object" && answer !== null ? answer : {};
		if (!res.ok) throw new ApiError(res.status, fields, Number(res.headers.get("Retry-After")) || undefined);
		return fields;
	}
}

/** @param {any} v @returns {v is User} */
function isUser(v) {
	return typeof v === "object" && v !== null && typeof v.id === "string" && v.id !== "" && typeof v.name === "string";
}

/**
 * Notes, or tells, whether there may be a login to restore. Without storage
 * there may always be one.
 * @param {boolean} [set]
 */
function hint(set) {
	try {
		if (set === true) localStorage.setItem(HINT, "1");
		if (set === false) localStorage.removeItem(HINT);
		return localStorage.getItem(HINT) !== null;
	} catch {
		return true;
	}
}
