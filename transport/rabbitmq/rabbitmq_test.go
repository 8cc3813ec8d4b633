package rabbitmq_test

import (
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/carlware/gochat/internal/faultproxy"
	"github.com/carlware/gochat/internal/rabbittest"
	"github.com/carlware/gochat/transport"
	"github.com/carlware/gochat/transport/rabbitmq"
	"github.com/carlware/gochat/transport/transporttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(rabbittest.Main(m)) }

var quiet = slog.New(slog.DiscardHandler)

// watched are the tests that leavesNothing looks at.
var watched sync.Map

// leavesNothing has t fail when goroutines that begin from now on are left after
// it and after what it has to do in the end. Where it, or a test that it is part
// of, is looked at already, that is enough: what those have open goes on.
func leavesNothing(t testing.TB) {
	for name := t.Name(); ; {
		if _, found := watched.Load(name); found {
			return
		}
		i := strings.LastIndexByte(name, '/')
		if i < 0 {
			break
		}
		name = name[:i]
	}
	watched.Store(t.Name(), true)
	before := []goleak.Option{
		goleak.IgnoreCurrent(),
		goleak.IgnoreAnyFunction("github.com/carlware/gochat/internal/rabbittest.(*process).read"), // of a server that was started again
	}
	t.Cleanup(func() {
		watched.Delete(t.Name())
		var left error
		for end := time.Now().Add(wait); ; {
			if left = goleak.Find(before...); left == nil {
				return
			}
			if time.Now().After(end) {
				t.Error(left)
				return
			}
		}
	})
}

// open opens a broker at vhost, which the test has to close: no goroutine of its
// may be left after the test.
func open(t testing.TB, vhost rabbittest.VHost, change func(*rabbitmq.Options)) *rabbitmq.Broker {
	t.Helper()
	leavesNothing(t)
	o := &rabbitmq.Options{Prefix: vhost.Prefix, Logger: quiet}
	if testing.Verbose() {
		o.Logger = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	if change != nil {
		change(o)
	}
	b, err := rabbitmq.Open(vhost.URL, o)
	require.NoError(t, err)
	return b
}

// deadLetters reads the dead letters of a virtual host, as an operator would.
type deadLetters struct {
	t     testing.TB
	vhost rabbittest.VHost

	mu    sync.Mutex
	found map[string][]string // ids, by queue
}

func (l *deadLetters) of(queue string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.found == nil {
		l.found = make(map[string][]string)
	}
	conn, err := amqp.Dial(l.vhost.URL)
	require.NoError(l.t, err)
	defer conn.Close()
	ch, err := conn.Channel()
	require.NoError(l.t, err)
	for {
		d, ok, err := ch.Get(l.vhost.Prefix+"dead", true)
		require.NoError(l.t, err)
		if !ok {
			return l.found[queue]
		}
		from, _ := d.Headers["x-first-death-queue"].(string)
		l.found[from] = append(l.found[from], d.CorrelationId)
	}
}

// Each connection of the suite's cases is behind a proxy of its own, which makes
// the faults of the network.
func TestBroker(t *testing.T) {
	vhost := rabbittest.New(t)
	dead := &deadLetters{t: t, vhost: vhost}
	few := func(o *rabbitmq.Options) { o.Requests, o.Events = 50, 1000 }
	through := func(p *faultproxy.Proxy, url string) (*faultproxy.Proxy, rabbittest.VHost) {
		return p, rabbittest.VHost{URL: url, Name: vhost.Name, Prefix: vhost.Prefix}
	}
	proxy, first := through(faultproxy.URL(t, vhost.URL+"?heartbeat=2"))
	_, second := through(faultproxy.URL(t, vhost.URL+"?heartbeat=2")) // to which nothing happens
	resume := func(transport.Broker) { proxy.Resume() }
	faults := []transporttest.Fault{
		{Name: "cut", Becomes: transport.Down, Begin: func(transport.Broker) { proxy.Refuse() }, End: resume},
		{Name: "stall", Becomes: transport.Down, Begin: func(transport.Broker) { proxy.Stall() }, End: resume},
		{Name: "half open", Becomes: transport.Down, Begin: func(transport.Broker) { proxy.HalfOpen() }, End: func(transport.Broker) {
			proxy.Cut() // a server that can be reached again resets what it does not know
		}},
		{Name: "delay", Becomes: transport.Up, Begin: func(transport.Broker) { proxy.Delay(10 * time.Millisecond) }, End: resume},
	}
	if os.Getenv("GOCHAT_AMQP_URL") == "" {
		node := rabbittest.Private(t)
		faults = append(faults, transporttest.Fault{
			Name: "out of memory", Becomes: transport.Blocked,
			Begin: func(transport.Broker) { node.Alarm(t, true) },
			End:   func(transport.Broker) { node.Alarm(t, false) },
		})
	}
	transporttest.TestBroker(t, func(t *testing.T) transport.Broker {
		return open(t, first, few)
	}, &transporttest.Options{
		Faults:  faults,
		Timeout: 20 * time.Second,
		Quiet:   250 * time.Millisecond,
		Connect: func(transport.Broker) transport.Broker { return open(t, second, few) },
		Break:   func(b transport.Broker) { rabbitmq.Cut(b.(*rabbitmq.Broker)) },
		DeadLetters: func(_ transport.Broker, bot, command string) []string {
			return dead.of(vhost.Prefix + "command." + bot + "." + command)
		},
		Overflow: 15_000,
		Full:     80,
	})
}
