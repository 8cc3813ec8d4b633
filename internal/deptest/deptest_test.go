package deptest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestViolations(t *testing.T) {
	pkg := func(path string, imports ...string) imported { return imported{ImportPath: path, Imports: imports} }
	all := map[string]imported{}
	for _, p := range []imported{
		pkg(Module+"/a", "fmt", Module+"/b", "example.com/x"),
		pkg(Module+"/b", Module+"/b/c", "fmt"),
		pkg(Module+"/b/c", "example.com/x/y"),
		pkg("example.com/x", "example.com/hidden"), pkg("example.com/x/y"), pkg("example.com/hidden"),
		{ImportPath: "fmt", Standard: true, Imports: []string{"os"}}, {ImportPath: "os", Standard: true},
	} {
		all[p.ImportPath] = p
	}
	for name, c := range map[string]struct{ allowed, want []string }{
		"nothing allowed":    {nil, []string{"a b", "a example.com/x"}},
		"one level":          {[]string{"b"}, []string{"a example.com/x", "a b b/c"}},
		"below":              {[]string{"b/..."}, []string{"a example.com/x", "a b b/c example.com/x/y"}},
		"outside":            {[]string{"b/...", "example.com/x/...", "example.com/hidden"}, nil},
		"no part of a name":  {[]string{"b/...", "example.com/x", "example.com/hid"}, []string{"a example.com/x example.com/hidden", "a b b/c example.com/x/y"}},
		"everything by name": {[]string{"b", "b/c", "example.com/x", "example.com/x/y", "example.com/hidden"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, path := range violations(Module+"/a", all, c.allowed) {
				got = append(got, strings.ReplaceAll(strings.Join(path, " "), Module+"/", ""))
			}
			slices.Sort(got)
			slices.Sort(c.want)
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestOnly(t *testing.T) {
	Only(t, "internal/deptest")
	if _, err := list(Module + "/no/such/package"); err == nil {
		t.Error("a package that is not there was listed")
	}
	probe := &recorder{TB: t}
	Only(probe, "command", "transport")
	if !strings.Contains(probe.said, "\n\tgithub.com/carlware/gochat/command\n\timports github.com/carlware/gochat/internal/") {
		t.Errorf("the path is not shown: %q", probe.said)
	}
}

// recorder is a test that may fail.
type recorder struct {
	testing.TB
	said string
}

func (r *recorder) Helper() {}
func (r *recorder) Errorf(format string, args ...any) {
	r.said += fmt.Sprintf(format, args...)
}
