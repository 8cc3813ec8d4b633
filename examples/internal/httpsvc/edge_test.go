package httpsvc_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/examples/internal/httpsvc"
)

func do(h http.Handler, method, target, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

type problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
	Field  string `json:"field"`
	Retry  int64  `json:"retry_after_ms"`
}

func problemOf(t *testing.T, w *httptest.ResponseRecorder) problem {
	t.Helper()
	var p problem
	require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &p))
	require.Equal(t, w.Code, p.Status)
	require.Equal(t, http.StatusText(w.Code), p.Title)
	return p
}

func TestBodies(t *testing.T) {
	const js = "application/json"
	for name, tc := range map[string]struct {
		body, media string
		status      int
		code, field string
	}{
		"good":                        {`{"text":"x"}`, js, 200, "", ""},
		"charset":                     {`{"text":"x"}`, "application/json; charset=UTF-8", 200, "", ""},
		"unknown member":              {`{"text":"x","y":[]}`, js, 200, "", ""},
		"1 invalid JSON":              {`{"text":`, js, 400, "bad_request", "text"},
		"1 not JSON":                  {`text=x`, js, 400, "bad_request", ""},
		"2 empty":                     {``, js, 400, "bad_request", ""},
		"3 array":                     {`[]`, js, 400, "bad_request", ""},
		"3 number":                    {`1`, js, 400, "bad_request", ""},
		"3 null":                      {`null`, js, 400, "bad_request", ""},
		"4 second value":              {`{} {}`, js, 400, "bad_request", ""},
		"5 duplicate":                 {`{"text":"a","text":"b"}`, js, 400, "bad_request", "text"},
		"6 wrong type":                {`{"text":1}`, js, 400, "bad_request", "text"},
		"6 null":                      {`{"text":null}`, js, 400, "bad_request", "text"},
		"6 number out of range":       {`{"n":1e99}`, js, 400, "bad_request", "n"},
		"7 bad UTF-8":                 {"{\"text\":\"\xff\"}", js, 400, "bad_request", ""},
		"8 just long enough":          {`{"text":"` + strings.Repeat("x", 64<<10-11) + `"}`, js, 200, "", ""},
		"8 too long":                  {`{"text":"` + strings.Repeat("x", 64<<10-10) + `"}`, js, 413, "too_large", ""},
		"9 no Content-Type":           {`{}`, "", 415, "unsupported_media_type", ""},
		"9 text/plain":                {`{}`, "text/plain", 415, "unsupported_media_type", ""},
		"9 form":                      {`{}`, "application/x-www-form-urlencoded", 415, "unsupported_media_type", ""},
		"9 multipart":                 {`{}`, "multipart/form-data; boundary=x", 415, "unsupported_media_type", ""},
		"9 JSON in another charset":   {`{}`, "application/json; charset=utf-16", 415, "unsupported_media_type", ""},
		"9 something that ends in it": {`{}`, "text/plain; application/json", 415, "unsupported_media_type", ""},
	} {
		t.Run(name, func(t *testing.T) {
			header := []string{"Accept", "text/html"} // 10
			if tc.media != "" {
				header = append(header, "Content-Type", tc.media)
			}
			w := do(echo(), "POST", "/echo", tc.body, header...)
			require.Equal(t, tc.status, w.Code, w.Body)
			if tc.code == "" {
				require.Equal(t, js, w.Header().Get("Content-Type"))
				return
			}
			p := problemOf(t, w)
			require.Equal(t, tc.code, p.Code)
			require.Equal(t, tc.field, p.Field)
			require.NotEmpty(t, p.Detail)
			require.NotContains(t, p.Detail, "Go")
		})
	}
	t.Run("11 compressed", func(t *testing.T) {
		w := do(echo(), "POST", "/echo", "\x1f\x8b", "Content-Type", js, "Content-Encoding", "gzip")
		require.Equal(t, 415, w.Code)
	})
	t.Run("9 two Content-Types", func(t *testing.T) {
		w := do(echo(), "POST", "/echo", "{}", "Content-Type", js, "Content-Type", "text/plain")
		require.Equal(t, 415, w.Code)
	})
}

