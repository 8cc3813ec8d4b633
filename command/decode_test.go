package command

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

type side string

type everything struct {
	Symbol string        `cmd:"symbol,required" help:"ticker" max:"10"`
	Count  int8          `cmd:"count" default:"3" min:"1" max:"100"`
	Side   side          `cmd:"side" enum:"buy|Sell"`
	Dry    bool          `cmd:"dry"`
	In     time.Duration `cmd:"in" min:"1s" max:"1h"`
	Price  string        `cmd:"price,decimal" min:"0.01"`
	Who    string        `cmd:"who,user"`
	Where  string        `cmd:"where,room"`
	Note   string        `cmd:"note,rest"`
	Own    func()        `cmd:"-"`
}

type listed struct {
	Kind  string   `cmd:"kind,required"`
	Words []string `cmd:"words,required" min:"1" max:"3"`
}

func decodeInto[A any](t testing.TB, args string) (A, *Error) {
	t.Helper()
	var a A
	p, err := planOf(reflect.TypeFor[A]())
	require.NoError(t, err)
	return a, p.decode(args, reflect.ValueOf(&a).Elem())
}

func TestDecode(t *testing.T) {
	base := func(change func(*everything)) everything {
		e := everything{Symbol: "x", Count: 3}
		change(&e)
		return e
	}
	for name, c := range map[string]struct {
		args string
		want everything
		err  string
	}{
		"required alone":     {args: "x", want: base(func(*everything) {})},
		"in order":           {args: "x 5 buy yes 90s 1.50", want: base(func(e *everything) { e.Count, e.Side, e.Dry, e.In, e.Price = 5, "buy", true, 90*time.Second, "1.50" })},
		"by name":            {args: "count=7 symbol=x", want: base(func(e *everything) { e.Count = 7 })},
		"name in upper case": {args: "COUNT=7 x", want: base(func(e *everything) { e.Count = 7 })},
		"name, then order":   {args: "count=7 x SELL", want: base(func(e *everything) { e.Count, e.Side = 7, "Sell" })},
		"sigils":             {args: "x who=@ana where=#general", want: base(func(e *everything) { e.Who, e.Where = "ana", "general" })},
		"without sigils":     {args: "x who=ana where=general", want: base(func(e *everything) { e.Who, e.Where = "ana", "general" })},
		"quotes":             {args: `symbol="a b" count=1`, want: everything{Symbol: "a b", Count: 1}},
		"escapes in quotes":  {args: `"a\"\\\n"`, want: everything{Symbol: `a"\\n`, Count: 3}},
		"typographic quotes": {args: "“a b” 4", want: everything{Symbol: "a b", Count: 4}},
		"quoted is no name":  {args: `"count=7"`, want: everything{Symbol: "count=7", Count: 3}},
		"quote in a word":    {args: `5"`, want: everything{Symbol: `5"`, Count: 3}},
		"apostrophe":         {args: "don't", want: everything{Symbol: "don't", Count: 3}},
		"unknown name":       {args: "a=b", want: everything{Symbol: "a=b", Count: 3}},
		"equals in a value":  {args: "symbol=a=b", want: everything{Symbol: "a=b", Count: 3}},
		"leading equals":     {args: "=a", want: everything{Symbol: "=a", Count: 3}},
		"rest by name":       {args: `x note=say "hi  there" count=7`, want: base(func(e *everything) { e.Note = `say "hi  there" count=7` })},
		"rest in its place": {args: `x 5 buy no 2s 1 @a #b  keep  "this"`, want: base(func(e *everything) {
			e.Count, e.Side, e.In, e.Price, e.Who, e.Where, e.Note = 5, "buy", 2*time.Second, "1", "a", "b", `keep  "this"`
		})},
		"rest may open quote": {args: `x note="open`, want: base(func(e *everything) { e.Note = `"open` })},

		"nothing":              {err: "symbol is missing."},
		"required but empty":   {args: `symbol= count=2`, err: "symbol is missing."},
		"required empty quote": {args: `""`, err: "symbol is missing."},
		"too long":             {args: strings.Repeat("a", 11), err: "symbol must have at most 10 characters."},
		"twice":                {args: "x count=1 count=2", err: "count is given twice."},
		"twice, once by place": {args: "x symbol=y", err: "symbol is given twice."},
		"no number":            {args: "x many", err: `count must be a whole number, not "many".`},
		"number out of type":   {args: "x 300", err: `count must be a whole number, not "300".`},
		"number too low":       {args: "x 0", err: "count must be at least 1."},
		"number too high":      {args: "x 101", err: "count must be at most 100."},
		"no choice":            {args: "x side=hold", err: `side must be one of buy, Sell, not "hold".`},
		"no yes or no":         {args: "x dry=perhaps", err: `dry must be yes or no, not "perhaps".`},
		"no duration":          {args: "x in=5", err: `in must be a duration as in 90s, 5m or 1h30m, not "5".`},
		"duration too long":    {args: "x in=61m", err: "in must be at most 1h."},
		"exponent":             {args: "x price=1e9", err: `price must be a number as in 12.50, not "1e9".`},
		"full-width digits":    {args: "x price=１", err: `price must be a number as in 12.50, not "１".`},
		"price too low":        {args: "x price=0.009", err: "price must be at least 0.01."},
		"negative price":       {args: "x price=-1", err: "price must be at least 0.01."},
		"user without name":    {args: "x who=@", err: "who is empty."},
		"quote not closed":     {args: `x 5 "ab`, err: "The quote at character 5 of the arguments is not closed."},
		"text after quote":     {args: `"a"b`, err: "After the closing quote at character 3 of the arguments comes no blank."},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := decodeInto[everything](t, c.args)
			if c.err != "" {
				require.NotNil(t, err)
				require.Equal(t, Error{CodeUsage, c.err}, *err)
				return
			}
			require.Nil(t, err)
			require.Equal(t, c.want, got)
		})
	}
}

