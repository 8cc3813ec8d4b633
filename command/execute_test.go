package command

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestExecuteSettles(t *testing.T) {
	long := strings.Repeat("ü", 600)
	for name, c := range map[string]struct {
		h    HandlerFunc
		want Reply
		log  string // "" means that nothing is logged
	}{
		"answers": {
			h: func(_ context.Context, c *Call) error {
				return errors.Join(c.Say("a"), c.Ephemeral("b"), c.Sayf("%d", 3))
			},
			want: Reply{Parts: []Part{{Text: "a"}, {Text: "b", Ephemeral: true}, {Text: "3"}}},
		},
		"silence": {h: func(context.Context, *Call) error { return nil }},
		"error discards what was said": {
			h:    func(_ context.Context, c *Call) error { _ = c.Say("a"); return Fail("no quote") },
			want: Reply{Err: &Error{CodeBotError, "no quote"}},
		},
		"own code": {
			h:    func(context.Context, *Call) error { return &Error{"sold_out", "Sold out."} },
			want: Reply{Err: &Error{"sold_out", "Sold out."}},
		},
		"wrapped error for the caller": {
			h:    func(context.Context, *Call) error { return fmt.Errorf("deep: %w", Fail("no quote")) },
			want: Reply{Err: &Error{CodeBotError, "no quote"}},
		},
		"other error is not shown": {
			h:    func(context.Context, *Call) error { return errors.New("password=1234") },
			want: Reply{Err: failed("go")},
			log:  "password=1234",
		},
		"nil pointer in an error": {
			h:    func(_ context.Context, c *Call) error { var e *Error; _ = c.Say("a"); return e },
			want: Reply{Parts: []Part{{Text: "a"}}},
		},
		"panic": {
			h:    func(context.Context, *Call) error { panic("boom") },
			want: Reply{Err: failed("go")},
			log:  "execute_test.go",
		},
		"goroutine ended": {
			h:    func(context.Context, *Call) error { runtime.Goexit(); return nil },
			want: Reply{Err: failed("go")},
		},
		"bad code":       {h: func(context.Context, *Call) error { return &Error{"No Bot", "m"} }, want: Reply{Err: Fail("m")}},
		"dash in a code": {h: func(context.Context, *Call) error { return &Error{"no-bot", "m"} }, want: Reply{Err: Fail("m")}},
		"no message":     {h: func(context.Context, *Call) error { return Fail("") }, want: Reply{Err: Fail("The command failed.")}},
		"bad message":    {h: func(context.Context, *Call) error { return Fail("\x00") }, want: Reply{Err: Fail("The command failed.")}},
		"message cut":    {h: func(context.Context, *Call) error { return Fail(long) }, want: Reply{Err: Fail(long[:996] + "…")}},
		"own cancelled":  {h: func(context.Context, *Call) error { return context.Canceled }, want: Reply{Err: failed("go")}, log: "canceled"},
	} {
		t.Run(name, func(t *testing.T) {
			var l logs
			done := make(chan struct{})
			got := Execute(t.Context(), c.h, Call{Name: "go"}, &ExecuteOptions{Logger: l.logger(), Done: func() { close(done) }})
			<-done
			require.Equal(t, c.want, got)
			if c.log == "" {
				require.Empty(t, l.String())
			} else {
				require.Contains(t, l.String(), c.log)
			}
		})
	}
}

func TestSayKeepsTheLimits(t *testing.T) {
	var errs []error
	say := func(texts ...string) Reply {
		errs = nil
		return Execute(t.Context(), HandlerFunc(func(_ context.Context, c *Call) error {
			for _, s := range texts {
				errs = append(errs, c.Say(s))
			}
			return nil
		}), Call{}, nil)
	}
	for _, bad := range []string{"", " \u200B", "a\x00", "\xff", strings.Repeat("a", 4001)} {
		require.Empty(t, say(bad).Parts, "%.10q", bad)
		require.Error(t, errs[0])
	}
	require.Len(t, say(strings.Split(strings.Repeat("a", MaxParts+3), "")...).Parts, MaxParts)
	require.NoError(t, errs[MaxParts-1])
	require.Error(t, errs[MaxParts])

	four := strings.Repeat("😀", 4000) // 16,000 bytes
	require.Len(t, say(four, four, four, four, four, "a").Parts, 5, "what is too long is left out, what fits is not")
	require.Error(t, errs[4])
	require.NoError(t, errs[5])
}

