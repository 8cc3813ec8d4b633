package stock

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/command"
	"github.com/carlware/gochat/command/commandtest"
	"github.com/carlware/gochat/transport/memory"
)

var quiet = &command.BotOptions{Logger: slog.New(slog.DiscardHandler)}

func TestHandler(t *testing.T) {
	const usage = "\nUsage: /stock <symbol…>\n"
	for line, want := range map[string]string{
		"/stock=aapl.us":              "room: AAPL.US quote is $93.42 per share. (sample data)\n",
		"/STOCK AAPL.US":              "room: AAPL.US quote is $93.42 per share. (sample data)\n",
		"/stock symbol=aapl.us":       "room: AAPL.US quote is $93.42 per share. (sample data)\n",
		"/stock=sap.de":               "room: SAP.DE quote is 251.90 EUR per share. (sample data)\n",
		"/stock=^spx":                 "room: ^SPX quote is 6204.95. (sample data)\n",
		"/stock=tsla.us aapl.us":      "room: TSLA.US quote is $318.02 per share. (sample data)\nAAPL.US quote is $93.42 per share. (sample data)\n",
		"/stock=aapl.us AAPL.US":      "room: AAPL.US quote is $93.42 per share. (sample data)\n",
		"/stock=aapl.us nope.us":      "caller: There is no quote for NOPE.US.\nroom: AAPL.US quote is $93.42 per share. (sample data)\n",
		"/stock=nope.us":              "error unknown_symbol: There is no quote for NOPE.US.\n",
		"/stock=aapl":                 "error unknown_symbol: There is no quote for AAPL. Did you mean AAPL.US?\n",
		"/stock=a.us b.us":            "error unknown_symbol: There is no quote for A.US.\nThere is no quote for B.US.\n",
		"/stock":                      "error usage: symbol is missing." + usage,
		"/stock=":                     "error usage: symbol is missing." + usage,
		"/stock=   ":                  "error usage: symbol is missing." + usage,
		`/stock=""`:                   "error usage: \"\" is not a symbol as in aapl.us." + usage,
		"/stock=a b c d e f":          "error usage: symbol must have at most 5 values." + usage,
		"/stock=a=b":                  "error usage: \"a=b\" is not a symbol as in aapl.us." + usage,
		"/stock=../":                  "error usage: \"../\" is not a symbol as in aapl.us." + usage,
		"/stock=&s=":                  "error usage: \"&s=\" is not a symbol as in aapl.us." + usage,
		"/stock=%0d%0a":               "error usage: \"%0d%0a\" is not a symbol as in aapl.us." + usage,
		"/stock=http://169.254.1.1":   "error usage: \"http://169.254.1.1\" is not a symbol as in aapl.us." + usage,
		"/stock=ａapl":                 "error usage: \"\\uff41apl\" is not a symbol as in aapl.us." + usage,
		"/stock=" + long:              "error usage: \"" + long[:24] + "\" is not a symbol as in aapl.us." + usage,
		`/stock="aapl.us`:             "error usage: The quote at character 1 of the arguments is not closed." + usage,
		"/stock aapl.us\u202E":        "error usage: \"aapl.us\\u202e\" is not a symbol as in aapl.us." + usage,
		"/stock=aapl.us\nand another": "error usage: A command is one line.\n",
	} {
		t.Run(line, func(t *testing.T) {
			require.Equal(t, want, commandtest.Run(t, NewBot(Sample{}, quiet), line, nil).String())
		})
	}
	require.Equal(t, []command.Spec{{
		Bot: "stockbot", Name: "stock", Summary: "Latest price of a share", Usage: "/stock <symbol…>", Timeout: 10 * time.Second,
		Args: []command.Arg{{Name: "symbol", Type: command.TypeString, Required: true, List: true, Max: "5", Help: "ticker with its market, as in aapl.us; up to 5"}},
	}}, NewBot(Sample{}, nil).Specs())
}

var long = strings.Repeat("a", 500)

