import { strict as assert } from "node:assert";
import { afterEach, beforeEach, test } from "node:test";

import { ApiError, Auth } from "./auth.js";

const CARLOS = { id: "u1", name: "carlos" };
const JOHN = { id: "u2", name: "john" };

/** Channels of one browser: a message reaches the others. */
class FakeChannel {
	static all = [];
	constructor() { FakeChannel.all.push(this); }
	postMessage(data) { for (const c of FakeChannel.all) if (c !== this) c.onmessage?.({ data: structuredClone(data) }); }
}

let calls;
let answers; // path → what it answers
let kept;
const real = { fetch: globalThis.fetch, BroadcastChannel: globalThis.BroadcastChannel };
beforeEach(() => {
	calls = [];
	answers = {};
	kept = new Map();
	FakeChannel.all = [];
	globalThis.BroadcastChannel = FakeChannel;
	globalThis.localStorage = { getItem: (k) => kept.get(k) ?? null, setItem: (k, v) => kept.set(k, v), removeItem: (k) => kept.delete(k) };
	globalThis.fetch = async (url, init) => {
		calls.push([init.method, url, init.headers.Authorization, init.body]);
		const answer = answers[url.split("?")[0]];
		if (!answer) throw new TypeError("failed to fetch");
		const { status = 200, body = {}, headers = {} } = await answer();
		return { ok: status < 400, status, headers: new Headers(headers), json: async () => body };
	};
});
afterEach(() => {
	Object.assign(globalThis, real);
	delete globalThis.localStorage;
});

let issued = 0;
const session = (user = CARLOS, ttl = 300) => () => ({ body: { access_token: `t${++issued}`, token_type: "Bearer", expires_in: ttl, user } });
const asked = (path) => calls.filter(([, url]) => url.startsWith(path)).length;

test("logs in, and the token is given without asking again", async () => {
	answers["/auth/login"] = session();
	const auth = new Auth();
	assert.deepEqual(await auth.login("carlos", "1234"), CARLOS);
	assert.deepEqual(JSON.parse(calls[0][3]), { username: "carlos", password: "1234" });
	const token = await auth.token({ refresh: false });
	assert.equal(await auth.token({ refresh: false }), token);
	assert.equal(calls.length, 1);
});

test("errors are told with their code, field and patience", async () => {
	answers["/auth/login"] = () => ({ status: 429, body: { code: "rate_limited", detail: "Slow down.", field: "username" }, headers: { "Retry-After": "7" } });
	const auth = new Auth();
	await assert.rejects(auth.login("a", "b"), (e) => e instanceof ApiError && e.status === 429 && e.code === "rate_limited" && e.field === "username" && e.retryAfter === 7 && e.message === "Slow down.");
	answers["/auth/login"] = () => ({ status: 500, body: null });
	await assert.rejects(auth.login("a", "b"), { status: 500, message: /problem/ });
	delete answers["/auth/login"];
	await assert.rejects(auth.login("a", "b"), { status: 0, message: /reached/ });
	answers["/auth/login"] = () => ({ body: { access_token: "x" } }); // no user
	await assert.rejects(auth.login("a", "b"), { status: 502 });
	assert.equal(auth.user, null);
});

test("a reload restores the login, and asks only when there may be one", async () => {
	assert.equal(await new Auth().restore(), null);
	assert.equal(calls.length, 0);
	answers["/auth/login"] = session();
	await new Auth().login("carlos", "1234");
	answers["/auth/refresh"] = session();
	assert.deepEqual(await new Auth().restore(), CARLOS);
	answers["/auth/refresh"] = () => ({ status: 401 });
	assert.equal(await new Auth().restore(), null);
	assert.equal(await new Auth().restore(), null);
	assert.equal(asked("/auth/refresh"), 2, "and then there is none");
});

test("a token that ends is replaced, once for all who ask", async () => {
	answers["/auth/login"] = session(CARLOS, 0);
	const auth = new Auth();
	await auth.login("carlos", "1234");
	answers["/auth/refresh"] = session();
	const [a, b] = await Promise.all([auth.token({ refresh: false }), auth.token({ refresh: false })]);
	assert.equal(a, b);
	assert.equal(asked("/auth/refresh"), 1);
	assert.notEqual(await auth.token({ refresh: true }), a, "the server did not want it any more");
	assert.equal(asked("/auth/refresh"), 2);
});

