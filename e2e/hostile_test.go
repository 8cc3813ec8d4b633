package e2e

import (
	"testing"

	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/internal/proctest"
)

// What would run, load or show itself as markup, if anything made markup of it.
const hostile = `<img src=x onerror=xss()>`

// Markup is text wherever somebody can put it.
func TestMarkupIsText(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	s := startServer(t, t.TempDir(), proctest.FreeAddr(t))
	s.rename("john", "<b>john</b><script>xss()</script>")
	carlos, john := newPage(t, browser, "carlos"), newPage(t, browser, "john")
	for _, p := range []*page{carlos, john} {
		p.inject(`window.xss = () => { window.ran = true; };
			for (const key of ["gochat.theme", "gochat.session", "gochat.notify"]) localStorage.setItem(key, '` + hostile + `');
			sessionStorage.setItem("gochat.outbox:x", '[{"id":"` + hostile + `"}]');`)
	}
	carlos.login(s.url, "carlos")
	john.login(s.url, "john")
	for _, p := range []*page{carlos, john} {
		require.Len(t, p.forget(), 1, "a login was looked for: the browser logs the 401")
	}
	own := eval[string](john, `document.querySelector('[data-testid="me"]').textContent`)
	require.Equal(t, "<b>john</b><script>xss()</script>", own)

	carlos.click("new-room")
	carlos.fill("room-dialog-name", hostile)
	carlos.click("room-dialog-submit")
	carlos.until("the room's name", `document.querySelector('[data-testid="room-title"]')?.textContent === `+quote(hostile))
	john.enter(hostile)
	john.click("join-room")
	john.until("a place to write", `document.querySelector('[data-testid="composer"]:not(:disabled)')`)
	john.say(hostile + " @carlos ") // behind the blank, Enter chooses no name
	carlos.sees(own, hostile+" @carlos")
	carlos.hover(hostile)
	carlos.click("react")
	carlos.fill("emoji-own", "<b>x</b>"+kb.Enter)
	john.reactions(hostile, "<b>x</b>1")
	carlos.hover(hostile)
	carlos.click("reply")
	carlos.press("an answer" + kb.Enter)
	john.sees("carlos", "an answer")
	john.until("the quote", row("an answer")+`.querySelector('[data-testid="quote"]').textContent.includes("<img")`)
	carlos.say("/stock=" + hostile)
	carlos.until("the error", `document.querySelector('[data-testid="note-text"]')`)
	carlos.say("/" + "nope" + hostile)
	carlos.until("another error", `document.querySelectorAll('[data-testid="note"]').length === 2`)

	// Where names are listed, offered and asked about.
	carlos.fill("composer", "@")
	carlos.until("names", `[...document.querySelectorAll('[data-testid="mention-option"]')].some((o) => o.textContent.includes("<script>"))`)
	carlos.press(kb.Escape)
	carlos.clickWhere("message-author", `el.textContent === `+quote(own))
	carlos.until("the card", `document.querySelector('[data-testid="card"]')?.textContent.includes("<script>")`)
	carlos.click("card-message")
	carlos.until("the direct room", `document.querySelector('[data-testid="room-title"]')?.textContent === `+quote(own))
	carlos.enter(hostile)
	for _, d := range [][2]string{{"members", "member"}, {"settings", "settings-name"}, {"switcher", "picker-item"}, {"new-direct", "picker-item"}} {
		carlos.click(d[0])
		carlos.until(d[1], `document.querySelector('[data-testid="`+d[1]+`"]')?.checkVisibility()`)
		carlos.press(kb.Escape)
		carlos.until("it is closed", `!document.querySelector("dialog[open]")`)
	}
	// An address that says more than a room.
	for _, hash := range []string{"#/r/" + hostile, "#" + hostile, "#/r/x/" + hostile, "#/r/%3Cimg%3E", "#/r/__proto__", "#/r/nobody"} {
		eval[bool](carlos, `(location.hash = `+quote(hash)+`, true)`)
		carlos.until("a page that works", `document.querySelector('[data-testid="room-list"] [data-testid="room-item"]')`)
	}
	carlos.until("there is no such room", `document.body.innerText.includes("There is no such room")`)

	for _, p := range []*page{carlos, john} {
		require.False(t, eval[bool](p, `Boolean(window.ran) || document.querySelector("img, iframe, object, embed, b > script, [onerror]") !== null`), p.name)
		p.clean()
	}
}

