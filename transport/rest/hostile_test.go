package rest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/command"
	"github.com/carlware/gochat/transport/rest"
)

// The numbers are those of the catalogue of hostile inputs.
func TestHostileRequests(t *testing.T) {
	a := newAPI(t, newNode(t))
	room := string(a.do("ann", "POST", "/rooms", `{"name":"secret","kind":"private"}`, 201).room(t).ID)
	a.do("bob", "GET", "/session", "", 200)
	direct := string(a.do("ann", "POST", "/rooms", `{"kind":"direct","user":"bob"}`, 200).room(t).ID)
	seq := num(a.do("ann", "POST", "/rooms/"+room+"/messages", `{"text":"x"}`, 201).Event.Seq)
	messages := "/rooms/" + room + "/messages"

	tests := map[string]struct {
		method, path, body string
		user               string // ann
		header             map[string]string
		status             int
		code, field        string
	}{
		"1 invalid JSON":             {"POST", messages, `{"text":`, "", nil, 400, "bad_request", "text"},
		"2 empty body":               {"POST", messages, ``, "", nil, 400, "bad_request", ""},
		"3 array":                    {"POST", messages, `[]`, "", nil, 400, "bad_request", ""},
		"3 number":                   {"POST", messages, `1`, "", nil, 400, "bad_request", ""},
		"3 null":                     {"POST", messages, `null`, "", nil, 400, "bad_request", ""},
		"4 second value":             {"POST", messages, `{"text":"a"}{}`, "", nil, 400, "bad_request", ""},
		"5 duplicate key":            {"POST", messages, `{"text":"a","text":"b"}`, "", nil, 400, "bad_request", "text"},
		"5 other case":               {"POST", messages, `{"text":"a","TEXT":"b"}`, "", nil, 400, "bad_request", "TEXT"},
		"6 wrong type":               {"POST", messages, `{"text":1}`, "", nil, 400, "bad_request", "text"},
		"6 null text":                {"POST", messages, `{"text":null}`, "", nil, 400, "bad_request", "text"},
		"6 negative seq":             {"POST", messages, `{"text":"a","reply_to":-1}`, "", nil, 400, "bad_request", "reply_to"},
		"7 bad UTF-8":                {"POST", messages, "{\"text\":\"\xff\"}", "", nil, 400, "bad_request", ""},
		"8 too long":                 {"POST", messages, `{"text":"` + strings.Repeat("a", 64<<10) + `"}`, "", nil, 413, "too_long", ""},
		"9 text/plain":               {"POST", messages, `{"text":"a"}`, "", map[string]string{"Content-Type": "text/plain"}, 415, "bad_request", ""},
		"9 form":                     {"POST", messages, `{"text":"a"}`, "", map[string]string{"Content-Type": "multipart/form-data; boundary=x"}, 415, "bad_request", ""},
		"9 no type":                  {"POST", messages, `{"text":"a"}`, "", map[string]string{"Content-Type": ""}, 415, "bad_request", ""},
		"9 other charset":            {"POST", messages, `{"text":"a"}`, "", map[string]string{"Content-Type": "application/json; charset=utf-16"}, 415, "bad_request", ""},
		"10 wants HTML":              {"GET", "/session", ``, "", map[string]string{"Accept": "text/html"}, 200, "", ""},
		"11 gzip":                    {"POST", messages, `{"text":"a"}`, "", map[string]string{"Content-Encoding": "gzip"}, 415, "bad_request", ""},
		"12 unknown path":            {"GET", "/nothing", ``, "", nil, 404, "not_found", ""},
		"12 trailing slash":          {"GET", "/rooms/", ``, "", nil, 404, "not_found", ""},
		"12 root":                    {"GET", "/", ``, "", nil, 404, "not_found", ""},
		"13 wrong method":            {"PUT", "/rooms", ``, "", nil, 405, "bad_request", ""},
		"13 DELETE of a room":        {"DELETE", "/rooms/" + room, ``, "", nil, 405, "bad_request", ""},
		"14 dots":                    {"GET", "/rooms/../session", ``, "", nil, 404, "not_found", ""},
		"14 double slash":            {"GET", "//rooms", ``, "", nil, 404, "not_found", ""},
		"15 encoded dots":            {"GET", "/rooms/%2e%2e/messages", ``, "", nil, 404, "not_found", ""},
		"15 encoded slash":           {"GET", "/rooms/a%2Fb", ``, "", nil, 404, "not_found", ""},
		"15 NUL":                     {"GET", "/rooms/a%00b", ``, "", nil, 404, "not_found", ""},
		"15 bad UTF-8 in path":       {"GET", "/rooms/%ff", ``, "", nil, 404, "not_found", ""},
		"15 CR LF":                   {"GET", "/rooms/a%0d%0ab", ``, "", nil, 404, "not_found", ""},
		"15 too long id":             {"GET", "/rooms/" + strings.Repeat("a", 65), ``, "", nil, 404, "not_found", ""},
		"15 user with CR LF":         {"DELETE", "/rooms/" + room + "/members/a%0d%0ab", ``, "", nil, 404, "not_found", ""},
		"15 seq with sign":           {"DELETE", messages + "/+" + seq, ``, "", nil, 404, "not_found", ""},
		"15 seq with zero":           {"DELETE", messages + "/0" + seq, ``, "", nil, 404, "not_found", ""},
		"15 seq 0":                   {"DELETE", messages + "/0", ``, "", nil, 404, "not_found", ""},
		"15 seq 2^40":                {"DELETE", messages + "/1099511627776", ``, "", nil, 404, "not_found", ""},
		"25 no token":                {"GET", "/session", ``, "-", nil, 401, "unauthorized", ""},
		"47 edit of another's":       {"PATCH", messages + "/" + seq, `{"text":"b"}`, "bob", nil, 404, "not_found", ""},
		"48 foreign private history": {"GET", messages, ``, "bob", nil, 404, "not_found", ""},
		"48 foreign private room":    {"GET", "/rooms/" + room, ``, "bob", nil, 404, "not_found", ""},
		"48 foreign private members": {"GET", "/rooms/" + room + "/members", ``, "bob", nil, 404, "not_found", ""},
		"48 post to foreign room":    {"POST", messages, `{"text":"b"}`, "bob", nil, 404, "not_found", ""},
		"48 join private room":       {"POST", "/rooms/" + room + "/members", `{}`, "bob", nil, 404, "not_found", ""},
		"48 command in foreign room": {"POST", "/rooms/" + room + "/commands", `{"text":"/say x"}`, "bob", nil, 404, "not_found", ""},
		"49 foreign direct room":     {"GET", "/rooms/" + direct + "/messages", ``, "cy", nil, 404, "not_found", ""},
		"50 limit -1":                {"GET", messages + "?limit=-1", ``, "", nil, 400, "bad_request", "limit"},
		"50 limit 0":                 {"GET", messages + "?limit=0", ``, "", nil, 400, "bad_request", "limit"},
		"50 limit 1e9":               {"GET", messages + "?limit=1e9", ``, "", nil, 400, "bad_request", "limit"},
		"50 limit 201":               {"GET", messages + "?limit=201", ``, "", nil, 400, "bad_request", "limit"},
		"50 limit abc":               {"GET", "/rooms?limit=abc", ``, "", nil, 400, "bad_request", "limit"},
		"50 limit empty":             {"GET", "/rooms?limit=", ``, "", nil, 400, "bad_request", "limit"},
		"50 limit twice":             {"GET", "/rooms?limit=1&limit=2", ``, "", nil, 400, "bad_request", "limit"},
		"50 before 2^63":             {"GET", messages + "?before=9223372036854775808", ``, "", nil, 400, "bad_request", "before"},
		"50 before 0":                {"GET", messages + "?before=0", ``, "", nil, 400, "bad_request", "before"},
		"50 after with blank":        {"GET", messages + "?after=%201", ``, "", nil, 400, "bad_request", "after"},
		"50 both":                    {"GET", messages + "?after=1&before=3", ``, "", nil, 400, "bad_request", "after"},
		"50 around 0":                {"GET", messages + "?around=0", ``, "", nil, 400, "bad_request", "around"},
		"50 around and after":        {"GET", messages + "?around=2&after=1", ``, "", nil, 400, "bad_request", "around"},
		"commands of no room":        {"GET", "/commands?room=none", ``, "", nil, 404, "not_found", ""},
		"commands of no id":          {"GET", "/commands?room=..%2Fx", ``, "", nil, 400, "bad_request", "room"},
		"50 rooms after dots":        {"GET", "/rooms?after=../x", ``, "", nil, 400, "bad_request", "after"},
		"51 name taken":              {"POST", "/rooms", `{"name":"General"}`, "", nil, 409, "conflict", "name"},
		"no key":                     {"POST", messages, `{"text":"a"}`, "", map[string]string{"Idempotency-Key": ""}, 400, "bad_request", "id"},
		"short key":                  {"POST", messages, `{"text":"a"}`, "", map[string]string{"Idempotency-Key": "abc"}, 400, "bad_request", "id"},
		"two keys":                   {"POST", messages, `{"text":"a","id":"0123456789abcdef"}`, "", nil, 400, "bad_request", "id"},
		"empty text":                 {"POST", messages, `{"text":" \u200b "}`, "", nil, 422, "empty", "text"},
		"long text":                  {"POST", messages, `{"text":"` + strings.Repeat("é", 4001) + `"}`, "", nil, 422, "too_long", "text"},
		"unknown fields are ignored": {"POST", messages, `{"text":"a","user":{"id":"bob"},"seq":7}`, "", nil, 201, "", ""},
		"two changes at once":        {"PATCH", "/rooms/" + room, `{"name":"a","archived":true}`, "", nil, 400, "bad_request", ""},
		"no change":                  {"PATCH", "/rooms/" + room, `{}`, "", nil, 400, "bad_request", ""},
		"role and ban at once":       {"PATCH", "/rooms/" + room + "/members/bob", `{"role":"admin","banned":true}`, "", nil, 400, "bad_request", ""},
		"direct room with a name":    {"POST", "/rooms", `{"kind":"direct","user":"bob","name":"x"}`, "", nil, 400, "bad_request", "user"},
		"direct room with nobody":    {"POST", "/rooms", `{"kind":"direct"}`, "", nil, 400, "bad_request", "user"},
		"public room with a user":    {"POST", "/rooms", `{"name":"x","user":"bob"}`, "", nil, 400, "bad_request", "user"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, "/", strings.NewReader(tt.body))
			target, err := r.URL.Parse("http://example.com")
			require.NoError(t, err)
			path, query, _ := strings.Cut("/api"+tt.path, "?")
			target.RawPath, target.RawQuery = path, query
			target.Path = unescape(path)
			r.URL = target
			r.Header.Set("Content-Type", "application/json")
			if tt.method != http.MethodGet {
				r.Header.Set("Idempotency-Key", chat.NewID())
			}
			if tt.user == "" {
				tt.user = "ann"
			}
			if tt.user != "-" {
				r.Header.Set("Authorization", "Bearer "+tt.user)
			}
			for k, v := range tt.header {
				r.Header.Del(k)
				if v != "" {
					r.Header.Set(k, v)
				}
			}
			w := a.raw(r)
			require.Equal(t, tt.status, w.Code, w.Body)
			if tt.code == "" {
				require.Equal(t, "application/json", w.Header().Get("Content-Type"))
				return
			}
			checkProblem(t, w)
			var p reply
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &p))
			require.Equal(t, tt.code, p.Code)
			require.Equal(t, tt.field, p.Field)
			require.NotContains(t, p.Detail, "secret reason")
		})
	}
}

