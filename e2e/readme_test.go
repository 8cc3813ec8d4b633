package e2e

import (
	"context"
	"net"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/carlware/gochat/internal/proctest"
	"github.com/carlware/gochat/internal/readmetest"
)

// The program and the page of the README, as they stand there, in a browser.
func TestREADME(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	addr, files := proctest.FreeAddr(t), readmetest.Files(t, "..")
	dir := readmetest.Module(t, "..", map[string]string{
		"main.go":         readmetest.At(t, files["main.go"], addr),
		"page/index.html": files["page/index.html"],
	})
	readmetest.Build(t, dir)
	server := proctest.Start(t, readmetest.Command(dir))
	join := func(browser context.Context, name string) *page {
		p := newPage(t, browser, name)
		p.eventually("the program answers", func() bool {
			conn, err := net.Dial("tcp", addr)
			return err == nil && conn.Close() == nil
		})
		p.open("http://" + addr + "/?name=" + name)
		return p
	}
	say := func(p *page, text string) {
		p.clickAt("the field", `document.getElementById("text")`)
		p.do(chromedp.KeyEvent(text + kb.Enter))
	}
	sees := func(p *page, line string) {
		p.until(line, `[...document.querySelectorAll("#log > p")].filter((d) => d.textContent === `+quote(line)+`).length === 1`)
	}

	ann, bob := join(browser, "ann"), join(browser, "bob")
	say(ann, "hello <i>bob</i>")
	sees(ann, "ann: hello <i>bob</i>")
	sees(bob, "ann: hello <i>bob</i>")

	server.Kill()
	say(bob, "still here")
	proctest.Start(t, readmetest.Command(dir))
	sees(ann, "bob: still here")
	sees(bob, "bob: still here")
	cy := join(browser, "cy")
	sees(cy, "ann: hello <i>bob</i>")
	sees(cy, "bob: still here")
}
