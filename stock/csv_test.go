package stock

import (
	"errors"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
)

func TestParseCSV(t *testing.T) {
	with := func(old, new string) string {
		s := csvHeader + csvRow
		return strings.ReplaceAll(s, old, new)
	}
	for name, c := range map[string]struct {
		body string
		want string // the price
		err  error
	}{
		"as documented":        {csvHeader + csvRow, "93.42", nil},
		"without CR":           {with("\r", ""), "93.42", nil},
		"without last newline": {strings.TrimSpace(csvHeader + csvRow), "93.42", nil},
		"byte order mark":      {"\uFEFF" + csvHeader + csvRow, "93.42", nil},
		"other order":          {"Close,Symbol\n93.42,aapl.us\n", "93.42", nil},
		"further column":       {"Symbol,Close,Name\nAAPL.US,93.42,\"Apple, Inc.\"\n", "93.42", nil},
		"odd case and blanks":  {"SYMBOL, close \nAAPL.US,93.42\n", "93.42", nil},
		"no date":              {with("2026-01-02", "N/D"), "93.42", nil},
		"no volume":            {with("51234567", ""), "93.42", nil},
		"scale is kept":        {with("93.42", "0.00012300"), "0.00012300", nil},
		"largest":              {with("93.42", "999999999.99999999"), "999999999.99999999", nil},

		"nothing known":        {csvHeader + "AAPL.US,N/D,N/D,N/D,N/D,N/D,N/D,N/D\n", "", ErrUnknownSymbol},
		"no close":             {with("93.42", "N/D"), "", ErrUnknownSymbol},
		"no open":              {with("93.1,", "N/D,"), "", ErrUnknownSymbol},
		"no data":              {"No data\r\n", "", ErrUnknownSymbol},
		"other symbol":         {with("AAPL.US", "MSFT.US"), "", ErrBadResponse},
		"no header":            {csvRow, "", ErrBadResponse},
		"header alone":         {csvHeader, "", ErrBadResponse},
		"no close column":      {"Symbol,Last\nAAPL.US,93.42\n", "", ErrBadResponse},
		"no symbol column":     {"Ticker,Close\nAAPL.US,93.42\n", "", ErrBadResponse},
		"two close columns":    {"Symbol,Close,close\nAAPL.US,1,2\n", "", ErrBadResponse},
		"field missing":        {with(",51234567", ""), "", ErrBadResponse},
		"field too many":       {with("51234567", "51234567,1"), "", ErrBadResponse},
		"quote not closed":     {with("93.42", `"93.42`), "", ErrBadResponse},
		"quote in a field":     {with("93.42", `9"3`), "", ErrBadResponse},
		"NUL":                  {with("51234567", "\x00"), "", ErrBadResponse},
		"not UTF-8":            {with("51234567", "\xff"), "", ErrBadResponse},
		"two rows":             {csvHeader + csvRow + csvRow, "", ErrBadResponse},
		"decimal comma":        {with("93.42", `"93,42"`), "", ErrBadResponse},
		"blank before":         {with("93.42", " 93.42"), "", ErrBadResponse},
		"full-width digits":    {with("93.42", "１２"), "", ErrBadResponse},
		"negative":             {with("93.42", "-1"), "", ErrBadResponse},
		"zero":                 {with("93.42", "0"), "", ErrBadResponse},
		"zero with decimals":   {with("93.42", "0.00"), "", ErrBadResponse},
		"exponent":             {with("93.42", "1e9999"), "", ErrBadResponse},
		"a billion":            {with("93.42", "1000000000"), "", ErrBadResponse},
		"nine decimals":        {with("93.42", "1.123456789"), "", ErrBadResponse},
		"hexadecimal":          {with("93.42", "0x1F"), "", ErrBadResponse},
		"not a number":         {with("93.42", "NaN"), "", ErrBadResponse},
		"no price":             {with("93.42", ""), "", ErrBadResponse},
		"empty":                {"", "", ErrBadResponse},
		"blank":                {" \r\n", "", ErrBadResponse},
		"page after the blank": {"\r\n <html>", "", ErrBlocked},
	} {
		t.Run(name, func(t *testing.T) {
			q, err := parseCSV([]byte(c.body), "aapl.us")
			if c.err != nil {
				require.ErrorIs(t, err, c.err)
				require.Equal(t, Quote{}, q)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, q.Price.StringFixed(-q.Price.Exponent()))
			require.Equal(t, "AAPL.US", q.Symbol)
			require.Equal(t, "USD", q.Currency)
		})
	}
}

func FuzzParseCSV(f *testing.F) {
	for _, s := range []string{csvHeader + csvRow, "\uFEFFClose,Symbol\n1,aapl.us", "<html>", "No data", csvHeader + `"AAPL.US`, "Symbol,Close\nAAPL.US,1e9999", "Symbol,Close\nAAPL.US,0.00"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		q, err := parseCSV(body, "aapl.us")
		if err != nil {
			if !errors.Is(err, ErrBadResponse) && !errors.Is(err, ErrUnknownSymbol) && !errors.Is(err, ErrQuota) && !errors.Is(err, ErrBlocked) {
				t.Fatalf("untyped error %v", err)
			}
			return
		}
		if q.Symbol != "AAPL.US" || !q.Price.IsPositive() || q.Price.GreaterThanOrEqual(decimal.NewFromInt(maxPrice)) || strings.Contains(q.String(), "$0.00 ") {
			t.Fatalf("parseCSV(%q) = %+v", body, q)
		}
	})
}