// 9: of two types nobody knows which one is meant.
func TestTwoContentTypes(t *testing.T) {
	a := newAPI(t, &stubHub{})
	r := httptest.NewRequest("POST", "/api/rooms", strings.NewReader(`{"name":"x"}`))
	r.Header["Content-Type"] = []string{"application/json", "text/plain"}
	r.Header.Set("Idempotency-Key", chat.NewID())
	r.Header.Set("Authorization", "Bearer ann")
	require.Equal(t, http.StatusUnsupportedMediaType, a.raw(r).Code)
}

// checkProblem holds an answer to RFC 9457.
func checkProblem(t *testing.T, w *httptest.ResponseRecorder) {
	t.Helper()
	require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
	var p struct {
		Title  string
		Status int
		Code   string
		Detail string
	}
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &p))
	require.Equal(t, w.Code, p.Status)
	require.Equal(t, http.StatusText(w.Code), p.Title)
	require.NotEmpty(t, p.Code)
	require.NotEmpty(t, p.Detail)
	switch w.Code {
	case 401:
		require.Equal(t, "Bearer", w.Header().Get("WWW-Authenticate"))
	case 405:
		require.NotEmpty(t, w.Header().Get("Allow"))
	case 413:
		require.Equal(t, "close", w.Header().Get("Connection"))
	case 429, 503:
		require.NotEmpty(t, w.Header().Get("Retry-After"))
	}
}

