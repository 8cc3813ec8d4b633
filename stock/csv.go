package stock

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/shopspring/decimal"
)

// noData is what stands in the fields of a symbol without a price.
const noData = "N/D"

// parseCSV reads the quote of symbol. It believes nothing that is not exactly
// in the format.
func parseCSV(body []byte, symbol string) (Quote, error) {
	body = bytes.TrimPrefix(body, []byte("\uFEFF"))
	if err := refusal(body); err != nil {
		return Quote{}, err
	}
	if !utf8.Valid(body) || bytes.IndexByte(body, 0) >= 0 {
		return Quote{}, fmt.Errorf("%w: not text", ErrBadResponse)
	}
	rows, err := csv.NewReader(bytes.NewReader(body)).ReadAll()
	if err != nil {
		return Quote{}, fmt.Errorf("%w: %w", ErrBadResponse, err)
	}
	if len(rows) != 2 {
		return Quote{}, fmt.Errorf("%w: %d lines, not 2", ErrBadResponse, len(rows))
	}
	row := map[string]string{}
	for i, name := range rows[0] {
		name = strings.ToLower(strings.TrimSpace(name))
		if _, twice := row[name]; twice {
			return Quote{}, fmt.Errorf("%w: column %.20q twice", ErrBadResponse, name)
		}
		row[name] = rows[1][i]
	}
	for _, name := range []string{"symbol", "close"} {
		if _, ok := row[name]; !ok {
			return Quote{}, fmt.Errorf("%w: no column %q", ErrBadResponse, name)
		}
	}
	if !strings.EqualFold(row["symbol"], symbol) {
		return Quote{}, fmt.Errorf("%w: asked for %s, got %.30q", ErrBadResponse, symbol, row["symbol"])
	}
	for _, name := range []string{"open", "high", "low", "close"} {
		if row[name] == noData {
			return Quote{}, fmt.Errorf("%w: %s", ErrUnknownSymbol, symbol)
		}
	}
	price, err := parsePrice(row["close"])
	if err != nil {
		return Quote{}, err
	}
	q := Quote{Symbol: strings.ToUpper(symbol), Price: price, Currency: currencyOf(strings.ToLower(symbol))}
	if at, err := time.Parse(time.DateTime, row["date"]+" "+row["time"]); err == nil {
		q.Time = at
	}
	return q, nil
}

var pricePattern = regexp.MustCompile(`^[0-9]{1,9}(\.[0-9]{1,8})?$`)

// parsePrice reads plain digits: no sign, exponent, blank or comma, which some
// parser would read as something else.
func parsePrice(s string) (decimal.Decimal, error) {
	if !pricePattern.MatchString(s) {
		return decimal.Decimal{}, fmt.Errorf("%w: price %.30q", ErrBadResponse, s)
	}
	price, err := decimal.NewFromString(s)
	if err != nil || !price.IsPositive() || !price.LessThan(decimal.NewFromInt(maxPrice)) {
		return decimal.Decimal{}, fmt.Errorf("%w: price %s", ErrBadResponse, s)
	}
	return price, nil
}

// refusal recognises what is said in place of CSV, always with status 200.
func refusal(body []byte) error {
	text := bytes.ToLower(bytes.TrimSpace(body[:min(len(body), 512)]))
	has := func(s string) bool { return bytes.Contains(text, []byte(s)) }
	switch {
	case len(text) == 0:
		return fmt.Errorf("%w: empty", ErrBadResponse)
	case text[0] == '<': // a page for people, or a riddle for their browsers
		return fmt.Errorf("%w: HTML", ErrBlocked)
	case has("daily hits limit"):
		return fmt.Errorf("%w: daily hits limit", ErrQuota)
	case has("access denied"), has("apikey"), has("api key"), has("captcha"):
		return fmt.Errorf("%w: access denied", ErrBlocked)
	case string(text) == "no data":
		return fmt.Errorf("%w: no data", ErrUnknownSymbol)
	}
	return nil
}
