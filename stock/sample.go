package stock

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// Sample is a [Provider] of made-up quotes for some well-known symbols, always
// the same ones, for demonstrations and tests without a network. Their Note is
// "sample data". Any other symbol is unknown.
type Sample struct{}

// sampleTime is the time of all sample quotes.
var sampleTime = time.Date(2026, time.January, 2, 21, 0, 0, 0, time.UTC)

var samplePrices = map[string]string{
	"aapl.us": "93.42", "abnb.us": "131.07", "adbe.us": "372.55", "amd.us": "161.36", "amzn.us": "218.94",
	"ba.us": "187.20", "brk-b.us": "489.31", "cost.us": "934.10", "crm.us": "256.78", "csco.us": "67.05",
	"dis.us": "112.60", "f.us": "11.89", "googl.us": "190.23", "ibm.us": "262.14", "intc.us": "24.05",
	"jpm.us": "288.71", "ko.us": "69.98", "ma.us": "565.43", "mcd.us": "301.17", "meta.us": "702.30",
	"msft.us": "497.65", "nflx.us": "1180.49", "nke.us": "74.12", "nvda.us": "172.41", "orcl.us": "230.56",
	"pep.us": "141.33", "pfe.us": "25.19", "sbux.us": "93.70", "tsla.us": "318.02", "v.us": "352.84",
	"wmt.us": "97.25", "xom.us": "113.46",
	"bmw.de": "84.30", "sap.de": "251.90", "sie.de": "219.45", "vow3.de": "93.16",
	"^spx": "6204.95", "^ndq": "22679.01", "^dax": "23989.2",
}

// Quote returns the sample quote of symbol, or [ErrUnknownSymbol].
func (Sample) Quote(_ context.Context, symbol string) (Quote, error) {
	symbol = strings.ToLower(symbol)
	price, ok := samplePrices[symbol]
	if !ok {
		return Quote{}, fmt.Errorf("%w: %s", ErrUnknownSymbol, symbol)
	}
	return Quote{
		Symbol:   strings.ToUpper(symbol),
		Price:    decimal.RequireFromString(price),
		Currency: currencyOf(symbol),
		Time:     sampleTime,
		Note:     "sample data",
	}, nil
}

// currencyOf returns the currency of a market, told by the end of a symbol in
// lower case, where there is no doubt: London, for one, quotes in pence or in
// pounds.
func currencyOf(symbol string) string {
	if i := strings.LastIndexByte(symbol, '.'); i >= 0 {
		switch symbol[i:] {
		case ".us":
			return "USD"
		case ".de":
			return "EUR"
		case ".jp":
			return "JPY"
		case ".hk":
			return "HKD"
		case ".hu":
			return "HUF"
		}
	}
	return ""
}
