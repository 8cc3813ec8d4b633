package e2e

import (
	"context"
	"net"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/carlware/gochat/internal/proctest"
)

// The smallest program works in a browser, and its history is there again after
// a crash.
func TestMinimal(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	addr, dir := proctest.FreeAddr(t), t.TempDir()
	start := func() *proctest.Process {
		cmd := exec.Command(filepath.Join(bin, "minimal"))
		cmd.Dir, cmd.Env = dir, append(proctest.CleanEnv(), "ADDR="+addr)
		return proctest.Start(t, cmd)
	}
	join := func(browser context.Context, name string) *page {
		p := newPage(t, browser, name)
		p.eventually("the program answers", func() bool {
			conn, err := net.Dial("tcp", addr)
			return err == nil && conn.Close() == nil
		})
		p.open("http://" + addr + "/#" + name)
		p.until("that it is online", `document.getElementById("state").textContent === "online"`)
		return p
	}
	say := func(p *page, text string) {
		p.clickAt("the field", `document.getElementById("text")`)
		p.do(chromedp.KeyEvent(text + kb.Enter))
	}
	sees := func(p *page, line string) {
		p.until(line, `[...document.querySelectorAll("#log > div")].filter((d) => d.textContent === `+quote(line)+`).length === 1`)
	}

	server := start()
	ann, bob := join(browser, "ann"), join(browser, "bob")
	say(ann, "hello <i>bob</i>")
	sees(ann, "ann: hello <i>bob</i>")
	sees(bob, "ann: hello <i>bob</i>")
	ann.clean()
	bob.clean()

	server.Kill()
	bob.until("that the server is gone", `document.getElementById("state").textContent !== "online"`)
	say(bob, "still here")
	start()
	sees(ann, "bob: still here")
	sees(bob, "bob: still here")
	cy := join(browser, "cy")
	sees(cy, "ann: hello <i>bob</i>")
	sees(cy, "bob: still here")
}
