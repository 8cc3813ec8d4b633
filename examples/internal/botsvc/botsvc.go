// Package botsvc is the stock bot service: it answers /stock from a queue of
// the broker, in a process of its own or inside another program.
package botsvc

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/carlware/gochat/command"
	"github.com/carlware/gochat/stock"
	"github.com/carlware/gochat/transport"
)

// QuotesUsage is the text of a flag whose value is [Config].Quotes.
const QuotesUsage = "`source` of quotes: sample (made up, no network), stooq (stooq.com), " +
	"or the http(s) address of a server that speaks its CSV"

// Config says what a service is made of.
type Config struct {
	// Broker has the queue. The caller closes it.
	Broker transport.Broker

	// Quotes is where prices come from: "sample", "stooq", or the http or
	// https address of a server that speaks the format of stooq.com.
	Quotes string

	// Logger gets what needs an operator. nil: [slog.Default].
	Logger *slog.Logger
}

// grace is how long commands under way may go on when the service ends.
const grace = 3 * time.Second

// Run answers commands until ctx ends, finishes those under way, and returns
// nil. Any other end is an error.
func Run(ctx context.Context, c Config) error {
	provider, err := Provider(c.Quotes)
	if err != nil {
		return err
	}
	bot := stock.Handler(provider, &command.BotOptions{Grace: grace, Logger: cmp.Or(c.Logger, slog.Default())})
	return bot.Run(ctx, c.Broker)
}

// Provider returns the source of quotes that spec names, see [Config].
func Provider(spec string) (stock.Provider, error) {
	var o stock.StooqOptions
	switch {
	case spec == "sample":
		return stock.Sample{}, nil
	case spec == "stooq":
	case strings.HasPrefix(spec, "http://"), strings.HasPrefix(spec, "https://"):
		o.URL = spec
	default:
		return nil, fmt.Errorf("source of quotes %q is unknown: use sample, stooq, or an http(s) address", spec)
	}
	p, err := stock.NewStooq(&o)
	if err != nil {
		return nil, err
	}
	return stock.Cached(p, nil), nil
}
