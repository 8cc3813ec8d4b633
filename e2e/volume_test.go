package e2e

import (
	"context"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/internal/proctest"
)

// volume puts the page's own views into the page, fed by hand: the limits of
// the server allow nobody 10,000 messages within a test. What is measured is
// in ms and bytes.
const volume = `(async () => {
	const { Store } = await import("/js/store.js"), { timeline } = await import("/js/ui/timeline.js"), { sidebar } = await import("/js/ui/sidebar.js");
	const me = { id: "u0", name: "me" }, now = Date.now(), heard = new Set();
	const event = (seq) => ({ room: "r0", seq, id: "i" + seq, kind: "message", time: new Date(now + seq).toISOString(), user: { id: "u" + (seq % 7 + 1), name: "user " + seq % 7 },
		text: "message " + seq + " https://example.com/" + seq + " " + "word ".repeat(seq % 40) });
	const store = new Store();
	const session = { client: { on: (name, fn) => heard.add(fn), limits: {} }, attend: (yes) => { store.attending = yes ? "r0" : null; }, older: async () => {}, reload() {} };
	const nothing = () => {};
	const log = timeline({ store, session, now: Date.now, onEdit: nothing, onJoin: nothing, onNewRoom: nothing, onBrowse: nothing, tools: { leave: nothing } });
	const side = sidebar({ store, onNewRoom: nothing, onBrowse: nothing, onDirect: nothing, onSwitch: nothing, onLogout: nothing, onTheme: nothing, theme: () => "system" });
	const shell = document.createElement("div"), main = document.createElement("main");
	shell.className = "shell";
	main.className = "main";
	main.append(log.el);
	shell.append(side.el, main);
	document.getElementById("app").replaceChildren(shell);
	const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
	const timed = async (fn) => { const began = performance.now(); fn(); await frame(); return performance.now() - began; };
	const rows = () => document.querySelectorAll('[data-testid="message"]').length;
	const out = {};

	const rooms = Array.from({ length: 1000 }, (_, i) => ({ id: "r" + i, name: "room " + i, kind: "public", role: "member", head: 0, read: 0, unread: i % 3 }));
	out.Rooms = await timed(() => store.welcome({ user: me, rooms, more: false }));
	out.RoomItems = document.querySelectorAll('[data-testid="room-item"]').length;
	out.Badge = await timed(() => store.event({ ...event(1), room: "r500" }));

	store.select("r0");
	store.loading("r0");
	store.loadedPage("r0", { events: [], head: 0, more: false });
	await frame();
	let seq = 0, worst = 0;
	const receive = async (n) => {
		for (let i = 0; i < n; i += 200) {
			const took = await timed(() => { for (let j = 0; j < 200; j++) { const e = event(++seq); store.event(e); for (const fn of heard) fn(e); } });
			worst = Math.max(worst, took);
		}
	};
	await receive(2000);
	globalThis.gc?.();
	const heap = performance.memory.usedJSHeapSize;
	await receive(10000);
	globalThis.gc?.();
	out.Growth = performance.memory.usedJSHeapSize - heap;
	out.Burst = worst;
	out.Rows = rows();
	out.Last = [...document.querySelectorAll('[data-testid="message"]')].at(-1).dataset.seq;

	// Somebody scrolls up through 10,000 messages.
	const scroller = document.querySelector('[data-testid="timeline"]');
	store.attending = null;
	worst = 0;
	for (let first = store.room.log[0].seq; first > 1000; first = store.room.log[0].seq) {
		scroller.scrollTop = 400;
		const from = Math.max(1, first - 500);
		const events = Array.from({ length: first - from }, (_, i) => event(from + i));
		worst = Math.max(worst, await timed(() => store.olderPage("r0", { events, head: seq, more: true })));
	}
	out.Older = worst;
	out.Read = rows();
	out.One = await timed(() => store.event(event(++seq)));
	out.Scroll = await timed(() => { scroller.scrollTop = scroller.scrollHeight / 2; });
	return out;
})()`

type volumes struct {
	Rooms, Badge, Burst, Older, One, Scroll float64
	RoomItems, Rows, Read                   int
	Growth                                  float64
	Last                                    string
}

// 1,000 rooms, 10,000 messages received and 10,000 read back: the limits here
// are wide, for machines that do much else at the same time.
func TestVolume(t *testing.T) {
	browser := newBrowser(t, chromedp.Flag("js-flags", "--expose-gc"), chromedp.Flag("enable-precise-memory-info", true))
	s := startServer(t, t.TempDir(), proctest.FreeAddr(t))
	p := newPage(t, browser, "volume")
	p.open(s.url)
	p.state("login")
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[volumes](volume, chromedp.EvalAwaitPromise))
	require.NoError(t, err)
	p.picture("end")
	t.Logf("1,000 rooms %.0f ms, a badge %.0f ms; 200 messages at once %.0f ms; 10,000 messages: %.1f MB more; "+
		"older page %.0f ms with %d rows, then one message %.0f ms, a jump %.0f ms", v.Rooms, v.Badge, v.Burst, v.Growth/(1<<20), v.Older, v.Read, v.One, v.Scroll)
	require.Equal(t, 1000, v.RoomItems)
	require.Equal(t, "12000", v.Last)
	require.Less(t, v.Rows, 1000, "what is long past leaves the page")
	require.Less(t, v.Growth, float64(8<<20), "memory after 10,000 messages")
	require.Greater(t, v.Read, 10000)
	for what, ms := range map[string]float64{"rooms": v.Rooms, "badge": v.Badge, "200 messages": v.Burst, "an older page": v.Older, "one message": v.One, "a jump": v.Scroll} {
		require.Less(t, ms, 1000.0, what)
	}
}
