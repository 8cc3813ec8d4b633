// Puts the page's own views into the page and feeds them by hand: the limits
// of the server allow nobody 10,000 messages within a test. Times are medians
// in ms, from the call until the frame that shows it.
(async () => {
	const [{ Store }, { timeline }, { sidebar }, { composer }] = await Promise.all(
		["/js/store.js", "/js/ui/timeline.js", "/js/ui/sidebar.js", "/js/ui/composer.js"].map((m) => import(m)));
	const me = { id: "u0", name: "me" }, began = Date.now(), heard = new Set(), nothing = () => {};
	const event = (seq, room = "r0") => ({
		room, seq, id: "i" + seq, kind: "message", time: new Date(began + seq).toISOString(), user: { id: "u" + (seq % 7 + 1), name: "user " + seq % 7 },
		text: "message " + seq + " https://example.com/" + seq + " " + "word ".repeat(seq % 40),
	});
	const store = new Store();
	const client = { on: (name, fn) => name === "event" && heard.add(fn), limits: {}, get serverTime() { return Date.now(); } };
	const session = {
		client, older: async () => {}, reload: nothing, typing: nothing, refreshSpecs: nothing, people: async () => [], quoted: async () => null, complete: async () => null,
		attend: (yes) => { store.attending = yes ? "r0" : null; },
	};
	const log = timeline({ store, session, now: Date.now, onEdit: nothing, onJoin: nothing, onNewRoom: nothing, onBrowse: nothing, onUser: nothing, tools: { leave: nothing } });
	const side = sidebar({ store, theme: () => "system", notifier: { setting: "off" } });
	const write = composer({ store, session, onSent: nothing });
	const shell = document.createElement("div"), main = document.createElement("main");
	shell.className = "shell";
	main.className = "main";
	main.append(log.el, write.el);
	shell.append(side.el, main);
	document.getElementById("app").replaceChildren(shell);

	const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
	const timed = async (fn) => {
		const from = performance.now();
		fn();
		await frame();
		return performance.now() - from;
	};
	const median = (list) => list.sort((a, b) => a - b)[list.length >> 1];
	const times = async (n, fn) => {
		const list = [];
		for (let i = 0; i < n; i++) list.push(await timed(() => fn(i)));
		return median(list);
	};
	const messages = () => document.querySelectorAll('[data-testid="message"]');
	const scroller = document.querySelector('[data-testid="timeline"]');
	const shown = async (fn) => {
		const from = performance.now();
		fn();
		do await frame(); while (Number(messages()[0].dataset.seq) !== store.room.log[0].seq);
		return performance.now() - from;
	};
	const input = document.querySelector('[data-testid="composer"]');
	const out = {};
	let seq = 0;
	const receive = (n) => {
		for (let i = 0; i < n; i++) {
			const e = event(++seq);
			store.event(e);
			for (const fn of heard) fn(e);
		}
	};

	// A message in another room, with few rooms and with many.
	const rooms = (n) => Array.from({ length: n }, (_, i) => ({ id: "r" + i, name: "room " + i, kind: "public", role: "member", head: 0, read: 0, unread: i % 3 }));
	let other = 0;
	const badge = () => store.event(event(++other, "r7"));
	store.welcome({ user: me, rooms: rooms(10), more: false });
	await frame();
	out.FewRooms = await times(15, badge);
	store.welcome({ user: me, rooms: rooms(1000), more: false });
	await frame();
	out.RoomItems = document.querySelectorAll('[data-testid="room-item"]').length;
	out.ManyRooms = await times(15, badge);

	store.select("r0");
	store.loading("r0");
	store.loadedPage("r0", { events: [], head: 0, more: false });
	await frame();

	// Typing, while nothing comes and while 100 messages a second come: in
	// turns, so that both have the same share of what else the machine does.
	const key = () => {
		input.value += "x";
		input.dispatchEvent(new Event("input", { bubbles: true }));
	};
	const typing = async () => {
		const quiet = [], busy = [];
		for (let turn = 0; turn < 3; turn++) {
			for (let i = 0; i < 15; i++) quiet.push(await timed(key));
			const rain = setInterval(receive, 10, 1);
			for (let i = 0; i < 15; i++) busy.push(await timed(key));
			clearInterval(rain);
		}
		out.Worst = Math.max(out.Worst ?? 0, ...busy);
		return [median(quiet), median(busy)];
	};

	// 10,000 messages arrive while the end is in sight.
	const flood = async (n) => {
		for (let i = 0; i < n; i += 200) await timed(() => receive(200));
		globalThis.gc?.();
		return [performance.memory.usedJSHeapSize, document.querySelectorAll("*").length];
	};
	const before = await flood(2000);
	const after = await flood(10000);
	await new Promise((done) => setTimeout(done, 500)); // the last ones may be shown a little later
	out.Growth = after[0] - before[0];
	out.Elements = after[1] - before[1];
	out.Rows = messages().length;
	out.Last = [...messages()].at(-1).dataset.seq;
	out.Received = seq;
	[out.TypingQuiet, out.TypingBusy] = await typing();

	// Somebody scrolls up through 10,000 messages.
	store.attending = null;
	const few = [], many = [];
	while (store.room.log[0].seq > 200) {
		scroller.scrollTop = 400;
		await frame();
		const first = store.room.log[0].seq;
		const loaded = messages().length;
		const from = Math.max(1, first - (loaded > 3000 && loaded < 9000 ? 1500 : 200)); // few steps between the two
		const marked = [...messages()].find((m) => m.getBoundingClientRect().bottom > scroller.getBoundingClientRect().top);
		const top = marked.getBoundingClientRect().top;
		const took = await shown(() => store.olderPage("r0", { events: Array.from({ length: first - from }, (_, i) => event(from + i)), head: seq, more: true }));
		out.Moved = Math.max(out.Moved ?? 0, Math.abs(marked.getBoundingClientRect().top - top));
		if (loaded < 2800) few.push(took);
		if (loaded > 9000) many.push(took);
	}
	out.OlderFew = median(few);
	out.OlderMany = median(many);
	out.Read = messages().length;
	[out.TypingQuietMany, out.TypingBusyMany] = await typing();

	// The place is kept also where rows come into sight that never were.
	scroller.scrollTop = scroller.scrollHeight / 2;
	await frame();
	out.Jump = await times(10, () => { scroller.scrollTop -= 3000; });
	const here = [...messages()].find((m) => m.checkVisibility({ contentVisibilityAuto: true }) && m.getBoundingClientRect().bottom > 300);
	const was = here.getBoundingClientRect().top;
	for (let i = 0; i < 8; i++) {
		scroller.scrollTop -= 100;
		await frame();
	}
	out.Drift = Math.abs(here.getBoundingClientRect().top - was - 800);
	return out;
})()