// Whatever goes wrong, only the caller hears of it, and nobody of a price of 0.
func TestHandlerFailures(t *testing.T) {
	for name, c := range map[string]struct {
		quote Quote
		err   error
		code  string
		text  string
	}{
		"unknown":       {err: ErrUnknownSymbol, code: CodeUnknownSymbol, text: "There is no quote for X.US."},
		"quota":         {err: ErrQuota, code: CodeNoQuote, text: "No quote for X.US now: the source takes no more questions for a while."},
		"blocked":       {err: ErrBlocked, code: CodeNoQuote, text: "No quote for X.US now: the source does not let the bot in."},
		"unavailable":   {err: ErrUnavailable, code: CodeNoQuote, text: "No quote for X.US now: the source is unavailable."},
		"nonsense":      {err: ErrBadResponse, code: CodeNoQuote, text: "No quote for X.US now: the source did not answer with a price."},
		"zero":          {quote: Quote{Symbol: "X.US", Currency: "USD"}, code: CodeNoQuote, text: "No quote for X.US now: the source did not answer with a price."},
		"negative":      {quote: Quote{Symbol: "X.US", Price: decimal.NewFromInt(-1)}, code: CodeNoQuote, text: "No quote for X.US now: the source did not answer with a price."},
		"foreign error": {err: errors.New("key=1234"), code: command.CodeBotError, text: "/stock failed. The bot's log says why."},
	} {
		t.Run(name, func(t *testing.T) {
			p := provider(func(context.Context, string) (Quote, error) {
				if c.err != nil {
					return Quote{}, fmt.Errorf("deep: %w", c.err)
				}
				return c.quote, nil
			})
			r := commandtest.Run(t, NewBot(p, quiet), "/stock=x.us", &commandtest.Options{Logger: quiet.Logger})
			require.Equal(t, "error "+c.code+": "+c.text+"\n", r.String())
		})
	}
	p := provider(func(context.Context, string) (Quote, error) { panic("bang") })
	require.Equal(t, command.CodeBotError, commandtest.Run(t, NewBot(p, quiet), "/stock=x.us", &commandtest.Options{Logger: quiet.Logger}).Code())
}

func TestHandlerSlowSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSource(t, nil, drip)
		start := time.Now()
		r := commandtest.Run(t, NewBot(Cached(s, nil), quiet), "/stock=a.us b.us c.us", nil)
		require.Equal(t, CodeNoQuote, r.Code())
		require.Equal(t, 5*time.Second, time.Since(start), "all symbols are asked for at once")
	})
}

func TestQuoteString(t *testing.T) {
	for want, q := range map[string]Quote{
		"A quote is $93.42 per share.":                    {Symbol: "A", Currency: "USD", Price: decimal.RequireFromString("93.42")},
		"A quote is $93.40 per share.":                    {Symbol: "A", Currency: "USD", Price: decimal.RequireFromString("93.4")},
		"A quote is $93.00 per share.":                    {Symbol: "A", Currency: "USD", Price: decimal.RequireFromString("93")},
		"A quote is $0.0001 per share.":                   {Symbol: "A", Currency: "USD", Price: decimal.RequireFromString("0.00010")},
		"A quote is $93.415 per share.":                   {Symbol: "A", Currency: "USD", Price: decimal.RequireFromString("93.4150")},
		"A quote is 93.42 JPY per share. (after hours)":   {Symbol: "A", Currency: "JPY", Price: decimal.RequireFromString("93.42"), Note: "after hours"},
		"A quote is 999999999.99999999.":                  {Symbol: "A", Price: decimal.RequireFromString("999999999.99999999")},
		"A quote is $1234567.89 per share. (sample data)": {Symbol: "A", Currency: "USD", Price: decimal.RequireFromString("1234567.89"), Note: "sample data"},
	} {
		require.Equal(t, want, q.String())
	}
}

func TestSample(t *testing.T) {
	require.GreaterOrEqual(t, len(samplePrices), 24)
	for symbol := range samplePrices {
		require.True(t, ValidSymbol(symbol))
		q, err := Sample{}.Quote(t.Context(), strings.ToUpper(symbol))
		require.NoError(t, err)
		require.True(t, q.Price.IsPositive())
		require.Equal(t, strings.ToUpper(symbol), q.Symbol)
		again, err := Sample{}.Quote(t.Context(), symbol)
		require.NoError(t, err)
		require.Equal(t, q, again)
	}
}

// A conversation to read; its file is what to look at when an answer changes.
func TestHandlerTranscript(t *testing.T) {
	commandtest.Transcript(t, NewBot(Sample{}, quiet), "testdata/stock.txt", nil)
}

// The same bot value, queued, on a broker that is as bad as it may be: who asks
// gets the quote all the same, once.
func TestHandlerQueued(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rates := commandtest.Rates{Duplicate: 0.5, Delay: 0.5}
		broker := commandtest.Faulty(memory.New(nil), &commandtest.Faults{Requests: rates, Results: rates, Crash: 0.3})
		chat := commandtest.Behind(t, broker, NewBot(Sample{}, quiet), otherBot())
		for range 20 {
			require.Equal(t, "room: AAPL.US quote is $93.42 per share. (sample data)\n", chat.Run("/stock=aapl.us", nil).String())
			require.Equal(t, CodeUnknownSymbol, chat.Run("/stock=nope.us", nil).Code())
		}
		made := broker.Faults()
		require.NotZero(t, made.Duplicated*made.Delayed*made.Crashed, made)
		require.Equal(t, "room: other\n", chat.Run("/other", nil).String())
		require.Greater(t, len(chat.Replies()), 41)
		require.NoError(t, broker.Close())
	})
}

func otherBot() *command.Bot {
	b := command.NewBot("other", nil)
	command.Handle(b, "other", "", func(_ context.Context, c *command.Call, _ struct{}) error { return c.Say("other") })
	return b
}
