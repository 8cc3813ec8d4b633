// Package botsvc is the stock bot service: it answers /stock from a queue of
// the broker, in a process of its own or inside another program.
package botsvc

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/carlware/gochat/command"
	"github.com/carlware/gochat/stock"
	"github.com/carlware/gochat/transport"
)

// Config says what a service is made of.
type Config struct {
	// Broker has the queue. The caller closes it.
	Broker transport.Broker

	// Quotes is where prices come from: "sample", "finnhub", "stooq", or the
	// http or https address of a server that speaks the format of stooq.com.
	// Of several, with commas, each is asked when those before have no quote.
	Quotes string

	// FinnhubKey is the key for finnhub.
	FinnhubKey string

	// Logger gets what needs an operator. nil: [slog.Default].
	Logger *slog.Logger
}

// grace is how long commands under way may go on when the service ends.
const grace = 3 * time.Second

// AddFlags makes flags of Quotes and FinnhubKey.
func (c *Config) AddFlags(fs *flag.FlagSet) {
	fs.StringVar(&c.Quotes, "quotes", "sample", "`source` of quotes: sample (made up, no network), finnhub (finnhub.io, with a key), "+
		"stooq (stooq.com), or the http(s) address of a server that speaks its CSV; several with commas are asked in turn")
	fs.StringVar(&c.FinnhubKey, "finnhub-key", "", "`key` for finnhub.io; give it in the environment, for arguments can be seen by others")
}

// Run answers commands until ctx ends, finishes those under way, and returns
// nil. Any other end is an error.
func Run(ctx context.Context, c Config) error {
	provider, err := Provider(c)
	if err != nil {
		return err
	}
	bot := stock.NewBot(provider, &command.BotOptions{Grace: grace, Logger: cmp.Or(c.Logger, slog.Default())})
	return bot.Run(ctx, c.Broker)
}

// Provider returns the source of quotes that c names.
func Provider(c Config) (stock.Provider, error) {
	var all []stock.Provider
	for name := range strings.SplitSeq(c.Quotes, ",") {
		p, err := source(strings.TrimSpace(name), c.FinnhubKey)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return stock.Fallback(all...), nil
}

// source returns one source of quotes. Those on the net have a cache each: one
// whose quota is used up rests, and the others go on.
func source(name, key string) (stock.Provider, error) {
	var p stock.Provider
	var o stock.CacheOptions
	var err error
	switch {
	case name == "sample":
		return stock.Sample{}, nil
	case name == "finnhub" && key == "":
		return nil, errors.New("quotes of finnhub need a key from finnhub.io: give it in the environment as GOCHAT_FINNHUB_KEY")
	case name == "finnhub":
		p, err = stock.NewFinnhub(key, nil)
		o.CoolDown = time.Minute // which its quota is for
	case name == "stooq":
		p, err = stock.NewStooq(nil)
	case strings.HasPrefix(name, "http://"), strings.HasPrefix(name, "https://"):
		p, err = stock.NewStooq(&stock.StooqOptions{URL: name})
	default:
		err = fmt.Errorf("source of quotes %q is unknown: use sample, finnhub, stooq, or an http(s) address", name)
	}
	if err != nil {
		return nil, err
	}
	return stock.Cached(p, &o), nil
}
