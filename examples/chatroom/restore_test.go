package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/pgtest"
	"github.com/carlware/gochat/internal/proctest"
	"github.com/carlware/gochat/transport/ws"
)

// view is what a client shows of a room: it does what the protocol asks for.
type view struct {
	*ws.Client
	t    *testing.T
	room chat.RoomID

	mu     sync.Mutex
	texts  []string // by seq
	resets int
	epochs []string
}

// look connects a client of john's to a service, for as long as the test runs.
// It goes on where the one in old was, if there is one.
func look(t *testing.T, url, token string, old *view) *view {
	t.Helper()
	v := &view{t: t}
	o := &ws.DialOptions{Token: func(context.Context) (string, error) { return token, nil }}
	if old != nil {
		v.room, v.texts, v.epochs = old.room, old.shows(), old.epochs
		o.Epoch, o.Rooms = old.epochs[len(old.epochs)-1], map[chat.RoomID]chat.Seq{old.room: chat.Seq(len(v.texts))}
	}
	var err error
	v.Client, err = ws.Dial(t.Context(), url+"/ws", o)
	require.NoError(t, err)
	if old == nil {
		rooms, _, err := v.Rooms(t.Context(), "", 0)
		require.NoError(t, err)
		v.room = rooms[0].ID
		v.page()
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for u, err := range v.Events(context.Background()) {
			if err != nil {
				return
			}
			v.take(u)
		}
	}()
	t.Cleanup(func() {
		v.Close()
		<-ended
	})
	return v
}

func (v *view) take(u ws.Update) {
	switch {
	case u.Welcome != nil:
		v.mu.Lock()
		v.epochs = append(v.epochs, u.Welcome.Epoch)
		v.mu.Unlock()
	case u.Gap != nil && u.Gap.Room == v.room:
		if u.Gap.Reset {
			v.mu.Lock()
			v.texts = nil
			v.resets++
			v.mu.Unlock()
		}
		v.page()
	case u.Event != nil && u.Event.Room == v.room:
		v.add(*u.Event)
	}
}

// page reads what the log has and the client has not.
func (v *view) page() {
	for more := true; more && v.t.Context().Err() == nil; {
		v.mu.Lock()
		after := chat.Seq(len(v.texts))
		v.mu.Unlock()
		page, err := v.History(v.t.Context(), v.room, chat.Range{After: after, Forward: true, Limit: 100})
		if err != nil {
			return // the next welcome or gap begins again
		}
		for _, e := range page.Events {
			v.add(e)
		}
		more = page.More
	}
}

func (v *view) add(e chat.Event) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch n := chat.Seq(len(v.texts)); {
	case e.Seq == n+1:
		v.texts = append(v.texts, fmt.Sprintf("%d %s %s", e.Seq, e.Kind, e.Text))
	case e.Seq > n+1:
		v.t.Errorf("event %d came after %d", e.Seq, n)
	}
}

func (v *view) shows() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return append([]string(nil), v.texts...)
}

// say posts texts, each as soon as the one before is stored.
func (v *view) say(texts ...string) {
	v.t.Helper()
	for _, text := range texts {
		_, err := v.Post(v.t.Context(), v.room, chat.Draft{ID: chat.NewID(), Text: text})
		require.NoError(v.t, err)
	}
}

// stored returns what the log of a room has, as a service tells it.
func stored(t *testing.T, url, token string, room chat.RoomID) (texts []string) {
	t.Helper()
	status, body := ask(t, token, "GET", url+"/api/rooms/"+string(room)+"/messages?after=0&limit=200", "")
	require.Equal(t, 200, status, body)
	var page chat.Page
	require.NoError(t, json.Unmarshal([]byte(body), &page))
	for _, e := range page.Events {
		texts = append(texts, fmt.Sprintf("%d %s %s", e.Seq, e.Kind, e.Text))
	}
	return texts
}

// after checks that all views show what a restored store has, after something
// new was said there.
func after(t *testing.T, token string, urls []string, views []*view) {
	t.Helper()
	for _, v := range views {
		require.Eventually(t, func() bool {
			v.mu.Lock()
			defer v.mu.Unlock()
			return v.resets > 0
		}, time.Minute, 10*time.Millisecond, "the client learns that the log is another one")
	}
	for i, v := range views {
		v.say(fmt.Sprint("after the restore ", i))
	}
	want := stored(t, urls[0], token, views[0].room)
	all := strings.Join(want, "\n")
	require.Contains(t, all, "before the backup 2")
	require.NotContains(t, all, "lost")
	require.Contains(t, all, "after the restore 0")
	for i, v := range views {
		require.Equal(t, want, stored(t, urls[i], token, v.room))
		require.Eventually(t, func() bool { return strings.Join(v.shows(), "\n") == all }, time.Minute, 10*time.Millisecond,
			"the client shows what is stored: %q", v.shows())
		v.mu.Lock()
		require.NotEqual(t, v.epochs[0], v.epochs[len(v.epochs)-1])
		v.mu.Unlock()
	}
}

