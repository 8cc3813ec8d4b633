package faultproxy

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long anything is waited for that has to come; moment is how
// long for what must not.
const (
	patience = 30 * time.Second
	moment   = 50 * time.Millisecond
)

// server hands over the connections that it gets.
func server(t *testing.T) (addr string, conns <-chan net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ch := make(chan net.Conn, 10)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			ch <- c
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
		close(ch)
		for c := range ch {
			c.Close()
		}
	})
	return l.Addr().String(), ch
}

func dial(t *testing.T, p *Proxy) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", p.Addr())
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

// pair returns both ends of a connection through the proxy.
func pair(t *testing.T, p *Proxy, conns <-chan net.Conn) (client, server net.Conn) {
	t.Helper()
	client = dial(t, p)
	server = <-conns
	t.Cleanup(func() { server.Close() })
	send(t, client, "hello")
	recv(t, server, "hello")
	send(t, server, "welcome")
	recv(t, client, "welcome")
	return client, server
}

func send(t *testing.T, c net.Conn, text string) {
	t.Helper()
	_, err := io.WriteString(c, text)
	require.NoError(t, err)
}

func recv(t *testing.T, c net.Conn, want string) {
	t.Helper()
	require.NoError(t, c.SetReadDeadline(time.Now().Add(patience)))
	b := make([]byte, len(want))
	_, err := io.ReadFull(c, b)
	require.NoError(t, err)
	require.Equal(t, want, string(b))
}

func silent(t *testing.T, c net.Conn) {
	t.Helper()
	require.NoError(t, c.SetReadDeadline(time.Now().Add(moment)))
	n, err := c.Read(make([]byte, 1))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.Zero(t, n)
}

func broken(t *testing.T, c net.Conn) {
	t.Helper()
	require.NoError(t, c.SetReadDeadline(time.Now().Add(patience)))
	_, err := c.Read(make([]byte, 1))
	require.True(t, errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF), "%v", err)
}

// refused makes a connection that is reset, which may be before it is made.
func refused(t *testing.T, p *Proxy) {
	t.Helper()
	if c, err := net.Dial("tcp", p.Addr()); err == nil {
		defer c.Close()
		broken(t, c)
	}
}

func start(t *testing.T) (*Proxy, <-chan net.Conn) {
	addr, conns := server(t)
	return New(t, addr), conns
}

func TestPass(t *testing.T) {
	p, conns := start(t)
	client, server := pair(t, p, conns)
	big := make([]byte, 1<<20)
	go func() {
		_, _ = server.Write(big)
		server.Close()
	}()
	got, err := io.ReadAll(client)
	require.NoError(t, err, "an orderly end loses nothing")
	require.Len(t, got, len(big))
	client.Close()
	require.Eventually(t, func() bool { return p.Len() == 0 }, patience, time.Millisecond)
}

func TestCut(t *testing.T) {
	p, conns := start(t)
	client, server := pair(t, p, conns)
	p.Cut()
	broken(t, client)
	broken(t, server)
	pair(t, p, conns)
	require.Equal(t, 1, p.Len())
}

func TestRefuse(t *testing.T) {
	p, conns := start(t)
	client, _ := pair(t, p, conns)
	p.Refuse()
	broken(t, client)
	refused(t, p)
	require.Empty(t, conns)
	p.Resume()
	pair(t, p, conns)
}

func TestStall(t *testing.T) {
	p, conns := start(t)
	client, server := pair(t, p, conns)
	p.Stall()
	send(t, client, "a")
	send(t, server, "b")
	silent(t, server)
	silent(t, client)
	late := dial(t, p)
	send(t, late, "c")
	p.Resume()
	recv(t, server, "a")
	recv(t, client, "b")
	other := <-conns
	defer other.Close()
	recv(t, other, "c")
	p.Stall()
	send(t, client, "d")
	silent(t, server)
	p.Cut()
	broken(t, client)
	broken(t, server)
}

func TestHalfOpen(t *testing.T) {
	p, conns := start(t)
	client, server := pair(t, p, conns)
	p.HalfOpen()
	broken(t, server)
	send(t, client, "into the void")
	silent(t, client)
	late := dial(t, p)
	send(t, late, "also")
	silent(t, late)
	require.Empty(t, conns)
	p.Resume()
	silent(t, client)
	silent(t, late)
	require.Equal(t, 2, p.Len())
	pair(t, p, conns)
	client.Close()
	late.Close()
	require.Eventually(t, func() bool { return p.Len() == 1 }, patience, time.Millisecond)
}

func TestDelay(t *testing.T) {
	p, conns := start(t)
	client, server := pair(t, p, conns)
	p.Delay(time.Hour)
	send(t, client, "a")
	silent(t, server)
	p.Resume()
	recv(t, server, "a")
	p.Delay(time.Millisecond)
	begin := time.Now()
	send(t, client, "b")
	recv(t, server, "b")
	require.GreaterOrEqual(t, time.Since(begin), time.Millisecond)
}

func TestServerIsAway(t *testing.T) {
	p := New(t, "127.0.0.1:1")
	refused(t, p)
}

func TestURL(t *testing.T) {
	p, through := URL(t, "amqp://me:secret@example.org:5672/place")
	require.Equal(t, "amqp://me:secret@"+p.Addr()+"/place", through)
}
