// Command stockbot answers /stock for chats on a shared broker, in a process of
// its own: as many of it as you like, on as many machines.
//
//	GOCHAT_BROKER=amqp://user:password@host/ go run ./examples/stockbot
//
// The chats, examples/chatroom or examples/fullstack with the same broker, find
// it by what it announces. A server that is away is waited for.
package main

import (
	"context"
	"flag"
	"io"

	"github.com/carlware/gochat/examples/internal/botsvc"
	"github.com/carlware/gochat/examples/internal/broker"
	"github.com/carlware/gochat/examples/internal/program"
)

func main() {
	program.Main("stockbot", func(fs *flag.FlagSet) program.Func {
		spec := fs.String("broker", "", "`broker` that the chat uses: "+broker.SharedUsage)
		var c botsvc.Config
		c.AddFlags(fs)
		return func(ctx context.Context, _ io.Writer) error {
			b, err := broker.OpenShared(*spec)
			if err != nil {
				return err
			}
			defer b.Close()
			c.Broker = b
			return botsvc.Run(ctx, c)
		}
	})
}
