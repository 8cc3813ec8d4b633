// Command fullstack is the whole chat in one process: web page, auth service,
// chatroom service, and a stock bot that answers /stock from a queue.
//
//	go run ./examples/fullstack
//
// Then open http://127.0.0.1:8080 in two browsers, log in as carlos and john,
// and type /stock=aapl.us. History is in gochat.db, users and sessions are in
// gochat-auth.db, beside the key gochat-auth.key. With GOCHAT_STORE=postgres://…
// history is in that database, and these two in the working directory.
//
// With -admin 127.0.0.1:9080 operators find /metrics for Prometheus there, what
// the program is at on / and as JSON on /stats, its health, and /debug/pprof/.
//
// The services are those of the programs auth, chatroom and stockbot, mounted
// on one server. Every flag has a twin in the environment, GOCHAT_ADDR for
// -addr; -help lists them. SIGINT and SIGTERM end the program in order: it says
// that it is not ready, lets the bot finish, tells the sockets to come back,
// and closes the store. It ends with 0 then, with 1 on an error and with 2 on a
// wrong flag.
package main

import (
	"context"
	"flag"
	"io"
	"net"

	"github.com/carlware/gochat/examples/internal/admin"
	"github.com/carlware/gochat/examples/internal/authsvc"
	"github.com/carlware/gochat/examples/internal/botsvc"
	"github.com/carlware/gochat/examples/internal/broker"
	"github.com/carlware/gochat/examples/internal/chatsvc"
	"github.com/carlware/gochat/examples/internal/httpsvc"
	"github.com/carlware/gochat/examples/internal/program"
)

// config is what the flags say.
type config struct {
	addr, store, broker string
	admin               string
	hosts, origins      []string
	auth                authsvc.Config
	rooms               chatsvc.Config // its limits on sockets
	bot                 botsvc.Config  // its quotes
	demoGiven           bool
}

func main() {
	program.Main("fullstack", func(fs *flag.FlagSet) program.Func {
		var c config
		fs.StringVar(&c.addr, "addr", "127.0.0.1:8080", "listen on `host:port`")
		fs.StringVar(&c.store, "store", "gochat.db", chatsvc.StoreUsage)
		fs.StringVar(&c.broker, "broker", broker.Memory, broker.Usage)
		httpsvc.ListFlag(fs, &c.hosts, "hosts", "`names` of this server besides localhost, with commas")
		httpsvc.ListFlag(fs, &c.origins, "origins", "`origins` of pages on other hosts that may connect, with commas")
		c.auth.AddFlags(fs)
		c.rooms.AddSocketFlags(fs)
		c.bot.AddFlags(fs)
		admin.Flag(fs, &c.admin)
		fs.Lookup("demo").Usage += "; on by itself there"
		fs.Lookup("auth-db").Usage += "; empty: beside the store"
		fs.Lookup("auth-key").Usage = "`path` of the private keys for access tokens, made if missing; empty: beside the store"
		return func(ctx context.Context, out io.Writer) error {
			fs.Visit(func(f *flag.Flag) { c.demoGiven = c.demoGiven || f.Name == "demo" })
			ln, err := program.Listen(ctx, c.addr)
			if err != nil {
				return err
			}
			return run(ctx, c, ln, out)
		}
	})
}

// complete fills in what depends on where the program listens and what its
// store is called.
func (c *config) complete(ln net.Listener) {
	c.hosts = append(c.hosts, program.Address(ln)...)
	c.auth.Addr, c.auth.Hosts = ln.Addr().String(), c.hosts
	if !c.demoGiven {
		c.auth.Demo = program.Loopback(ln)
	}
	if c.auth.Database == "" {
		c.auth.Database = beside(c.store, ".db")
	}
	if c.auth.KeyFile == "" && c.store != chatsvc.Memory && c.auth.Database != chatsvc.Memory {
		c.auth.KeyFile = beside(c.store, ".key")
	}
}
