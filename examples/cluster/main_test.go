package main

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/pgtest"
	"github.com/carlware/gochat/internal/proctest"
	"github.com/carlware/gochat/internal/rabbittest"
)

// output is what a program prints.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// The program runs a chat of many processes, and starts again what has died.
func TestCluster(t *testing.T) {
	rabbittest.Private(t) // else there is nothing to run it with
	pgtest.Private(t)
	var out output
	c := config{addr: proctest.FreeAddr(t), nodes: 2, bots: 1, programs: bin}
	c.bot.Quotes = "sample"
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, c, &out) }()
	defer func() {
		stop()
		require.NoError(t, <-ended)
		if t.Failed() {
			t.Log(out.String())
		}
		_, err := http.Get("http://" + c.addr)
		require.Error(t, err, "all has ended")
	}()
	d := &deployment{t: t, gateway: &service{t: t, name: "gateway", url: "http://" + c.addr}}
	require.Eventually(t, func() bool { return strings.Contains(out.String(), "cluster: open") }, patience, 10*time.Millisecond, "its servers have started")
	d.gateway.ready()
	john := d.join("john", d.gateway)
	require.Eventually(t, func() bool { return strings.Count(out.String(), "chatroom service is ready") == 2 }, patience, 10*time.Millisecond)

	pid := regexp.MustCompile(`chatroom-\d\[(\d+)\]`)
	killed := map[string]bool{}
	for _, m := range pid.FindAllStringSubmatch(out.String(), -1) {
		if killed[m[1]] {
			continue
		}
		killed[m[1]] = true
		n, err := strconv.Atoi(m[1])
		require.NoError(t, err)
		p, err := os.FindProcess(n)
		require.NoError(t, err)
		require.NoError(t, p.Kill())
		john.say(john.lobby, "after a kill")
	}
	require.Len(t, killed, 2)
	require.Eventually(t, func() bool { return strings.Count(out.String(), "started again") == 2 }, patience, 10*time.Millisecond)
	require.Eventually(t, func() bool { return john.ask(john.lobby, "/stock aapl.us").Status == chat.CallDone }, patience, 100*time.Millisecond)
	check(john.lobby, john)
	require.NoError(t, john.Close())
}

func TestRefusesToRun(t *testing.T) {
	for name, tt := range map[string]struct {
		c    config
		says string
	}{
		"a store in a file":   {config{addr: "127.0.0.1:0", store: "chat.db"}, "postgres://"},
		"a broker in memory":  {config{addr: "127.0.0.1:0", broker: "memory"}, "amqp://"},
		"reachable from afar": {config{addr: ":0"}, "everybody could log in"},
	} {
		t.Run(name, func(t *testing.T) {
			require.ErrorContains(t, run(t.Context(), tt.c, &output{}), tt.says)
		})
	}
}

// What the program has started does not outlive it, even if it is killed.
func TestClusterKilled(t *testing.T) {
	addr := proctest.FreeAddr(t)
	cmd := exec.Command(filepath.Join(bin, "cluster"), "-addr", addr, "-nodes", "1", "-bots", "1")
	cmd.Env = append(proctest.CleanEnv(), "GOCHAT_STORE="+database(t), "GOCHAT_BROKER="+rabbittest.Private(t).New(t).URL)
	p := proctest.Start(t, cmd) // here, where go build finds the module
	s := &service{t: t, name: "gateway", url: "http://" + addr}
	s.ready()
	chatroom := p.Line("chatroom on http://")
	p.Kill()
	_, url, _ := strings.Cut(chatroom, " chatroom on ")
	for _, at := range []string{s.url, url} {
		require.Eventually(t, func() bool {
			resp, err := http.Get(at + "/healthz")
			if err == nil {
				resp.Body.Close()
			}
			return err != nil
		}, patience, 20*time.Millisecond, at)
	}
}
