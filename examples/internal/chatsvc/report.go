package chatsvc

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/examples/internal/admin"
	"github.com/carlware/gochat/examples/internal/broker"
	"github.com/carlware/gochat/metrics"
	"github.com/carlware/gochat/transport/ws"
)

// Report is what a service is at, as operators see it.
type Report struct {
	Store   string         `json:"store"` // where it is, without user and password
	Node    chat.Stats     `json:"node"`
	Sockets ws.Stats       `json:"sockets"`
	Broker  *broker.Report `json:"broker,omitempty"`
}

// Admin returns what a server for operators has to tell of the service, which is
// part of the program of that name.
func (s *Service) Admin(program string) admin.Config {
	c := admin.Config{
		Program:    program,
		Collectors: []prometheus.Collector{s.events, metrics.Node(s.node), metrics.Sockets(s.sockets)},
		Report:     func() any { return s.report() },
		Ready:      s.Ready,
		Logger:     s.logger,
	}
	if s.broker != nil {
		c.Collectors = append(c.Collectors, metrics.Broker(s.broker))
	}
	return c
}

func (s *Service) report() Report {
	r := Report{Store: s.where, Node: s.node.Stats(), Sockets: s.sockets.Stats()}
	if s.broker != nil {
		b := broker.ReportOf(s.broker)
		r.Broker = &b
	}
	return r
}
