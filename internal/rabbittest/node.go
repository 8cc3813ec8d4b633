package rabbittest

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carlware/gochat/internal/proctest"
)

// Node is a server that belongs to this test binary. Its methods may be called
// concurrently.
type Node struct {
	script   string // rabbitmq-server
	epmd     string // its path
	dir      string
	name     string
	user     string
	password string
	ports    ports

	guard *proctest.Guard // see watch

	mu     sync.Mutex
	mapper *exec.Cmd // epmd
	server *process  // nil while it is down
}

// ports are those that a node takes on 127.0.0.1.
type ports struct {
	amqp int
	dist int // Erlang's distribution, which nobody uses
	epmd int // the map from node names to the port above
}

// settings are those of the server that tests rely on.
const settings = `
log.file = log
log.file.level = warning
log.console = false
disk_free_limit.absolute = 10MB
vm_memory_high_watermark.relative = ` + watermark + `
`

// Quorum queues say how many messages they have at every tick, which is 5 s
// apart by default.
const advanced = "[{rabbit, [{quorum_tick_interval, 100}]}].\n"

// start makes a node and starts its server.
func start() (_ *Node, err error) {
	if !supported {
		return nil, errors.New("it can only be started on Unix")
	}
	n := &Node{name: fresh() + "@localhost", user: "gochat", password: rand.Text()}
	if n.script, n.epmd, err = find(); err != nil {
		return nil, err
	}
	if n.dir, err = os.MkdirTemp("", "rabbittest-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			n.end()
			os.RemoveAll(n.dir)
		}
	}()
	if err := n.watch(); err != nil {
		return nil, err
	}
	conf := fmt.Sprintf("default_user = %s\ndefault_pass = %s\n%s", n.user, n.password, settings)
	for name, text := range map[string]string{"rabbitmq.conf": conf, "plugins": "[].\n", "advanced.config": advanced} {
		if err := os.WriteFile(n.path(name), []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	for range 5 { // somebody else may take a port in between
		if err = n.try(); err == nil || !bytes.Contains(n.log(), []byte("eaddrinuse")) {
			return n, err
		}
	}
	return nil, err
}

// try starts the server on other ports.
func (n *Node) try() (err error) {
	for _, p := range []*int{&n.ports.amqp, &n.ports.dist, &n.ports.epmd} {
		if *p, err = proctest.FreePort(); err != nil {
			return err
		}
	}
	if err := n.runMapper(); err != nil {
		return err
	}
	return n.serve()
}

func (n *Node) path(name string) string { return filepath.Join(n.dir, name) }

// guard kills what runs, frozen or not, and removes its files when its input
// ends.
const guard = `
while read -r line; do :; done
for name in server.pid epmd.pid; do
	if pid=$(cat "$1/$name" 2>/dev/null); then
		kill -KILL "$pid" 2>/dev/null
		for i in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$pid" 2>/dev/null && sleep 0.1; done
	fi
done
rm -rf "$1"
`

// watch starts the guard: so neither the server nor its files outlive the
// tests.
func (n *Node) watch() error {
	cmd := exec.Command("/bin/sh", "-c", guard, "guard", n.dir)
	cmd.Dir = "/"
	detach(cmd)
	var err error
	n.guard, err = proctest.Watch(cmd)
	return err
}

// end stops the server and removes its files.
func (n *Node) end() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.halt(kill)
	n.endMapper()
	if n.guard != nil {
		n.guard.Release() // it does what it can
		n.guard = nil
	}
}

