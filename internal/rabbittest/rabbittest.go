// Package rabbittest gives tests a RabbitMQ server.
//
// It starts one of its own, in a temporary directory and on free ports of
// 127.0.0.1, when the first test of a binary asks for it:
//
//	func TestMain(m *testing.M) { os.Exit(rabbittest.Main(m).Run()) }
//
//	func TestBroker(t *testing.T) {
//		vhost := rabbittest.New(t)
//		broker, err := rabbitmq.Open(vhost.URL, &rabbitmq.Options{Prefix: vhost.Prefix})
//		...
//	}
//
// Each test gets a virtual host to itself. Tests may stop the server, kill it,
// freeze it, start it again, and raise a memory alarm, see [Node]; those that
// do should not run in parallel with others, or take a node of their own with
// [Start]. The server ends with the tests and its directory is removed, however
// the test binary ends. It uses neither the ports nor the port mapper (epmd) of
// a server that the machine may run as a service.
//
// Where the environment has GOCHAT_AMQP_URL, [New] uses that server instead:
// the virtual host that it names, with names under a prefix that is new for
// each test. What the tests leave there is the owner's to remove. [Private] and
// [Start] never use it.
//
// A test without a server is skipped; with CI set it fails.
package rabbittest

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"
)

// envURL names a server that tests may use instead of one of their own.
const envURL = "GOCHAT_AMQP_URL"

// VHost is where a test can make its queues.
type VHost struct {
	URL    string // how to connect, the virtual host and the password included
	Name   string // of the virtual host
	Prefix string // for names of exchanges and queues: nobody else uses it
}

// New returns a place for queues that nobody else uses.
func New(t testing.TB) VHost {
	t.Helper()
	raw := os.Getenv(envURL)
	if raw == "" {
		return Private(t).New(t)
	}
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatalf("rabbittest: %s is not a URL", envURL) // which may hold a password
	}
	name := "/"
	if len(u.Path) > 1 {
		name = u.Path[1:]
	}
	return VHost{URL: raw, Name: name, Prefix: fresh() + "."}
}

// fresh returns a name that nobody else uses.
func fresh() string {
	var b [6]byte
	rand.Read(b[:])
	return "test-" + hex.EncodeToString(b[:])
}

// patience is how long anything is waited for. It is there to end a test that
// hangs, and says nothing about speed.
const patience = 90 * time.Second

// own is the server of this test binary.
var own struct {
	sync.Mutex
	n   *Node
	err error
}

// Private returns the server of this test binary, which it starts if need be.
func Private(t testing.TB) *Node {
	t.Helper()
	own.Lock()
	defer own.Unlock()
	if own.n == nil && own.err == nil {
		own.n, own.err = start()
	}
	if own.err != nil {
		missing(t, own.err)
	}
	return own.n
}

// Start starts a server that is the caller's alone and ends with its test. It
// takes some seconds.
func Start(t testing.TB) *Node {
	t.Helper()
	n, err := start()
	if err != nil {
		missing(t, err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("rabbittest: the last lines of the server's log:\n%s", n.log())
		}
		n.end()
	})
	return n
}

func missing(t testing.TB, err error) {
	t.Helper()
	if os.Getenv("CI") == "" {
		t.Skipf("rabbittest: no RabbitMQ server: %v", err)
	}
	t.Fatalf("rabbittest: no RabbitMQ server: %v", err)
}

// Tests are the tests of a binary, to be run once.
type Tests struct{ m interface{ Run() int } }

// Main returns the tests of m as tests that stop the server when they are
// through. m may be what another such function returned.
func Main(m interface{ Run() int }) *Tests { return &Tests{m} }

// Run runs the tests, stops the server if one was started, and returns what
// the process is to exit with. It can be handed to goleak.VerifyTestMain.
func (ts *Tests) Run() int {
	code := ts.m.Run()
	own.Lock()
	defer own.Unlock()
	if own.n == nil {
		return code
	}
	if code != 0 {
		fmt.Fprintf(os.Stderr, "rabbittest: the last lines of the server's log:\n%s", own.n.log())
	}
	own.n.end()
	own.n = nil
	return code
}
