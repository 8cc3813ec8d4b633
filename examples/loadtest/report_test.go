package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/internal/proctest"
)

// What a run says while it goes on and at its end.
func TestReport(t *testing.T) {
	report, err := try(t, newChat(t, unlimited()), func(c *config) {
		if runtime.GOOS == "linux" {
			c.serverPID = os.Getpid()
		}
	})
	require.NoError(t, err, report)
	require.Regexp(t, `(?m)stored \d+, delivered \d+`, report, "how far it is")
	for _, name := range []string{"sent to stored", "sent to delivered"} {
		require.Regexp(t, `^p50 [\d.]+ [mµ]?s, p90 [\d.]+ [mµ]?s, p99 [\d.]+ [mµ]?s, max [\d.]+ [mµ]?s$`, row(t, report, name))
	}
	require.Contains(t, report, "from the time a message was due to its delivery, 180 deliveries\n")
	require.Regexp(t, `(?m)^up to +[\d.]+ [mµ]?s  █+ +[\d.]+ %$`, report)
	if runtime.GOOS == "linux" {
		require.Regexp(t, `^[\d.]+ [mµ]?s for each delivery, \d+ % of one processor$`, row(t, report, "server CPU"))
		require.Regexp(t, `^-?[\d.]+ KiB for each session; \d+ MiB before them, \d+ MiB with them, \d+ MiB at the end$`, row(t, report, "server memory"))
	}
}

// Users come from a file with their passwords, and tokens from a command.
func TestUsersAndTokenCommand(t *testing.T) {
	url := newChat(t, unlimited())
	auth := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked struct{ Username, Password string }
		if json.NewDecoder(r.Body).Decode(&asked) != nil || asked.Password != "secret of "+asked.Username {
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		json.NewEncoder(w).Encode(map[string]any{"access_token": asked.Username, "token_type": "Bearer", "expires_in": 600})
	}))
	defer auth.Close()
	list := filepath.Join(t.TempDir(), "users")
	require.NoError(t, os.WriteFile(list, []byte("ann secret of ann\nbob secret of bob\n"), 0o600))
	report, err := try(t, url, func(c *config) { c.tokens, c.users, c.auth = "", list, auth.URL })
	require.NoError(t, err, report)
	require.Equal(t, "6 of 2 users, in 1 rooms", row(t, report, "sessions"))

	require.NoError(t, os.WriteFile(list, []byte("ann wrong\n"), 0o600))
	_, err = try(t, url, func(c *config) { c.tokens, c.users, c.auth = "", list, auth.URL })
	require.Error(t, err)

	if runtime.GOOS == "windows" {
		return // has no sh
	}
	report, err = try(t, url, func(c *config) { c.tokens, c.tokenCommand = "", "echo ann; echo bob; echo eve" })
	require.NoError(t, err, report)
	require.Equal(t, "6 of 3 users, in 1 rooms", row(t, report, "sessions"))
}

// Users are made once: those that the file has are counted.
func TestAddUsers(t *testing.T) {
	dir := t.TempDir()
	c := config{url: "http://127.0.0.1:8080", sessions: 1, rooms: 1, rate: 1, size: 1, duration: time.Second, wait: time.Second,
		users: filepath.Join(dir, "users"), authDB: filepath.Join(dir, "auth.db")}
	for _, n := range []int{2, 3} {
		c.addUsers = n
		require.NoError(t, c.complete())
		var out bytes.Buffer
		require.NoError(t, addUsers(t.Context(), c, &out))
		data, err := os.ReadFile(c.users)
		require.NoError(t, err)
		require.Len(t, lines(data), n)
		require.Len(t, strings.Fields(string(data)), 2*n)
	}
}

// A program that finds a violation ends with 1.
func TestExit(t *testing.T) {
	for fault, code := range map[string]int{"nothing": 0, "loses": 1} {
		srv := httptest.NewServer(&faulty{fault: fault})
		list := filepath.Join(t.TempDir(), "tokens")
		require.NoError(t, os.WriteFile(list, []byte("ann\nbob\n"), 0o600))
		p := proctest.Start(t, proctest.Self(t, "-url", srv.URL, "-tokens", list, "-sessions", "6", "-rate", "100",
			"-ramp", "10ms", "-duration", "300ms", "-wait", "500ms"))
		require.Equal(t, code, p.Wait(), fault)
		require.Contains(t, p.Output(), "sent to delivered")
		srv.Close()
	}
}
