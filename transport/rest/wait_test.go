package rest_test

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/command"
	"github.com/carlware/gochat/transport/rest"
)

// oneConn is a listener of one connection that is already there.
type oneConn struct {
	conns chan net.Conn
	done  chan struct{}
}

func (l *oneConn) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}
func (l *oneConn) Close() error   { close(l.done); return nil }
func (l *oneConn) Addr() net.Addr { return &net.TCPAddr{} }

// A command may take longer than the time-outs of the server, which are meant
// for requests that do not wait; other requests on the connection keep them.
func TestCommandOutlivesServerTimeouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bot := command.NewBot("slow", nil)
		command.HandleSpec(bot, command.Spec{Name: "slow", Timeout: 2 * time.Minute}, func(ctx context.Context, c *command.Call, _ struct{}) error {
			select {
			case <-time.After(time.Minute):
				return c.Say("at last")
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		node, err := chat.New(&chat.Options{Lobby: "general", Commands: bot, Logger: slog.New(slog.DiscardHandler)})
		require.NoError(t, err)
		rooms, err := admitted(node)
		require.NoError(t, err)

		client, serverSide := net.Pipe()
		l := &oneConn{make(chan net.Conn, 1), make(chan struct{})}
		l.conns <- serverSide
		server := &http.Server{
			Handler:      rest.NewHandler(node, byName, nil),
			ReadTimeout:  15 * time.Second,
			WriteTimeout: 30 * time.Second,
			IdleTimeout:  time.Minute,
		}
		served := make(chan error, 1)
		go func() { served <- server.Serve(l) }()

		answers := bufio.NewReader(client)
		ask := func(method, path, body string) (int, string) {
			r, err := http.NewRequest(method, "http://example.com"+path, strings.NewReader(body))
			require.NoError(t, err)
			r.Header.Set("Authorization", "Bearer ann")
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Idempotency-Key", chat.NewID())
			require.NoError(t, r.Write(client))
			resp, err := http.ReadResponse(answers, r)
			require.NoError(t, err)
			text, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			return resp.StatusCode, string(text)
		}
		began := time.Now()
		status, text := ask("POST", "/rooms/"+string(rooms[0].ID)+"/commands", `{"text":"/slow"}`)
		require.Equal(t, http.StatusOK, status, text)
		require.Contains(t, text, `"done"`)
		require.Equal(t, time.Minute, time.Since(began))
		status, _ = ask("GET", "/session", "")
		require.Equal(t, http.StatusOK, status)

		require.NoError(t, server.Close())
		require.ErrorIs(t, <-served, http.ErrServerClosed)
		require.NoError(t, client.Close())
		require.NoError(t, node.Shutdown(context.Background()))
	})
}

// admitted returns the rooms of ann, who is new.
func admitted(node *chat.Node) ([]chat.RoomInfo, error) {
	ctx := context.Background()
	if err := node.Admit(ctx, chat.Principal{User: chat.User{ID: "ann", Name: "ann"}}); err != nil {
		return nil, err
	}
	return node.Rooms(ctx, "ann", "", 0)
}
