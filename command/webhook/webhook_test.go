package webhook_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/carlware/gochat/command"
	"github.com/carlware/gochat/command/commandtest"
	"github.com/carlware/gochat/command/webhook"
	"github.com/carlware/gochat/internal/deptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "0123456789abcdef"

var quiet = slog.New(slog.DiscardHandler)

func TestImports(t *testing.T) {
	deptest.Only(t, "command/webhook", "command", "transport", "internal/text", "internal/strictjson")
}

// ask runs a line with a webhook that another program answers.
func ask(t *testing.T, o *webhook.Options, line string, answer http.HandlerFunc) commandtest.Result {
	t.Helper()
	server := httptest.NewServer(answer)
	defer server.Close()
	if o == nil {
		o = &webhook.Options{}
	}
	o.Logger = quiet
	w, err := webhook.New(server.URL+"/hook?token=1", secret, o)
	require.NoError(t, err)
	return commandtest.Run(t, w, line, &commandtest.Options{Logger: quiet})
}

func write(contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		fmt.Fprint(w, body)
	}
}

func TestAnswers(t *testing.T) {
	for name, c := range map[string]struct{ kind, body, want string }{
		"text":             {"application/json", `{"text":"Hi"}`, "caller: Hi\n"},
		"ephemeral":        {"application/json; charset=utf-8", `{"text":"Hi","response_type":"ephemeral"}`, "caller: Hi\n"},
		"in the room":      {"application/json", `{"text":"Hi\nall","response_type":"in_channel"}`, "room: Hi\nall\n"},
		"other members":    {"application/json", `{"text":"Hi","username":"x","attachments":[{"a":1}],"blocks":null}`, "caller: Hi\n"},
		"several":          {"application/json", `{"response_type":"in_channel","text":"a","extra_responses":[{"text":"b"},{"text":"c","response_type":"in_channel"}]}`, "room: a\ncaller: b\nroom: c\n"},
		"silence":          {"application/json", `{}`, "silence\n"},
		"nothing":          {"", "", "silence\n"},
		"plain":            {"text/plain", "Hi", "caller: Hi\n"},
		"error":            {"application/json", `{"text":"x","error":{"code":"usage","message":"No."}}`, "error usage: No.\n"},
		"error, odd code":  {"application/json", `{"error":{"code":"Not A Code","message":"No."}}`, "error bot_error: No.\n"},
		"HTML":             {"text/html", "<html>Sign in</html>", bad},
		"HTML as JSON":     {"application/json", "<html>Sign in</html>", bad},
		"JSON, two":        {"application/json", `{"text":"a"} {"text":"b"}`, bad},
		"JSON, array":      {"application/json", `["a"]`, bad},
		"JSON, wrong type": {"application/json", `{"text":5}`, bad},
		"JSON, twice":      {"application/json", `{"text":"a","text":"b"}`, bad},
		"JSON, deep":       {"application/json", strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5000), bad},
		"odd type":         {"application/json", `{"text":"a","response_type":"everywhere"}`, bad},
		"control":          {"application/json", `{"text":"a\u0007"}`, bad},
		"not UTF-8":        {"text/plain", "\xff", bad},
		"blank":            {"application/json", `{"text":"  "}`, bad},
		"too long":         {"application/json", `{"text":"` + strings.Repeat("a", 4001) + `"}`, bad},
		"too many":         {"application/json", `{"text":"a","extra_responses":[` + strings.Repeat(`{"text":"b"},`, 16) + `{"text":"c"}]}`, bad},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.want, ask(t, nil, "/go x", write(c.kind, c.body)).String())
		})
	}
}

const bad = "error bot_error: /go failed. The bot's log says why.\n"

func TestStatuses(t *testing.T) {
	for code, want := range map[int]string{
		204: "silence\n",
		301: bad, 307: bad, 308: bad, // not followed, see TestRedirects
		400: bad, 401: bad, 404: bad, 500: bad, 502: bad,
		429: "error overloaded: /go is busy. Try again in a moment.\n",
		503: "error overloaded: /go is busy. Try again in a moment.\n",
	} {
		require.Equal(t, want, ask(t, nil, "/go", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(code)
		}).String(), code)
	}
}

// An answer can't send the chat to another address.
func TestRedirects(t *testing.T) {
	var inside atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { inside.Add(1) }))
	defer other.Close()
	for _, code := range []int{301, 302, 303, 307, 308} {
		require.Equal(t, bad, ask(t, nil, "/go "+other.URL, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL, code)
		}).String())
	}
	require.Zero(t, inside.Load())
}

