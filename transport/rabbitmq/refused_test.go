package rabbitmq_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/internal/rabbittest"
	"github.com/carlware/gochat/transport"
	"github.com/carlware/gochat/transport/rabbitmq"
)

// log collects what is logged.
type log struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *log) use(o *rabbitmq.Options) { o.Logger = slog.New(slog.NewTextHandler(l, nil)) }

func state(b *rabbitmq.Broker, want transport.State) func() bool {
	return func() bool { return b.Status().State == want }
}

// failing waits for an error of the status that contains part.
func failing(t *testing.T, b *rabbitmq.Broker, part string) {
	t.Helper()
	require.Eventually(t, func() bool {
		err := b.Status().Err
		return err != nil && strings.Contains(err.Error(), part)
	}, wait, tick, "want %q", part)
}

// change returns a URL with another user, password or virtual host.
func change(t *testing.T, raw string, f func(u *url.URL)) string {
	t.Helper()
	u, err := url.Parse(raw)
	require.NoError(t, err)
	f(u)
	return u.String()
}

// What the server refuses is said, without secrets, and not tried in a loop.
func TestRefusedConnections(t *testing.T) {
	vhost := rabbittest.Private(t).New(t)
	for name, tt := range map[string]struct {
		change func(u *url.URL)
		want   string
	}{
		"password":        {func(u *url.URL) { u.User = url.UserPassword(u.User.Username(), "SECRET") }, "password not allowed"},
		"user":            {func(u *url.URL) { u.User = url.UserPassword("nobody", "SECRET") }, "password not allowed"},
		"virtual host":    {func(u *url.URL) { u.Path = "/elsewhere" }, "NOT_ALLOWED"},
		"nobody is there": {func(u *url.URL) { u.Host = "127.0.0.1:1" }, "connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			var lines log
			other := vhost
			other.URL = change(t, vhost.URL, tt.change)
			b := open(t, other, lines.use)
			defer b.Close()
			failing(t, b, tt.want)
			require.Equal(t, transport.Down, b.Status().State)
			err := b.Send(t.Context(), transport.Request{ID: "a", Store: "s", Bot: "b", Command: "c", Timeout: time.Minute})
			require.ErrorIs(t, err, transport.ErrUnavailable)
			u, _ := url.Parse(vhost.URL)
			password, _ := u.User.Password()
			for _, text := range []string{lines.String(), b.Status().Err.Error(), err.Error()} {
				require.NotContains(t, text, "SECRET")
				require.NotContains(t, text, password)
			}
			require.Contains(t, lines.String(), "addr=amqp://127.0.0.1:")
		})
	}
}

// Credentials are asked for at each dial, so a new password helps.
func TestCredentials(t *testing.T) {
	rabbitmq.ShortSlowPause(t)
	vhost := rabbittest.Private(t).New(t)
	u, err := url.Parse(vhost.URL)
	require.NoError(t, err)
	good, _ := u.User.Password()
	password := atomic.Pointer[string]{}
	wrong := "wrong"
	password.Store(&wrong)
	var asked atomic.Int64
	vhost.URL = change(t, vhost.URL, func(u *url.URL) { u.User = nil })
	b := open(t, vhost, func(o *rabbitmq.Options) {
		o.Credentials = func(context.Context) (string, string, error) {
			if asked.Add(1) == 1 {
				return "", "", errors.New("the vault is away")
			}
			return u.User.Username(), *password.Load(), nil
		}
	})
	defer b.Close()
	failing(t, b, "the vault is away")
	failing(t, b, "password not allowed")
	password.Store(&good)
	require.Eventually(t, state(b, transport.Up), wait, tick)
	require.NoError(t, b.Status().Err)
	before := asked.Load()
	rabbitmq.Cut(b)
	require.Eventually(t, func() bool { return asked.Load() > before && b.Status().State == transport.Up }, wait, tick)
}

// A refused login is tried again at leisure.
func TestRefusalsAreNotSpunOn(t *testing.T) {
	vhost := rabbittest.Private(t).New(t)
	var asked atomic.Int64
	b := open(t, vhost, func(o *rabbitmq.Options) {
		o.Credentials = func(context.Context) (string, string, error) { asked.Add(1); return "nobody", "wrong", nil }
	})
	defer b.Close()
	failing(t, b, "password not allowed")
	require.Never(t, func() bool { return asked.Load() > 1 }, 500*time.Millisecond, tick)
}

// A queue that somebody else has made with other arguments stops only who needs
// it, and is taken into use when it is gone.
func TestForeignQueue(t *testing.T) {
	rabbitmq.ShortSlowPause(t)
	vhost := rabbittest.Private(t).New(t)
	conn, err := amqp.Dial(vhost.URL)
	require.NoError(t, err)
	defer conn.Close()
	ch, err := conn.Channel()
	require.NoError(t, err)
	foreign := vhost.Prefix + "command.bot.do"
	_, err = ch.QueueDeclare(foreign, true, false, false, false, nil)
	require.NoError(t, err)

	b := open(t, vhost, nil)
	defer b.Close()
	require.Eventually(t, state(b, transport.Up), wait, tick)
	require.NoError(t, b.Status().Err)
	results := serve(t, b, "s", "bot", "do")
	serve(t, b, "other", "bot", "other")
	failing(t, b, "PRECONDITION_FAILED")
	require.Equal(t, transport.Up, b.Status().State)
	request := transport.Request{ID: "a", Store: "s", Bot: "bot", Command: "do", Timeout: time.Minute}
	require.ErrorIs(t, b.Send(t.Context(), request), transport.ErrNoHandler)
	request.Command = "other"
	sends(t, b, request)
	require.Equal(t, "a", (<-results).ID)

	_, err = ch.QueueDelete(foreign, false, false, false)
	require.NoError(t, err)
	request.Command, request.ID = "do", "b"
	sends(t, b, request)
	require.Equal(t, "b", (<-results).ID)
	require.NoError(t, b.Status().Err)
}

