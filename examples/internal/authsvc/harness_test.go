package authsvc_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/carlware/gochat/examples/internal/authsvc"
	"github.com/carlware/gochat/internal/pgtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(pgtest.Main(m)) }

const (
	cookieName = "__Host-gochat_rt"
	password   = "correct horse battery"
)

// journal is what the service logs.
type journal struct {
	mu  sync.Mutex
	log bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.log.Write(b)
}

func (j *journal) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(j, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// service is a service under test with user ann, and what it logged.
type service struct {
	*authsvc.Service
	*journal
	t *testing.T
}

func start(t *testing.T, c authsvc.Config) *service {
	t.Helper()
	if c.Database == "" && onPostgres {
		c.Database = place(t)
	}
	j := &journal{}
	c.Logger = j.logger()
	s, err := authsvc.New(t.Context(), authsvc.Cheap(c))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return &service{s, j, t}
}

func startWithAnn(t *testing.T) *service {
	t.Helper()
	s := start(t, authsvc.Config{})
	s.AddUser("ann", password)
	return s
}

// do sends a request as a browser on the same origin would. header holds names
// and values in turn; a later one replaces an earlier one.
func (s *service) do(method, target, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Host = "localhost:8081"
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		switch {
		case header[i] == "Host":
			r.Host = header[i+1]
		case header[i+1] == "":
			r.Header.Del(header[i])
		default:
			r.Header.Set(header[i], header[i+1])
		}
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

type grant struct {
	AccessToken string       `json:"access_token"`
	TokenType   string       `json:"token_type"`
	ExpiresIn   int          `json:"expires_in"`
	User        authsvc.User `json:"user"`
	refresh     string       // the cookie that came with it
}

func granted(t *testing.T, w *httptest.ResponseRecorder) grant {
	t.Helper()
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	var g grant
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &g))
	if c := cookieOf(w); c != nil {
		g.refresh = c.Value
	}
	return g
}

// cookieOf returns the one cookie that the answer sets, or nil.
func cookieOf(w *httptest.ResponseRecorder) *http.Cookie {
	cookies := w.Result().Cookies()
	if len(cookies) == 0 {
		return nil
	}
	return cookies[0]
}

func credentials(name, password string) string {
	b, err := json.Marshal(map[string]string{"username": name, "password": password})
	if err != nil {
		panic(err)
	}
	return string(b)
}

func (s *service) login(name, password string) grant {
	s.t.Helper()
	return granted(s.t, s.do("POST", "/auth/login", credentials(name, password)))
}

func (s *service) refresh(cookie string) *httptest.ResponseRecorder {
	return s.do("POST", "/auth/refresh", "{}", "Cookie", cookieName+"="+cookie)
}

func (s *service) logout(cookie string) *httptest.ResponseRecorder {
	return s.do("POST", "/auth/logout", "{}", "Cookie", cookieName+"="+cookie)
}

func (s *service) profile(token string) *httptest.ResponseRecorder {
	return s.do("GET", "/auth/profile", "", "Authorization", "Bearer "+token)
}

type problem struct {
	Status int    `json:"status"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
	Field  string `json:"field"`
	Retry  int64  `json:"retry_after_ms"`
}

func problemOf(t *testing.T, w *httptest.ResponseRecorder) problem {
	t.Helper()
	require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"), w.Body)
	var p problem
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &p))
	require.Equal(t, w.Code, p.Status)
	return p
}

func get(t *testing.T, url string) int {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(url)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return resp.StatusCode
}

func decode(t *testing.T, s string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(s)
	require.NoError(t, err)
	return b
}