func TestRoutes(t *testing.T) {
	for name, tc := range map[string]struct {
		method, target, code string
		status               int
		allow                string
	}{
		"12 unknown path":                  {"GET", "/nothing", "not_found", 404, ""},
		"12 root":                          {"GET", "/", "not_found", 404, ""},
		"13 wrong method":                  {"GET", "/echo", "method_not_allowed", 405, "POST"},
		"13 wrong method, GET route":       {"DELETE", "/big", "method_not_allowed", 405, "GET, HEAD"},
		"14 dots that lead nowhere":        {"GET", "/x/../y", "not_found", 404, ""},
		"15 escaped dots":                  {"GET", "/%2e%2e/big", "not_found", 404, ""},
		"15 NUL":                           {"GET", "/%00", "not_found", 404, ""},
		"15 escaped line break":            {"GET", "/big%0d%0aX:y", "not_found", 404, ""},
		"15 bad UTF-8":                     {"GET", "/%ff", "not_found", 404, ""},
		"unknown path with unknown method": {"BREW", "/nothing", "not_found", 404, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := do(echo(), tc.method, tc.target, "")
			require.Equal(t, tc.status, w.Code)
			require.Equal(t, tc.code, problemOf(t, w).Code)
			require.Equal(t, tc.allow, w.Header().Get("Allow"))
		})
	}
	t.Run("14 dots that lead somewhere", func(t *testing.T) {
		w := do(echo(), "GET", "/x/../big", "")
		require.Equal(t, 307, w.Code)
		require.Equal(t, "/big", w.Header().Get("Location"))
	})
}

func TestPathValuesArrive(t *testing.T) {
	m := httpsvc.NewMux(quiet)
	m.Func("GET /rooms/{id}", func(w http.ResponseWriter, r *http.Request) error {
		return httpsvc.WriteJSON(w, 200, r.PathValue("id"))
	})
	require.Equal(t, `"a"`, do(m, "GET", "/rooms/a", "").Body.String())
}

func TestErrorsOfHandlers(t *testing.T) {
	var log bytes.Buffer
	m := httpsvc.NewMux(slog.New(slog.NewTextHandler(&log, nil)))
	m.Func("GET /secret/{x}", func(http.ResponseWriter, *http.Request) error { return errors.New("disk sda1 is full") })
	m.Func("GET /busy", func(http.ResponseWriter, *http.Request) error { return httpsvc.Unavailable(1500 * time.Millisecond) })
	m.Func("GET /often", func(http.ResponseWriter, *http.Request) error { return httpsvc.RateLimited(time.Minute) })

	w := do(m, "GET", "/secret/hunter2?q=hunter2", "")
	require.Equal(t, 500, w.Code)
	require.Equal(t, problem{Title: "Internal Server Error", Status: 500, Code: "internal"}, problemOf(t, w))
	require.Contains(t, log.String(), "disk sda1 is full")
	require.NotContains(t, log.String(), "hunter2")

	w = do(m, "GET", "/busy", "")
	require.Equal(t, "2", w.Header().Get("Retry-After"))
	require.Equal(t, int64(1500), problemOf(t, w).Retry)
	w = do(m, "GET", "/often", "")
	require.Equal(t, 429, w.Code)
	require.Equal(t, "60", w.Header().Get("Retry-After"))
}

