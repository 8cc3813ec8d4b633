package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/internal/proctest"
)

// put sets what the composer holds, as a paste does.
func (p *page) put(text string) {
	p.t.Helper()
	eval[bool](p, `((ta) => { ta.focus(); ta.value = `+quote(text)+`; ta.dispatchEvent(new Event("input", { bubbles: true })); return true; })(document.querySelector('[data-testid="composer"]'))`)
}

func (p *page) composer() string {
	p.t.Helper()
	return eval[string](p, `document.querySelector('[data-testid="composer"]').value`)
}

// What people expect of a chat; examples/internal/web/EXPECTATIONS.md has the
// whole list, and where each of it is tested.
func TestExpectations(t *testing.T) {
	browser := newBrowser(t)
	addr, dir := proctest.FreeAddr(t), t.TempDir()
	s := startServer(t, dir, addr)
	carlos, john := s.join(browser, "carlos"), s.join(browser, "john")
	carlos.enter("general")
	john.enter("general")
	both := []*page{carlos, john}

	t.Run("FailedIsRetriedOrDeleted", func(t *testing.T) {
		carlos.put("bad\u0001 character") // the server refuses control characters
		carlos.press(kb.Enter)
		carlos.until("the reason", `document.querySelector('[data-testid="message-error"]')?.textContent.startsWith("Not sent: ")`)
		carlos.picture("failed-message")
		carlos.click("message-retry")
		carlos.until("the reason again", `document.querySelector('[data-testid="message-error"]')`)
		carlos.click("message-delete")
		carlos.until("it is gone", `!document.querySelector('[data-testid="message"]')`)
	})
	t.Run("EnterSendsShiftEnterBreaks", func(t *testing.T) {
		carlos.fill("composer", "one")
		height := eval[float64](carlos, `document.querySelector('[data-testid="composer"]').clientHeight`)
		carlos.chord(shift, kb.Enter)
		carlos.press("two")
		require.Greater(t, eval[float64](carlos, `document.querySelector('[data-testid="composer"]').clientHeight`), height, "it grows")
		eval[bool](carlos, `document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", isComposing: true, bubbles: true, cancelable: true }))`)
		require.Equal(t, "one\ntwo", carlos.composer(), "an input method's Enter sends nothing")
		carlos.press(kb.Enter + kb.Enter)
		carlos.sees("carlos", "one\ntwo")
		require.Equal(t, 1, carlos.count("one"), "two Enters send once")
	})
	t.Run("GroupsTimesAndDays", func(t *testing.T) {
		carlos.say("three")
		carlos.sees("carlos", "three")
		require.Equal(t, 1, eval[int](carlos, `document.querySelectorAll('[data-testid="message-author"]').length`), "one head for a group")
		require.Equal(t, "Today", eval[string](carlos, `document.querySelector(".row-day").textContent`))
		require.Equal(t, "just now", eval[string](carlos, `document.querySelector(".msg time").textContent`))
		require.Regexp(t, `\d{4} at \d\d:\d\d:\d\d`, eval[string](carlos, `document.querySelector(".msg time").title`))
	})
	t.Run("HostileTextIsText", func(t *testing.T) {
		carlos.put(`<img src=x onerror="document.title='xss'"> javascript:alert(1) https://example.com/?q=<b> ` + strings.Repeat("w", 3000))
		carlos.press(kb.Enter)
		john.sees("carlos", `<img src=x onerror=`)
		require.Equal(t, []string{"https://example.com/?q="}, eval[[]string](john, `[...`+row("<img src")+`.querySelectorAll("a")].map((a) => a.href)`))
		require.Equal(t, "noopener noreferrer nofollow", eval[string](john, row("<img src")+`.querySelector("a").rel`))
		john.narrow()
		john.say("שלום עולם")
		john.say("🎉👍")
		carlos.sees("john", "🎉👍")
		require.Equal(t, "rtl", eval[string](carlos, `getComputedStyle(`+row("שלום")+`.querySelector('[data-testid="message-text"]')).direction`))
		require.Greater(t, eval[float64](carlos, `parseFloat(getComputedStyle(`+row("🎉👍")+`.querySelector('[data-testid="message-text"]')).fontSize)`), 24.0, "emoji alone are bigger")
		carlos.until("no picture", `!document.querySelector('[data-testid="message"] img')`)
	})
	t.Run("AnnouncedOnceAndNotOnesOwn", func(t *testing.T) {
		john.say("hear me")
		carlos.until("the announcement", `document.querySelector('[data-testid="announcer"]').textContent === "john: hear me"`)
		require.Equal(t, "polite", eval[string](carlos, `document.querySelector('[data-testid="announcer"]').ariaLive`))
		carlos.say("said by me")
		carlos.sees("carlos", "said by me")
		require.NotContains(t, eval[string](carlos, `document.querySelector('[data-testid="announcer"]').textContent`), "said by me")
	})
	t.Run("CommandsAreCompleted", func(t *testing.T) {
		carlos.fill("composer", "/")
		carlos.until("the commands", `document.querySelector('[data-testid="command-option"][aria-selected="true"]')?.dataset.command === "help"`)
		carlos.press(kb.ArrowDown)
		carlos.until("the next one", `document.querySelector('[data-testid="command-option"][aria-selected="true"]')?.dataset.command === "stock"`)
		carlos.picture("commands")
		carlos.press("sto" + kb.Tab)
		require.Equal(t, "/stock ", carlos.composer())
		carlos.until("its usage", `document.querySelector(".popup-hint code")?.textContent.includes("/stock")`)
		carlos.press("aapl.us" + kb.Enter)
		for _, p := range both {
			p.sees("stockbot", "AAPL.US")
			require.True(t, eval[bool](p, row("AAPL.US")+`.classList.contains("msg-bot")`), "bots look different")
		}
		carlos.say("/nope")
		carlos.until("the error, for me alone", `document.querySelector('[data-testid="note"]')?.dataset.code === "unknown_command"`)
		carlos.picture("note")
		carlos.click("note-dismiss")
		carlos.until("it is gone", `!document.querySelector('[data-testid="note"]')`)
	})
	t.Run("TypingEnds", func(t *testing.T) {
		john.fill("composer", "h")
		carlos.eventually("who types", func() bool { // it is said every three seconds
			john.press("m")
			return eval[bool](carlos, `document.querySelector('[data-testid="typing"]').textContent === "john is typing…"`)
		})
		carlos.until("nobody types", `document.querySelector('[data-testid="typing"]').textContent === ""`)
		john.put("")
	})
	t.Run("DraftsAndToasts", func(t *testing.T) {
		john.click("new-room")
		john.fill("room-dialog-name", "elsewhere")
		john.click("room-dialog-private")
		john.click("room-dialog-submit")
		john.until("the room", `document.querySelector('[data-testid="room-title"]')?.textContent === "elsewhere"`)
		carlos.fill("composer", "half a thou")
		john.click("members")
		john.click("invite")
		john.fill("picker-input", "carl")
		john.clickWhere("picker-item", `el.textContent.includes("carlos")`)
		carlos.until("the toast", `document.querySelector('[data-testid="toast"]')?.textContent.includes("You were added to elsewhere.")`)
		carlos.clickAt("its action", `document.querySelector('[data-testid="toast"] .link')`)
		carlos.until("the room", `document.querySelector('[data-testid="room-title"]')?.textContent === "elsewhere"`)
		require.Empty(t, carlos.composer())
		carlos.enter("general")
		require.Equal(t, "half a thou", carlos.composer())
		carlos.put("")
	})
	t.Run("UnreadNewMarkerAndTitle", func(t *testing.T) {
		carlos.say("while you were away")
		carlos.say("and again")
		john.until("a badge", `[...document.querySelectorAll('[data-testid="room-item"]')].find((r) => r.textContent.includes("general")).dataset.unread === "2"`)
		john.until("the title", `document.title.startsWith("(2) ")`)
		john.enter("general")
		john.until("the marker", `document.querySelector('[data-testid="new-marker"]')?.nextElementSibling?.textContent.includes("while you were away")`)
		john.until("it is read", `!document.title.startsWith("(")`)
	})
	t.Run("ScrollBackAndJump", func(t *testing.T) {
		eval[bool](carlos, `(() => { const ta = document.querySelector('[data-testid="composer"]'); for (let i = 0; i < 70; i++) { ta.value = "line " + i; ta.dispatchEvent(new Event("input")); ta.form.requestSubmit(); } return true; })()`)
		john.sees("carlos", "line 69")
		carlos.sees("carlos", "line 69")
		require.Equal(t, 70, john.count("line "))
		john.open(s.url)
		john.state("online")
		john.enter("general")
		john.sees("carlos", "line 69")
		john.until("a part of it", `document.querySelectorAll('[data-testid="message"]').length <= 50`)
		eval[bool](john, `((s) => { s.scrollTop = 0; return true; })(document.querySelector('[data-testid="timeline"]'))`)
		john.sees("carlos", "one\ntwo")
		john.until("the place is kept", `document.querySelector('[data-testid="timeline"]').scrollTop > 200`)
		john.until("the way back", `!document.querySelector('[data-testid="jump-latest"]').hidden`)
		top := eval[float64](john, `document.querySelector('[data-testid="timeline"]').scrollTop`)
		carlos.say("down here")
		john.until("what is new", `document.querySelector('[data-testid="jump-latest"]').textContent === "1 new"`)
		require.InDelta(t, top, eval[float64](john, `document.querySelector('[data-testid="timeline"]').scrollTop`), 2, "it does not move under the reader")
		john.picture("scrolled")
		john.click("jump-latest")
		john.until("the end", `((s) => s.scrollHeight - s.scrollTop - s.clientHeight < 2)(document.querySelector('[data-testid="timeline"]'))`)
		john.until("no way back", `document.querySelector('[data-testid="jump-latest"]').hidden`)
	})
	t.Run("Keyboard", func(t *testing.T) {
		carlos.chord(ctrl, "k")
		carlos.until("the switcher", `document.querySelector('[data-testid="picker-input"]') === document.activeElement`)
		for range 6 {
			carlos.press(kb.Tab)
			require.True(t, eval[bool](carlos, `document.activeElement === document.body || document.querySelector("dialog").contains(document.activeElement)`), "the focus stays in the dialog")
		}
		carlos.fill("picker-input", "else"+kb.Enter)
		carlos.until("the room", `document.querySelector('[data-testid="room-title"]')?.textContent === "elsewhere"`)
		carlos.enter("general")
		eval[bool](carlos, `(document.querySelector('[data-testid="timeline"]').focus(), true)`)
		carlos.press(kb.ArrowUp)
		carlos.until("the last message", `document.activeElement.textContent.includes("down here")`)
		require.NotEqual(t, "none", eval[string](carlos, `getComputedStyle(document.activeElement).outlineStyle`), "one sees where the focus is")
		carlos.press(kb.Tab)
		require.Equal(t, "react", eval[string](carlos, `document.activeElement.dataset.testid`))
		carlos.press(kb.Enter)
		carlos.until("the emoji", `document.querySelector('[data-testid="emoji-picker"]:popover-open')`)
		carlos.press(kb.Enter)
		john.reactions("down here", "👍1")
		carlos.press(kb.Escape)
		carlos.until("the composer again", `document.activeElement.dataset.testid === "composer"`)
	})
	t.Run("BannerCountsDown", func(t *testing.T) {
		for _, p := range both {
			p.clean()
		}
		s.Kill()
		carlos.until("when it tries again", `/Next try in \d+ s/.test(document.querySelector('[data-testid="connection"]').textContent)`)
		carlos.picture("offline")
		carlos.say("kept")
		carlos.until("it waits", readMessages+`.some((m) => m.State === "pending" && m.Text === "kept")`)
		s = startServer(t, dir, addr)
		eval[bool](carlos, `(document.querySelector('[data-testid="retry-now"]:not([hidden])')?.click(), true)`)
		carlos.state("online")
		for _, p := range both {
			p.sees("carlos", "kept")
			require.Equal(t, 1, p.count("kept"))
			require.Empty(t, p.forget())
		}
	})
}
