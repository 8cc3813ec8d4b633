package command

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSpecJSON(t *testing.T) {
	s := Spec{
		Bot: "stock", Name: "stock", Summary: "Price", Usage: "/stock <symbol…>", Timeout: 1500 * time.Millisecond, Roles: []string{"admin"},
		Args: []Arg{{Name: "symbol", Type: TypeString, Required: true, List: true, Max: "5"}},
	}
	const text = `{"bot":"stock","name":"stock","summary":"Price","usage":"/stock \u003csymbol…\u003e",` +
		`"args":[{"name":"symbol","type":"string","required":true,"list":true,"max":"5"}],"timeout_ms":1500,"roles":["admin"]}`
	b, err := json.Marshal(s)
	require.NoError(t, err)
	require.JSONEq(t, text, string(b))
	var back Spec
	require.NoError(t, json.Unmarshal(b, &back))
	require.Equal(t, s, back)
	require.Error(t, json.Unmarshal([]byte(`{"name":1}`), &back))
}

func specs(names ...string) []Spec {
	var all []Spec
	for _, n := range names {
		all = append(all, Spec{Bot: "b", Name: n})
	}
	return all
}

func TestNearest(t *testing.T) {
	all := specs("stock", "stop", "weather", "wave", "a", "start-of-day")
	for name, c := range map[string]struct {
		typed string
		want  []string
	}{
		"letter missing":   {"stok", []string{"stock", "stop"}},
		"letter too many":  {"weatherr", []string{"weather"}},
		"letter wrong":     {"weazher", []string{"weather"}},
		"two swapped":      {"wetaher", []string{"weather"}},
		"upper case":       {"WEATHRE", []string{"weather"}},
		"beginning":        {"start", []string{"start-of-day"}},
		"one letter":       {"w", []string{"wave", "weather", "a"}},
		"far away":         {"translate", []string{}},
		"nothing":          {"", nil},
		"endless":          {strings.Repeat("w", 1000), nil},
		"Unicode is bytes": {"wävé", []string{}},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, nearest(c.typed, all, 3)) })
	}
	require.Equal(t, []string{"stock"}, nearest("stok", all, 1))
	require.Equal(t, []string{"a"}, nearest("a", specs("a", "a"), 5), "a name is proposed once")
	require.Equal(t, &Error{CodeUnknownCommand, "There is no command /\uFFFDx. Try /help."}, Unknown("\u202Ex", all))
}

func TestHelp(t *testing.T) {
	b := NewBot("trade", nil)
	HandleSpec(b, Spec{Name: "buy", Summary: "Buys shares", Roles: []string{"owner"}}, func(_ context.Context, _ *Call, _ struct {
		Symbol string        `cmd:"symbol,required" help:"ticker, e.g. aapl.us"`
		Kind   string        `cmd:"kind" enum:"market|limit" default:"market"`
		Count  int           `cmd:"count" min:"1" max:"100"`
		Wait   time.Duration `cmd:"wait"`
	}) error {
		return nil
	})
	Handle(b, "sell", "", silent)
	list, err := Help(b.Specs(), "")
	require.Nil(t, err)
	require.Equal(t, `/help [command] – this list, or all about one command
/buy <symbol> [market|limit] [count] [wait] – Buys shares
/sell`, list)

	one := `/buy <symbol> [market|limit] [count] [wait]
Buys shares
  symbol (string): ticker, e.g. aapl.us
  kind (market | limit, optional, default market)
  count (int, optional, min 1, max 100)
  wait (duration, optional)
For: owner
Answered by trade`
	for _, topic := range []string{"buy", "/BUY", " buy it "} {
		got, err := Help(b.Specs(), topic)
		require.Nil(t, err)
		require.Equal(t, one, got)
	}
	same, err := Help(b.Specs(), "help")
	require.Nil(t, err)
	require.Equal(t, list, same)
	_, err = Help(b.Specs(), "bu")
	require.Equal(t, &Error{CodeUnknownCommand, "There is no command /bu. Did you mean /buy?"}, err)
}

// However much the bots describe, the help is a message.
func TestHelpFits(t *testing.T) {
	var all []Spec
	for i := range 500 {
		s := Spec{Name: fmt.Sprintf("c%d", i), Summary: strings.Repeat("ü", maxSummary/2)}
		for j := range maxArgs {
			s.Args = append(s.Args, Arg{
				Name: fmt.Sprintf("a%d", j), Type: TypeEnum, Help: strings.Repeat("h", maxSummary),
				Choices: strings.Split(strings.Repeat(strings.Repeat("c", maxSummary)+" ", maxChoices-1)+"c", " "),
			})
		}
		require.NoError(t, s.check())
		s.complete()
		require.NoError(t, s.check(), "what is made of a good spec is good")
		all = append(all, s)
	}
	list, err := Help(all, "")
	require.Nil(t, err)
	require.NoError(t, checkText(list))
	require.Regexp(t, `… and 4\d\d more$`, list)
	one, err := Help(all, "c1")
	require.Nil(t, err)
	require.NoError(t, checkText(one))
}
