// Package ws carries a chat over WebSocket: a handler for servers and a client
// for programs. The protocol is gochat.v1, JSON frames that PROTOCOL.md, beside
// this file, describes for clients in any language; package browser, below, has
// the one for web pages.
//
// # Serving
//
// [NewHandler] makes an [http.Handler] of any [chat.Hub]. It needs to be told
// who a request comes from:
//
//	node, err := chat.New(nil)
//	handler := ws.NewHandler(node, func(r *http.Request) (chat.Principal, error) {
//		token, _ := ws.BearerToken(r)
//		return myLogins.Check(r.Context(), token)
//	}, nil)
//	http.Handle("/ws", handler)
//
// A host with cookie sessions looks at the cookie instead. That is safe as far
// as pages of other hosts go: their Origin is refused unless Options.Origins
// lists it. The Host header is the server's business: behind a name that anybody
// may point at it (DNS rebinding), refuse foreign ones before this handler.
//
// To end, first [Handler.Shutdown], then the node: connections finish what they
// are at, and their clients are told when to come back.
//
//	server.Shutdown(ctx) // no new requests; knows nothing of connections that were upgraded
//	handler.Shutdown(ctx)
//	node.Shutdown(ctx)
//
// # What a connection costs, and what it may do
//
// An idle connection has one goroutine, which waits on a small stack, or none
// with Options.Poll; others exist only while there is a request to serve, or a
// peer to wait for. ServeHTTP returns after the upgrade. An event is encoded and
// framed once for all its receivers. A worker for each processor writes to one
// connection after the other, whatever has gathered for it in one write that
// does not wait. Who does not keep up gets a goroutine of its own until it has
// caught up.
//
// That is for sockets. Connections that can only be written to by waiting, TLS
// in this process and what a test makes up, always get such a goroutine for what
// there is to write, and one that reads: better let a proxy end TLS. HTTP/2 has no
// upgrade that package coder/websocket knows (RFC 8441); such a request gets 426,
// and browsers open a connection of HTTP/1.1 for a WebSocket by themselves.
//
// [Limits] bound how many connections there are and how fast they come.
// [Handler.Stats] tells what they are at.
//
// The reader takes one request at a time and waits until the hub has answered, so
// a client that sends much waits for itself. Replies that wait to be written
// are bounded (256 KiB, then the reader waits), and so is the session's queue
// (then its rooms are read from the log, see [chat.Session]). A client that takes
// nothing for 10 s is cut with 4002 and comes back for the rest; nobody else
// notices. While the reader waits for a slow hub, the client is not blamed for
// what it can't have answered.
//
// Everything a client sends is limited, checked and decoded strictly; what it
// does wrong costs it an error, and then its connection, see sections 2 and 10 of
// PROTOCOL.md. A panic in the hub ends the connection that caused it.
//
// # The client
//
// [Dial] returns a [Client] that stays connected by itself:
//
//	c, err := ws.Dial(ctx, "wss://chat.example/ws", &ws.DialOptions{
//		Token: func(ctx context.Context) (string, error) { return freshToken(ctx) },
//	})
//	if err != nil {
//		return err
//	}
//	defer c.Close()
//	for u, err := range c.Events(ctx) {
//		if err != nil {
//			return err // ctx has ended, or the server won't have us back
//		}
//		if e := u.Event; e != nil && e.Kind == chat.Message && e.User.ID != c.User().ID {
//			if _, err := c.Post(ctx, e.Room, chat.Draft{Text: "You said " + e.Text}); err != nil {
//				return err
//			}
//		}
//	}
//
// Posting waits until the message is stored, whatever happens to the connection
// in between, and happens once.
package ws
