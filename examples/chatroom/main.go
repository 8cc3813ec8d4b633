// Command chatroom is the chatroom service by itself: /api, /ws, /healthz and
// /readyz, for users whom an auth service in another process has logged in.
//
//	go run ./examples/auth -demo
//	go run ./examples/chatroom -jwks http://127.0.0.1:8081/.well-known/jwks.json
//
// It knows users from their first visit on, and a login that has ended keeps its
// sockets until its token expires, within minutes. With a secret that both
// services read from a file it asks the auth service instead: then one can write
// to users who have not been here yet, and sockets end with their login.
//
//	openssl rand -hex 32 > secret
//	go run ./examples/auth -demo -secret-file secret
//	go run ./examples/chatroom -auth http://127.0.0.1:8081 -secret-file secret
//
// With -store postgres://… several of these services, on several machines, are
// one chat. The password belongs into GOCHAT_STORE, PGPASSWORD or ~/.pgpass:
// everybody on a machine can read the arguments of its processes. A database
// that does not answer is waited for, a minute at start and later for ever.
//
//	GOCHAT_STORE=postgres://chat:…@db/app go run ./examples/chatroom
//
// With -broker memory there are no bots. With -broker amqp://… the bots on that
// RabbitMQ are the chat's, examples/stockbot for one, and what happens in one of
// these services reaches the others at once, not only with their next look into
// the database. Its password belongs into GOCHAT_BROKER.
//
// With -admin 127.0.0.1:9082 operators find /metrics for Prometheus there, what
// the service is at on / and as JSON on /stats, its health, and /debug/pprof/.
//
// With -backup it copies a SQLite file, and with -new-epoch it marks a store that
// was restored from a backup; docs/operations.md walks through both.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/carlware/gochat/examples/internal/admin"
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
		httpsvc.PrefixFlag(fs, &c.TrustedProxies, "trusted-proxies", "`networks` of proxies whose X-Forwarded-For is believed, such as 10.0.0.0/8,fd00::/8")
		c.AddSocketFlags(fs)
		admin.Flag(fs, &c.Admin)
		fs.StringVar(&c.Store, "store", "gochat.db", chatsvc.StoreUsage)
		backup := fs.String("backup", "", "copy the SQLite file of -store to a new `file`, also while services use it, and end")
		newEpoch := fs.Bool("new-epoch", false, "tell nodes and clients that -store was restored from a backup, and end")
		spec := fs.String("broker", broker.Memory, broker.Usage)
		auth := fs.String("auth", "http://127.0.0.1:8081", "`url` of the auth service, used for what follows")
		jwks := fs.String("jwks", "", "`url` of the auth service's keys; empty: /.well-known/jwks.json at -auth")
		secret := fs.String("secret-file", "", "`path` of the secret that the auth service has too; empty: it is not asked for users and ended logins")
		issuer := fs.String("issuer", authsvc.DefaultIssuer, "the auth service's name in its tokens")
		audience := fs.String("audience", authsvc.DefaultAudience, "this service's name in tokens")
		return func(ctx context.Context, out io.Writer) (err error) {
			switch {
			case *backup != "":
				return chatsvc.Backup(ctx, c.Store, *backup)
			case *newEpoch:
				epoch, err := chatsvc.NewEpoch(ctx, c.Store)
				if err == nil {
					fmt.Fprintf(out, "epoch %s\n", epoch)
				}
				return err
			}
			b, err := broker.Open(*spec, nil)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, b.Close()) }()
			keys, err := token.OpenRemote(cmp.Or(*jwks, strings.TrimSuffix(*auth, "/")+"/.well-known/jwks.json"), &token.RemoteOptions{Logger: slog.Default()})
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, keys.Close()) }()
			if *secret != "" {
				accounts, wrong := authsvc.OpenRemote(*auth, *secret)
				if wrong != nil {
					return wrong
				}
				defer func() { err = errors.Join(err, accounts.Close()) }()
				c.Users, c.Revocations = chatsvc.Directory(accounts), chatsvc.Ended(accounts)
			}
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
