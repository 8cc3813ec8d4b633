package commandtest_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/command"
	"github.com/carlware/gochat/command/commandtest"
)

// newNotes is a bot that keeps notes for an hour.
func newNotes() *command.Bot {
	type note struct {
		text string
		at   time.Time
	}
	notes := map[string]note{}
	b := command.NewBot("notes", nil)
	command.Handle(b, "note", "", func(_ context.Context, c *command.Call, a struct {
		Do   string `cmd:"do,required" enum:"keep|list"`
		Text string `cmd:"text,rest"`
	}) error {
		if a.Do == "keep" {
			notes[c.User.ID] = note{a.Text, time.Now()}
			return c.Ephemeral("Kept.")
		}
		n, ok := notes[c.User.ID]
		if !ok || time.Since(n.at) >= time.Hour {
			return command.Fail("You have no notes.")
		}
		return errors.Join(c.Progress("looking"), c.Ephemeral(n.text+"\n\n(1 note)"), c.Sayf("%s looked at her notes.", c.User.Name))
	})
	command.HandleSpec(b, command.Spec{Name: "clear", Roles: []string{"owner"}}, func(context.Context, *command.Call, noArgs) error {
		clear(notes)
		return nil
	})
	return b
}

func TestTranscript(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		commandtest.Transcript(t, newNotes(), "testdata/notes.txt", nil)
	})
}

// reporter is a test whose failures are its results.
type reporter struct {
	testing.TB
	failed string
}

func (r *reporter) Helper()                      {}
func (r *reporter) Errorf(f string, args ...any) { r.failed += fmt.Sprintf(f, args...) }
func (r *reporter) Fatalf(f string, args ...any) { r.failed += "fatal: " + fmt.Sprintf(f, args...) }

func TestTranscriptTellsTheDifference(t *testing.T) {
	for name, c := range map[string]struct{ script, want string }{
		"same":              {"> /tell\nprogress: 50 %\nroom: one\ncaller: two\nroom: three\n", ""},
		"same, without \\n": {"> /rule\nerror forbidden: /rule is for: owner.", "(nothing)"},
		"other text":        {"# c\n> /tell\nprogress: 50 %\nroom: won\ncaller: two\nroom: three\n", "f.txt:4: after \"> /tell\"\n  want room: won\n  got  room: one"},
		"too little":        {"> /tell\nprogress: 50 %\n\n> /rule\n", "f.txt:3: after \"> /tell\"\n  want (nothing)\n  got  room: one"},
		"too much":          {"> /rule\nerror forbidden: /rule is for: owner.\nroom: and more\n", "f.txt:3: after \"> /rule\"\n  want room: and more\n  got  (nothing)"},
		"nothing typed":     {"# nobody\n", "fatal: commandtest: nobody types anything in"},
		"stray line":        {"hello\n> /tell\n", `fatal: commandtest: PATH: line 1: "hello" is no line that somebody types`},
		"bad wait":          {"> /tell\n\nwait soon\n", "line 3: time: invalid duration"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "f.txt")
			require.NoError(t, os.WriteFile(path, []byte(c.script), 0o600))
			r := &reporter{TB: t}
			commandtest.Transcript(r, newBot(), path, nil)
			if c.want == "" {
				require.Empty(t, r.failed)
			}
			require.Contains(t, r.failed, strings.ReplaceAll(c.want, "PATH", path))
			after, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, c.script, string(after))
		})
	}
	r := &reporter{TB: t}
	commandtest.Transcript(r, newBot(), "testdata/none.txt", nil)
	require.Contains(t, r.failed, "none.txt")
}

func TestTranscriptUpdates(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f.txt")
	require.NoError(t, os.WriteFile(path, []byte("# who\r\nBo (admin)> /who\r\nroom: old\r\n\r\n> /who"), 0o600))
	require.NoError(t, flag.Set("commandtest.update", "true"))
	defer func() { require.NoError(t, flag.Set("commandtest.update", "false")) }()
	commandtest.Transcript(t, newBot(), path, &commandtest.Options{ID: "c"})
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, `# who
Bo (admin)> /who
room: c-1 1 teller {u-bo Bo admin} {r-general General public} 10s

> /who
room: c-2 1 teller {u-ana Ana member} {r-general General public} 10s
`, string(after))
}
