// Command stockbot answers /stock for chats on a shared broker, in a process of
// its own: as many of it as you like, on as many machines.
//
// It needs a broker that reaches other processes, which comes with RabbitMQ in
// a later version. Until then examples/fullstack runs the same service in the
// process of the chat, and this program says so and ends.
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
		spec := fs.String("broker", "", "address of the broker that the chat uses, amqp://…; not in this version")
		quotes := fs.String("quotes", "sample", botsvc.QuotesUsage)
		return func(ctx context.Context, _ io.Writer) error {
			b, err := broker.OpenShared(*spec)
			if err != nil {
				return err
			}
			defer b.Close()
			return botsvc.Run(ctx, botsvc.Config{Broker: b, Quotes: *quotes})
		}
	})
}
