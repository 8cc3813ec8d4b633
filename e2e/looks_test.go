package e2e

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/internal/proctest"
)

// screen makes the page think that it is on a device.
func (p *page) screen(width, height int64, scale float64, phone bool, scheme string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	_, err := chromedp.Call(ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: width, Height: height, DeviceScaleFactor: scale, Mobile: phone,
	})
	require.NoError(p.t, err)
	_, err = chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	require.NoError(p.t, err)
	p.until("the screen", `innerWidth === `+strconv.FormatInt(width, 10)+` && matchMedia("(prefers-color-scheme: `+scheme+`)").matches`)
}

func (p *page) desktop(scheme string) { p.screen(1100, 824, 1, false, scheme) }
func (p *page) phone(scheme string)   { p.screen(390, 680, 1.5, true, scheme) }

// narrow fails if the page is wider than its screen.
func (p *page) narrow() {
	p.t.Helper()
	require.LessOrEqual(p.t, eval[int](p, "document.documentElement.scrollWidth"), eval[int](p, "innerWidth"), "%s scrolls sideways", p.name)
}

// Every state of the page as a picture, without anything that axe would change.
//
// With GOCHAT_PICTURES set, the two pictures of the README are made anew.
func TestLooks(t *testing.T) {
	axe := axeSource(t)
	browser := newBrowser(t)
	s := startServer(t, t.TempDir(), proctest.FreeAddr(t))
	carlos := newPage(t, browser, "carlos")
	carlos.open(s.url)
	carlos.state("login")
	carlos.until("the demo accounts", `document.querySelector('[data-testid="demo-account"]')`)
	for _, scheme := range []string{"light", "dark"} {
		carlos.desktop(scheme)
		carlos.accessible(axe, "login "+scheme)
		carlos.picture("login-" + scheme)
	}
	carlos.desktop("light")
	john, gerard := s.join(browser, "john"), s.join(browser, "gerard")
	carlos.fill("login-username", "carlos")
	carlos.fill("login-password", "1234")
	carlos.click("login-submit")
	carlos.state("online")

	people := []*page{carlos, john, gerard}
	for _, p := range people {
		p.desktop("light")
		p.enter("general")
	}
	carlos.click("new-room")
	carlos.until("the dialog", `document.querySelector('[data-testid="room-dialog"]')`)
	carlos.accessible(axe, "new room")
	carlos.fill("room-dialog-name", "trading")
	carlos.click("room-dialog-submit")
	carlos.until("the room", `document.querySelector('[data-testid="room-title"]')?.textContent === "trading"`)
	for _, p := range []*page{john, gerard} {
		p.enter("trading")
		p.click("join-room")
		p.until("a place to write", `document.querySelector('[data-testid="composer"]:not(:disabled)')`)
	}
	carlos.say("Good morning! Who looks at the numbers today?")
	john.sees("carlos", "Good morning!")
	john.say("I can. Give me five minutes.")
	john.say("https://example.com/report has the open points from last week.")
	gerard.sees("john", "has the open points")
	gerard.say("/stock=aapl.us")
	for _, p := range people {
		p.sees("stockbot", "AAPL.US")
	}
	carlos.hover("AAPL.US")
	carlos.click("react")
	carlos.until("the emoji", `document.querySelector('[data-testid="emoji-picker"]:popover-open')`)
	carlos.accessible(axe, "reactions")
	carlos.picture("reactions")
	carlos.clickWhere("emoji", `el.dataset.emoji === "🎉"`)
	john.hover("AAPL.US")
	john.click("react")
	john.clickWhere("emoji", `el.dataset.emoji === "🎉"`)
	carlos.reactions("AAPL.US", "🎉2")
	carlos.hover("five minutes")
	carlos.click("reply")
	carlos.press("Take ten. @ger")
	carlos.until("gerard", `document.querySelector('[data-testid="mention-option"]')`)
	carlos.accessible(axe, "mentions")
	carlos.press(kb.Enter + "can you check it?" + kb.Enter)
	gerard.sees("carlos", "Take ten")
	gerard.say("Sure @carlos 👍 on it.")
	carlos.sees("gerard", "on it")
	gerard.click("new-direct")
	gerard.until("the picker", `document.querySelector('[data-testid="picker-item"]')`)
	gerard.accessible(axe, "picker")
	gerard.fill("picker-input", "car")
	gerard.clickWhere("picker-item", `el.textContent.includes("carlos")`)
	gerard.until("the direct room", `document.querySelector('[data-testid="room-title"]')?.textContent.includes("carlos")`)
	gerard.say("Lunch at one?")
	carlos.until("something unread", `document.querySelector('[data-testid="unread"]')`)
	carlos.until("the title", `document.title === "(1) trading · gochat"`)

	t.Run("RoomLight", func(t *testing.T) {
		carlos.hover("five minutes")
		carlos.accessible(axe, "room light")
		carlos.do(chromedp.MouseEvent("mouseMoved", 600, 30))
		john.fill("composer", "Nearly")
		carlos.eventually("who types", func() bool { // it is said every three seconds
			john.press(".")
			return eval[bool](carlos, `document.querySelector('[data-testid="typing"]').textContent === "john is typing…"`)
		})
		carlos.picture("room-light")
		carlos.readme("desktop-light.png")
	})
	t.Run("RoomDark", func(t *testing.T) {
		carlos.desktop("dark")
		carlos.hover("five minutes")
		carlos.accessible(axe, "room dark")
		carlos.picture("room-dark")
	})
	t.Run("Dialogs", func(t *testing.T) {
		for _, scheme := range []string{"light", "dark"} {
			carlos.desktop(scheme)
			for _, d := range []struct {
				name string
				open []string
				seen string
			}{
				{"members", []string{"members"}, "member"}, {"settings", []string{"settings"}, "settings-name"},
				{"new-room", []string{"new-room"}, "room-dialog"}, {"switcher", []string{"switcher"}, "picker-item"},
				{"user-menu", []string{"user-menu"}, "logout"}, {"logins", []string{"user-menu", "logins"}, "login"},
				{"shortcuts", []string{"user-menu", "shortcuts"}, "shortcuts-dialog"}, {"card", []string{"message-author"}, "card"},
			} {
				for _, id := range d.open {
					carlos.click(id)
				}
				carlos.until(d.seen, `document.querySelector('[data-testid="`+d.seen+`"]')?.checkVisibility()`)
				carlos.accessible(axe, d.name+" "+scheme)
				carlos.picture(d.name + "-" + scheme)
				carlos.press(kb.Escape)
				carlos.until("it is closed", `!document.querySelector("dialog[open], :popover-open")`)
			}
		}
	})
	t.Run("Phone", func(t *testing.T) {
		for _, scheme := range []string{"light", "dark"} {
			carlos.phone(scheme)
			carlos.accessible(axe, "phone "+scheme)
			carlos.narrow()
			carlos.picture("phone-" + scheme)
			carlos.click("open-drawer")
			carlos.until("the drawer", `document.querySelector(".shell").dataset.drawer === "open"`)
			carlos.accessible(axe, "drawer "+scheme)
			carlos.picture("drawer-" + scheme)
			carlos.press(kb.Escape)
			carlos.click("members")
			carlos.until("the members", `document.querySelector('[data-testid="member"]')`)
			carlos.accessible(axe, "members on a phone "+scheme)
			carlos.picture("phone-members-" + scheme)
			carlos.press(kb.Escape)
			carlos.until("it is closed", `!document.querySelector("dialog[open]")`)
		}
		carlos.readme("phone-dark.png")
	})
	t.Run("Zoom", func(t *testing.T) {
		carlos.screen(550, 360, 2, false, "light") // 1100 pixels at 200 %
		carlos.narrow()
		require.Positive(t, eval[int](carlos, `document.querySelector('[data-testid="timeline"]').clientHeight`))
		carlos.accessible(axe, "at 200 %")
		carlos.picture("zoom")
	})
	t.Run("RightToLeft", func(t *testing.T) {
		gerard.enter("trading")
		gerard.say("שלום לכולם (12:30), https://example.com")
		carlos.sees("gerard", "שלום")
		eval[bool](carlos, `(document.documentElement.dir = "rtl", true)`)
		for _, scheme := range []string{"light", "dark"} {
			carlos.desktop(scheme)
			carlos.mirrored()
			carlos.hover("five minutes")
			carlos.accessible(axe, "right to left "+scheme)
			carlos.picture("rtl-" + scheme)
		}
		carlos.click("react")
		carlos.until("the emoji", `document.querySelector('[data-testid="emoji-picker"]:popover-open')`)
		carlos.picture("rtl-reactions")
		carlos.press(kb.Escape)
		carlos.click("user-menu")
		carlos.until("the menu", `document.querySelector("#user-menu:popover-open")`)
		carlos.mirrored()
		carlos.picture("rtl-menu")
		carlos.press(kb.Escape)
		carlos.phone("light")
		carlos.mirrored()
		carlos.narrow()
		carlos.click("open-drawer")
		carlos.until("the drawer", `document.querySelector(".shell").dataset.drawer === "open"`)
		carlos.still()
		require.InDelta(t, 390, eval[float64](carlos, `document.querySelector(".sidebar").getBoundingClientRect().right`), 1)
		carlos.picture("rtl-drawer")
		carlos.press(kb.Escape)
		carlos.still()
		require.GreaterOrEqual(t, eval[float64](carlos, `document.querySelector(".sidebar").getBoundingClientRect().left`), 390.0, "it goes where it came from")
	})
	for _, p := range people {
		p.clean()
	}
}