func unescape(path string) string {
	r, err := http.NewRequest("GET", "http://example.com"+path, nil)
	if err != nil {
		return path
	}
	return r.URL.Path
}

func TestAllowNamesTheMethods(t *testing.T) {
	a := newAPI(t, &stubHub{})
	for path, want := range map[string]string{
		"/rooms":               "GET, POST, HEAD",
		"/rooms/r1":            "GET, PATCH, HEAD",
		"/rooms/r1/messages/1": "DELETE, PATCH",
		"/rooms/r1/commands":   "POST",
		"/rooms/r1/members/u1": "DELETE, PATCH",
		"/commands":            "GET, HEAD",
	} {
		r := httptest.NewRequest(http.MethodOptions, "/api"+path, nil)
		require.Equal(t, want, a.raw(r).Header().Get("Allow"), path)
	}
}

// 8: a body of unknown length is cut as well.
func TestChunkedBodyIsCut(t *testing.T) {
	a := newAPI(t, &stubHub{})
	body := io.MultiReader(strings.NewReader(`{"text":"`), strings.NewReader(strings.Repeat("a", 1<<20)))
	r := httptest.NewRequest(http.MethodPost, "/api/rooms/r1/messages", body)
	r.ContentLength = -1
	r.Header.Set("Authorization", "Bearer ann")
	r.Header.Set("Content-Type", "application/json")
	w := a.raw(r)
	require.Equal(t, http.StatusRequestEntityTooLarge, w.Code)
	checkProblem(t, w)
}