func TestHosts(t *testing.T) {
	h, err := httpsvc.Hosts([]string{"Chat.Example", "192.0.2.7", "2001:DB8::7"}, echo())
	require.NoError(t, err)
	for host, status := range map[string]int{
		"localhost": 404, "localhost:8080": 404, "LOCALHOST:1": 404, "127.0.0.1:8080": 404, "[::1]:80": 404, "[::1]": 404,
		"chat.example": 404, "chat.example.:443": 404, "192.0.2.7:80": 404, "[2001:db8::7]:80": 404,
		"": 421, "evil.test": 421, "evil.test:8080": 421, "chat.example.evil.test": 421, "xchat.example": 421,
		"localhost:x": 421, "evil@localhost": 421, "127.0.0.2": 421, "127.1": 421, "localhost evil": 421, "::1": 421,
	} {
		t.Run(host, func(t *testing.T) { // 17, 53
			r := httptest.NewRequest("GET", "/nothing", nil)
			r.Host = host
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			require.Equal(t, status, w.Code)
		})
	}
	for _, bad := range []string{"*", "*.example", "", "http://a", "a:80", "a b", "a/b", ".", "[::1]:80"} {
		_, err := httpsvc.Hosts([]string{bad}, echo())
		require.Error(t, err, bad)
	}
}

func TestHeaders(t *testing.T) {
	w := do(httpsvc.Headers(echo()), "GET", "/nothing", "")
	require.Equal(t, http.Header{
		"Content-Type":                 {"application/problem+json"},
		"X-Content-Type-Options":       {"nosniff"},
		"Referrer-Policy":              {"no-referrer"},
		"Cross-Origin-Opener-Policy":   {"same-origin"},
		"Cross-Origin-Resource-Policy": {"same-origin"},
		"Content-Security-Policy":      {"default-src 'none'; frame-ancestors 'none'"},
		"Cache-Control":                {"no-store"},
	}, w.Header())
	w = do(httpsvc.Headers(echo()), "GET", "https://localhost/nothing", "")
	require.NotEmpty(t, w.Header().Get("Strict-Transport-Security"))
}

func TestClientAddr(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for name, tc := range map[string]struct {
		peer    string
		forward []string
		trusted []netip.Prefix
		want    string
	}{
		"direct":                          {"192.0.2.1:1", nil, nil, "192.0.2.1"},
		"mapped":                          {"[::ffff:192.0.2.1]:1", nil, nil, "192.0.2.1"},
		"IPv6 with a zone":                {"[fe80::1%eth0]:1", nil, nil, "fe80::1"},
		"not an address":                  {"@", nil, nil, "invalid IP"},
		"a client that claims":            {"192.0.2.1:1", []string{"198.51.100.9"}, nil, "192.0.2.1"},
		"a client beside a proxy":         {"192.0.2.1:1", []string{"198.51.100.9"}, proxies, "192.0.2.1"},
		"through a proxy":                 {"10.0.0.1:1", []string{"198.51.100.9"}, proxies, "198.51.100.9"},
		"through a proxy, with a claim":   {"10.0.0.1:1", []string{"203.0.113.5, 198.51.100.9"}, proxies, "198.51.100.9"},
		"through two":                     {"10.0.0.1:1", []string{"203.0.113.5", "198.51.100.9, fd00::2"}, proxies, "198.51.100.9"},
		"a proxy itself":                  {"10.0.0.1:1", nil, proxies, "10.0.0.1"},
		"garbage from a proxy":            {"10.0.0.1:1", []string{"198.51.100.9, unknown"}, proxies, "10.0.0.1"},
		"an endless chain of the trusted": {"10.0.0.1:1", []string{"198.51.100.9," + strings.Repeat("10.0.0.2,", 5000) + "10.0.0.2"}, proxies, "10.0.0.2"},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			r.RemoteAddr = tc.peer
			r.Header["X-Forwarded-For"] = tc.forward
			require.Equal(t, tc.want, httpsvc.ClientAddr(r, tc.trusted).String())
		})
	}
}

func TestHealth(t *testing.T) {
	var err error
	m := httpsvc.NewMux(quiet)
	m.Health(func(ctx context.Context) error {
		_, bounded := ctx.Deadline()
		require.True(t, bounded)
		return err
	})
	require.Equal(t, `{"status":"ok"}`, do(m, "GET", "/readyz", "").Body.String())
	err = errors.New("database password is hunter2")
	w := do(m, "GET", "/readyz", "")
	require.Equal(t, 503, w.Code)
	require.NotContains(t, w.Body.String(), "hunter2")
	require.Equal(t, 200, do(m, "GET", "/healthz", "").Code)
}
