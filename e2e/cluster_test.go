package e2e

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/command"
	"github.com/carlware/gochat/internal/pgtest"
	"github.com/carlware/gochat/internal/proctest"
	"github.com/carlware/gochat/internal/rabbittest"
	"github.com/carlware/gochat/transport/rabbitmq"
)

// startService runs a program until the test ends, and waits until it is ready.
func startService(t testing.TB, name string, env []string, args ...string) (at string) {
	t.Helper()
	addr := proctest.FreeAddr(t)
	cmd := exec.Command(filepath.Join(bin, name), append(args, "-addr", addr)...)
	cmd.Dir, cmd.Env = t.TempDir(), append(proctest.CleanEnv(), env...)
	proctest.Start(t, cmd)
	at = "http://" + addr
	waitReady(t, at)
	return at
}

func waitReady(t testing.TB, at string) {
	t.Helper()
	require.Eventually(t, func() bool {
		resp, err := http.Get(at + "/readyz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	}, time.Minute, 20*time.Millisecond, at)
}

// newDatabase makes an empty database and returns where it is.
func newDatabase(t testing.TB) string {
	t.Helper()
	db := pgtest.Private(t).New(t)
	c, err := pgx.Connect(t.Context(), db.URL)
	require.NoError(t, err)
	defer c.Close(context.Background())
	_, err = c.Exec(t.Context(), "CREATE DATABASE "+db.Schema)
	require.NoError(t, err)
	u, err := url.Parse(db.URL)
	require.NoError(t, err)
	u.Path = "/" + db.Schema
	return u.String()
}

// courier is a bot that this test runs itself, over the broker: it says how
// far it is, and goes on when it is let.
func courier(t *testing.T, url string, goOn <-chan struct{}) {
	t.Helper()
	b, err := rabbitmq.Open(url, &rabbitmq.Options{Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	bot := command.NewBot("courier", nil)
	command.Handle(bot, "deliver", "Deliver something", func(ctx context.Context, c *command.Call, _ struct{}) error {
		if err := c.Progress("half <b>way</b>"); err != nil {
			return err
		}
		select {
		case <-goOn:
			return c.Say("Delivered.")
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	command.Handle(bot, "whisper", "Tell a secret", func(_ context.Context, c *command.Call, _ struct{}) error {
		return c.Ephemeral("the <i>secret</i>")
	})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { assert.NoError(t, bot.Run(ctx, b)) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
		_ = b.Close()
	})
}

// Three people at three nodes talk, and ask bots behind the broker, which is
// killed and comes back meanwhile.
func TestThreeNodes(t *testing.T) {
	browser := newBrowser(t)
	rabbit := rabbittest.Start(t)
	secret := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secret, []byte(strings.Repeat("0123456789abcdef", 4)), 0o600))
	env := []string{"GOCHAT_STORE=" + newDatabase(t), "GOCHAT_BROKER=" + rabbit.URL()}
	auth := startService(t, "auth", nil, "-demo", "-auth-db", "memory", "-auth-key", "", "-secret-file", secret)
	for range 2 {
		startService(t, "stockbot", env)
	}
	goOn := make(chan struct{})
	courier(t, rabbit.URL(), goOn)
	var nodes [3]string
	var people [3]*page
	for i, name := range []string{"carlos", "john", "gerard"} {
		nodes[i] = startService(t, "chatroom", env, "-auth", auth, "-secret-file", secret)
		door := &server{t: t, url: startService(t, "gateway", nil, "-auth", auth, "-chatrooms", nodes[i])}
		people[i] = door.join(browser, name)
		people[i].enter("general")
	}
	carlos, john, gerard := people[0], people[1], people[2]
	all := func(author, text string) {
		t.Helper()
		for _, p := range people {
			p.sees(author, text)
		}
	}
	carlos.say("hello from one node")
	all("carlos", "hello from one node")
	john.say("hello from another")
	all("john", "hello from another")
	gerard.say("/stock=aapl.us")
	all("stockbot", "AAPL.US quote is $93.42 per share")

	// What a bot says to its caller alone, and how far it is, comes to nobody else.
	john.say("/deliver")
	john.until("the progress", `document.querySelector('[data-testid="command"]')?.textContent.includes("half <b>way</b>")`)
	john.picture("progress")
	goOn <- struct{}{}
	all("courier", "Delivered.")
	john.until("it runs no more", `!document.querySelector('[data-testid="command"]')`)
	john.say("/whisper")
	john.until("the secret, marked as one", `((n) => n?.textContent.includes("the <i>secret</i>") && n.textContent.includes("Only you can see this"))(document.querySelector('[data-testid="note"][data-status="ephemeral"]'))`)
	john.picture("ephemeral")
	john.say("heard it")
	all("john", "heard it")
	for _, p := range []*page{carlos, gerard} {
		require.NotContains(t, eval[string](p, "document.body.textContent"), "secret", p.name)
		require.False(t, eval[bool](p, `Boolean(document.querySelector('[data-testid="command"]'))`), p.name)
	}

	rabbit.Kill(t)
	carlos.say("no broker any more")
	all("carlos", "no broker any more")
	john.say("so I read")
	all("john", "so I read")
	john.say("/stock=aapl.us")
	john.until("that the bots are away", `document.body.textContent.includes("can't be reached now")`)
	for _, p := range people {
		p.state("online")
	}
	rabbit.Start(t)
	for _, at := range nodes {
		waitReady(t, at)
	}
	gerard.say("back again")
	all("gerard", "back again")
	require.Eventually(t, func() bool {
		carlos.say("/stock=aapl.us")
		end := time.Now().Add(5 * time.Second)
		for carlos.count("AAPL.US") < 2 && time.Now().Before(end) {
			time.Sleep(50 * time.Millisecond)
		}
		return carlos.count("AAPL.US") >= 2
	}, time.Minute, time.Millisecond)
	for _, p := range people {
		p.until("the second quote", readMessages+`.filter((m) => m.Text.includes("AAPL.US")).length >= 2`)
		p.eventually("the same as the others", func() bool { return slices.Equal(carlos.messages(), p.messages()) })
	}
	for _, text := range []string{"hello from one node", "hello from another", "Delivered.", "no broker any more", "so I read", "back again"} {
		require.Equal(t, 1, carlos.count(text), text)
	}
	for _, p := range people {
		p.clean()
		p.picture("end")
	}
}