// 14 and 16, where net/http answers: the API under a prefix of a ServeMux.
func TestUnderServeMux(t *testing.T) {
	a := newAPI(t, &stubHub{})
	mux := http.NewServeMux()
	mux.Handle("/api/", a)
	server := httptest.NewServer(mux)
	defer server.Close()
	client := server.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	defer client.CloseIdleConnections()

	for path, want := range map[string]int{
		"/api/rooms/../session": http.StatusTemporaryRedirect,
		"/api//rooms":           http.StatusTemporaryRedirect,
		"/api/session":          http.StatusUnauthorized,
		"/api":                  http.StatusTemporaryRedirect, // to /api/, which is nothing
	} {
		r, err := http.NewRequest(http.MethodGet, server.URL, nil)
		require.NoError(t, err)
		r.URL.Opaque = path
		resp, err := client.Do(r)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, want, resp.StatusCode, path)
	}
}

// stubHub knows nobody and fails with err.
type stubHub struct {
	chat.Hub
	err error
}

func (s *stubHub) Admit(context.Context, chat.Principal) error { return nil }

func (s *stubHub) Room(context.Context, chat.UserID, chat.RoomID) (chat.Room, error) {
	if s.err == nil {
		return nil, chat.ErrNotFound
	}
	return nil, s.err
}
func (s *stubHub) Rooms(context.Context, chat.UserID, chat.RoomID, int) ([]chat.RoomInfo, error) {
	return nil, s.err
}
func (s *stubHub) Commands(context.Context, chat.UserID, chat.RoomID) ([]command.Spec, error) {
	return nil, s.err
}
func (s *stubHub) CreateRoom(context.Context, chat.UserID, chat.NewRoom) (chat.Room, error) {
	return nil, chat.ErrConflict
}
func (s *stubHub) Direct(context.Context, chat.UserID, chat.UserID, string) (chat.Room, error) {
	return nil, chat.ErrNotFound
}
func (s *stubHub) Limits() chat.Limits { return chat.Limits{} }