// answers waits until a service that has just been started is ready.
func answers(t *testing.T, url string) {
	t.Helper()
	require.Eventually(t, func() bool {
		resp, err := http.Get(url + "/readyz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	}, time.Minute, 10*time.Millisecond)
}

// once runs the program to its end.
func once(t *testing.T, env []string, args ...string) string {
	t.Helper()
	cmd := proctest.Self(t, args...)
	cmd.Env = append(cmd.Env, env...)
	p := proctest.Start(t, cmd)
	require.Equal(t, 0, p.Wait(), p.Output())
	return p.Output()
}

// As docs/operations.md tells it: a copy while people talk, and after a loss the
// copy in the file's place with a new epoch.
func TestRestoreSQLite(t *testing.T) {
	authURL, token := demoLogin(t)
	dir := t.TempDir()
	store, backup := filepath.Join(dir, "chat.db"), filepath.Join(dir, "backup.db")
	addr, url := "127.0.0.1:0", ""
	serve := func() *proctest.Process {
		p := proctest.Start(t, proctest.Self(t, "-addr", addr, "-auth", authURL, "-store", store))
		_, addr, _ = strings.Cut(p.Line("chatroom on http://"), "http://") // where it is the next time too
		url = "http://" + addr
		answers(t, url)
		return p
	}
	p := serve()
	john := look(t, url, token, nil)
	john.say("before the backup 1", "before the backup 2")
	once(t, nil, "-store", store, "-backup", backup)
	john.say("lost 1", "lost 2", "lost 3")
	require.Eventually(t, func() bool { return strings.Contains(strings.Join(john.shows(), " "), "lost 3") }, time.Minute, 10*time.Millisecond)

	john.Close() // so that nobody is there who could tell the service that it was further

	p.Kill()
	for _, name := range []string{store, store + "-wal", store + "-shm"} {
		if err := os.Remove(name); err != nil {
			require.ErrorIs(t, err, os.ErrNotExist)
		}
	}
	data, err := os.ReadFile(backup)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(store, data, 0o600))
	require.Contains(t, once(t, nil, "-store", store, "-new-epoch"), "epoch ")
	p = serve()
	// The restored log is longer soon than what john has seen of the other one.
	for i := range 5 {
		status, body := ask(t, token, "POST", url+"/api/rooms/"+string(john.room)+"/messages", fmt.Sprintf(`{"id":%q,"text":"meanwhile %d"}`, chat.NewID(), i))
		require.Equal(t, 201, status, body)
	}
	after(t, token, []string{url}, []*view{look(t, url, token, john)})
	p.Signal(syscall.SIGTERM)
	require.Equal(t, 0, p.Wait(), p.Output())
}

// The same with PostgreSQL, for two services that share a database: from a dump,
// in the same server, whose identity does not tell of it.
func TestRestorePostgreSQL(t *testing.T) {
	store, _ := newDatabase(t, "restored")
	env := []string{"GOCHAT_STORE=" + store}
	authURL, token := demoLogin(t)
	addrs, urls := []string{"127.0.0.1:0", "127.0.0.1:0"}, []string{"", ""}
	serve := func() (ps []*proctest.Process) {
		for i, addr := range addrs {
			cmd := proctest.Self(t, "-addr", addr, "-auth", authURL)
			cmd.Env = append(cmd.Env, env...)
			p := proctest.Start(t, cmd)
			ps = append(ps, p)
			_, addrs[i], _ = strings.Cut(p.Line("chatroom on http://"), "http://") // where it is the next time too
			urls[i] = "http://" + addrs[i]
			answers(t, urls[i])
		}
		return ps
	}
	tool := func(name string, args ...string) {
		t.Helper()
		out, err := exec.Command(pgtest.Private(t).Program(name), args...).CombinedOutput()
		require.NoError(t, err, string(out))
	}
	ps := serve()
	views := []*view{look(t, urls[0], token, nil), look(t, urls[1], token, nil)}
	views[0].say("before the backup 1", "before the backup 2")
	dump := filepath.Join(t.TempDir(), "chat.dump")
	tool("pg_dump", "--format=custom", "--schema=gochat", "--file="+dump, store)
	views[1].say("lost 1", "lost 2", "lost 3")
	for _, v := range views {
		require.Eventually(t, func() bool { return strings.Contains(strings.Join(v.shows(), " "), "lost 3") }, time.Minute, 10*time.Millisecond)
	}

	for _, p := range ps {
		p.Signal(syscall.SIGTERM)
		require.Equal(t, 0, p.Wait(), p.Output())
	}
	tool("pg_restore", "--clean", "--if-exists", "--single-transaction", "--dbname="+store, dump)
	require.Contains(t, once(t, env, "-new-epoch"), "epoch ")
	ps = serve()
	after(t, token, urls, views)
	for _, p := range ps {
		p.Signal(syscall.SIGTERM)
		require.Equal(t, 0, p.Wait(), p.Output())
	}
}

func TestBackupThatCannotBe(t *testing.T) {
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"postgres": {[]string{"-store", "postgres://u:secret@db/x", "-backup", "x"}, "use pg_dump"},
		"memory":   {[]string{"-store", "memory", "-backup", "x"}, "use pg_dump"},
		"no file":  {[]string{"-store", "nothing.db", "-backup", "x"}, "no such file"},
		"no epoch": {[]string{"-store", "memory", "-new-epoch"}, "with each start"},
	} {
		t.Run(name, func(t *testing.T) {
			p := proctest.Start(t, proctest.Self(t, tt.args...))
			require.Equal(t, 1, p.Wait(), p.Output())
			require.Contains(t, p.Output(), tt.want)
			require.NotContains(t, p.Output(), "secret")
		})
	}
}
