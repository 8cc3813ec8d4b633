// Command gateway is the front door of a chat of many services: the web page,
// and a reverse proxy to the auth service and to any number of chatroom
// services.
//
//	go run ./examples/gateway -auth http://127.0.0.1:8081 -chatrooms http://127.0.0.1:8082,http://127.0.0.1:8083
//
// A connection goes to the chatroom service that is ready and has the fewest.
// One that does not answer is passed over, so that clients who come back after a
// crash or a restart are let in elsewhere. Any other reverse proxy does as well:
// it needs to pass on WebSockets and the Host header, and no sticky sessions.
//
// /auth/ and /.well-known/ go to the auth service, /api/ and /ws to the chatroom
// services; all must know the names of this server, see their -hosts. Put TLS in
// front of it, and its network into -trusted-proxies of auth, so that the
// addresses of clients are told apart.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"

	"github.com/carlware/gochat/examples/internal/httpsvc"
	"github.com/carlware/gochat/examples/internal/program"
)

func main() {
	program.Main("gateway", func(fs *flag.FlagSet) program.Func {
		addr := fs.String("addr", "127.0.0.1:8080", "listen on `host:port`")
		var hosts, rooms []string
		httpsvc.ListFlag(fs, &hosts, "hosts", "`names` of this server besides localhost, with commas")
		auth := fs.String("auth", "http://127.0.0.1:8081", "`url` of the auth service")
		httpsvc.ListFlag(fs, &rooms, "chatrooms", "`urls` of the chatroom services, with commas")
		return func(ctx context.Context, out io.Writer) error {
			g, err := newGateway(*auth, rooms, slog.Default())
			if err != nil {
				return err
			}
			ln, err := program.Listen(ctx, *addr)
			if err != nil {
				return err
			}
			h, err := httpsvc.Hosts(append(hosts, program.Address(ln)...), g.handler())
			if err != nil {
				return err
			}
			fmt.Fprintf(out, "gateway on %s\n", program.URL(ln))
			watching, stop := context.WithCancel(ctx)
			ended := make(chan struct{})
			go func() { defer close(ended); g.nodes.watch(watching) }()
			defer func() { stop(); <-ended }()
			return httpsvc.Serve(ctx, ln, h, &httpsvc.Options{MaxConns: 1 << 16})
		}
	})
}