func TestLimits(t *testing.T) {
	huge := func(w http.ResponseWriter, _ *http.Request) { // 10 MB, if anybody reads them
		w.Header().Set("Content-Type", "text/plain")
		for range 160 {
			if _, err := io.WriteString(w, strings.Repeat("a", 64<<10)); err != nil {
				return
			}
		}
	}
	require.Equal(t, bad, ask(t, nil, "/go", huge).String())

	slow := func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		for range 1000 {
			fmt.Fprint(w, " ")
			w.(http.Flusher).Flush()
			select {
			case <-time.After(10 * time.Millisecond):
			case <-r.Context().Done():
				return
			}
		}
	}
	start := time.Now()
	require.Equal(t, "error timeout: /go did not answer in time.\n",
		ask(t, &webhook.Options{Timeout: 100 * time.Millisecond}, "/go", slow).String())
	require.Less(t, time.Since(start), 5*time.Second)

	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // else the server does not see the other side leave
		<-r.Context().Done()
	}))
	defer server.Close()
	w, err := webhook.New(server.URL, secret, &webhook.Options{Logger: quiet})
	require.NoError(t, err)
	r := commandtest.Run(t, w, "/go", &commandtest.Options{Timeout: 100 * time.Millisecond})
	require.Equal(t, command.CodeTimeout, r.Code(), "the call's own deadline")
}

