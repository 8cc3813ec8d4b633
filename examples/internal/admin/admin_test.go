package admin

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = slog.New(slog.DiscardHandler)

func get(t *testing.T, h http.Handler, host, path string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Host = host
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestHandler(t *testing.T) {
	tea := prometheus.NewCounter(prometheus.CounterOpts{Name: "tea_total", Help: "Cups."})
	var broken error
	h, err := handler([]string{"chat.internal"}, Config{
		Program: "<kettle>", Collectors: []prometheus.Collector{tea}, Logger: quiet,
		Report: func() any { return map[string]int{"cups": 3} },
		Ready:  func(context.Context) error { return broken },
	})
	require.NoError(t, err)

	w := get(t, h, "localhost:9080", "/metrics")
	require.Equal(t, http.StatusOK, w.Code)
	for _, name := range []string{"tea_total 0", "go_goroutines", "go_memstats"} {
		require.Contains(t, w.Body.String(), name)
	}

	var got struct {
		Process Process
		Chat    struct{ Cups int }
	}
	stats := func() {
		w := get(t, h, "chat.internal", "/stats")
		require.Equal(t, "application/json", w.Header().Get("Content-Type"))
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got))
	}
	stats()
	require.Equal(t, 3, got.Chat.Cups)
	require.True(t, got.Process.Ready)
	require.NotZero(t, got.Process.Goroutines)
	broken = errors.New("the kettle is empty")
	stats()
	require.False(t, got.Process.Ready)
	require.Equal(t, "the kettle is empty", got.Process.Why)
	require.Equal(t, http.StatusServiceUnavailable, get(t, h, "localhost", "/readyz").Code)
	require.Equal(t, http.StatusOK, get(t, h, "localhost", "/healthz").Code)

	page := get(t, h, "localhost", "/").Body.String()
	require.Contains(t, page, "&lt;kettle&gt;")
	require.Contains(t, page, "the kettle is empty")
	require.NotContains(t, page, "<script")
	require.Equal(t, http.StatusOK, get(t, h, "localhost", "/debug/pprof/").Code)
	require.Equal(t, http.StatusOK, get(t, h, "localhost", "/debug/pprof/goroutine?debug=1").Code)
	require.Equal(t, http.StatusNotFound, get(t, h, "localhost", "/debug/pprof/cmdline").Code, "arguments may hold passwords")

	for _, path := range []string{"/", "/metrics", "/stats", "/debug/pprof/"} {
		require.Equal(t, http.StatusMisdirectedRequest, get(t, h, "evil.example", path).Code, "a page elsewhere can make its name point here")
	}
}

func TestStart(t *testing.T) {
	stop, err := Start(t.Context(), "", nil, Config{Logger: quiet})
	require.NoError(t, err)
	stop()
	_, err = Start(t.Context(), "nonsense", nil, Config{Logger: quiet})
	require.ErrorContains(t, err, "nonsense for operators")
	_, err = Start(t.Context(), "127.0.0.1:0", []string{"*"}, Config{Logger: quiet})
	require.ErrorContains(t, err, "is not a host name")
	stop, err = Start(t.Context(), "127.0.0.1:0", nil, Config{Logger: quiet})
	require.NoError(t, err)
	stop() // and nothing of it is left, which TestMain checks
}
