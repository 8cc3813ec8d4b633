package e2e

import (
	"context"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/internal/pgtest"
	"github.com/carlware/gochat/internal/proctest"
	"github.com/carlware/gochat/internal/rabbittest"
)

// startService runs a program until the test ends, and waits until it is ready.
func startService(t *testing.T, name string, env []string, args ...string) (at string) {
	t.Helper()
	addr := proctest.FreeAddr(t)
	cmd := exec.Command(filepath.Join(bin, name), append(args, "-addr", addr)...)
	cmd.Dir, cmd.Env = t.TempDir(), append(proctest.CleanEnv(), env...)
	proctest.Start(t, cmd)
	at = "http://" + addr
	waitReady(t, at)
	return at
}

func waitReady(t *testing.T, at string) {
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
func newDatabase(t *testing.T) string {
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

// Two people at different nodes talk and ask for quotes while the broker between
// the nodes is killed and comes back.
func TestTwoNodes(t *testing.T) {
	browser := newBrowser(t)
	rabbit := rabbittest.Start(t)
	secret := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secret, []byte(strings.Repeat("0123456789abcdef", 4)), 0o600))
	env := []string{"GOCHAT_STORE=" + newDatabase(t), "GOCHAT_BROKER=" + rabbit.URL()}
	auth := startService(t, "auth", nil, "-demo", "-auth-db", "memory", "-auth-key", "", "-secret-file", secret)
	for range 2 {
		startService(t, "stockbot", env)
	}
	var nodes [2]string
	var people [2]*page
	for i, name := range []string{"carlos", "john"} {
		nodes[i] = startService(t, "chatroom", env, "-auth", auth, "-secret-file", secret)
		door := &server{t: t, url: startService(t, "gateway", nil, "-auth", auth, "-chatrooms", nodes[i])}
		people[i] = door.join(browser, name)
		people[i].enter("general")
	}
	carlos, john := people[0], people[1]
	both := func(author, text string) {
		t.Helper()
		carlos.sees(author, text)
		john.sees(author, text)
	}
	carlos.say("hello from one node")
	both("carlos", "hello from one node")
	john.say("hello from the other")
	both("john", "hello from the other")
	john.say("/stock=aapl.us")
	both("stockbot", "AAPL.US quote is $93.42 per share")

	rabbit.Kill(t)
	carlos.say("no broker any more")
	both("carlos", "no broker any more")
	john.say("so I read")
	both("john", "so I read")
	john.say("/stock=aapl.us")
	john.until("that the bots are away", `document.body.textContent.includes("can't be reached now")`)
	for _, p := range people {
		p.state("online")
	}
	rabbit.Start(t)
	for _, at := range nodes {
		waitReady(t, at)
	}
	john.say("back again")
	both("john", "back again")
	require.Eventually(t, func() bool {
		carlos.say("/stock=aapl.us")
		end := time.Now().Add(5 * time.Second)
		for carlos.count("AAPL.US") < 2 && time.Now().Before(end) {
			time.Sleep(50 * time.Millisecond)
		}
		return carlos.count("AAPL.US") >= 2
	}, time.Minute, time.Millisecond)
	john.until("the second quote", readMessages+`.filter((m) => m.Text.includes("AAPL.US")).length >= 2`)
	require.Equal(t, carlos.messages(), john.messages(), "the same for both")
	for _, text := range []string{"hello from one node", "hello from the other", "no broker any more", "so I read", "back again"} {
		require.Equal(t, 1, carlos.count(text), text)
	}
	for _, p := range people {
		p.clean()
		p.picture("end")
	}
}