func TestNobodyThere(t *testing.T) {
	server := httptest.NewServer(nil)
	server.Close()
	var log strings.Builder
	w, err := webhook.New(server.URL+"/hook?token=hidden", secret, &webhook.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	require.NoError(t, err)
	require.Equal(t, "error no_bot: No bot is there to answer /go now.\n", commandtest.Run(t, w, "/go", nil).String())
	require.Contains(t, log.String(), "refused")
	require.NotContains(t, log.String(), "hidden")
	r := ask(t, nil, "/go", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	require.Equal(t, command.CodeNoBot, r.Code())
}

func TestRequest(t *testing.T) {
	var got map[string]any
	r := ask(t, nil, "/Go <b> & ü", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		require.NoError(t, webhook.Verify(r.Header, secret, body, time.Now()))
		require.NoError(t, json.Unmarshal(body, &got))
		require.Equal(t, "/hook?token=1", r.URL.String())
		require.Equal(t, "application/json", r.Header.Get("Content-Type"))
	})
	require.Equal(t, "silence\n", r.String())
	require.InDelta(t, 10_000, got["timeout_ms"], 5000)
	delete(got, "timeout_ms")
	require.Equal(t, map[string]any{
		"v": 1.0, "id": "test-call", "attempt": 1.0, "bot": "", "command": "go", "text": "<b> & ü", "line": "/Go <b> & ü",
		"room": map[string]any{"id": "r-general", "name": "General", "kind": "public"},
		"user": map[string]any{"id": "u-ana", "name": "Ana", "role": "member"},
	}, got)
}

func TestNew(t *testing.T) {
	for _, bad := range []string{"", "host/path", "ftp://host/", "http://", "file:///etc/passwd", "http://u:hidden@host/", "http://h/#x", "http://h:x/", "http://[::1"} {
		_, err := webhook.New(bad, secret, nil)
		require.Error(t, err, bad)
		require.NotContains(t, err.Error(), "hidden")
	}
	_, err := webhook.New("http://host/", "short", nil)
	require.ErrorContains(t, err, "16 bytes")
	require.Panics(t, func() { webhook.NewHandler(command.HandlerFunc(nil), "short", nil) })
}

func newBot() *command.Bot {
	b := command.NewBot("teller", &command.BotOptions{Logger: quiet})
	command.HandleSpec(b, command.Spec{Name: "tell", Roles: []string{"owner", "member"}}, func(_ context.Context, c *command.Call, a struct {
		What string `cmd:"what,required" enum:"all|me|both|nothing|wrong|boom|late"`
	}) error {
		switch a.What {
		case "all":
			return c.Say("For all, from " + c.User.Name + " " + c.ID + ".")
		case "me":
			return c.Ephemeral("For me.")
		case "both":
			return errorsJoin(c.Ephemeral("one"), c.Say("two"), c.Ephemeral("three"))
		case "wrong":
			return &command.Error{Code: "own_code", Message: "It went wrong."}
		case "boom":
			panic("bang")
		}
		return nil
	})
	return b
}

func errorsJoin(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// A bot answers by HTTP as it does in the chat's own process.
func TestHandler(t *testing.T) {
	served := webhook.NewHandler(newBot(), secret, &webhook.HandlerOptions{Logger: quiet})
	for _, line := range []string{"all", "me", "both", "nothing", "wrong", "boom", "x", ""} {
		want := commandtest.Run(t, newBot(), "/tell "+line, &commandtest.Options{Logger: quiet})
		require.Equal(t, want.String(), ask(t, nil, "/tell "+line, served.ServeHTTP).String(), line)
	}
	require.Equal(t, command.CodeUnknownCommand, ask(t, nil, "/other", served.ServeHTTP).Code())
}

func TestServeRefuses(t *testing.T) {
	ran := 0
	served := webhook.NewHandler(command.HandlerFunc(func(context.Context, *command.Call) error { ran++; return nil }),
		secret, &webhook.HandlerOptions{Logger: quiet})
	good := `{"v":1,"id":"i","command":"go","line":"/go","timeout_ms":1000,"room":{"id":"r"},"user":{"id":"u"}}`
	now := time.Now()
	for name, c := range map[string]struct {
		method string
		body   string
		header map[string]string // after signing
		key    string
		at     time.Time
		code   int
	}{
		"good":           {code: 200},
		"a little late":  {at: now.Add(-4 * time.Minute), code: 200},
		"a little early": {at: now.Add(4 * time.Minute), code: 200},
		"late":           {at: now.Add(-6 * time.Minute), code: 401},
		"early":          {at: now.Add(6 * time.Minute), code: 401},
		"other secret":   {key: "another-secret-of-theirs", code: 401},
		"no signature":   {header: map[string]string{webhook.HeaderSignature: ""}, code: 401},
		"half":           {header: map[string]string{webhook.HeaderSignature: "v1="}, code: 401},
		"new time":       {header: map[string]string{webhook.HeaderTimestamp: fmt.Sprint(now.Unix() + 1)}, code: 401},
		"no time":        {header: map[string]string{webhook.HeaderTimestamp: ""}, code: 401},
		"GET":            {method: "GET", code: 405},
		"form":           {header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, code: 415},
		"packed":         {header: map[string]string{"Content-Encoding": "gzip"}, code: 415},
		"huge":           {body: strings.Repeat(" ", 1<<20), code: 413},
		"no JSON":        {body: "hello", code: 400},
		"array":          {body: "[]", code: 400},
		"empty":          {body: " ", code: 400},
		"no user":        {body: strings.Replace(good, `"u"`, `""`, 1), code: 400},
		"no id":          {body: strings.Replace(good, `"i"`, `""`, 1), code: 400},
		"other version":  {body: strings.Replace(good, `:1,`, `:2,`, 1), code: 400},
		"negative time":  {body: strings.Replace(good, `1000`, `-1`, 1), code: 200},
		"time for ever":  {body: strings.Replace(good, `1000`, `9223372036854775807`, 1), code: 200},
	} {
		t.Run(name, func(t *testing.T) {
			ran = 0
			body, method, key, at := c.body, c.method, c.key, c.at
			if body == "" {
				body = good
			}
			if method == "" {
				method = "POST"
			}
			if key == "" {
				key = secret
			}
			if at.IsZero() {
				at = now
			}
			r := httptest.NewRequest(method, "/", strings.NewReader(body))
			r.Header.Set("Content-Type", "application/json")
			webhook.Sign(r.Header, key, []byte(body), at)
			for k, v := range c.header {
				r.Header.Set(k, v)
			}
			w := httptest.NewRecorder()
			served.ServeHTTP(w, r)
			require.Equal(t, c.code, w.Code)
			if c.code != 200 {
				require.Zero(t, ran)
				require.Equal(t, http.StatusText(c.code)+"\n", w.Body.String())
			}
		})
	}
}

func FuzzAnswer(f *testing.F) {
	for _, s := range []string{`{"text":"a"}`, `{"text":"a","response_type":"in_channel","extra_responses":[{"text":"b"}]}`, `{"error":{"code":"c","message":"m"}}`, "", "x", `{"error":null}`} {
		f.Add("application/json", s)
		f.Add("text/plain", s)
	}
	f.Fuzz(func(t *testing.T, kind, body string) {
		w, err := webhook.New("http://host/", secret, &webhook.Options{Logger: quiet, Transport: roundTrip(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {kind}}, Body: io.NopCloser(strings.NewReader(body))}, nil
		})})
		require.NoError(t, err)
		r := commandtest.Run(t, w, "/go", &commandtest.Options{Logger: quiet, Timeout: time.Minute})
		if r.Err != nil {
			require.NotEmpty(t, r.Err.Code)
			require.Empty(t, r.Parts)
		}
	})
}

// Whoever has the secret can still send nothing that does harm.
func FuzzRequest(f *testing.F) {
	for _, s := range []string{`{"v":1,"id":"i","command":"tell","text":"all","line":"/tell all","timeout_ms":1000,"room":{"id":"r"},"user":{"id":"u","role":"owner"}}`, "", "{}", `{"v":1,"timeout_ms":1e3}`} {
		f.Add([]byte(s))
	}
	served := webhook.NewHandler(newBot(), secret, &webhook.HandlerOptions{Logger: quiet})
	f.Fuzz(func(t *testing.T, body []byte) {
		r := httptest.NewRequest("POST", "/", strings.NewReader(string(body)))
		r.Header.Set("Content-Type", "application/json")
		webhook.Sign(r.Header, secret, body, time.Now())
		w := httptest.NewRecorder()
		served.ServeHTTP(w, r)
		if w.Code == 200 {
			require.True(t, json.Valid(w.Body.Bytes()))
		} else {
			require.Contains(t, []int{400, 413}, w.Code)
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
