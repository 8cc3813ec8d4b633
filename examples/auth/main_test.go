package main

import (
	"bufio"
	"context"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The test binary is the program too.
func TestMain(m *testing.M) {
	if os.Getenv("AUTH_MAIN") != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func program(t *testing.T, env []string, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = append(os.Environ(), append(env, "AUTH_MAIN=1")...)
	cmd.Dir = t.TempDir()
	return cmd
}

func TestEndsWhenToldTo(t *testing.T) {
	cmd := program(t, []string{"GOCHAT_DEMO=1"}, "-addr", "127.0.0.1:0")
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	var addr []string
	lines := bufio.NewScanner(stderr)
	for addr == nil && lines.Scan() {
		addr = regexp.MustCompile(`addr=(\S+)`).FindStringSubmatch(lines.Text())
	}
	require.NotNil(t, addr)
	resp, err := http.Post("http://"+addr[1]+"/auth/login", "application/json", strings.NewReader(`{"username":"john","password":"1234"}`))
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, 200, resp.StatusCode)
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	for lines.Scan() { // to the end, so that Wait does not cut it
		require.NotContains(t, lines.Text(), "level=ERROR")
	}
	require.NoError(t, cmd.Wait(), "exit 0")
}

func TestExitCodes(t *testing.T) {
	for name, tc := range map[string]struct {
		env  []string
		args []string
		code int
		says string
	}{
		"help":                     {nil, []string{"-h"}, 0, "GOCHAT_AUTH_DB"},
		"unknown flag":             {nil, []string{"-adr", ":1"}, 2, "not defined: -adr"},
		"argument":                 {nil, []string{"serve"}, 2, `unexpected argument "serve"`},
		"bad twin":                 {[]string{"GOCHAT_TOKEN_TTL=long"}, nil, 2, "GOCHAT_TOKEN_TTL"},
		"demo for everybody":       {nil, []string{"-demo", "-addr", ":0"}, 1, "loopback"},
		"demo for everybody, twin": {[]string{"GOCHAT_DEMO=true", "GOCHAT_ADDR=:0"}, nil, 1, "loopback"},
		"no directory":             {nil, []string{"-addr", "127.0.0.1:0", "-auth-db", "no/such/auth.db"}, 1, "open database"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := program(t, tc.env, tc.args...)
			out, _ := cmd.CombinedOutput()
			require.Equal(t, tc.code, cmd.ProcessState.ExitCode(), string(out))
			require.Contains(t, string(out), tc.says)
		})
	}
}

// Users are made without the network, and no password is in an argument, in the
// output or in a log.
func TestUsersAreMade(t *testing.T) {
	dir := t.TempDir()
	run := func(stdin string, args ...string) (code int, out string) {
		cmd := program(t, nil, args...)
		cmd.Dir, cmd.Stdin = dir, strings.NewReader(stdin)
		b, _ := cmd.CombinedOutput()
		require.NotContains(t, string(b), "correct horse")
		return cmd.ProcessState.ExitCode(), string(b)
	}
	for _, step := range []struct {
		stdin string
		args  []string
		code  int
		says  string
	}{
		{"correct horse battery\n", []string{"-add-user", "ann"}, 0, "done"},
		{"correct horse battery\n", []string{"-add-user", "ann"}, 1, "there is a user ann"},
		{"correct horse staple", []string{"-set-password", "ann"}, 0, "done"},
		{"correct horse staple\r\n", []string{"-set-password", "bob"}, 1, "no user bob"},
		{"correct\n", []string{"-add-user", "bob"}, 1, "at least 8"},
		{"", []string{"-add-user", "bob"}, 1, "no password"},
		{"correct horse battery\n", []string{"-add-user", "bob", "-set-password", "ann"}, 1, "not both"},
		{"correct horse battery\n", []string{"-add-user", "bob", "-auth-db", "memory"}, 1, "memory"},
	} {
		code, out := run(step.stdin, step.args...)
		require.Equal(t, step.code, code, "%v: %s", step.args, out)
		require.Contains(t, out, step.says)
	}
	info, err := os.Stat(dir + "/auth.db")
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	cmd := program(t, nil, "-addr", "127.0.0.1:0")
	cmd.Dir = dir
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	var addr []string
	lines := bufio.NewScanner(stderr)
	for addr == nil && lines.Scan() {
		addr = regexp.MustCompile(`addr=(\S+)`).FindStringSubmatch(lines.Text())
	}
	require.NotNil(t, addr)
	for password, want := range map[string]int{"correct horse battery": 401, "correct horse staple": 200} {
		resp, err := http.Post("http://"+addr[1]+"/auth/login", "application/json", strings.NewReader(`{"username":"ann","password":"`+password+`"}`))
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, want, resp.StatusCode)
	}
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	for lines.Scan() { // to the end, so that Wait does not cut it
		require.NotContains(t, lines.Text(), "correct horse")
	}
	require.NoError(t, cmd.Wait())
}
