package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/carlware/gochat/internal/proctest"
)

func TestMain(m *testing.M) {
	var err error
	if bin, err = os.MkdirTemp("", "gochat-chaos-bin-"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		os.RemoveAll(bin)
		os.Exit(code)
	}))
}

var bin string // where the programs are

var built = sync.OnceValue(func() error {
	return build(context.Background(), bin, raceEnabled, append(services[:len(services):len(services)], "loadtest")...)
})

// try runs the program.
func try(t *testing.T, c config) (string, error) {
	t.Helper()
	require.NoError(t, built())
	c.seeds, c.nodes, c.bots, c.pause, c.bin, c.verbose = 1, 2, 2, 400*time.Millisecond, bin, true
	var out bytes.Buffer
	err := c.run(t.Context(), &out)
	if errors.Is(err, errMissing) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	return out.String(), err
}

// The short form: a few faults of each form.
func TestChaos(t *testing.T) {
	for _, c := range []config{
		{form: formSQLite, seed: 10, duration: 6 * time.Second},
		{form: formCluster, seed: 4, duration: 9 * time.Second},
	} {
		t.Run(c.form, func(t *testing.T) {
			out, err := try(t, c)
			t.Log(out)
			require.NoError(t, err)
			require.Regexp(t, `(?m)^violations +0$`, out)
			require.Regexp(t, `(?m)^requests +\d+ sent, \d\d+ acknowledged`, out)
			require.Regexp(t, `(?m)^commands .* \d+ done`, out)
			require.Regexp(t, `(?m)^faults +[1-9]\d*$`, out)
			require.Regexp(t, `(?m)^fault +injected +recovered in, median +max$`, out)
			require.Regexp(t, `(?m)^\D+\d* +\d+\.\d\d s +\d+\.\d\d s$`, out, "a time to recover")
		})
	}
}

// A short soak puts everything through, and tells what it saw. Whether something
// has grown takes longer to know: it may say so here.
func TestSoak(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("a soak looks at /proc")
	}
	out, err := try(t, config{form: formSQLite, messages: 400, rate: 40, sample: 100 * time.Millisecond, rest: time.Second})
	t.Log(out)
	if err != nil {
		require.Regexp(t, `(memory|threads|files) has grown by|has more goroutines than before`, err.Error())
	}
	require.Regexp(t, `(?m)^soak: 400 messages, 40 a second`, out)
	require.Regexp(t, `(?m)^messages +400 posted in .*, 400 stored$`, out)
	require.Regexp(t, `(?m)^lost +0$`, out)
	require.Regexp(t, `(?m)^ +time +stored .*data MiB +WAL MiB`, out)
	require.Regexp(t, `(?m)memory: \d+\.\d MiB after warm-up, \d+\.\d in the end`, out)
	require.Regexp(t, `(?m)^data: \d+ bytes a message$`, out)
	require.Regexp(t, `(?m)^WAL: \d+\.\d MiB at most$`, out)
	require.Regexp(t, `(?m): [1-9]\d* goroutines when nobody is there, [1-9]\d* before anybody was$`, out)
}

// What a chat may not do fails a run, which says how to repeat it.
func TestViolation(t *testing.T) {
	out, err := try(t, config{form: formSQLite, seed: 7, spoil: func(r *run) {
		r.owner.record.Sent(r.well.id, "never stored")
		r.owner.record.Acked(r.well.id, "never stored", 3)
	}})
	require.ErrorContains(t, err, "1 of 1 runs failed")
	require.Contains(t, out, "accepted means kept: client owner/0")
	require.Contains(t, out, "once more: go run ./examples/chaos -form sqlite -seed 7 ")
	require.Regexp(t, `(?m)^violations +1$`, out)
}

// The schedule depends on the seed alone, and leaves nothing out.
func TestPlan(t *testing.T) {
	for _, form := range []string{formSQLite, formCluster} {
		seen := map[string]bool{}
		for _, r := range plan(1, form, 20*time.Minute) {
			on := map[subject]bool{}
			for _, f := range r {
				seen[f.name] = true
				require.False(t, on[f.on], "two faults of one thing: %v", r)
				on[f.on] = true
				require.True(t, !on[everything] || len(r) == 1, "%v", r)
			}
		}
		require.Len(t, seen, len(kindsOf(form, false)))
		for seed := range uint64(20) {
			quick := plan(seed, form, 15*time.Second)
			require.Equal(t, show(quick), show(plan(seed, form, 15*time.Second)))
			require.NotEqual(t, show(quick), show(plan(seed+1, form, 15*time.Second)))
			for _, r := range quick {
				for _, f := range r {
					require.False(t, f.slow, "%v takes long", f)
				}
			}
		}
	}
}

func show(rounds []round) (lines []string) {
	for _, r := range rounds {
		for _, f := range r {
			lines = append(lines, f.String())
		}
	}
	return lines
}

// A service that can't run is not waited for.
func TestServiceThatEnds(t *testing.T) {
	path, err := exec.LookPath("false")
	if err != nil {
		t.Skip(err)
	}
	r := proctest.NewReaper(t.TempDir())
	defer r.Release()
	s := &service{label: "chat-1", path: path, dir: t.TempDir(), url: "http://127.0.0.1:1", reaper: r}
	require.NoError(t, s.start())
	require.ErrorContains(t, s.ready(t.Context()), "chat-1 has ended by itself")
}

func TestRefusesToRun(t *testing.T) {
	for says, c := range map[string]config{
		"no form": {form: "docker"},
		"-seeds":  {form: formSQLite},
	} {
		require.ErrorContains(t, c.run(t.Context(), &bytes.Buffer{}), says)
	}
}
