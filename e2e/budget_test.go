package e2e

import (
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/internal/proctest"
)

const maxFirstLoad int64 = 120 << 10 // bytes transferred, headers included, until somebody can log in

// meter counts what a server sends.
type meter struct {
	addr string
	sent atomic.Int64
}

// newMeter passes connections on to a server until the test ends.
func newMeter(t testing.TB, server string) *meter {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	m := &meter{addr: l.Addr().String()}
	var pumps sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() { // after the pages are closed
		cancel()
		_ = l.Close()
		pumps.Wait()
	})
	pumps.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			up, err := net.Dial("tcp", server)
			if err != nil {
				_ = client.Close()
				continue
			}
			end := func() { _, _ = client.Close(), up.Close() }
			context.AfterFunc(ctx, end)
			pumps.Go(func() { defer end(); _, _ = io.Copy(up, client) })
			pumps.Go(func() { defer end(); _, _ = io.Copy(io.MultiWriter(client, m), up) })
		}
	})
	return m
}

func (m *meter) Write(p []byte) (int, error) {
	m.sent.Add(int64(len(p)))
	return len(p), nil
}

// The first look at the page: how much comes, from where, and whether anything
// had to wait for something else.
func TestFirstLoad(t *testing.T) {
	browser := newBrowser(t)
	addr := proctest.FreeAddr(t)
	startServer(t, t.TempDir(), addr)
	wire := newMeter(t, addr)
	url := "http://" + wire.addr
	p := newPage(t, browser, "first")
	p.inject(socketsHook)
	p.open(url)
	p.state("login")
	p.until("the demo accounts", `document.querySelector('[data-testid="demo-account"]')`)
	type entry struct {
		Name, Type       string
		Start, Done      float64
		Encoded, Decoded int
	}
	entries := func() []entry {
		return eval[[]entry](p, `[...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")].map((e) => ({
			Name: e.name, Type: e.initiatorType, Start: e.startTime, Done: e.responseEnd, Encoded: e.encodedBodySize, Decoded: e.decodedBodySize }))`)
	}
	size := wire.sent.Load()
	firstDone, late := 0.0, 0
	loaded := entries()
	for _, e := range loaded {
		require.True(t, strings.HasPrefix(e.Name, url+"/"), "another origin: %s", e.Name)
		if strings.HasSuffix(e.Name, ".js") {
			if firstDone == 0 || e.Done < firstDone {
				firstDone = e.Done
			}
			require.Less(t, e.Encoded, e.Decoded, "%s is not compressed", e.Name)
		}
	}
	for _, e := range loaded {
		if strings.HasSuffix(e.Name, ".js") && e.Start > firstDone {
			late++
			t.Logf("%s began after another module had come", e.Name)
		}
	}
	t.Logf("%d requests, %d bytes; the last module was there after %.0f ms", len(loaded), size, loaded[len(loaded)-1].Done)
	require.LessOrEqual(t, size, maxFirstLoad)
	require.Zero(t, late, "modules are asked for at once, not one level of imports after the other")

	// The second time, nothing comes but that it is the same.
	p.open(url + "/?again")
	p.state("login")
	p.until("the demo accounts", `document.querySelector('[data-testid="demo-account"]')`)
	again := wire.sent.Load() - size
	t.Logf("again: %d bytes", again)
	require.Less(t, again, size/3, "they are kept, and asked for by their tags")

	p.login(url, "carlos")
	require.Equal(t, []string{"ws" + strings.TrimPrefix(url, "http") + "/ws"}, eval[[]string](p, `sockets.map((s) => s.url)`))
	for _, e := range entries() {
		require.True(t, strings.HasPrefix(e.Name, url+"/"), "another origin: %s", e.Name)
	}
	p.clean()
}
