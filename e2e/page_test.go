package e2e

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"
)

// patience is how long a page may take to show something. It ends a test that
// hangs, and says nothing about speed.
const (
	patience = 45 * time.Second
	tick     = 50 * time.Millisecond
)

// newBrowser starts a browser that ends with the test; more are options of it.
func newBrowser(t testing.TB, more ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	path := chromium(t)
	opts := append(chromedp.DefaultExecAllocatorOptions[:len(chromedp.DefaultExecAllocatorOptions):len(chromedp.DefaultExecAllocatorOptions)],
		chromedp.ExecPath(path),
		chromedp.NoSandbox, // the tests may run as root, and open no page but ours
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-gpu", true),
		chromedp.UserDataDir(t.TempDir()),
		chromedp.WindowSize(1100, 800),
	)
	// Not the test's own context: that ends before its clean-up, which has to
	// close the pages.
	alloc, stop := chromedp.NewExecAllocator(context.Background(), append(opts, more...)...)
	browser, cancel := chromedp.NewContext(alloc)
	t.Cleanup(func() {
		if err := chromedp.Cancel(browser); err != nil {
			t.Logf("close the browser: %v", err)
		}
		cancel()
		stop()
	})
	require.NoError(t, chromedp.Do(browser))
	return browser
}

// page is one page in a profile of its own, as one user sees it.
type page struct {
	t    testing.TB
	ctx  context.Context
	name string

	mu     sync.Mutex
	faults []string // errors that the page has logged
}

// watch notes what breaks the content security policy.
const watch = `window.violations = [];
	addEventListener("securitypolicyviolation", (e) => violations.push(e.violatedDirective + " " + e.blockedURI + " " + e.sample));`

func newPage(t testing.TB, browser context.Context, name string) *page {
	t.Helper()
	return openPage(t, browser, name, chromedp.WithNewBrowserContext())
}

func openPage(t testing.TB, parent context.Context, name string, opts ...chromedp.ContextOption) *page {
	t.Helper()
	ctx, cancel := chromedp.NewContext(parent, opts...)
	p := &page{t: t, ctx: ctx, name: name}
	require.NoError(t, chromedp.Do(ctx))
	console := chromedp.Console(ctx)
	var listening sync.WaitGroup
	listening.Go(func() {
		for m, err := range console {
			if err != nil {
				return
			}
			if m.Type == chromedp.ConsoleError || m.Type == chromedp.ConsoleException || m.Type == chromedp.ConsoleWarning {
				p.mu.Lock()
				p.faults = append(p.faults, string(m.Type)+": "+m.Text+" ("+m.URL+")")
				p.mu.Unlock()
			}
		}
	})
	_, err := chromedp.Call(ctx, cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: watch})
	require.NoError(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			p.picture("failed")
		}
		cancel()
		listening.Wait()
	})
	return p
}

func (p *page) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	require.NoError(p.t, chromedp.Do(ctx, steps...), p.name)
}

func (p *page) open(url string) {
	p.t.Helper()
	p.do(chromedp.Navigate(url))
}

// eval evaluates an expression. DevTools are not bound by the page's policy.
func eval[T any](p *page, expression string) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	require.NoError(p.t, err, "%s: %s", p.name, expression)
	return v
}

// until waits until an expression is true.
func (p *page) until(what, expression string) {
	p.t.Helper()
	p.eventually(what, func() bool { return eval[bool](p, "Boolean("+expression+")") })
}

// eventually asks again and again until ok says yes.
func (p *page) eventually(what string, ok func() bool) {
	p.t.Helper()
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	late := time.After(patience)
	for !ok() {
		select {
		case <-ticker.C:
		case <-late:
			p.t.Fatalf("%s does not see: %s\n%s\n%v", p.name, what, eval[string](p, "document.body?.innerText ?? \"\""), p.logged())
		}
	}
}

// frame waits until the page has drawn what it knows.
func (p *page) frame() {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	_, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`new Promise((done) => requestAnimationFrame(() => setTimeout(() => done(true))))`, chromedp.EvalAwaitPromise))
	require.NoError(p.t, err, p.name)
}

// click clicks the middle of an element, when it is there and not covered.
//
// Elements are found by expressions and used by coordinates: the queries of
// chromedp look at nodes that its own goroutine changes at the same time.
func (p *page) click(id string) {
	p.t.Helper()
	p.clickWhere(id, "true")
}

