package stock

import (
	"context"
	"regexp"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// Quote is the latest price of a share.
type Quote struct {
	Symbol   string          // upper case, as in "AAPL.US"
	Price    decimal.Decimal // above 0
	Currency string          // ISO 4217, as in "USD"; empty when the source does not say
	Time     time.Time       // of the price; zero when the source does not say
	Note     string          // said after the price, as in "sample data"; may be empty
}

// Provider is a source of quotes. It may be called concurrently.
type Provider interface {
	// Quote returns the latest price of symbol, valid by [ValidSymbol], in
	// either case. An error is or wraps one of the errors of this package, or
	// that of ctx.
	Quote(ctx context.Context, symbol string) (Quote, error)
}

// maxPrice is the price from which on a source is not believed.
const maxPrice = 1_000_000_000

var symbolPattern = regexp.MustCompile(`^[A-Za-z0-9.^_-]{1,20}$`)

// ValidSymbol reports whether s can be the symbol of a share or an index: 1 to
// 20 of A-Z, a-z, 0-9, ".", "^", "_" and "-". It says nothing about whether it
// is traded.
func ValidSymbol(s string) bool { return symbolPattern.MatchString(s) }

// String writes the quote as the bot says it. The price has at least two
// decimals and is never rounded.
func (q Quote) String() string {
	price := q.Price.String()
	if _, decimals, _ := strings.Cut(price, "."); len(decimals) < 2 {
		price = q.Price.StringFixed(2)
	}
	s := q.Symbol + " quote is "
	switch q.Currency {
	case "USD":
		s += "$" + price + " per share."
	case "":
		s += price + "."
	default:
		s += price + " " + q.Currency + " per share."
	}
	if q.Note != "" {
		s += " (" + q.Note + ")"
	}
	return s
}
