package command

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

var completeSpecs = []Spec{
	{Name: "hello", Summary: "Greets"},
	{Name: "order", Summary: "Buys or sells", Args: []Arg{
		{Name: "side", Type: TypeEnum, Required: true, Choices: []string{"Buy", "sell", "sell all", `"odd"`}, Help: "which way"},
		{Name: "count", Type: TypeInt, Required: true},
		{Name: "for", Type: TypeUser},
		{Name: "now", Type: TypeBool},
		{Name: "note", Type: TypeString, Rest: true, Help: "anything"},
	}},
	{Name: "orders", Args: []Arg{{Name: "state", Type: TypeEnum, List: true, Choices: []string{"open", "done"}}}},
}

func TestComplete(t *testing.T) {
	for typed, want := range map[string]struct { // | is the cursor; choices replace what is between < and >
		choices string
		place   string
		arg     string
	}{
		"/|":                 {"/hello, /order , /orders , /help ", "</|>", ""},
		"/OR|":               {"/order , /orders ", "</OR|>", ""},
		"/o|rder x":          {"/order, /orders", "</o|rder> x", ""},
		"/he|":               {"/hello, /help ", "</he|>", ""},
		"/oders|":            {"/orders , /order ", "</oders|>", ""},
		"/xyz|":              {"", "</xyz|>", ""},
		"/help |":            {"hello, order, orders", "/help <|>", ""},
		"/help /or|d":        {"order, orders", "/help </or|d>", ""},
		"/help order |":      {"", "/help order <|>", ""},
		"/order |":           {`Buy, sell, "sell all", "\"odd\"", for=, now=, note=`, "/order <|>", "side"},
		"/order=|":           {`Buy, sell, "sell all", "\"odd\"", for=, now=, note=`, "/order=<|>", "side"},
		"/order  S|x 5":      {`sell, "sell all"`, "/order  <S|x> 5", "side"},
		"/order s|":          {`sell, "sell all"`, "/order <s|>", "side"},
		`/order "s|`:         {`sell, "sell all"`, `/order <"s|>`, "side"},
		`/order "sell a|`:    {`"sell all"`, `/order <"sell a|>`, "side"},
		`/order “s|ell” 1`:   {`sell, "sell all"`, `/order <“s|ell”> 1`, "side"},
		"/order side=b|":     {"Buy", "/order side=<b|>", "side"},
		"/order SIDE=|":      {`Buy, sell, "sell all", "\"odd\""`, "/order SIDE=<|>", "side"},
		"/order c|":          {"count=", "/order <c|>", "side"},
		"/order buy |":       {"for=, now=, note=", "/order buy <|>", "count"},
		"/order count=3 |":   {`Buy, sell, "sell all", "\"odd\"", for=, now=, note=`, "/order count=3 <|>", "side"},
		"/order buy 3 @a|":   {"", "/order buy 3 <@a|>", "for"},
		"/order buy 3 n|":    {"now=, note=", "/order buy 3 <n|>", "for"},
		"/order now=Y|":      {"yes", "/order now=<Y|>", "now"},
		"/order b 3 a y |":   {"", "/order b 3 a y <|>", "note"},
		"/order b 3 a y x|":  {"", "/order b 3 a y <x|>", "note"},
		"/order b 3 a y x |": {"", "/order b 3 a y <x |>", "note"},
		"/orders open |":     {"open, done", "/orders open <|>", "state"},
		"/orders open d|":    {"done", "/orders open <d|>", "state"},
		"/hello |":           {"", "/hello <|>", ""},
		"/hello x y|":        {"", "/hello x <y|>", ""},
		"/nothing |":         {"", "/nothing <|>", ""},
		"hello|":             {"", "hello<|>", ""},
		"//or|":              {"", "//or<|>", ""},
		"|/or":               {"", "<|>/or", ""},
		"|":                  {"", "<|>", ""},
		"/order\nx|":         {"", "/order\nx<|>", ""},
		"/order \xff|":       {"", "/order \xff<|>", ""},
	} {
		t.Run(typed, func(t *testing.T) {
			before, after, _ := strings.Cut(typed, "|")
			line := before + after
			c := Complete(completeSpecs, line, len(before))
			var texts []string
			for _, choice := range c.Choices {
				texts = append(texts, choice.Text)
			}
			require.Equal(t, want.choices, strings.Join(texts, ", "))
			require.Equal(t, want.place, line[:c.Start]+"<"+line[c.Start:len(before)]+"|"+line[len(before):c.End]+">"+line[c.End:])
			arg := ""
			if c.Arg != nil {
				arg = c.Arg.Name
			}
			require.Equal(t, want.arg, arg)
		})
	}
	require.Equal(t, []Choice{{"Buy", "which way"}}, Complete(completeSpecs, "/order b", 99).Choices)
	require.Equal(t, []Choice{{"/hello", "Greets"}}, Complete(completeSpecs, "/hell", 5).Choices)
	require.Empty(t, Complete(completeSpecs, "/o", -1).Choices)
	require.Equal(t, 7, Complete(completeSpecs, "/order ä", 8).Start, "within a character")

	var many []Spec
	for i := range 100 {
		many = append(many, Spec{Name: fmt.Sprint("c", i)})
	}
	require.Len(t, Complete(many, "/", 1).Choices, maxCompletions)
}

func FuzzComplete(f *testing.F) {
	for _, seed := range []string{"/", "/order sell ", `/order "s`, "/order side=", "/orders “open” d", "/help or", "/order  ä x", `/order "a\`, "//", "/o=b c=d"} {
		for _, at := range []int{0, 1, len(seed) / 2, len(seed)} {
			f.Add(seed, at)
		}
	}
	f.Fuzz(func(t *testing.T, line string, cursor int) {
		c := Complete(completeSpecs, line, cursor)
		at := min(max(cursor, 0), len(line))
		require.LessOrEqual(t, 0, c.Start)
		require.LessOrEqual(t, c.Start, at)
		require.LessOrEqual(t, c.Start, c.End)
		require.LessOrEqual(t, c.End, len(line))
		require.LessOrEqual(t, len(c.Choices), maxCompletions)
		if !utf8.ValidString(line) {
			require.Empty(t, c.Choices)
			return
		}
		require.True(t, utf8.ValidString(line[:c.Start]) && utf8.ValidString(line[c.End:]), "cuts a character")
		for _, choice := range c.Choices {
			typed := line[:c.Start] + choice.Text
			again := Complete(completeSpecs, typed, len(typed))
			switch {
			case c.Start == 0: // the name of a command
				name, _, err := Parse(typed)
				require.NoError(t, err)
				require.Equal(t, strings.TrimSpace(choice.Text[1:]), name)
			case strings.HasSuffix(choice.Text, "="):
				require.Equal(t, choice.Text, again.Arg.Name+"=")
			default: // a value is completed to itself
				require.Equal(t, c.Start, again.Start)
				require.True(t, slices.Contains(again.Choices, choice), "%q", typed)
			}
		}
	})
}
