// Command chatroom is the chatroom service by itself: /api, /ws, /healthz and
// /readyz, for users whom an auth service in another process has logged in.
//
//	go run ./examples/auth -demo
//	go run ./examples/chatroom -jwks http://127.0.0.1:8081/.well-known/jwks.json
//
// It knows users from their first visit on. With -broker memory there are no
// bots; bots in other processes need a broker that reaches them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/carlware/gochat/examples/internal/authsvc"
	"github.com/carlware/gochat/examples/internal/broker"
	"github.com/carlware/gochat/examples/internal/chatsvc"
	"github.com/carlware/gochat/examples/internal/httpsvc"
	"github.com/carlware/gochat/examples/internal/program"
	"github.com/carlware/gochat/examples/internal/token"
)

func main() {
	program.Main("chatroom", func(fs *flag.FlagSet) program.Func {
		var c chatsvc.Config
		addr := fs.String("addr", "127.0.0.1:8082", "listen on `host:port`")
		httpsvc.ListFlag(fs, &c.Hosts, "hosts", "`names` of this server besides localhost, with commas")
		httpsvc.ListFlag(fs, &c.Origins, "origins", "`origins` of pages on other hosts that may connect, with commas")
		fs.StringVar(&c.Store, "store", "gochat.db", chatsvc.StoreUsage)
		spec := fs.String("broker", broker.Memory, broker.Usage)
		jwks := fs.String("jwks", "http://127.0.0.1:8081/.well-known/jwks.json", "`url` of the auth service's keys")
		issuer := fs.String("issuer", authsvc.DefaultIssuer, "the auth service's name in its tokens")
		audience := fs.String("audience", authsvc.DefaultAudience, "this service's name in tokens")
		return func(ctx context.Context, out io.Writer) (err error) {
			b, err := broker.Open(*spec, nil)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, b.Close()) }()
			keys, err := token.OpenRemote(*jwks, nil)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, keys.Close()) }()
			ln, err := program.Listen(ctx, *addr)
			if err != nil {
				return err
			}
			fmt.Fprintf(out, "chatroom on %s\n", program.URL(ln))
			c.Listener, c.Hosts = ln, append(c.Hosts, program.Address(ln)...)
			c.Broker, c.Verifier = b, token.NewVerifier(keys, *issuer, *audience, nil)
			return chatsvc.Run(ctx, c)
		}
	})
}