// serve works for a command, and returns the results of a store.
func serve(t *testing.T, b *rabbitmq.Broker, store, bot, command string) <-chan transport.Result {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	results := make(chan transport.Result, 100)
	var wg sync.WaitGroup
	wg.Go(func() {
		b.Work(ctx, bot, command, nil, func(_ context.Context, r transport.Request) (transport.Result, error) {
			return transport.Result{Body: r.Body}, nil
		})
	})
	wg.Go(func() {
		b.Results(ctx, store, func(_ context.Context, r transport.Result) error {
			results <- r
			return nil
		})
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
	return results
}

// sends sends r as soon as somebody serves it.
func sends(t *testing.T, b *rabbitmq.Broker, r transport.Request) {
	t.Helper()
	require.Eventually(t, func() bool { return b.Send(t.Context(), r) == nil }, wait, tick)
}

// A queue that is deleted under who reads it is made again, and subscribers are
// told.
func TestDeletedQueues(t *testing.T) {
	node := rabbittest.Private(t)
	vhost := node.New(t)
	b := open(t, vhost, nil)
	defer b.Close()
	results := serve(t, b, "s", "bot", "do")
	ctx, cancel := context.WithCancel(t.Context())
	batches := make(chan transport.Batch, 100)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() { b.Subscribe(ctx, "s", func(batch transport.Batch) { batches <- batch }) })
	require.True(t, (<-batches).Gap)
	request := transport.Request{ID: "a", Store: "s", Bot: "bot", Command: "do", Timeout: time.Minute}
	sends(t, b, request)
	require.Equal(t, "a", (<-results).ID)

	for _, q := range node.Queues(t, vhost) {
		// The first queue of the node is that of the connection itself.
		if q.Name != vhost.Prefix+"dead" && !strings.HasSuffix(q.Name, ".1") {
			node.DeleteQueue(t, vhost, q.Name)
		}
	}
	require.True(t, (<-batches).Gap)
	request.ID = "b"
	sends(t, b, request)
	require.Eventually(t, func() bool {
		select {
		case r := <-results:
			return r.ID == "b"
		default: // the first one may have found no results queue
			return b.Send(t.Context(), request) != nil
		}
	}, wait, tick)
	require.Eventually(t, func() bool {
		b.Publish(t.Context(), "s", "room", []byte("again"))
		select {
		case batch := <-batches:
			return len(batch.Events) > 0
		default:
			return false
		}
	}, wait, tick)
	require.Equal(t, transport.Up, b.Status().State)
}

// Over TLS, and not to whom nobody vouches for.
func TestTLS(t *testing.T) {
	rabbitmq.ShortSlowPause(t)
	vhost := rabbittest.Private(t).New(t)
	u, err := url.Parse(vhost.URL)
	require.NoError(t, err)
	addr, pool := terminateTLS(t, u.Host)
	vhost.URL = change(t, vhost.URL, func(u *url.URL) { u.Scheme, u.Host = "amqps", addr })

	b := open(t, vhost, func(o *rabbitmq.Options) { o.TLS = &tls.Config{RootCAs: pool} })
	require.Eventually(t, state(b, transport.Up), wait, tick)
	results := serve(t, b, "s", "bot", "do")
	sends(t, b, transport.Request{ID: "a", Store: "s", Bot: "bot", Command: "do", Timeout: time.Minute, Body: make([]byte, transport.MaxBody)})
	require.Equal(t, "a", (<-results).ID)
	require.NoError(t, b.Close())

	b = open(t, vhost, nil)
	defer b.Close()
	failing(t, b, "certificate")
}

// terminateTLS listens with TLS for a server without.
func terminateTLS(t *testing.T, server string) (addr string, pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	pool = x509.NewCertPool()
	pool.AddCert(cert)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}})
	require.NoError(t, err)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			backend, err := net.Dial("tcp", server)
			if err != nil {
				client.Close()
				continue
			}
			wg.Go(func() { io.Copy(backend, client); backend.Close() })
			wg.Go(func() { io.Copy(client, backend); client.Close() })
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return l.Addr().String(), pool
}

func TestBadURLs(t *testing.T) {
	for _, bad := range []string{"", "localhost", "http://u:SECRET@h/", "amqp://u:SECRET@h:port/", "amqp://u:SEC RET@h/", "amqp://u:SECRET/@h/%zz", "amqp://u:SECRET@h/?auth_mechanism=gssapi", "amqp://u:SECRET@h/?heartbeat=x"} {
		_, err := rabbitmq.Open(bad, nil)
		require.Error(t, err, bad)
		require.NotContains(t, err.Error(), "SEC")
	}
	for _, prefix := range []string{"a b", "ü", "a#", strings.Repeat("x", 65)} {
		_, err := rabbitmq.Open("amqp://localhost", &rabbitmq.Options{Prefix: prefix})
		require.ErrorContains(t, err, "prefix")
	}
}
