package browser_test

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/transport/ws/browser"
)

func ExampleHandler() {
	mux := http.NewServeMux()
	mux.Handle("GET /js/gochat.js", browser.Handler())

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("GET", "/js/gochat.js", nil))
	fmt.Println(w.Code, w.Header().Get("Content-Type"))
	// Output: 200 text/javascript; charset=utf-8
}

func get(t *testing.T, method string, header map[string]string) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, "/js/gochat.js", nil)
	for k, v := range header {
		r.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	browser.Handler().ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	require.NoError(t, err)
	return string(b)
}

func TestHandlerServesTheModule(t *testing.T) {
	res := get(t, "GET", nil)
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.Equal(t, "text/javascript; charset=utf-8", res.Header.Get("Content-Type"))
	require.Equal(t, "no-cache", res.Header.Get("Cache-Control"))
	require.Equal(t, "nosniff", res.Header.Get("X-Content-Type-Options"))
	require.Equal(t, "Accept-Encoding", res.Header.Get("Vary"))
	require.Empty(t, res.Header.Get("Content-Encoding"))
	require.Equal(t, browser.Source(), body(t, res.Body))
	require.Contains(t, browser.Source(), "export class Client")
}

func TestHandlerCompresses(t *testing.T) {
	plain := get(t, "GET", nil)
	for _, accept := range []string{"gzip", "br, GZIP;q=0.8", "deflate, gzip"} {
		t.Run(accept, func(t *testing.T) {
			res := get(t, "GET", map[string]string{"Accept-Encoding": accept})
			require.Equal(t, "gzip", res.Header.Get("Content-Encoding"))
			require.Equal(t, "text/javascript; charset=utf-8", res.Header.Get("Content-Type"))
			require.NotEqual(t, plain.Header.Get("ETag"), res.Header.Get("ETag"), "strong tags differ by the bytes")
			packed := body(t, res.Body)
			require.Less(t, len(packed), len(browser.Source())/2)
			zr, err := gzip.NewReader(strings.NewReader(packed))
			require.NoError(t, err)
			require.Equal(t, browser.Source(), body(t, zr))
		})
	}
	for _, accept := range []string{"", "br", "gzip;q=0", "gzip; q=0.0", "x-gzip-not"} {
		t.Run("not "+accept, func(t *testing.T) {
			res := get(t, "GET", map[string]string{"Accept-Encoding": accept})
			require.Empty(t, res.Header.Get("Content-Encoding"))
			require.Equal(t, browser.Source(), body(t, res.Body))
		})
	}
}

func TestHandlerKnowsWhatTheBrowserHas(t *testing.T) {
	for _, accept := range []string{"", "gzip"} {
		first := get(t, "GET", map[string]string{"Accept-Encoding": accept})
		tag := first.Header.Get("ETag")
		require.Regexp(t, `^"[A-Za-z0-9_-]{43}(-gzip)?"$`, tag)
		again := get(t, "GET", map[string]string{"Accept-Encoding": accept, "If-None-Match": tag})
		require.Equal(t, http.StatusNotModified, again.StatusCode)
		require.Empty(t, body(t, again.Body))
		other := get(t, "GET", map[string]string{"Accept-Encoding": accept, "If-None-Match": `"older"`})
		require.Equal(t, http.StatusOK, other.StatusCode)
	}
}

func TestHandlerMethods(t *testing.T) {
	head := get(t, "HEAD", nil)
	require.Equal(t, http.StatusOK, head.StatusCode)
	require.Empty(t, body(t, head.Body))
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS"} {
		res := get(t, method, nil)
		require.Equal(t, http.StatusMethodNotAllowed, res.StatusCode, method)
		require.Equal(t, "GET, HEAD", res.Header.Get("Allow"))
	}
}

// The module has its own tests, which need node.
func TestModule(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), findNode(t), "--test", "gochat.test.mjs").CombinedOutput()
	require.NoError(t, err, string(out))
}