test("the login ends when the cookie is of no use any more, not when the server is down", async () => {
	answers["/auth/login"] = session(CARLOS, 0);
	const auth = new Auth();
	const ended = [];
	auth.onEnd = (why) => ended.push(why);
	await auth.login("carlos", "1234");
	answers["/auth/refresh"] = () => ({ status: 503 });
	await assert.rejects(auth.token({ refresh: false }), { status: 503 });
	assert.deepEqual(ended, []);
	answers["/auth/refresh"] = () => ({ status: 401 });
	assert.equal(await auth.token({ refresh: false }), null);
	assert.deepEqual(ended, ["expired"]);
	assert.equal(auth.user, null);
});

test("tabs share the token, the login and the logout", async () => {
	answers["/auth/login"] = session();
	answers["/auth/logout"] = () => ({ status: 204 });
	const [one, two, three] = [new Auth(), new Auth(), new Auth()];
	const said = [];
	two.onLogin = (u) => said.push(u.name);
	for (const tab of [one, two, three]) tab.onEnd = (why) => said.push(why);
	await one.login("carlos", "1234");
	assert.deepEqual(said, ["carlos"]);
	const token = await one.token({ refresh: false });
	assert.equal(await two.token({ refresh: false }), token);
	answers["/auth/refresh"] = session();
	const fresh = await one.token({ refresh: true });
	assert.equal(await two.token({ refresh: true }), fresh, "the other tab was quicker");
	assert.equal(asked("/auth/refresh"), 1);
	await three.logout();
	assert.deepEqual(said, ["carlos", "logout", "logout", "logout"]);
	assert.equal(one.user, null);
	assert.equal(asked("/auth/logout"), 1);
});

test("another user's login in another tab ends this one's", async () => {
	answers["/auth/login"] = session(CARLOS);
	const [one, two] = [new Auth(), new Auth()];
	await one.login("carlos", "1234");
	const ended = [];
	one.onEnd = (why) => ended.push(why);
	two.user = null;
	answers["/auth/login"] = session(JOHN);
	await two.login("john", "1234");
	assert.deepEqual(ended, ["changed"]);
});

test("a logout holds here also when the server can't be reached", async () => {
	answers["/auth/login"] = session();
	const auth = new Auth();
	await auth.login("carlos", "1234");
	await auth.logout();
	assert.equal(auth.user, null);
	assert.equal(await new Auth().restore(), null);
});

test("the probe tells a refused token from a server that is down", async () => {
	answers["/auth/login"] = session();
	const auth = new Auth();
	await auth.login("carlos", "1234");
	for (const [status, want] of [[200, "retry"], [401, "refresh"], [503, "retry"]]) {
		answers["/api/session"] = () => ({ status });
		assert.equal(await auth.probe(), want);
	}
	delete answers["/api/session"];
	assert.equal(await auth.probe(), "retry");
	assert.match(calls.find(([, url]) => url === "/api/session")[2], /^Bearer t/);
});

test("users are found by a query that is escaped, and hostile answers are not believed", async () => {
	answers["/auth/login"] = session();
	const auth = new Auth();
	await auth.login("carlos", "1234");
	answers["/auth/users"] = () => ({ body: { users: [JOHN, null, { id: 7 }, { id: "x" }] } });
	assert.deepEqual(await auth.users("a&b=c/é"), [JOHN]);
	assert.equal(calls.at(-1)[1], "/auth/users?q=a%26b%3Dc%2F%C3%A9");
	answers["/auth/users"] = () => ({ body: [] });
	assert.deepEqual(await auth.users(""), []);
	answers["/auth/config"] = () => ({ body: { demo: "yes", demo_users: [1, "carlos"] } });
	assert.deepEqual(await auth.config(), { demo: false, demo_users: ["carlos"] });
});

test("logins: this one first, and another can be ended", async () => {
	answers["/auth/login"] = session();
	answers["/auth/sessions"] = () => ({ body: { sessions: [
		{ id: "old", since: "2026-01-01T00:00:00Z", used: "2026-01-02T00:00:00Z", current: false },
		{ id: "new", since: "2026-01-01T00:00:00Z", used: "2026-01-03T00:00:00Z" },
		{ id: "here", since: "2026-01-01T00:00:00Z", used: "2026-01-01T00:00:00Z", current: true }, { id: 7 }, null,
	] } });
	answers["/auth/sessions/a%2Fb"] = () => ({ status: 204, body: null });
	const auth = new Auth();
	await auth.login("carlos", "1234");
	assert.deepEqual((await auth.logins()).map((l) => l.id), ["here", "new", "old"]);
	await auth.endLogin("a/b");
	assert.deepEqual(calls.at(-1).slice(0, 2), ["DELETE", "/auth/sessions/a%2Fb"]);
	answers["/auth/sessions"] = () => ({ body: {} });
	assert.deepEqual(await auth.logins(), []);
});
