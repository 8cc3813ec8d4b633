package command

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	for name, c := range map[string]struct{ line, name, args, code string }{
		"name alone":                  {"/help", "help", "", ""},
		"blank":                       {"/stock aapl.us", "stock", "aapl.us", ""},
		"equals":                      {"/stock=aapl.us", "stock", "aapl.us", ""},
		"further equals is a value":   {"/stock=a=b", "stock", "a=b", ""},
		"blank before equals":         {"/stock =a", "stock", "=a", ""},
		"blanks around the arguments": {"/stock \t aapl.us  ", "stock", "aapl.us", ""},
		"wide blank":                  {"/stock\u3000aapl.us", "stock", "aapl.us", ""},
		"several words":               {"/stock=a b c", "stock", "a b c", ""},
		"equals and nothing":          {"/stock=", "stock", "", ""},
		"equals and blanks":           {"/stock=   ", "stock", "", ""},
		"upper case name":             {"/STOCK=AAPL.US", "stock", "AAPL.US", ""},
		"all characters of a name":    {"/a-b_9 x", "a-b_9", "x", ""},
		"longest name":                {"/" + strings.Repeat("a", 32), strings.Repeat("a", 32), "", ""},
		"longest line":                {"/a " + strings.Repeat("ü", 3997), "a", strings.Repeat("ü", 3997), ""},

		"slash alone":          {"/", "", "", CodeUnknownCommand},
		"slash and blank":      {"/ stock", "", "", CodeUnknownCommand},
		"slash and equals":     {"/=a", "", "", CodeUnknownCommand},
		"digit first":          {"/9to5", "", "", CodeUnknownCommand},
		"name too long":        {"/" + strings.Repeat("a", 33), "", "", CodeUnknownCommand},
		"Unicode name":         {"/störk a", "", "", CodeUnknownCommand},
		"Kelvin sign is not k": {"/stoc\u212A a", "", "", CodeUnknownCommand},
		"path":                 {"/etc/passwd", "", "", CodeUnknownCommand},
		"escape":               {"//text", "", "", CodeUsage},
		"two slashes":          {"//", "", "", CodeUsage},
		"plain text":           {"hello", "", "", CodeUsage},
		"nothing":              {"", "", "", CodeUsage},
		"space before":         {" /stock a", "", "", CodeUsage},
		"full-width slash":     {"\uFF0Fstock a", "", "", CodeUsage},
		"newline":              {"/stock a\nb", "", "", CodeUsage},
		"control character":    {"/stock a\x00b", "", "", CodeUsage},
		"carriage return":      {"/stock a\r", "", "", CodeUsage},
		"not UTF-8":            {"/stock \xff", "", "", CodeUsage},
		"too long":             {"/stock " + strings.Repeat("a", 10<<10), "", "", CodeUsage},
	} {
		t.Run(name, func(t *testing.T) {
			name, args, err := Parse(c.line)
			if c.code == "" {
				require.NoError(t, err)
			} else {
				e, ok := errors.AsType[*Error](err)
				require.True(t, ok, "%v", err)
				require.Equal(t, c.code, e.Code, e.Message)
				require.NoError(t, checkText(e.Message))
			}
			require.Equal(t, c.name, name)
			require.Equal(t, c.args, args)
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"/stock=a=b", "/STOCK \"a b\"", "//x", "/", "/stoc\u212A", "/a\u2028b", "/ä", "/a\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		name, args, err := Parse(line)
		if err != nil {
			e, ok := errors.AsType[*Error](err)
			if !ok || len(e.Message) > maxMessage || checkText(e.Message) != nil || name != "" || args != "" {
				t.Fatalf("Parse(%q) = %q, %q, %v", line, name, args, err)
			}
			return
		}
		if !validName(name) || args != strings.TrimSpace(args) || !strings.HasSuffix(strings.TrimSpace(line), args) {
			t.Fatalf("Parse(%q) = %q, %q", line, name, args)
		}
		// Written in its plain form it means the same.
		again, same, err := Parse("/" + name + " " + args)
		if err == nil && (again != name || same != args) {
			t.Fatalf("Parse(%q) = %q, %q, and again %q, %q", line, name, args, again, same)
		}
	})
}
