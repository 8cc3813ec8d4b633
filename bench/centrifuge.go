package main

import (
	"context"
	"net/http"
	"strconv"

	"github.com/centrifugal/centrifuge"
)

// centrifugeServer is centrifuge with its defaults: JSON, one channel for each
// room, to which the server subscribes a client when it connects. There is no
// history, so nothing is stored and nothing could be made good.
type centrifugeServer struct {
	node    *centrifuge.Node
	handler http.Handler
	msg     []byte
}

func channel(room int) string { return "room" + strconv.Itoa(room) }

type roomKey struct{}

func startCentrifuge(_, _, size int) (server, error) {
	node, err := centrifuge.New(centrifuge.Config{})
	if err != nil {
		return nil, err
	}
	node.OnConnecting(func(ctx context.Context, _ centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
		room, _ := ctx.Value(roomKey{}).(int)
		return centrifuge.ConnectReply{
			Subscriptions: map[string]centrifuge.SubscribeOptions{channel(room): {}},
		}, nil
	})
	// The envelope of a publication is what it has besides the data.
	const envelope = `{"push":{"channel":"room0","pub":{"data":}}}`
	s := &centrifugeServer{node: node, msg: payload(size - len(envelope))}
	s.handler = centrifuge.NewWebsocketHandler(node, centrifuge.WebsocketConfig{})
	return s, node.Run()
}

func (s *centrifugeServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	room, conn := place(r)
	ctx := centrifuge.SetCredentials(r.Context(), &centrifuge.Credentials{UserID: strconv.Itoa(conn)})
	s.handler.ServeHTTP(w, r.WithContext(context.WithValue(ctx, roomKey{}, room)))
}

func (s *centrifugeServer) publish(room int) {
	if _, err := s.node.Publish(channel(room), s.msg); err != nil {
		panic(err)
	}
}