func TestDecodeList(t *testing.T) {
	for name, c := range map[string]struct {
		args string
		want listed
		err  string
	}{
		"in order":         {args: "k a b", want: listed{"k", []string{"a", "b"}}},
		"quoted":           {args: `k "a b" c`, want: listed{"k", []string{"a b", "c"}}},
		"by name":          {args: "kind=k words=a words=b c", want: listed{"k", []string{"a", "b", "c"}}},
		"nothing":          {args: "k", err: "words is missing."},
		"too many":         {args: "k a b c d", err: "words must have at most 3 values."},
		"nothing by name":  {args: "k words=", want: listed{"k", []string{""}}},
		"first one by key": {args: "words=a k", want: listed{"k", []string{"a"}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := decodeInto[listed](t, c.args)
			if c.err != "" {
				require.NotNil(t, err)
				require.Equal(t, c.err, err.Message)
				return
			}
			require.Nil(t, err)
			require.Equal(t, c.want, got)
		})
	}
	_, err := decodeInto[struct{}](t, "what ever")
	require.Equal(t, &Error{CodeUsage, `"what ever" is too much.`}, err)
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{"x 5 buy", `"a\"b" count=7`, "symbol=a=b", "“a” note=x y", `"`, "x in=1h30m price=0.5", "x who=@ where=#"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, args string) {
		if checkText(args) != nil { // the chat and the queue let nothing else through
			return
		}
		e, err := decodeInto[everything](t, args)
		l, lerr := decodeInto[listed](t, args)
		for _, err := range []*Error{err, lerr} {
			if err != nil && (err.Code != CodeUsage || len(err.Message) > maxMessage || checkText(err.Message) != nil) {
				t.Fatalf("decode(%q) = %+v", args, err)
			}
		}
		if err == nil && (e.Symbol == "" || e.Count < 1 || e.Count > 100 || e.In != 0 && e.In < time.Second) {
			t.Fatalf("decode(%q) let through %+v", args, e)
		}
		if lerr == nil && (len(l.Words) == 0 || len(l.Words) > 3) {
			t.Fatalf("decode(%q) let through %+v", args, l)
		}
	})
}
