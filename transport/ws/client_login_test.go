package ws

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
)

func TestTerminal(t *testing.T) {
	s := start(t, nil, nil)
	dial := func(token string, err error) error {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_, derr := Dial(ctx, s.url, &DialOptions{
			HTTPClient: s.http, Logger: quiet, Token: func(context.Context) (string, error) { return token, err },
		})
		return derr
	}
	err := dial("nobody", nil)
	refused, ok := errors.AsType[*RefusedError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, 401, refused.Status)
	require.Contains(t, refused.Error(), "token")
	refused, ok = errors.AsType[*RefusedError](dial("banned", nil))
	require.True(t, ok)
	require.Equal(t, 403, refused.Status)
	require.ErrorIs(t, dial("", ErrNoLogin), ErrNoLogin)

	s.h.hub = refusingHub{s.node, chat.ErrRevoked}
	closed, ok := errors.AsType[*CloseError](dial("ann", nil))
	require.True(t, ok)
	require.Equal(t, codeRevoked, closed.Code)

	_, err = Dial(t.Context(), "ftp://x", nil)
	require.Error(t, err)
	_, err = Dial(t.Context(), "ws://%zz", nil)
	require.Error(t, err)
}

// A token may be refused once by accident: it was revoked on its way.
func TestRefusedOnce(t *testing.T) {
	s := start(t, nil, nil)
	names := []string{"nobody", "ann"}
	s.client("", &DialOptions{Token: func(context.Context) (string, error) {
		name := names[0]
		names = names[1:]
		return name, nil
	}})
	require.Empty(t, names)
}

func TestDialWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ln := newPipeListener(pipeSize)
		defer ln.Close()
		hc := &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
			return nil, errors.New("nobody is there")
		}}}
		tries := 0
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		_, err := Dial(ctx, "ws://chat.test", &DialOptions{HTTPClient: hc, Logger: quiet, Token: func(context.Context) (string, error) {
			tries++
			return "x", nil
		}})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "nobody is there")
		require.Greater(t, tries, 20)
		require.Less(t, tries, 200)
	})
}

// A login that is about to end is renewed on the connection, which goes on.
func TestTokenIsRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startInMemory(t, nil, &Options{Reauthenticate: login})
		defer s.stop()
		tokens := 0
		c := s.client("", &DialOptions{Token: func(context.Context) (string, error) {
			tokens++
			return "ann|5m", nil
		}})
		welcomes := 0
		wait := follow(c, func(u Update) {
			if u.Welcome != nil {
				welcomes++
			}
		})
		time.Sleep(time.Hour)
		c.Close()
		wait()
		require.Equal(t, 1, welcomes)
		require.InDelta(t, 15, tokens, 1)
	})
}

// Without that, the client connects again, with a new token.
func TestTokenExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startInMemory(t, nil, nil)
		defer s.stop()
		c := s.client("ann|5m", nil)
		began, welcomes := time.Now(), 0
		wait := follow(c, func(u Update) {
			if u.Welcome == nil {
				return
			}
			// At once, since only the token was old.
			if want := time.Duration(welcomes) * (5*time.Minute + grace); time.Since(began) != want {
				t.Errorf("welcome %d after %v", welcomes, time.Since(began))
			}
			welcomes++
		})
		time.Sleep(time.Hour)
		require.NoError(t, c.Err())
		c.Close()
		wait()
		require.InDelta(t, 12, welcomes, 1)
	})
}

// A server that is there in name only is left for another connection.
func TestSilentServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startInMemory(t, nil, nil)
		defer s.stop()
		var cut *deafConn
		s.http.Transport = &http.Transport{DialContext: func(ctx context.Context, n, a string) (net.Conn, error) {
			nc, err := s.dial(ctx, n, a)
			cut = &deafConn{Conn: nc, deaf: make(chan struct{}), closed: make(chan struct{})}
			return cut, err
		}}
		c := s.client("ann", nil)
		await(t, c, welcome)
		began := time.Now()
		close(cut.deaf)
		await(t, c, welcome)
		require.Greater(t, time.Since(began), 30*time.Second)
		require.Less(t, time.Since(began), 75*time.Second)
		c.Close()
	})
}

// deafConn hears nothing any more once deaf is closed, and nobody hears it.
type deafConn struct {
	net.Conn
	deaf, closed chan struct{}
	once         sync.Once
}

func (c *deafConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

func (c *deafConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	select {
	case <-c.deaf:
		<-c.closed // not even the end is heard
		return 0, net.ErrClosed
	default:
	}
	return n, err
}

func (c *deafConn) Write(b []byte) (int, error) {
	select {
	case <-c.deaf:
		return len(b), nil
	default:
		return c.Conn.Write(b)
	}
}

func TestOtherUser(t *testing.T) {
	s := start(t, nil, nil)
	names := []string{"ann", "bob"}
	c := s.client("", &DialOptions{Token: func(context.Context) (string, error) {
		name := names[0]
		names = names[1:]
		return name, nil
	}})
	s.h.mu.Lock()
	for conn := range s.h.conns {
		conn.end(farewell{codeGoingAway, ""})
	}
	s.h.mu.Unlock()
	for _, err := range c.Events(t.Context()) {
		if err != nil {
			require.ErrorIs(t, err, ErrOtherUser)
		}
	}
	require.ErrorIs(t, c.Err(), ErrOtherUser)
}