// clickWhere clicks the element with a test id for which an expression of el is
// true.
func (p *page) clickWhere(id, expression string) {
	p.t.Helper()
	p.clickAt(id+" where "+expression, `[...document.querySelectorAll('[data-testid="`+id+`"]')].find((el) => `+expression+`)`)
}

// clickAt clicks what an expression finds.
func (p *page) clickAt(what, find string) {
	p.t.Helper()
	point := `((el) => {
		if (!el || el.disabled) return null;
		el.scrollIntoView({ block: "nearest", behavior: "instant" });
		const r = el.getBoundingClientRect(), x = r.x + r.width / 2, y = r.y + r.height / 2;
		const top = document.elementFromPoint(x, y);
		return top && (el.contains(top) || top.contains(el)) ? [x, y] : null;
	})(` + find + `)`
	var last []float64
	p.eventually("something to click that stays where it is: "+what, func() bool {
		at := eval[[]float64](p, point)
		stays := at != nil && slices.Equal(at, last)
		last = at
		return stays
	})
	p.do(chromedp.MouseClickXY(last[0], last[1]))
}

// fill clicks a field and types.
func (p *page) fill(id, text string) {
	p.t.Helper()
	focused := `document.activeElement?.dataset.testid === ` + quote(id)
	p.eventually("the focus in "+id, func() bool { // the page may move under the mouse
		p.click(id)
		return eval[bool](p, focused)
	})
	p.press(text)
}

// say types a line and sends it.
func (p *page) say(text string) {
	p.t.Helper()
	p.fill("composer", text+kb.Enter)
}

// message is one message as it is shown.
type message struct{ Author, Text, State string }

const readMessages = `[...document.querySelectorAll('[data-testid="message"]')].map((m) => ({
	Author: m.dataset.name, State: m.dataset.state, Text: m.querySelector('[data-testid="message-text"]')?.textContent ?? "" }))`

func (p *page) messages() []message {
	p.t.Helper()
	return eval[[]message](p, readMessages)
}

// sees waits until a message that contains text is shown, stored, and returns
// how many there are.
func (p *page) sees(author, text string) {
	p.t.Helper()
	a, b := quote(author), quote(text)
	p.until("a message of "+author+": "+text, readMessages+`.some((m) => m.Author === `+a+` && m.State === "stored" && m.Text.includes(`+b+`))`)
}

// count returns how many messages contain text, whatever their state.
func (p *page) count(text string) (n int) {
	for _, m := range p.messages() {
		if strings.Contains(m.Text, text) {
			n++
		}
	}
	return n
}

func (p *page) state(want string) {
	p.t.Helper()
	p.until("state "+want, `document.body?.dataset.state === `+quote(want))
}

func (p *page) logged() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.faults...)
}

// forget returns what was logged so far that is not because the server was
// gone, and forgets it: a browser logs each connection that it can't make.
func (p *page) forget() (faults []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range p.faults {
		if !strings.Contains(f, "net::ERR_CONNECTION_REFUSED") && !strings.Contains(f, "net::ERR_CONNECTION_RESET") &&
			!strings.Contains(f, "WebSocket connection to") && !strings.Contains(f, "net::ERR_EMPTY_RESPONSE") {
			faults = append(faults, f)
		}
	}
	p.faults = nil
	return faults
}

// clean fails if the page has logged anything or broken its policy.
func (p *page) clean() {
	p.t.Helper()
	require.Empty(p.t, p.logged(), "%s: console", p.name)
	require.Empty(p.t, eval[[]string](p, "window.violations"), "%s: policy", p.name)
}

// picture leaves a screenshot in out.
func (p *page) picture(what string) {
	ctx, cancel := context.WithTimeout(p.ctx, 10*time.Second)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.MkdirAll("out", 0o755)
	}
	if err == nil {
		name := strings.ReplaceAll(p.t.Name(), "/", "-") + "-" + p.name + "-" + what + ".png"
		err = os.WriteFile(filepath.Join("out", name), png, 0o644)
	}
	if err != nil {
		p.t.Logf("picture of %s: %v", p.name, err)
	}
}

func quote(s string) string {
	b, _ := json.Marshal(s) // a JSON string is one of JavaScript
	return string(b)
}
