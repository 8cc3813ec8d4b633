package commandtest_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/carlware/gochat/command"
	"github.com/carlware/gochat/command/commandtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type noArgs struct{}

func newBot() *command.Bot {
	b := command.NewBot("teller", nil)
	command.Handle(b, "tell", "", func(_ context.Context, c *command.Call, _ noArgs) error {
		return errors.Join(c.Progress("50 %"), c.Say("one"), c.Ephemeral("two"), c.Say("three"))
	})
	command.Handle(b, "who", "", func(_ context.Context, c *command.Call, _ noArgs) error {
		return c.Sayf("%s %d %s %v %v %v", c.ID, c.Attempt, c.Bot, c.User, c.Room, c.Remaining)
	})
	command.HandleSpec(b, command.Spec{Name: "slow", Timeout: 5 * time.Minute}, func(ctx context.Context, c *command.Call, _ noArgs) error {
		<-ctx.Done()
		return ctx.Err()
	})
	command.HandleSpec(b, command.Spec{Name: "rule", Roles: []string{"owner"}}, func(context.Context, *command.Call, noArgs) error { return nil })
	command.Handle(b, "boom", "", func(context.Context, *command.Call, noArgs) error { panic("bang") })
	return b
}

func TestRun(t *testing.T) {
	r := commandtest.Run(t, newBot(), "/tell", nil)
	require.Equal(t, "one", r.Public(0))
	require.Equal(t, "three", r.Public(1))
	require.Empty(t, r.Public(2))
	require.Equal(t, "two", r.Ephemeral(0))
	require.Empty(t, r.Ephemeral(1))
	require.Equal(t, []string{"50 %"}, r.Progress)
	require.Empty(t, r.Code())
	require.Equal(t, "progress: 50 %\nroom: one\ncaller: two\nroom: three\n", r.String())

	require.Equal(t, "test-call 1 teller {u-ana Ana member} {r-general General public} 10s",
		commandtest.Run(t, newBot(), "/who", nil).Public(0))
	require.Equal(t, "c7 3 teller {u-bo Ana member} {r-general General direct} 1s",
		commandtest.Run(t, newBot(), "/who", &commandtest.Options{
			ID: "c7", Attempt: 3, User: command.User{ID: "u-bo"}, Room: command.Room{Kind: "direct"}, Timeout: time.Second,
		}).Public(0))
}

func TestRunErrors(t *testing.T) {
	for line, code := range map[string]string{
		"/rule":      command.CodeForbidden,
		"/tell more": command.CodeUsage,
		"/nothing":   command.CodeUnknownCommand,
		"/boom":      command.CodeBotError,
		"hello":      command.CodeUsage,
		"/":          command.CodeUnknownCommand,
	} {
		r := commandtest.Run(t, newBot(), line, nil)
		require.Equal(t, code, r.Code(), line)
		require.Equal(t, "error "+code+": "+r.Err.Message+"\n", r.String())
	}
	r := commandtest.Run(t, newBot(), "/rule", &commandtest.Options{User: command.User{Role: "owner"}})
	require.Equal(t, "silence\n", r.String())
}

func TestRunTakesTheTimeoutOfTheSpec(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		require.Equal(t, command.CodeTimeout, commandtest.Run(t, newBot(), "/slow", nil).Code())
		require.Equal(t, 5*time.Minute, time.Since(start))
		require.Equal(t, command.CodeTimeout, commandtest.Run(t, newBot(), "/slow", &commandtest.Options{Timeout: time.Second}).Code())
		require.Equal(t, 5*time.Minute+time.Second, time.Since(start))
		synctest.Wait()
	})
}

// A handler that outlives its test must not write to the test's log.
func TestRunSurvivesLateLogs(t *testing.T) {
	release := make(chan struct{})
	ended := make(chan struct{})
	h := command.HandlerFunc(func(context.Context, *command.Call) error {
		defer close(ended)
		<-release
		panic("late")
	})
	t.Run("short", func(t *testing.T) {
		require.Equal(t, command.CodeTimeout, commandtest.Run(t, h, "/late", &commandtest.Options{Timeout: time.Millisecond}).Code())
	})
	close(release)
	<-ended
}
