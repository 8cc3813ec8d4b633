package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/carlware/gochat/examples/internal/admin"
	"github.com/carlware/gochat/examples/internal/authsvc"
	"github.com/carlware/gochat/examples/internal/botsvc"
	"github.com/carlware/gochat/examples/internal/broker"
	"github.com/carlware/gochat/examples/internal/chatsvc"
	"github.com/carlware/gochat/examples/internal/httpsvc"
	"github.com/carlware/gochat/examples/internal/program"
	"github.com/carlware/gochat/examples/internal/token"
	"github.com/carlware/gochat/examples/internal/web"
	"github.com/carlware/gochat/transport"
	"github.com/carlware/gochat/transport/memory"
)

// beside returns the path of a file that belongs to the store at path, and is
// in the working directory when the store is a database elsewhere.
func beside(path, ext string) string {
	if path == chatsvc.Memory {
		return chatsvc.Memory
	}
	if strings.Contains(path, "://") {
		return "gochat-auth" + ext
	}
	return strings.TrimSuffix(path, filepath.Ext(path)) + "-auth" + ext
}

// run serves everything on ln until ctx ends. It closes ln. What is opened
// first is closed last.
func run(ctx context.Context, c config, ln net.Listener, out io.Writer) (err error) {
	defer ln.Close() //nolint:errcheck // the server may have closed it
	c.complete(ln)
	// What is certainly wrong is refused before any file is made.
	if err := chatsvc.CheckStore(c.store); err != nil {
		return err
	}
	if _, err := botsvc.Provider(c.bot); err != nil {
		return err
	}
	b, err := broker.Open(c.broker, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()

	auth, err := authsvc.New(ctx, c.auth)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, auth.Close()) }()

	rooms, err := chatsvc.New(ctx, chatsvc.Config{
		Store:    c.store,
		Broker:   b,
		Verifier: token.NewVerifier(auth.KeySet(), c.auth.Issuer, c.auth.Audience, nil),
		Alive:    auth.Alive,

		Revocations: chatsvc.Ended(auth),

		Users:   chatsvc.Directory(auth),
		Origins: c.origins,

		Sockets:        c.rooms.Sockets,
		TrustedProxies: c.auth.TrustedProxies,
	})
	if err != nil {
		return err
	}
	c.bot.Broker = b
	bot := startBot(c.bot)
	drain := func(ctx context.Context) {
		rooms.Drain() // not ready, no new sockets
		bot.stop()    // answers what it has begun
		settle(ctx, b)
		err = errors.Join(err, rooms.Shutdown(ctx))
	}
	h, wrong := handler(c, auth, rooms)
	stop := func() {}
	if wrong == nil {
		stop, wrong = admin.Start(ctx, c.admin, c.hosts, rooms.Admin("fullstack"))
	}
	if wrong != nil {
		drain(ctx)
		return errors.Join(wrong, err)
	}
	defer stop()
	greet(out, c, ln)
	served := httpsvc.Serve(ctx, ln, h, &httpsvc.Options{Grace: chatsvc.Grace, Drain: drain})
	return errors.Join(served, err)
}

// handler mounts the services and the page. It serves requests for the host
// names of c alone.
func handler(c config, auth *authsvc.Service, rooms *chatsvc.Service) (http.Handler, error) {
	mux := httpsvc.NewMux(slog.Default())
	mux.Handle("/auth/", auth.Handler())
	mux.Handle("/.well-known/jwks.json", auth.Handler())
	mux.Handle("/api/", rooms.API())
	mux.Handle("/ws", rooms.Socket())
	mux.Handle("/", web.Handler(nil))
	mux.Health(func(ctx context.Context) error { return errors.Join(auth.Ready(ctx), rooms.Ready(ctx)) })
	return httpsvc.Hosts(c.hosts, httpsvc.Headers(mux))
}

// runningBot is the bot service, on the far side of the broker.
type runningBot struct {
	cancel context.CancelFunc
	ended  sync.WaitGroup
}

func startBot(c botsvc.Config) *runningBot {
	ctx, cancel := context.WithCancel(context.Background())
	r := &runningBot{cancel: cancel}
	r.ended.Go(func() {
		if err := botsvc.Run(ctx, c); err != nil {
			slog.Error("the stock bot has ended; /stock is answered by nobody", "err", err)
		}
	})
	return r
}

// stop lets the bot finish what it has begun, for some seconds.
func (r *runningBot) stop() {
	r.cancel()
	r.ended.Wait()
}

// settle waits until the answers that are still in the broker have been stored
// and told, for some seconds: this one is gone with the process. What a bot had
// not begun ends in a time-out when the program runs again.
func settle(ctx context.Context, b transport.Broker) {
	m, ok := b.(*memory.Broker)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for st := m.Stats(); st.Results+st.Receiving > 0; st = m.Stats() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func greet(out io.Writer, c config, ln net.Listener) {
	fmt.Fprintf(out, "gochat  %s\nstore   %s\n", program.URL(ln), chatsvc.StoreName(c.store))
	if c.auth.Demo {
		fmt.Fprintln(out, "log in  as carlos, john or gerard, password 1234 (demo mode)")
	}
	if len(c.hosts) == 0 {
		fmt.Fprintln(out, "hosts   only localhost; name this server with -hosts to be found from elsewhere")
	}
}