func TestCallWithoutExecute(t *testing.T) {
	var c Call
	require.Error(t, c.Say("a"))
	require.Error(t, c.Progress("a"))
}

func TestExecuteDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var deadline time.Time
		r := Execute(t.Context(), HandlerFunc(func(ctx context.Context, c *Call) error {
			deadline, _ = ctx.Deadline()
			_ = c.Say("half")
			<-ctx.Done()
			return ctx.Err()
		}), Call{Name: "slow", Remaining: 3 * time.Second}, &ExecuteOptions{Logger: quiet})
		require.Equal(t, Reply{Err: timeout("slow")}, r)
		require.Equal(t, 3*time.Second, time.Since(start))
		require.Equal(t, start.Add(3*time.Second), deadline)
		synctest.Wait()

		for given, want := range map[time.Duration]time.Duration{
			0: DefaultTimeout, -1: DefaultTimeout, time.Hour: MaxTimeout, time.Second: time.Second,
		} {
			r := Execute(t.Context(), HandlerFunc(func(ctx context.Context, c *Call) error {
				d, _ := ctx.Deadline()
				return c.Sayf("%v %v", time.Until(d), c.Remaining)
			}), Call{Remaining: given}, nil)
			require.Equal(t, fmt.Sprintf("%v %v", want, want), r.Parts[0].Text)
		}
	})
}

// A handler that ignores its context costs its caller no more than the
// deadline, and what it says later goes nowhere.
func TestExecuteIgnoredDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var late []error
		var progress []string
		var ended atomic.Bool
		r := Execute(t.Context(), HandlerFunc(func(_ context.Context, c *Call) error {
			_ = c.Progress("begun")
			time.Sleep(time.Minute)
			late = append(late, c.Say("late"), c.Ephemeral("late"), c.Progress("late"))
			return nil
		}), Call{Name: "deaf", Remaining: time.Second}, &ExecuteOptions{
			Progress: func(s string) { progress = append(progress, s) },
			Done:     func() { ended.Store(true) },
		})
		require.Equal(t, Reply{Err: timeout("deaf")}, r)
		require.Equal(t, time.Second, time.Since(start))
		require.False(t, ended.Load(), "the slot is still taken")

		time.Sleep(time.Minute)
		synctest.Wait()
		require.True(t, ended.Load())
		require.Len(t, late, 3)
		for _, err := range late {
			require.ErrorIs(t, err, errEnded)
		}
		require.Equal(t, []string{"begun"}, progress)
		require.Empty(t, r.Parts)
	})
}

func TestExecuteCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		start := time.Now()
		r := Execute(ctx, HandlerFunc(func(ctx context.Context, c *Call) error {
			<-ctx.Done()
			return fmt.Errorf("get: %w", ctx.Err())
		}), Call{Name: "go"}, &ExecuteOptions{Logger: quiet})
		require.Equal(t, Reply{Err: timeout("go")}, r)
		require.Equal(t, time.Second, time.Since(start))
		synctest.Wait()
	})
}

func TestProgressGoesOutAtOnce(t *testing.T) {
	var told []string
	r := Execute(t.Context(), HandlerFunc(func(_ context.Context, c *Call) error {
		require.Error(t, c.Progress(""))
		require.NoError(t, c.Progress("10 %"))
		require.Equal(t, []string{"10 %"}, told)
		return c.Progress("90 %")
	}), Call{}, &ExecuteOptions{Progress: func(s string) { told = append(told, s) }})
	require.Equal(t, Reply{}, r)
	require.Equal(t, []string{"10 %", "90 %"}, told)
}
