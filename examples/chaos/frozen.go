package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/rawws"
	"github.com/carlware/gochat/transport/ws"
)

// ballast makes a room of long messages, to be asked for by a client that then
// takes none of it.
func (r *run) ballast(ctx context.Context) error {
	c, err := ws.Dial(ctx, r.sys.entries[len(r.sys.entries)-1]+"/ws", &ws.DialOptions{Token: r.frozen.get, Logger: quiet})
	if err != nil {
		return err
	}
	defer c.Close()
	info, err := c.CreateRoom(ctx, chat.NewRoom{ID: chat.NewID(), Name: "Ballast", Kind: chat.Private})
	if err != nil {
		return err
	}
	r.heavy = info.ID
	for range 16 {
		if _, err := c.Post(ctx, info.ID, chat.Draft{ID: chat.NewID(), Text: strings.Repeat("🪨", 4000)}); err != nil {
			return err
		}
	}
	return nil
}

// asked is how often the ballast is asked for. It is more than the kernel holds.
const asked = 40

// frozenClient connects, asks for a lot and reads nothing of it. A server that
// bounds what it keeps for a client cuts it.
func frozenClient(r *run, _ fault) (end func() error, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := r.rawConn(ctx)
	if err != nil {
		return nil, err
	}
	tcp, ok := conn.(*net.TCPConn)
	if ok {
		_ = tcp.SetReadBuffer(4 << 10) // it is only quicker so
	}
	frames := rawws.AppendFrame(nil, rawws.Text, []byte(`{"type":"hello","id":"frozen-hello"}`))
	for i := range asked {
		frames = rawws.AppendFrame(frames, rawws.Text, fmt.Appendf(nil, `{"type":"history","id":"frozen-%d","room":%q,"limit":200}`, i, r.heavy))
	}
	if _, err := conn.Write(frames); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return func() error {
		defer conn.Close()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		beat := rawws.AppendFrame(nil, rawws.Pong, nil)
		if err := until(ctx, "a client that takes nothing was cut", func() bool {
			_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
			_, err := conn.Write(beat)
			e, late := err.(net.Error) //nolint:errorlint // of the connection itself
			return err != nil && !(late && e.Timeout())
		}); err != nil {
			return err
		}
		r.cut.Add(1)
		return nil
	}, nil
}

// rawConn connects as the user of frozen clients, as soon as somebody lets it.
func (r *run) rawConn(ctx context.Context) (conn net.Conn, err error) {
	entry := r.sys.entries[len(r.sys.entries)-1]
	err = until(ctx, "a client could connect", func() bool {
		var token string
		if token, err = r.frozen.get(ctx); err != nil {
			return false
		}
		conn, _, err = rawws.Dial(ctx, "ws"+strings.TrimPrefix(entry, "http")+"/ws", &rawws.DialOptions{
			Protocols: []string{ws.Protocol}, Header: http.Header{"Authorization": {"Bearer " + token}},
		})
		return err == nil
	})
	return conn, err
}
