package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/examples/internal/chatsvc"
)

// Operators are told on an address of their own, and nobody on the public one.
func TestOperators(t *testing.T) {
	s := start(t, "", "127.0.0.1:0", "-admin", "127.0.0.1:0")
	_, operators, _ := strings.Cut(s.p.Line("operators are answered"), "addr=")
	s = s.login("carlos")
	get := func(path string) (int, string) {
		t.Helper()
		resp, err := http.Get("http://" + operators + path)
		require.NoError(t, err)
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp.StatusCode, string(body)
	}
	resp, body := s.do("POST", s.lobby()+"/messages", `{"id":"`+chat.NewID()+`","text":"hello"}`)
	require.Equal(t, 201, resp.StatusCode, body)
	_, text := get("/metrics")
	for _, want := range []string{
		"\ngo_goroutines ", `gochat_sockets{state="open"} 0`, "gochat_rooms 0", `gochat_broker_state{state="up"} 1`,
		`gochat_write_duration_seconds_count{kind="message"} 1`, "gochat_store_commits_total ",
	} {
		require.True(t, strings.Contains(text, want), want)
	}
	require.False(t, strings.Contains(text, "carlos"), "no label has a user")

	var report struct {
		Process struct {
			Program string
			Ready   bool
		}
		Chat chatsvc.Report
	}
	require.Eventually(t, func() bool {
		_, text = get("/stats")
		require.NoError(t, json.Unmarshal([]byte(text), &report))
		return len(report.Chat.Node.Bots) == 1 && report.Process.Ready
	}, time.Minute, 10*time.Millisecond)
	require.Equal(t, "fullstack", report.Process.Program)
	require.Equal(t, []string{"stock"}, report.Chat.Node.Bots[0].Commands)
	require.Equal(t, "up", report.Chat.Broker.State)
	require.NotZero(t, report.Chat.Node.Store.Bytes)
	require.Equal(t, "gochat.db", report.Chat.Store)
	status, page := get("/")
	require.Equal(t, 200, status)
	require.Contains(t, page, "fullstack")

	for _, path := range []string{"/metrics", "/stats", "/debug/pprof/"} {
		require.Equal(t, 404, s.status("GET", path, ""), path)
	}
}