// command is a program of the server's, with an environment of its own: none
// of the machine's configuration, and nothing that would direct it elsewhere.
// It writes its process id to the file pid before it begins.
func (n *Node) command(pid, name string, args ...string) *exec.Cmd {
	cmd := exec.Command("/bin/sh", append([]string{"-c", `echo $$ >"$0" && exec "$@"`, n.path(pid), name}, args...)...)
	cmd.Dir = n.dir
	for _, v := range os.Environ() {
		if key, _, _ := strings.Cut(v, "="); !strings.HasPrefix(key, "RABBITMQ_") && !strings.HasPrefix(key, "ERL_") &&
			!strings.HasPrefix(key, "LC_") && key != "LANG" && key != "HOME" && key != "NOTIFY_SOCKET" {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env,
		"LC_ALL=C",
		"HOME="+n.dir, // of the cookie
		"ERL_EPMD_ADDRESS=127.0.0.1",
		fmt.Sprint("ERL_EPMD_PORT=", n.ports.epmd),
		"ERL_CRASH_DUMP_SECONDS=0",
		"RABBITMQ_ALLOW_INPUT=1", // a shell on the standard input, see eval
		"RABBITMQ_CONF_ENV_FILE="+os.DevNull,
		"RABBITMQ_NODENAME="+n.name,
		"RABBITMQ_NODE_IP_ADDRESS=127.0.0.1",
		fmt.Sprint("RABBITMQ_NODE_PORT=", n.ports.amqp),
		fmt.Sprint("RABBITMQ_DIST_PORT=", n.ports.dist),
		"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1}",
		"RABBITMQ_BASE="+n.dir,
		"RABBITMQ_MNESIA_BASE="+n.path("data"),
		"RABBITMQ_LOG_BASE="+n.dir,
		"RABBITMQ_CONFIG_FILE="+n.path("rabbitmq.conf"),
		"RABBITMQ_ADVANCED_CONFIG_FILE="+n.path("advanced.config"),
		"RABBITMQ_ENABLED_PLUGINS_FILE="+n.path("plugins"),
	)
	detach(cmd)
	return cmd
}

// ready ends when the server has started. One that can't ends itself.
const ready = `Wait = fun Wait() ->
		case rabbit_boot_state:get() of ready -> ready; _ -> timer:sleep(10), Wait() end
	end, Wait()`

// serve starts the server and waits until it is ready. n.mu is held, or nobody
// else has n.
func (n *Node) serve() (err error) {
	if n.server, err = launch(n.command("server.pid", n.script)); err != nil {
		return err
	}
	if _, err = n.server.eval(ready); err != nil {
		err = fmt.Errorf("the server does not start: %w: %s%s", err, n.server.said(), n.log())
		n.halt(kill)
	}
	return err
}

// halt ends the server, if it runs, and waits until it has ended.
func (n *Node) halt(how os.Signal) (err error) {
	if n.server == nil {
		return nil
	}
	if err = n.server.signal(how); err == nil {
		err = n.server.signal(thaw) // it may be frozen
	}
	select {
	case <-n.server.gone:
	case <-time.After(patience):
		n.server.signal(kill)
		<-n.server.gone
		err = errors.Join(err, errors.New("the server did not end"))
	}
	n.server = nil
	return errors.Join(err, os.Remove(n.path("server.pid")))
}

// runMapper starts the port mapper: the node would start one itself, which then
// stays for ever.
func (n *Node) runMapper() error {
	n.endMapper()
	cmd := n.command("epmd.pid", n.epmd, "-port", fmt.Sprint(n.ports.epmd), "-address", "127.0.0.1")
	if err := cmd.Start(); err != nil {
		return err
	}
	n.mapper = cmd
	return nil
}

func (n *Node) endMapper() {
	if n.mapper == nil {
		return
	}
	n.mapper.Process.Kill()
	n.mapper.Wait()
	n.mapper = nil
	os.Remove(n.path("epmd.pid"))
}

// Addr is where the server listens: a host and a port.
func (n *Node) Addr() string { return fmt.Sprint("127.0.0.1:", n.ports.amqp) }

func (n *Node) url(user, password, vhost string) string {
	u := url.URL{Scheme: "amqp", User: url.UserPassword(user, password), Host: n.Addr(), Path: "/" + vhost}
	return u.String()
}

// Stop shuts the server down in order: its clients are told.
func (n *Node) Stop(t testing.TB) { t.Helper(); n.control(t, func() error { return n.halt(stop) }) }

// Kill ends the server at once, as kill −9 does. RabbitMQ 3.10 can lose a
// quorum queue that was declared in the second before: it comes back without a
// leader, for ever. A test of something else declares its queues earlier.
func (n *Node) Kill(t testing.TB) { t.Helper(); n.control(t, func() error { return n.halt(kill) }) }

// Start starts the server again, at the same address and with what it has
// kept, and returns when it is ready. It does nothing while the server runs.
func (n *Node) Start(t testing.TB) {
	t.Helper()
	n.control(t, func() error {
		if n.server != nil {
			return nil
		}
		return n.serve()
	})
}

// Pause freezes the server: connections stay, more are accepted, and nobody
// answers. Continue, Stop and Kill end that.
func (n *Node) Pause(t testing.TB) { t.Helper(); n.send(t, freeze) }

// Continue lets a frozen server go on.
func (n *Node) Continue(t testing.TB) { t.Helper(); n.send(t, thaw) }

func (n *Node) send(t testing.TB, s os.Signal) {
	t.Helper()
	n.control(t, func() error {
		if n.server == nil {
			return errors.New("the server is down")
		}
		return n.server.signal(s)
	})
}

func (n *Node) control(t testing.TB, f func() error) {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := f(); err != nil {
		t.Errorf("rabbittest: %v", err)
	}
}

// log returns the end of what the server has logged.
func (n *Node) log() []byte {
	b, err := os.ReadFile(n.path("log"))
	if err != nil {
		return []byte(err.Error() + "\n")
	}
	return b[max(0, len(b)-8<<10):]
}
