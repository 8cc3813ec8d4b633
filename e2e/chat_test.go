package e2e

import (
	"context"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/internal/proctest"
)

// server is the whole chat in one process.
type server struct {
	*proctest.Process
	t   testing.TB
	dir string
	url string
}

// startServer runs fullstack in dir, where its files are, on addr.
func startServer(t testing.TB, dir, addr string) *server {
	t.Helper()
	cmd := exec.Command(filepath.Join(bin, "fullstack"), "-addr", addr)
	cmd.Dir, cmd.Env = dir, proctest.CleanEnv()
	p := proctest.Start(t, cmd)
	p.Line("http://")
	return &server{p, t, dir, "http://" + addr}
}

// join logs name in, in a new profile.
func (s *server) join(browser context.Context, name string) *page {
	s.t.Helper()
	p := newPage(s.t, browser, name)
	p.open(s.url)
	p.state("login")
	p.fill("login-username", name)
	p.fill("login-password", "1234")
	p.click("login-submit")
	p.state("online")
	return p
}

func (p *page) enter(room string) {
	p.t.Helper()
	p.clickWhere("room-item", `el.querySelector('[data-testid="room-name"]')?.textContent === `+quote(room))
	p.until("the room "+room, `document.querySelector('[data-testid="room-title"]')?.textContent === `+quote(room))
}

func TestTwoPeople(t *testing.T) {
	browser := newBrowser(t)
	addr := proctest.FreeAddr(t)
	s := startServer(t, t.TempDir(), addr)
	carlos, john := s.join(browser, "carlos"), s.join(browser, "john")
	carlos.enter("general")
	john.enter("general")

	carlos.say("hello <b>john</b>")
	carlos.sees("carlos", "hello <b>john</b>")
	john.sees("carlos", "hello <b>john</b>")

	john.say("/stock=aapl.us")
	for _, p := range []*page{carlos, john} {
		p.sees("stockbot", "AAPL.US quote is $93.42 per share")
		p.clean()
	}

	// The server dies without a warning. What is written then waits.
	s.Kill()
	for _, p := range []*page{carlos, john} {
		p.until("that the server is gone", `document.body.dataset.state !== "online"`)
	}
	carlos.say("written in the dark")
	carlos.until("a message that waits", readMessages+`.some((m) => m.State === "pending" && m.Text === "written in the dark")`)
	s = startServer(t, s.dir, addr)
	for _, p := range []*page{carlos, john} {
		p.state("online") // by itself
		p.sees("carlos", "written in the dark")
		require.Equal(t, 1, p.count("written in the dark"), p.name)
		require.Equal(t, 1, p.count("hello <b>john</b>"), p.name)
		require.Equal(t, 1, p.count("AAPL.US"), p.name)
		require.Empty(t, p.forget(), p.name)
	}
	before := carlos.messages()
	require.Equal(t, before, john.messages(), "the same for both")

	// The login outlives a reload, and so does the history.
	john.open(s.url)
	john.state("online")
	john.enter("general")
	john.sees("carlos", "written in the dark")
	require.Equal(t, before, john.messages())

	// A new room is there for the other one without a reload.
	carlos.click("new-room")
	carlos.fill("room-dialog-name", "project x")
	carlos.click("room-dialog-submit")
	carlos.until("the new room", `document.querySelector('[data-testid="room-title"]')?.textContent.includes("project x")`)
	john.enter("project x")
	john.click("join-room")
	john.until("a place to write", `document.querySelector('[data-testid="composer"]:not(:disabled)')`)
	john.say("here I am")
	carlos.sees("john", "here I am")

	// A direct chat begins at one end and appears at the other.
	john.click("new-direct")
	john.fill("picker-input", "car")
	john.clickWhere("picker-item", `el.textContent.includes("carlos")`)
	john.until("the direct room", `document.querySelector('[data-testid="room-title"]')?.textContent.includes("carlos")`)
	john.say("between us")
	carlos.clickWhere("room-item", `el.dataset.kind === "direct" && el.textContent.includes("john")`)
	carlos.sees("john", "between us")

	for _, p := range []*page{carlos, john} {
		p.clean()
		p.picture("end")
	}
	s.Signal(syscall.SIGTERM)
	require.Equal(t, 0, s.Wait())
	for _, p := range []*page{carlos, john} {
		p.until("that the server is gone", `document.body.dataset.state !== "online"`)
		require.Empty(t, eval[[]string](p, "window.violations"))
	}
}

// newTab opens another page in the same profile.
func (p *page) newTab(name string) *page {
	p.t.Helper()
	return openPage(p.t, p.ctx, name)
}

func TestLogout(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	s := startServer(t, t.TempDir(), proctest.FreeAddr(t))
	carlos := newPage(t, browser, "carlos")
	carlos.open(s.url)
	carlos.state("login")
	carlos.clickWhere("demo-account", `el.dataset.user === "carlos"`)
	carlos.until("the name filled in", `document.querySelector('[data-testid="login-username"]').value === "carlos"`)
	carlos.fill("login-password", "5") // to the password that is there
	carlos.click("login-submit")
	carlos.until("that the password is wrong", `document.querySelector('[data-testid="login-error"]').textContent !== ""`)
	require.Len(t, carlos.forget(), 1, "the browser logs the 401")

	carlos.open(s.url)
	carlos.clickWhere("demo-account", `el.dataset.user === "carlos"`)
	carlos.until("the name filled in", `document.querySelector('[data-testid="login-username"]').value === "carlos"`)
	carlos.click("login-submit")
	carlos.state("online")
	tab := carlos.newTab("carlos-2")
	tab.open(s.url)
	tab.state("online") // without another login

	carlos.click("user-menu")
	carlos.click("logout")
	for _, p := range []*page{carlos, tab} {
		p.state("login")
		require.Empty(t, eval[[]string](p, "window.violations"), p.name)
	}
	carlos.open(s.url)
	carlos.state("login")

	// Everywhere: another device, which is another profile.
	here, there := s.join(browser, "john"), s.join(browser, "john")
	here.click("user-menu")
	here.click("logins")
	here.until("its logins", `document.querySelector('[data-testid="logins-status"]').textContent !== "Loading…"`) // what is below moves then
	here.click("logout-all")
	here.click("confirm")
	for _, p := range []*page{here, there} {
		p.state("login")
		p.open(s.url)
		p.state("login")
	}
}
