package e2e

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/internal/faultproxy"
	"github.com/carlware/gochat/internal/proctest"
)

// fast lets a page's clock and timers run ten times as fast, so that nobody
// waits the minute in which a dead network is found.
const fast = `(() => {
	const SPEED = 10, { setTimeout: later, setInterval: every } = window, began = Date.now(), now = Date.now;
	window.setTimeout = (fn, ms = 0, ...args) => later(fn, ms / SPEED, ...args);
	window.setInterval = (fn, ms = 0, ...args) => every(fn, ms / SPEED, ...args);
	Date.now = () => began + (now() - began) * SPEED;
	AbortSignal.timeout = (ms) => { const c = new AbortController(); later(() => c.abort(), ms); return c.signal; };
})()`

// A network that dies without a word: the browser has no event for it. The
// page finds it by its heartbeat, says so, and sends what was written meanwhile
// once.
func TestSilentNetwork(t *testing.T) {
	browser := newBrowser(t)
	addr := proctest.FreeAddr(t)
	s := startServer(t, t.TempDir(), addr)
	proxy := faultproxy.New(t, addr)
	url := "http://" + proxy.Addr()
	carlos, john := newPage(t, browser, "carlos"), s.join(browser, "john")
	carlos.inject(fast)
	carlos.login(url, "carlos")
	carlos.enter("general")
	john.enter("general")
	carlos.say("all is well")
	john.sees("carlos", "all is well")

	proxy.HalfOpen()
	carlos.say("into the void")
	carlos.until("it waits", readMessages+`.some((m) => m.State === "pending" && m.Text === "into the void")`)
	john.say("said meanwhile")
	carlos.until("that the connection is gone", `["waiting", "connecting"].includes(document.body.dataset.state) && !document.querySelector('[data-testid="connection"]').hidden`)
	carlos.picture("silent")
	require.Equal(t, 1, carlos.count("into the void"))
	require.Zero(t, john.count("into the void"))

	proxy.Resume()
	carlos.state("online")
	for _, p := range []*page{carlos, john} {
		p.sees("carlos", "into the void")
		p.sees("john", "said meanwhile")
		require.Equal(t, 1, p.count("into the void"), p.name)
		require.Equal(t, 1, p.count("said meanwhile"), p.name)
	}
	for _, fault := range carlos.forget() {
		require.True(t, strings.Contains(fault, "ERR_") || strings.Contains(fault, "gochat: ignored"), fault)
	}
	require.Empty(t, eval[[]string](carlos, "window.violations"))
}