// What a server says that this page does not know, or that is broken, changes
// nothing, and is named on the console.
func TestOddFrames(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	s := startServer(t, t.TempDir(), proctest.FreeAddr(t))
	p := newPage(t, browser, "carlos")
	p.inject(socketsHook)
	p.login(s.url, "carlos")
	p.enter("general")
	p.say("before")
	p.sees("carlos", "before")
	odd := eval[int](p, `(() => {
		const room = document.querySelector('[data-testid="room-title"]').dataset.room, user = { id: "u", name: "u" };
		const frames = ["", "x", "null", "[]", "7", '{"type":7}', {}, { type: "nonsense" }, { type: "toString" }, { type: "__proto__" },
			{ type: "event" }, { type: "event", room, seq: "1" }, { type: "event", room, seq: -1 }, { type: "event", room: {}, seq: 1 },
			{ type: "gap" }, { type: "gap", room }, { type: "notice" }, { type: "notice", kind: 7 }, { type: "outcome" }, { type: "outcome", call: 7 },
			{ type: "error" }, { type: "welcome" }];
		frames.forEach(say);
		return frames.length;
	})()`)
	require.Equal(t, odd, eval[int](p, `warned.filter((w) => w.startsWith("gochat: ignored")).length`), "each is named")
	// The client passes these on, and the page can do nothing with them.
	odd = eval[int](p, `(() => {
		const room = document.querySelector('[data-testid="room-title"]').dataset.room, user = { id: "u", name: "u" };
		warned.length = 0;
		let said = 0;
		for (const kind of ["typing", "presence", "progress", "added", "room_created", "room_updated", "read", "later"]) {
			for (const more of [{}, { user: null }, { user: { id: 7 } }, { in: room, user: {} }, { in: 7 }, { room: null }, { room: "x" }, { room: { id: 7 } }, { call: {}, text: {} }, { online: "x", user }, { in: room, count: -1 }, { in: room, count: "7" }]) {
				say({ type: "notice", kind, ...more });
				said++;
			}
		}
		return said;
	})()`)
	require.Equal(t, odd, eval[int](p, `warned.filter((w) => w.startsWith("gochat: ignored a notice")).length`), "each is named")
	eval[bool](p, `(() => {
		const room = document.querySelector('[data-testid="room-title"]').dataset.room;
		say({ type: "outcome", call: "c", status: "ephemeral", room, text: 7 });
		say({ type: "outcome", call: "d", status: "nonsense", room: 7 });
		say({ type: "ok", re: "nobody", seq: "x" });
		return true;
	})()`)
	p.say("after")
	p.sees("carlos", "after")
	// An event of a kind that is to come is passed over; the next one is shown.
	eval[bool](p, `(() => {
		const room = document.querySelector('[data-testid="room-title"]').dataset.room, user = { id: "u9", name: "a newer server" };
		const seq = Number([...document.querySelectorAll('[data-testid="message"]')].at(-1).dataset.seq), time = new Date().toISOString();
		say({ type: "event", room, seq: seq + 1, id: "x1", kind: "polled", time, user, data: { options: [1, 2] } });
		say({ type: "event", room, seq: seq + 2, id: "x2", kind: "message", time: "yesterday", user: { ...user, avatar: {} }, text: "from the future", ref: "x", mentions: [7], reactions: "x", call: 7 });
		return true;
	})()`)
	p.sees("a newer server", "from the future")
	require.Equal(t, 1, eval[int](p, `sockets.length`), "the connection was never given up")
	p.clean()

	// Of a crowd the server tells how many are there, and write.
	eval[bool](p, `((room) => (say({ type: "notice", kind: "presence", in: room, count: 1204 }), say({ type: "notice", kind: "typing", in: room, count: 7 }), true))(document.querySelector('[data-testid="room-title"]').dataset.room)`)
	p.until("how many are there", `document.querySelector('[data-testid="room-sub"]').textContent === "Public room · about 1,204 online"`)
	p.until("that several write", `document.querySelector('[data-testid="typing"]').textContent === "Several people are typing…"`)
	p.picture("crowd")
	p.click("members")
	p.until("how many there too", `document.querySelector('[data-testid="members-status"]')?.textContent === "1 member, about 1,204 online"`)
}

// lateClock is a computer whose clock is a year ahead.
const lateClock = `(() => {
	const Real = Date, ahead = 365 * 24 * 3600_000;
	window.Date = class extends Real {
		constructor(...args) { if (args.length > 0) super(...args); else super(Real.now() + ahead); }
		static now() { return Real.now() + ahead; }
	};
})()`

// A command shows how far it is; what it says to its caller alone is marked.
// Times are the server's, whatever this computer's clock says.
func TestProgressAndEphemeral(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	s := startServer(t, t.TempDir(), proctest.FreeAddr(t))
	p := newPage(t, browser, "carlos")
	p.inject(socketsHook)
	p.inject(lateClock)
	p.login(s.url, "carlos")
	p.enter("general")
	p.say("what time is it?")
	p.sees("carlos", "what time is it?")
	require.Equal(t, "Today, just now", eval[string](p, `[document.querySelector(".row-day").textContent, document.querySelector(".msg time").textContent].join(", ")`))
	eval[bool](p, `(window.hold = (f) => f.type === "outcome" || f.call !== undefined && f.type === "event", true)`)
	p.say("/stock=aapl.us")
	p.until("the command runs", `document.querySelector('[data-testid="command"]')?.textContent.includes("/stock=aapl.us") && held.some((m) => JSON.parse(m.data).type === "outcome")`)
	eval[bool](p, `(say({ type: "notice", kind: "progress", call: JSON.parse(held.find((m) => JSON.parse(m.data).type === "outcome").data).call, text: "half <b>way</b>" }), true)`)
	p.until("the progress", `document.querySelector('[data-testid="command"]').textContent.includes("half <b>way</b>")`)
	p.picture("progress")
	eval[bool](p, `(hold = () => false, held.forEach((m) => sockets.at(-1).hear(m)), true)`)
	p.sees("stockbot", "AAPL.US")
	p.until("it runs no more", `!document.querySelector('[data-testid="command"]')`)
	p.say("/help")
	p.until("an answer for me alone", `document.querySelector('[data-testid="note"][data-status="ephemeral"]')?.textContent.includes("Only you can see this")`)
	p.picture("ephemeral")
	p.clean()
}