func TestErrorsBecomeStatuses(t *testing.T) {
	for err, want := range map[error]int{
		chat.ErrNotFound:            404,
		chat.ErrForbidden:           403,
		chat.ErrConflict:            409,
		chat.ErrIDReused:            422,
		chat.ErrOutcomeUnknown:      503,
		chat.ErrUnavailable:         503,
		chat.ErrBusy:                503,
		chat.ErrClosed:              503,
		chat.ErrExpired:             401,
		chat.ErrRevoked:             401,
		errors.New("secret reason"): 500,
	} {
		var logged bytes.Buffer
		h := rest.NewHandler(&stubHub{err: fmt.Errorf("layer: %w", err)}, byName, &rest.Options{Logger: slog.New(slog.NewTextHandler(&logged, nil))})
		r := httptest.NewRequest(http.MethodGet, "/rooms/r1", nil)
		r.Header.Set("Authorization", "Bearer ann")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		require.Equal(t, want, w.Code, err)
		checkProblem(t, w)
		require.NotContains(t, w.Body.String(), "secret reason")
		require.Equal(t, want == 500, strings.Contains(logged.String(), "secret reason"), "only our own faults are logged")
	}
}

func TestAuthenticatorThatCannotTell(t *testing.T) {
	h := rest.NewHandler(&stubHub{}, func(*http.Request) (chat.Principal, error) {
		return chat.Principal{}, fmt.Errorf("keys: %w", chat.ErrUnavailable)
	}, nil)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/session", nil))
	require.Equal(t, http.StatusServiceUnavailable, w.Code)
}

// 51: whoever asks too often is told when to come back.
func TestTooOften(t *testing.T) {
	a := newAPI(t, &stubHub{err: &chat.RateError{RetryAfter: 5001 * time.Millisecond}})
	r := httptest.NewRequest(http.MethodGet, "/api/rooms", nil)
	r.Header.Set("Authorization", "Bearer ann")
	w := a.raw(r)
	require.Equal(t, http.StatusTooManyRequests, w.Code)
	checkProblem(t, w)
	require.Equal(t, "6", w.Header().Get("Retry-After"), "in whole seconds, and not too early")
	require.Contains(t, w.Body.String(), `"retry_after_ms":5001`)
}

func FuzzRequest(f *testing.F) {
	f.Add("GET", "/rooms/r1/messages", "limit=1&before=9", "", "")
	f.Add("POST", "/rooms/r1/messages", "", `"0123456789abcdef"`, `{"text":"a","reply_to":1,"data":{"a":[1]}}`)
	f.Add("POST", "/rooms", "", "0123456789abcdef", `{"name":"a","members":["b"],"kind":"direct","user":"x"}`)
	f.Add("DELETE", "/rooms/r1/members/a%2Fb", "", "x", ``)
	f.Add("PATCH", "/rooms/r1/members/b", "", "x", `{"banned":true}`)
	f.Add("POST", "/rooms/r1/commands", "", "x", `{"text":"/x"}`)
	h := rest.NewHandler(&stubHub{}, byName, nil)
	f.Fuzz(func(t *testing.T, method, path, query, key, body string) {
		r := httptest.NewRequest("GET", "/", strings.NewReader(body))
		r.Method = method
		r.URL.Path, r.URL.RawQuery = path, query
		r.Header = http.Header{"Authorization": {"Bearer ann"}, "Content-Type": {"application/json"}, "Idempotency-Key": {key}}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code == http.StatusInternalServerError || w.Code >= 300 && w.Code < 400 {
			t.Fatalf("status %d", w.Code)
		}
		if !json.Valid(w.Body.Bytes()) {
			t.Fatalf("body %q", w.Body)
		}
	})
}
