package web_test

import (
	"compress/gzip"
	"crypto/tls"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/examples/internal/web"
	"github.com/carlware/gochat/transport/ws/browser"
)

// page is the handler as most programs have it.
var page = web.Handler(nil)

func do(t *testing.T, h http.Handler, method, path string, header map[string]string) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	for k, v := range header {
		r.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func text(t *testing.T, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	require.NoError(t, err)
	return string(b)
}

// modules returns the paths of the page's modules, from the source tree.
func modules(t *testing.T) []string {
	t.Helper()
	paths := []string{"/js/gochat.js"}
	err := filepath.WalkDir("static/js", func(name string, d fs.DirEntry, err error) error {
		if strings.HasSuffix(name, ".js") {
			paths = append(paths, strings.TrimPrefix(filepath.ToSlash(name), "static"))
		}
		return err
	})
	require.NoError(t, err)
	return paths
}

func TestServesThePage(t *testing.T) {
	types := map[string]string{
		"/":            "text/html; charset=utf-8",
		"/app.css":     "text/css; charset=utf-8",
		"/favicon.svg": "image/svg+xml",
	}
	for _, m := range modules(t) {
		types[m] = "text/javascript; charset=utf-8"
	}
	for path, want := range types {
		t.Run(path, func(t *testing.T) {
			res := do(t, page, "GET", path, nil)
			require.Equal(t, http.StatusOK, res.StatusCode)
			require.Equal(t, want, res.Header.Get("Content-Type"))
			require.Equal(t, "no-cache", res.Header.Get("Cache-Control"))
			require.Contains(t, res.Header.Values("Vary"), "Accept-Encoding")
			plain := text(t, res.Body)
			require.NotEmpty(t, plain)

			tag := res.Header.Get("ETag")
			again := do(t, page, "GET", path, map[string]string{"If-None-Match": tag})
			require.Equal(t, http.StatusNotModified, again.StatusCode)
			require.Empty(t, text(t, again.Body))

			head := do(t, page, "HEAD", path, nil)
			require.Equal(t, http.StatusOK, head.StatusCode)
			require.Empty(t, text(t, head.Body))

			packed := do(t, page, "GET", path, map[string]string{"Accept-Encoding": "br, gzip"})
			require.Equal(t, "gzip", packed.Header.Get("Content-Encoding"))
			require.NotEqual(t, tag, packed.Header.Get("ETag"))
			zr, err := gzip.NewReader(packed.Body)
			require.NoError(t, err)
			require.Equal(t, plain, text(t, zr))

			refused := do(t, page, "GET", path, map[string]string{"Accept-Encoding": "gzip;q=0, br"})
			require.Empty(t, refused.Header.Get("Content-Encoding"))
		})
	}
	require.Equal(t, browser.Source(), text(t, do(t, page, "GET", "/js/gochat.js", nil).Body))
}

func TestServesNothingElse(t *testing.T) {
	for _, path := range []string{
		"/index.html", "/js/", "/js", "/js/ui/", "/static/index.html", "/web.go", "/js/store.test.mjs", "/js/nope.js", "/robots.txt",
		"/%2e%2e/web.go", "/js/%2e%2e%2fapp.css", "/app.css/", "/app.css%00", "/APP.CSS", "/r/x",
	} {
		t.Run(path, func(t *testing.T) {
			res := do(t, page, "GET", path, nil)
			require.Equal(t, http.StatusNotFound, res.StatusCode)
			require.Contains(t, res.Header.Get("Content-Security-Policy"), "default-src 'none'", "errors are protected too")
		})
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "PATCH"} {
		for _, path := range []string{"/", "/app.css", "/js/main.js", "/js/gochat.js"} {
			res := do(t, page, method, path, nil)
			require.Equal(t, http.StatusMethodNotAllowed, res.StatusCode, method+" "+path)
			require.Equal(t, "GET, HEAD", res.Header.Get("Allow"))
		}
	}
}

func TestHeaders(t *testing.T) {
	h := do(t, page, "GET", "/", nil).Header
	require.Equal(t, "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "+
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; manifest-src 'self'; "+
		"require-trusted-types-for 'script'; trusted-types 'none'", h.Get("Content-Security-Policy"))
	require.Equal(t, "nosniff", h.Get("X-Content-Type-Options"))
	require.Equal(t, "no-referrer", h.Get("Referrer-Policy"))
	require.Equal(t, "same-origin", h.Get("Cross-Origin-Opener-Policy"))
	require.Equal(t, "same-origin", h.Get("Cross-Origin-Resource-Policy"))
	require.Contains(t, h.Get("Permissions-Policy"), "camera=(), ")
	require.Empty(t, h.Get("Strict-Transport-Security"), "browsers ignore it over plain HTTP, and it would be a lie")

	for _, path := range []string{"/app.css", "/js/main.js"} {
		h := do(t, page, "GET", path, nil).Header
		require.Equal(t, "nosniff", h.Get("X-Content-Type-Options"))
		require.Equal(t, "same-origin", h.Get("Cross-Origin-Resource-Policy"))
		size := 0
		for name, values := range h {
			size += len(name) + len(values[0]) + 4
		}
		require.Less(t, size, 400, "there are forty of them")
	}
	require.NotEmpty(t, do(t, page, "GET", "/favicon.svg", nil).Header.Get("Content-Security-Policy"), "a picture can be opened as a document")

	r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
	r.TLS = &tls.ConnectionState{}
	w := httptest.NewRecorder()
	page.ServeHTTP(w, r)
	require.Equal(t, "max-age=31536000", w.Header().Get("Strict-Transport-Security"))
}

// Under the policy an inline script or style does not run; then it should not
// be there.
func TestNothingInline(t *testing.T) {
	document := text(t, do(t, page, "GET", "/", nil).Body)
	require.NotRegexp(t, `(?i)<style|\sstyle=|\son[a-z]+=|javascript:`, document)
	for _, tag := range regexp.MustCompile(`<script[^>]*>`).FindAllString(document, -1) {
		require.Contains(t, tag, `type="module"`)
		require.Regexp(t, `src="/js/[a-z/]+\.js"`, tag)
	}
	require.Contains(t, document, "<title>gochat</title>")
	require.NotContains(t, document, "{{")
	for _, m := range modules(t) {
		require.Contains(t, document, `<link rel="modulepreload" href="`+m+`">`)
		source := text(t, do(t, page, "GET", m, nil).Body)
		require.NotRegexp(t, `\.(inner|outer)HTML\b|insertAdjacentHTML|document\.write|\beval\(|new Function|createContextualFragment|\.srcdoc`, source, m)
		require.NotRegexp(t, `(from|import)\s*\(?["'](https?:|//)`, source, "nothing from elsewhere: "+m)
		require.Contains(t, source, "// @ts-check", m)
	}
}

// With headers, all of it has to come within 120 KB; e2e counts on the wire.
func TestIsSmall(t *testing.T) {
	size := 0
	for _, path := range append(modules(t), "/", "/app.css", "/favicon.svg") {
		packed := do(t, page, "GET", path, map[string]string{"Accept-Encoding": "gzip"})
		size += len(text(t, packed.Body))
	}
	t.Logf("%d bytes compressed", size)
	require.Less(t, size, 108<<10)
}

// Every module that is imported is served, and every one that is served is
// imported.
func TestImportsAreWhole(t *testing.T) {
	imported := map[string]bool{"/js/main.js": true}
	pattern := regexp.MustCompile(`(?m)^(?:import|export)[^"]*from "([^"]+)"`)
	for _, m := range modules(t) {
		for _, found := range pattern.FindAllStringSubmatch(text(t, do(t, page, "GET", m, nil).Body), -1) {
			target := filepath.ToSlash(filepath.Join(filepath.Dir(m), found[1]))
			imported[target] = true
			require.Equal(t, http.StatusOK, do(t, page, "GET", target, nil).StatusCode, m+" imports "+found[1])
		}
	}
	for _, m := range modules(t) {
		require.True(t, imported[m], m+" is used by nobody")
	}
}

func TestOtherOrigins(t *testing.T) {
	h := web.Handler(&web.Options{AuthOrigin: "https://Auth.example/", ChatOrigin: "http://127.0.0.1:8081"})
	res := do(t, h, "GET", "/", nil)
	require.Contains(t, res.Header.Get("Content-Security-Policy"),
		"connect-src 'self' https://auth.example http://127.0.0.1:8081 ws://127.0.0.1:8081; ")
	document := text(t, res.Body)
	require.Contains(t, document, `<meta name="gochat-auth" content="https://auth.example">`)
	require.Contains(t, document, `<meta name="gochat-chat" content="http://127.0.0.1:8081">`)

	for _, bad := range []string{
		"auth.example", "ftp://auth.example", "https://", "https://auth.example/path", "https://a.example; script-src *", "https://u:p@a.example",
		"https://*.example", "https://a.example?x", `https://a"b.example`, "javascript:alert(1)",
	} {
		require.Panics(t, func() { web.Handler(&web.Options{AuthOrigin: bad}) }, bad)
	}
}

// The modules that don't touch the document have their own tests, which need
// node.
func TestModules(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("node is needed where CI is set")
		}
		t.Skip("no node on this machine; CI has one")
	}
	tests, err := filepath.Glob("static/js/*.test.mjs")
	require.NoError(t, err)
	require.NotEmpty(t, tests)
	out, err := exec.CommandContext(t.Context(), node, append([]string{"--test"}, tests...)...).CombinedOutput()
	require.NoError(t, err, string(out))
}
