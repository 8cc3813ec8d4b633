package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/carlware/gochat/internal/pgtest"
	"github.com/carlware/gochat/internal/proctest"
	"github.com/carlware/gochat/internal/rabbittest"
)

// bin is where the programs under test are.
var bin string

func TestMain(m *testing.M) {
	var err error
	if bin, err = os.MkdirTemp("", "gochat-cluster-"); err != nil {
		panic(err)
	}
	args := []string{"build", "-o", bin + string(filepath.Separator)}
	if raceEnabled {
		args = append(args, "-race")
	}
	build := exec.Command("go", append(args, "./examples/auth", "./examples/chatroom", "./examples/stockbot", "./examples/gateway", "./examples/cluster")...)
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		os.RemoveAll(bin)
		os.Exit(1)
	}
	goleak.VerifyTestMain(rabbittest.Main(pgtest.Main(m)), goleak.Cleanup(func(code int) {
		os.RemoveAll(bin)
		os.Exit(code)
	}))
}

// patience is how long anything is waited for. It is there to end a test that
// hangs, and says nothing about speed.
const patience = 90 * time.Second

// service is a program that runs in a process, again and again at one address.
type service struct {
	t    *testing.T
	name string
	args []string
	env  []string
	url  string
	*proctest.Process
}

// start starts the program and waits until it is ready.
func (s *service) start() {
	s.t.Helper()
	s.launch()
	s.ready()
}

func (s *service) launch() {
	s.t.Helper()
	cmd := exec.Command(filepath.Join(bin, s.name), s.args...)
	cmd.Dir = s.t.TempDir()
	cmd.Env = append(proctest.CleanEnv(), s.env...)
	s.Process = proctest.Start(s.t, cmd)
	s.t.Cleanup(func() {
		if strings.Contains(s.Output(), "DATA RACE") {
			s.t.Errorf("%s has a data race:\n%s", s.name, s.Output())
		}
	})
}

func (s *service) isReady() bool {
	resp, err := http.Get(s.url + "/readyz")
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

func (s *service) ready() {
	s.t.Helper()
	require.Eventually(s.t, s.isReady, patience, 20*time.Millisecond, "%s is ready", s.name)
}

// stop ends the program in order.
func (s *service) stop() {
	s.t.Helper()
	s.Signal(syscall.SIGTERM)
	require.Zero(s.t, s.Wait(), "%s ends in order", s.name)
}

// deployment is a chat of many processes.
type deployment struct {
	t       *testing.T
	store   string
	broker  string // empty: each node has its own
	vhost   rabbittest.VHost
	quotes  string
	secret  string
	auth    *service
	nodes   []*service
	bots    []*service
	gateway *service
}

// deploy starts an auth service, nodes, bots and a gateway on a database and a
// virtual host of their own. change may be nil.
func deploy(t *testing.T, nodes, bots int, change func(*deployment)) *deployment {
	t.Helper()
	d := &deployment{t: t, store: database(t), quotes: "sample"}
	d.secret = filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(d.secret, []byte(strings.Repeat("0123456789abcdef", 4)), 0o600))
	if change != nil {
		change(d)
	}
	if d.broker == "" {
		d.vhost = rabbittest.Private(t).New(t)
		d.broker = d.vhost.URL
	}
	d.auth = d.program("auth", nil, "-auth-db", "memory", "-auth-key", "", "-demo", "-secret-file", d.secret)
	d.auth.start()
	var urls []string
	for range nodes {
		s := d.program("chatroom", []string{"GOCHAT_STORE=" + d.store, "GOCHAT_BROKER=" + d.broker}, "-auth", d.auth.url, "-secret-file", d.secret)
		urls = append(urls, s.url)
		d.nodes = append(d.nodes, s)
	}
	for range bots {
		d.bots = append(d.bots, d.program("stockbot", []string{"GOCHAT_BROKER=" + d.broker}, "-quotes", d.quotes))
	}
	d.gateway = d.program("gateway", nil, "-auth", d.auth.url, "-chatrooms", strings.Join(urls, ","))
	all := append(append([]*service{d.gateway}, d.nodes...), d.bots...)
	for _, s := range all {
		s.launch()
	}
	for _, s := range all {
		s.ready()
	}
	return d
}

func (d *deployment) program(name string, env []string, args ...string) *service {
	addr := proctest.FreeAddr(d.t)
	return &service{t: d.t, name: name, env: env, args: append(args, "-addr", addr), url: "http://" + addr}
}

// database makes an empty database that ends with the tests' server.
func database(t *testing.T) string {
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

// token logs a demo user in.
func (d *deployment) token(name string) string {
	d.t.Helper()
	var login struct {
		Token string `json:"access_token"`
	}
	require.Eventually(d.t, func() bool {
		body := fmt.Sprintf(`{"username":%q,"password":"1234"}`, name)
		resp, err := http.Post(d.gateway.url+"/auth/login", "application/json", strings.NewReader(body))
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusOK && json.NewDecoder(resp.Body).Decode(&login) == nil
	}, patience, 50*time.Millisecond)
	return login.Token
}

// post sends a request of the auth service's.
func (d *deployment) post(token, path string) {
	d.t.Helper()
	r, err := http.NewRequestWithContext(d.t.Context(), http.MethodPost, d.gateway.url+path, bytes.NewReader([]byte("{}")))
	require.NoError(d.t, err)
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	require.NoError(d.t, err)
	defer resp.Body.Close()
	require.Less(d.t, resp.StatusCode, 300)
}
