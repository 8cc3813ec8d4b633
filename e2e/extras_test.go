package e2e

import (
	"context"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/internal/proctest"
)

// desktop stands in for the notices of a desktop, and for whether anybody
// looks at the page.
const desktopHook = `(() => {
	window.looking = true;
	document.hasFocus = () => looking;
	window.notices = [];
	window.asked = 0;
	window.Notification = class {
		static permission = "default";
		static async requestPermission() { asked++; return Notification.permission = "granted"; }
		constructor(title, o) { this.title = title; this.body = o.body; notices.push(this); }
		close() {}
	};
	window.look = (yes) => { looking = yes; dispatchEvent(new Event(yes ? "focus" : "blur")); return true; };
})()`

// say fills many lines in and sends them, without waiting for each.
func (p *page) sayAll(prefix string, n string) {
	p.t.Helper()
	eval[bool](p, `(() => { const ta = document.querySelector('[data-testid="composer"]');
		for (let i = 0; i < `+n+`; i++) { ta.value = `+quote(prefix)+` + i; ta.dispatchEvent(new Event("input")); ta.form.requestSubmit(); } return true; })()`)
}

func TestExtras(t *testing.T) {
	browser := newBrowser(t)
	s := startServer(t, t.TempDir(), proctest.FreeAddr(t))
	carlos := newPage(t, browser, "carlos")
	carlos.inject(desktopHook)
	carlos.login(s.url, "carlos")
	john := s.join(browser, "john")
	both := []*page{carlos, john}
	carlos.enter("general")
	john.enter("general")

	t.Run("CardAndDirectChat", func(t *testing.T) {
		john.say("who am I?")
		carlos.sees("john", "who am I?")
		carlos.clickWhere("message-author", `el.textContent === "john"`)
		carlos.until("the card", `document.querySelector('[data-testid="card"]')?.textContent.includes("john")`)
		carlos.picture("card")
		carlos.click("card-mention")
		carlos.until("the name", `document.querySelector('[data-testid="composer"]').value === "@john "`)
		carlos.put("")
		carlos.clickWhere("message-author", `el.textContent === "john"`)
		carlos.click("card-message")
		carlos.until("the direct room", `document.querySelector('[data-testid="room-title"]')?.textContent === "john"`)
		carlos.say("psst")
		john.clickWhere("room-item", `el.dataset.kind === "direct" && el.textContent.includes("carlos")`)
		john.sees("carlos", "psst")
	})
	t.Run("Notifications", func(t *testing.T) {
		carlos.enter("general")
		require.Zero(t, eval[int](carlos, "asked"), "nobody is asked by himself")
		carlos.click("user-menu")
		carlos.until("they are off", `document.querySelector('[data-testid="notify"]').ariaChecked === "false"`)
		carlos.click("notify")
		carlos.until("they are on", `document.querySelector('[data-testid="notify"]').ariaChecked === "true"`)
		require.Equal(t, 1, eval[int](carlos, "asked"))
		carlos.press(kb.Escape)
		john.say("while you look")
		carlos.until("it came", `[...document.querySelectorAll('[data-testid="room-item"]')].find((r) => r.dataset.kind === "direct").dataset.unread === "1"`)
		require.Zero(t, eval[int](carlos, "notices.length"))
		eval[bool](carlos, "look(false)")
		john.say("while you are away")
		carlos.until("a notice", `notices.length === 1 && notices[0].title === "john" && notices[0].body === "while you are away"`)
		eval[bool](carlos, "(look(true), notices[0].onclick(), true)")
		carlos.sees("john", "while you are away")
	})
	t.Run("LinksToMessages", func(t *testing.T) {
		carlos.enter("general")
		john.enter("general")
		carlos.sayAll("line ", "70")
		john.until("all of them", readMessages+`.filter((m) => m.State === "stored" && m.Text.startsWith("line ")).length >= 70`)
		seq := eval[string](john, row("line 3")+`.dataset.seq`)
		john.hover("line 69")
		john.click("copy-link")
		john.until("it says so", `document.querySelector('[data-testid="toast"]')?.textContent.includes("link to this message")`)
		// A message that is answered from far away.
		eval[bool](john, `(`+row("line 3")+`.scrollIntoView(), true)`)
		john.hover("line 3")
		john.click("reply")
		john.press("about that" + kb.Enter)
		john.sees("john", "about that")
		room := eval[string](john, `document.querySelector('[data-testid="room-title"]').dataset.room`)
		inSight := `((el) => { const r = el?.getBoundingClientRect(); return r && r.top > 0 && r.bottom < innerHeight && document.activeElement === el; })(document.querySelector('[data-testid="message"][data-seq="` + seq + `"]'))`

		carlos.open(s.url + "/#/r/" + room) // the same document
		eval[bool](carlos, "(location.reload(), true)")
		carlos.state("online")
		carlos.sees("john", "about that")
		carlos.until("the quote of what is not loaded", row("about that")+`.querySelector('[data-testid="quote"]').textContent === "carlos: line 3"`)
		require.Zero(t, eval[int](carlos, `document.querySelectorAll('[data-testid="message"][data-seq="`+seq+`"]').length`))
		carlos.clickAt("the quote", row("about that")+`.querySelector('[data-testid="quote"]')`)
		carlos.until("what is answered", inSight)
		carlos.picture("shown")

		tab := carlos.newTab("carlos-2")
		tab.open(s.url + "/#/r/" + room + "/" + seq)
		tab.state("online")
		tab.until("the message of the link", inSight)
		require.Equal(t, "#/r/"+room, eval[string](tab, "location.hash"))
		eval[bool](tab, `(location.hash = "#/r/`+room+`/999999", true)`)
		tab.until("there is none", `[...document.querySelectorAll('[data-testid="toast"]')].some((t) => t.textContent.includes("not there"))`)
		eval[bool](tab, `(history.back(), true)`) // where it was before
		tab.until("the room", `document.querySelector('[data-testid="room-title"]')?.textContent === "general"`)
	})
	t.Run("ArgumentsAreCompleted", func(t *testing.T) {
		carlos.fill("composer", "/help s")
		carlos.until("a topic", `document.querySelector('[data-testid="argument-option"]')?.textContent.startsWith("stock")`)
		carlos.picture("arguments")
		carlos.press(kb.ArrowDown + kb.Tab)
		require.Equal(t, "/help stock", strings.TrimSpace(carlos.composer()))
		carlos.press(kb.Enter)
		carlos.until("the help", `document.querySelector('[data-testid="note"]')?.textContent.includes("/stock")`)
		carlos.click("note-dismiss")
	})
	t.Run("KeyboardAlone", func(t *testing.T) {
		p := newPage(t, browser, "gerard")
		p.open(s.url)
		p.state("login")
		p.press("gerard" + kb.Tab + "1234" + kb.Enter)
		p.state("online")
		p.chord(ctrl, "k")
		p.until("the switcher", `document.querySelector('[data-testid="picker-input"]') === document.activeElement`)
		p.press("gener" + kb.Enter)
		p.until("the composer", `document.activeElement?.dataset.testid === "composer" && !document.querySelector("dialog")`)
		p.frame() // a key before that finds the field focused and the dialog still in the way of its text
		p.press("no mouse" + kb.Enter)
		p.sees("gerard", "no mouse")
		p.chord(ctrl, "/")
		p.until("the shortcuts", `document.querySelector('[data-testid="shortcuts-dialog"]')?.open`)
		p.picture("shortcuts")
		p.press(kb.Escape)
		// The first stop leads past all the rooms.
		eval[bool](p, `(document.activeElement.blur(), document.body.focus(), true)`)
		p.eventually("the way past the rooms", func() bool {
			p.chord(shift, kb.Tab)
			return eval[string](p, `document.activeElement?.dataset.testid ?? ""`) == "skip"
		})
		p.press(kb.Enter)
		p.until("the composer again", `document.activeElement?.dataset.testid === "composer"`)
		p.frame()
		p.press("and again" + kb.Enter)
		p.sees("gerard", "and again")
		p.chord(alt, kb.ArrowDown)
		p.clean()
	})
	t.Run("Preferences", func(t *testing.T) {
		media := func(name, value string) {
			ctx, cancel := context.WithTimeout(carlos.ctx, patience)
			defer cancel()
			_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: name, Value: value}}})
			require.NoError(t, err)
			carlos.until(name, `matchMedia("(`+name+`: `+value+`)").matches`)
		}
		muted := func() string {
			return eval[string](carlos, `getComputedStyle(document.querySelector(".room-sub")).color`)
		}
		before := muted()
		media("prefers-reduced-motion", "reduce")
		require.Equal(t, "none", eval[string](carlos, `getComputedStyle(document.querySelector(".sidebar")).transitionProperty.replace("all", "none")`))
		media("prefers-contrast", "more")
		require.NotEqual(t, before, muted(), "more contrast")
		media("forced-colors", "active")
		carlos.picture("forced-colors")
		media("prefers-contrast", "no-preference")
	})
	t.Run("Logins", func(t *testing.T) {
		there := s.join(browser, "carlos")
		for _, p := range []*page{there} {
			p.click("user-menu")
			p.click("logins")
			p.until("both logins", `document.querySelectorAll('[data-testid="login"]').length === 2`)
			require.Equal(t, "true", eval[string](p, `document.querySelector('[data-testid="login"]').dataset.current`))
			p.picture("logins")
			p.click("login-end")
			p.until("one is left", `document.querySelectorAll('[data-testid="login"]').length === 1`)
		}
		carlos.state("login")
		carlos.until("why", `document.querySelector(".login-notice")?.textContent.includes("has ended")`)
		there.state("online")
		there.clean()
	})
	john.clean()
	require.Empty(t, eval[[]string](both[0], "window.violations"))
}