// mirrored fails unless what begins a line is at the right, as where one reads
// from right to left.
func (p *page) mirrored() {
	p.t.Helper()
	p.still()
	wrong := eval[[]string](p, `[[".sidebar", ".main"], [".room-titles", ".room-actions"], [".room-sign", ".room-title"], [".msg-first .avatar", ".msg-first .msg-body"],
		[".composer-input", ".send"], [".me .avatar", ".me-name"], [".composer-help", ".typing"]].filter(([first, second]) => {
			const [a, b] = [first, second].map((s) => [...document.querySelectorAll(s)].find((el) => el.checkVisibility({ visibilityProperty: true }))?.getBoundingClientRect());
			return a && b && a.width > 0 && b.width > 0 && a.left < b.right - 1;
		}).map((pair) => pair.join(" is not right of "))`)
	require.Empty(p.t, wrong, p.name)
	require.Empty(p.t, eval[[]string](p, `[...document.querySelectorAll(".shell *, #user-menu *")].filter((el) => {
			if (!el.checkVisibility({ visibilityProperty: true }) || el.closest(".sr-only, .skip")) return false;
			const r = el.getBoundingClientRect();
			return r.width > 0 && (r.left < -1 || r.right > innerWidth + 1);
		}).map((el) => el.tagName + "." + el.getAttribute("class"))`), "%s: beside the screen", p.name)
}

// readme makes a picture for the README, where that is wanted, and fails if it
// is too big for one.
func (p *page) readme(name string) {
	p.t.Helper()
	p.still()
	eval[bool](p, `((s) => { s.scrollTop = s.scrollHeight; document.activeElement.blur(); return true; })(document.querySelector('[data-testid="timeline"]'))`)
	p.until("the end", `((s) => s.scrollHeight - s.scrollTop - s.clientHeight < 2)(document.querySelector('[data-testid="timeline"]'))`)
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	require.NoError(p.t, err)
	require.Less(p.t, len(png), 100<<10, "two of them have 200 KB")
	if os.Getenv("GOCHAT_PICTURES") == "" {
		return
	}
	require.NoError(p.t, os.MkdirAll(filepath.Join("..", "docs"), 0o755))
	require.NoError(p.t, os.WriteFile(filepath.Join("..", "docs", name), png, 0o644))
}
