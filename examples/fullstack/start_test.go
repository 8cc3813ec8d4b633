package main

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/pgtest"
	"github.com/carlware/gochat/internal/proctest"
)

// Whatever is wrong with how it is started, the program ends at once, says why
// in words that help, and tells no secret.
func TestRefusesToStart(t *testing.T) {
	s := start(t, "", "127.0.0.1:0")
	readonly := filepath.Join(t.TempDir(), "readonly")
	require.NoError(t, os.Mkdir(readonly, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(readonly, "chat.db"), []byte("this is not a database, it is a text\n"), 0o600))

	for name, tt := range map[string]struct {
		args []string
		code int
		want string
	}{
		"port in use":         {[]string{"-addr", s.addr}, 1, "is in use by another program"},
		"bad address":         {[]string{"-addr", "localhost"}, 1, "missing port"},
		"same database":       {[]string{"-addr", "127.0.0.1:0", "-store", filepath.Join(s.dir, "gochat.db")}, 1, "gochat.db"},
		"no such directory":   {[]string{"-addr", "127.0.0.1:0", "-store", filepath.Join(readonly, "no", "chat.db")}, 1, "no such file or directory"},
		"not a database":      {[]string{"-addr", "127.0.0.1:0", "-store", filepath.Join(readonly, "chat.db")}, 1, "not a database"},
		"postgres":            {[]string{"-addr", "127.0.0.1:0", "-store", "postgres://u:secret@db:x/y"}, 1, "store postgres://db:x/y: "},
		"mysql":               {[]string{"-addr", "127.0.0.1:0", "-store", "mysql://u:secret@db/x"}, 1, "postgres://…"},
		"amqp":                {[]string{"-addr", "127.0.0.1:0", "-broker", "amqp://u:secret@mq:port/"}, 1, "not a URL like"},
		"quotes":              {[]string{"-addr", "127.0.0.1:0", "-quotes", "yahoo"}, 1, "use sample, finnhub, stooq"},
		"no key":              {[]string{"-addr", "127.0.0.1:0", "-quotes", "finnhub"}, 1, "GOCHAT_FINNHUB_KEY"},
		"address as flag":     {[]string{"-=postgres://u:secret@db/x"}, 2, "-=postgres://u:…@db/x"},
		"unknown flag":        {[]string{"-nonsense"}, 2, "-nonsense"},
		"argument":            {[]string{"serve"}, 2, `"serve"`},
		"address as argument": {[]string{"postgres://u:secret@db/x"}, 2, `"postgres://u:…@db/x"`},
		"demo for everybody":  {[]string{"-addr", "0.0.0.0:0", "-demo"}, 1, "loopback"},
		"help":                {[]string{"-help"}, 0, "GOCHAT_STORE"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := proctest.Self(t, tt.args...)
			p := proctest.Start(t, cmd)
			require.Equal(t, tt.code, p.Wait(), p.Output())
			require.Contains(t, p.Output(), tt.want)
			require.NotContains(t, p.Output(), "secret")
			require.NotContains(t, p.Output(), "panic")
			require.NotContains(t, p.Output(), "goroutine")
		})
	}
}

func TestFlagsFromTheEnvironment(t *testing.T) {
	cmd := proctest.Self(t)
	cmd.Env = append(cmd.Env, "GOCHAT_ADDR=127.0.0.1:0", "GOCHAT_STORE=memory", "GOCHAT_DEMO=false")
	p := proctest.Start(t, cmd)
	url := p.Line("http://")
	p.Line("store   memory")
	files, err := os.ReadDir(cmd.Dir)
	require.NoError(t, err)
	require.Empty(t, files, "a store in memory leaves no files")
	_, addr, _ := strings.Cut(url, "http://")
	s := &stack{t: t, p: p, addr: addr}
	require.Equal(t, 401, s.status("POST", "/auth/login", `{"username":"john","password":"1234"}`), "no demo users")
}

// Rooms may be in a PostgreSQL database; the users stay in a file here.
func TestStoreInPostgres(t *testing.T) {
	store := pgtest.Private(t).New(t).URL
	u, err := url.Parse(store)
	require.NoError(t, err)
	password, _ := u.User.Password()
	begin := func(dir string) *stack {
		cmd := proctest.Self(t, "-addr", "127.0.0.1:0")
		if dir != "" {
			cmd.Dir = dir
		}
		cmd.Env = append(cmd.Env, "GOCHAT_STORE="+store)
		p := proctest.Start(t, cmd)
		_, addr, _ := strings.Cut(p.Line("http://"), "http://")
		p.Line("store   postgres://" + u.Host + "/postgres")
		s := &stack{t: t, p: p, dir: cmd.Dir, addr: addr}
		require.Eventually(t, func() bool { return s.status("GET", "/readyz", "") == 200 }, time.Minute, 10*time.Millisecond)
		return s
	}
	s := begin("")
	john := s.login("john")
	require.Equal(t, 201, john.status("POST", john.lobby()+"/messages", `{"id":"`+chat.NewID()+`","text":"kept"}`))
	_, outcome := john.do("POST", john.lobby()+"/commands", `{"id":"`+chat.NewID()+`","text":"/stock=aapl.us"}`)
	require.Contains(t, outcome, `"status":"done"`)
	s.p.Kill()
	require.FileExists(t, filepath.Join(s.dir, "gochat-auth.db"))
	again := begin(s.dir).login("john")
	require.Equal(t, "kept", again.texts()[0])
	for _, p := range []*proctest.Process{s.p, again.p} {
		require.NotContains(t, p.Output(), password)
	}
}
