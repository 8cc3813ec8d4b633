package pgtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/carlware/gochat/internal/proctest"
)

// Cluster is a server that belongs to this test binary. Its methods may be
// called concurrently.
type Cluster struct {
	bin, dir, data string
	port           int
	url            string

	guard *proctest.Guard // see watch

	mu     sync.Mutex
	server *exec.Cmd     // nil while it is down
	gone   chan struct{} // closed when server has ended
}

// settings are those of the server that tests rely on.
const settings = `
listen_addresses = '127.0.0.1'
fsync = on
synchronous_commit = on
full_page_writes = on
max_connections = 200
shared_buffers = 32MB
max_wal_size = 256MB
log_line_prefix = '%m [%p] '
log_min_error_statement = panic
`

// start makes a cluster and starts its server.
func start() (_ *Cluster, err error) {
	if !supported {
		return nil, errors.New("it can only be started on Unix")
	}
	bin, err := find()
	if err != nil {
		return nil, err
	}
	c := &Cluster{bin: bin}
	if c.dir, err = serverDir(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			c.end()
			os.RemoveAll(c.dir)
		}
	}()
	c.data = filepath.Join(c.dir, "data")
	if err := c.watch(); err != nil {
		return nil, err
	}

	// A password, since everybody on this machine can connect.
	password, secret := rand.Text(), filepath.Join(c.dir, "password")
	if err := os.WriteFile(secret, []byte(password+"\n"), 0o600); err != nil {
		return nil, err
	}
	if err := give(secret); err != nil {
		return nil, err
	}
	initdb := c.command("initdb", "--pgdata="+c.data, "--username=postgres", "--pwfile="+secret,
		"--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync")
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	conf, err := os.OpenFile(filepath.Join(c.data, "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	_, err = fmt.Fprintf(conf, "%sunix_socket_directories = '%s'\n", settings, c.dir)
	if err = errors.Join(err, conf.Close()); err != nil {
		return nil, err
	}
	for range 5 { // somebody else may take the port in between
		if c.port, err = proctest.FreePort(); err != nil {
			return nil, err
		}
		c.url = fmt.Sprintf("postgres://postgres:%s@127.0.0.1:%d/postgres?sslmode=disable", password, c.port)
		if err = c.serve(); err == nil || !bytes.Contains(c.log(), []byte("Address already in use")) {
			return c, err
		}
	}
	return nil, err
}

// guard stops the server and removes its directory when its input ends.
const guard = `
while read -r line; do :; done
if pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null); then
	kill -QUIT "$pid" 2>/dev/null
	for i in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$pid" 2>/dev/null && sleep 0.2; done
fi
rm -rf "$1"
`

// watch starts the guard: so neither the server nor its files outlive the
// tests.
func (c *Cluster) watch() error {
	cmd := exec.Command("/bin/sh", "-c", guard, "guard", c.dir)
	cmd.Dir = "/"
	drop(cmd)
	var err error
	c.guard, err = proctest.Watch(cmd)
	return err
}

// end stops the server and removes its files.
func (c *Cluster) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.halt(fast)
	if c.guard != nil {
		c.guard.Release() // it does what it can
		c.guard = nil
	}
}

// serve starts the server and waits until it answers. c.mu is held, or nobody
// else has c.
func (c *Cluster) serve() error {
	out, err := os.OpenFile(filepath.Join(c.dir, "log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	cmd := c.command("postgres", "-D", c.data, "-p", strconv.Itoa(c.port))
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		return err
	}
	gone := make(chan struct{})
	go func() { cmd.Wait(); close(gone) }() // how it ended is in the log
	c.server, c.gone = cmd, gone
	for begin := time.Now(); ; {
		err := c.ping()
		if err == nil {
			return nil
		}
		if time.Since(begin) > patience {
			c.halt(immediate)
			return fmt.Errorf("the server does not answer: %w: %s", err, c.log())
		}
		select {
		case <-gone:
			c.server = nil
			return fmt.Errorf("the server does not start: %s", c.log())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (c *Cluster) ping() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, c.url)
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

// halt ends the server, if it runs, and waits until it has ended.
func (c *Cluster) halt(how os.Signal) error {
	if c.server == nil {
		return nil
	}
	if err := c.server.Process.Signal(how); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-c.gone:
	case <-time.After(patience):
		c.server.Process.Kill()
		<-c.gone
	}
	c.server = nil
	return nil
}

// Stop shuts the server down in order: its clients are cut off, and what they
// had not committed is undone.
func (c *Cluster) Stop(t testing.TB) { c.control(t, func() error { return c.halt(fast) }) }

// Kill ends the server at once and without a checkpoint, as a crash does: the
// next start recovers from the write-ahead log.
func (c *Cluster) Kill(t testing.TB) { c.control(t, func() error { return c.halt(immediate) }) }

// Start starts the server again, at the same address, and returns when it
// answers. It does nothing while the server runs.
func (c *Cluster) Start(t testing.TB) {
	t.Helper()
	c.control(t, func() error {
		if c.server != nil {
			return nil
		}
		return c.serve()
	})
}

// Promote has the server go on from here on another timeline, as a standby does
// that takes over. Clients are cut off.
func (c *Cluster) Promote(t testing.TB) {
	t.Helper()
	c.control(t, func() error {
		if err := c.halt(fast); err != nil {
			return err
		}
		signal := filepath.Join(c.data, "standby.signal")
		if err := errors.Join(os.WriteFile(signal, nil, 0o600), give(signal)); err != nil {
			return err
		}
		if err := c.serve(); err != nil {
			return err
		}
		return execute(c.url, `SELECT pg_promote(true, 60)`)
	})
}

func (c *Cluster) control(t testing.TB, f func() error) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := f(); err != nil {
		t.Errorf("pgtest: %v", err)
	}
}

// New is as the function [New], in this cluster.
func (c *Cluster) New(t testing.TB) Database {
	t.Helper()
	return fresh(t, c.url)
}

// Program returns where one of the server's programs is, such as pg_dump.
func (c *Cluster) Program(name string) string { return filepath.Join(c.bin, name) }

// log returns the end of what the server has written.
func (c *Cluster) log() []byte {
	b, err := os.ReadFile(filepath.Join(c.dir, "log"))
	if err != nil {
		return []byte(err.Error() + "\n")
	}
	return b[max(0, len(b)-8<<10):]
}

// command is one of the server's programs, run as the server's user.
func (c *Cluster) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(c.bin, name), args...)
	cmd.Dir = c.dir
	// Nothing that would direct it elsewhere, or change its language.
	cmd.Env = []string{"LC_ALL=C"}
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "PG") && !strings.HasPrefix(v, "LC_") && !strings.HasPrefix(v, "LANG") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	drop(cmd)
	return cmd
}
