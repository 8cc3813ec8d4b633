package stock

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/carlware/gochat/command"
)

// The codes of the errors that the bot answers with, beside those of package
// command.
const (
	CodeUnknownSymbol = "unknown_symbol" // the source has no price for the symbol
	CodeNoQuote       = "no_quote"       // the source gives no price for now
)

type args struct {
	Symbols []string `cmd:"symbol,required" max:"5" help:"ticker with its market, as in aapl.us; up to 5"`
}

// NewBot returns the bot "stockbot" with the command /stock, which says in the
// room what p quotes. What p can't quote, only the caller is told; the reason
// is logged.
//
// The bot is a [command.Handler] for the chat's own process, and its Run serves
// the command from a queue. o may be nil.
func NewBot(p Provider, o *command.BotOptions) *command.Bot {
	h := &handler{p: p, log: slog.Default()}
	if o != nil && o.Logger != nil {
		h.log = o.Logger
	}
	b := command.NewBot("stockbot", o)
	command.HandleSpec(b, command.Spec{
		Name: "stock", Summary: "Latest price of a share", Timeout: 10 * time.Second,
	}, h.stock)
	return b
}

type handler struct {
	p   Provider
	log *slog.Logger
}

// stock asks for all symbols at once, and says what it got in their order.
func (h *handler) stock(ctx context.Context, c *command.Call, a args) error {
	var symbols []string
	for _, s := range a.Symbols {
		if !ValidSymbol(s) {
			return command.Usage(fmt.Sprintf("%+.24q is not a symbol as in aapl.us.", s))
		}
		if s = strings.ToUpper(s); !slices.Contains(symbols, s) {
			symbols = append(symbols, s)
		}
	}
	quotes, errs := make([]Quote, len(symbols)), make([]error, len(symbols))
	var all sync.WaitGroup
	for i, s := range symbols {
		all.Go(func() { quotes[i], errs[i] = h.quote(ctx, s) })
	}
	all.Wait()

	var said []string
	var failed []*command.Error
	for i, s := range symbols {
		switch e, err := explain(s, errs[i]); {
		case err != nil:
			return err
		case e != nil:
			level := slog.LevelWarn
			if e.Code == CodeUnknownSymbol { // the caller's mistake, not the source's
				level = slog.LevelDebug
			}
			h.log.Log(ctx, level, "no quote", "symbol", s, "call", c.ID, "err", errs[i])
			failed = append(failed, e)
		default:
			said = append(said, quotes[i].String())
		}
	}
	if len(said) == 0 {
		return join(failed)
	}
	if len(failed) > 0 {
		if err := c.Ephemeral(join(failed).Message); err != nil {
			return err
		}
	}
	return c.Say(strings.Join(said, "\n"))
}

// quote does not believe a provider that gives no price away as 0.
func (h *handler) quote(ctx context.Context, symbol string) (q Quote, err error) {
	defer func() { // a panic on this goroutine would end the process
		if p := recover(); p != nil {
			err = fmt.Errorf("stock: provider panicked: %v", p)
		}
	}()
	if q, err = h.p.Quote(ctx, symbol); err == nil && !q.Price.IsPositive() {
		err = fmt.Errorf("%w: price %s", ErrBadResponse, q.Price)
	}
	return q, err
}

// explain tells the caller what a provider's error means. An error that is not
// of this package is returned as it is.
func explain(symbol string, err error) (*command.Error, error) {
	now := "No quote for " + symbol + " now: "
	switch {
	case err == nil:
		return nil, nil
	case errors.Is(err, ErrUnknownSymbol):
		e := &command.Error{Code: CodeUnknownSymbol, Message: "There is no quote for " + symbol + "."}
		if !strings.ContainsAny(symbol, ".^") {
			e.Message += " Did you mean " + symbol + ".US?"
		}
		return e, nil
	case errors.Is(err, ErrQuota):
		return &command.Error{Code: CodeNoQuote, Message: now + "the source takes no more questions for a while."}, nil
	case errors.Is(err, ErrBlocked):
		return &command.Error{Code: CodeNoQuote, Message: now + "the source does not let the bot in."}, nil
	case errors.Is(err, ErrUnavailable):
		return &command.Error{Code: CodeNoQuote, Message: now + "the source is unavailable."}, nil
	case errors.Is(err, ErrBadResponse):
		return &command.Error{Code: CodeNoQuote, Message: now + "the source did not answer with a price."}, nil
	}
	return nil, err
}

// join makes one error of several; the first one's code stands for all.
func join(errs []*command.Error) *command.Error {
	var lines []string
	for _, e := range errs {
		lines = append(lines, e.Message)
	}
	return &command.Error{Code: errs[0].Code, Message: strings.Join(lines, "\n")}
}
