package metrics_test

import (
	"context"
	"fmt"
	"log"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/metrics"
)

func Example() {
	events := metrics.NewEvents()
	node, err := chat.New(&chat.Options{Trace: events.Trace(), Lobby: "Lobby"})
	if err != nil {
		log.Fatal(err)
	}
	defer node.Shutdown(context.Background())
	reg := prometheus.NewRegistry()
	reg.MustRegister(events, metrics.Node(node))

	session, err := node.Connect(context.Background(), chat.Principal{User: chat.User{ID: "ana", Name: "Ana"}}, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer session.Close()

	families, err := reg.Gather() // what Prometheus would be told
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range families {
		switch f.GetName() {
		case "gochat_sessions", "gochat_rooms":
			fmt.Println(f.GetName(), f.GetMetric()[0].GetGauge().GetValue())
		}
	}
	// Output:
	// gochat_rooms 1
	// gochat_sessions 1
}
