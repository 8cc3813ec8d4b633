package metrics_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/chat/sqlite"
	"github.com/carlware/gochat/command"
	"github.com/carlware/gochat/internal/deptest"
	"github.com/carlware/gochat/metrics"
	"github.com/carlware/gochat/transport/memory"
	"github.com/carlware/gochat/transport/rabbitmq"
	"github.com/carlware/gochat/transport/ws"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = slog.New(slog.DiscardHandler)

// scrape returns what Prometheus is told: values by name and labels.
func scrape(t *testing.T, all ...prometheus.Collector) (text string, values map[string]string) {
	t.Helper()
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(all...)
	w := httptest.NewRecorder()
	promhttp.HandlerFor(reg, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	values = map[string]string{}
	for line := range strings.Lines(w.Body.String()) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && name != "#" {
			values[name] = value
		}
	}
	return w.Body.String(), values
}

func principal(name string) chat.Principal {
	return chat.Principal{User: chat.User{ID: chat.UserID(name), Name: name}}
}

func TestWhatPrometheusIsTold(t *testing.T) {
	broker := memory.New(&memory.Options{Logger: quiet})
	defer broker.Close()
	store, err := sqlite.Open(t.Context(), t.TempDir()+"/chat.db", nil)
	require.NoError(t, err)
	defer store.Close()
	clock := command.NewBot("clock", &command.BotOptions{Logger: quiet})
	command.Handle(clock, "time", "", func(_ context.Context, c *command.Call, _ struct{}) error { return c.Say("12") })
	events := metrics.NewEvents()
	node, err := chat.New(&chat.Options{Store: store, Broker: broker, Commands: clock, Trace: events.Trace(), Logger: quiet})
	require.NoError(t, err)
	sockets := ws.NewHandler(node, func(r *http.Request) (chat.Principal, error) { return principal("zelda"), nil }, &ws.Options{Logger: quiet})
	defer node.Shutdown(context.Background())
	defer sockets.Shutdown(context.Background())
	server := httptest.NewServer(sockets)
	defer server.Close()

	client, err := ws.Dial(t.Context(), "ws"+strings.TrimPrefix(server.URL, "http"), &ws.DialOptions{Logger: quiet})
	require.NoError(t, err)
	defer client.Close()
	room, err := client.CreateRoom(t.Context(), chat.NewRoom{ID: chat.NewID(), Name: "Tea"})
	require.NoError(t, err)
	message := chat.Draft{ID: chat.NewID(), Text: "hello"}
	for range 2 {
		h, err := node.Room(t.Context(), "zelda", room.ID)
		require.NoError(t, err)
		_, err = h.Post(t.Context(), "zelda", message)
		require.NoError(t, err)
		_, err = h.Post(t.Context(), "zelda", chat.Draft{ID: chat.NewID()})
		require.Error(t, err)
	}
	_, err = client.Command(t.Context(), room.ID, chat.CommandLine{ID: chat.NewID(), Text: "/time"})
	require.NoError(t, err)

	var text string
	var got map[string]string
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		text, got = scrape(t, events, metrics.Node(node), metrics.Sockets(sockets), metrics.Broker(broker))
		for name, want := range map[string]string{
			`gochat_write_duration_seconds_count{kind="created"}`:                         "1",
			`gochat_write_duration_seconds_count{kind="message"}`:                         "2",
			`gochat_duplicates_total{kind="message"}`:                                     "1",
			`gochat_refused_total{code="empty"}`:                                          "2",
			`gochat_commands_ended_total{command="time",status="done"}`:                   "1",
			`gochat_command_duration_seconds_count{command="time",status="done"}`:         "1",
			`gochat_command_duration_seconds_bucket{command="time",status="done",le="5"}`: "1",
			`gochat_sessions_started_total`:                                               "1",
			`gochat_sessions`:                                                             "1",
			`gochat_rooms`:                                                                "1",
			`gochat_calls`:                                                                "0",
			`gochat_bot_instances{bot="clock"}`:                                           "1",
			`gochat_sockets{state="open"}`:                                                "1",
			`gochat_sockets{state="connecting"}`:                                          "0",
			`gochat_broker_state{state="up"}`:                                             "1",
			`gochat_broker_state{state="down"}`:                                           "0",
			`gochat_broker_connections_total`:                                             "1",
			`gochat_events_delivered_total`:                                               "3",
			`gochat_deliveries_total`:                                                     "3",
			`gochat_sweep_failures_total`:                                                 "0",
		} {
			if got[name] != want {
				c.Errorf("%s is %q, want %s", name, got[name], want)
			}
		}
	}, 30*time.Second, 10*time.Millisecond)
	require.NotEqual(t, "0", got["gochat_store_writes_total"])
	require.NotEqual(t, "0", got["gochat_store_bytes"])
	require.False(t, strings.Contains(text, "zelda") || strings.Contains(text, string(room.ID)), "no label has a user or a room")

	require.NoError(t, client.Close())
	require.Eventually(t, func() bool {
		_, got := scrape(t, events, metrics.Node(node))
		return got["gochat_sessions"] == "0" && got[`gochat_sessions_ended_total{reason="closed"}`] == "1"
	}, 30*time.Second, 10*time.Millisecond)
}

func TestBrokerThatIsAway(t *testing.T) {
	b, err := rabbitmq.Open("amqp://127.0.0.1:1/", &rabbitmq.Options{Logger: quiet})
	require.NoError(t, err)
	defer b.Close()
	_, got := scrape(t, metrics.Broker(b))
	require.Equal(t, "1", got[`gochat_broker_state{state="down"}`])
	require.Equal(t, "0", got[`gochat_broker_state{state="up"}`])
	require.Equal(t, "0", got["gochat_broker_garbage_total"])
}

// What others name does not fill the memory of Prometheus.
func TestLabelsAreBounded(t *testing.T) {
	events := metrics.NewEvents()
	trace := events.Trace()
	for i := range 1000 {
		trace.Ended(fmt.Sprint("c", i), chat.CallDone)
		trace.Answered(fmt.Sprint("c", i), chat.CallDone, time.Second)
		trace.LateReply(fmt.Sprint("b", i))
		trace.Refused(&command.Error{Code: fmt.Sprint("e", i)})
		trace.Disconnected(errors.New("something"))
	}
	_, got := scrape(t, events)
	require.Equal(t, "900", got[`gochat_commands_ended_total{command="other",status="done"}`])
	require.Equal(t, "900", got[`gochat_late_replies_total{bot="other"}`])
	require.Equal(t, "900", got[`gochat_refused_total{code="other"}`])
	require.Equal(t, "1", got[`gochat_commands_ended_total{command="c99",status="done"}`])
	require.Equal(t, "1000", got[`gochat_sessions_ended_total{reason="other"}`])
	require.Less(t, len(got), 5000)
}

// The reasons for which sessions end are those of chat.
func TestReasons(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		events := metrics.NewEvents()
		node, err := chat.New(&chat.Options{Trace: events.Trace(), Logger: quiet})
		require.NoError(t, err)
		_, err = node.Connect(t.Context(), chat.Principal{User: chat.User{ID: "zelda", Name: "zelda"}, Session: "s"}, nil)
		require.NoError(t, err)
		_, err = node.Connect(t.Context(), principal("bob"), nil)
		require.NoError(t, err)
		require.NoError(t, node.Revoke(t.Context(), chat.Revocation{User: "zelda", Session: "s", Until: time.Now().Add(time.Hour)}))
		require.NoError(t, node.Shutdown(t.Context()))
		_, got := scrape(t, events)
		require.Equal(t, "1", got[`gochat_sessions_ended_total{reason="revoked"}`])
		require.Equal(t, "1", got[`gochat_sessions_ended_total{reason="closed"}`])
	})
}

// Names are a promise to those who have made dashboards: they are listed in the
// package comment, all of them and no others, and keep to the conventions.
func TestNamesAreDocumented(t *testing.T) {
	node, err := chat.New(&chat.Options{Logger: quiet})
	require.NoError(t, err)
	defer node.Shutdown(context.Background())
	sockets := ws.NewHandler(node, func(*http.Request) (chat.Principal, error) { return chat.Principal{}, nil }, nil)
	broker := memory.New(nil)
	defer broker.Close()
	var described []string
	for _, c := range []prometheus.Collector{metrics.NewEvents(), metrics.Node(node), metrics.Sockets(sockets), metrics.Broker(broker)} {
		descs := make(chan *prometheus.Desc, 100)
		c.Describe(descs)
		close(descs)
		for d := range descs {
			name := regexp.MustCompile(`fqName: "([^"]+)"`).FindStringSubmatch(d.String())[1]
			labels := regexp.MustCompile(`variableLabels: \{([^}]*)\}`).FindStringSubmatch(d.String())[1]
			require.Regexp(t, `^gochat_[a-z]+(_[a-z]+)*$`, name)
			require.NotRegexp(t, `_(ms|milliseconds|kb|count|sum|bucket)$`, name)
			if labels != "" {
				name += "{" + labels + "}"
			}
			described = append(described, name)
		}
	}
	doc, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	documented := regexp.MustCompile(`gochat_[a-z_]*[a-z](\{[a-z,]+\})?`).FindAllString(string(doc), -1)
	slices.Sort(described)
	slices.Sort(documented)
	require.Equal(t, described, documented)

	known := map[string]bool{}
	for _, name := range described {
		name, _, _ = strings.Cut(name, "{")
		known[name] = true
	}
	guide, err := os.ReadFile("../docs/operations.md")
	require.NoError(t, err)
	used := regexp.MustCompile(`gochat_[a-z_]*[a-z]`).FindAllString(string(guide), -1)
	require.NotEmpty(t, used)
	for _, name := range used {
		base := regexp.MustCompile(`_(bucket|count|sum)$`).ReplaceAllString(name, "")
		require.True(t, known[name] || strings.HasSuffix(base, "_seconds") && known[base], "docs/operations.md has %s, which is no metric", name)
	}
}

// A program that has no use for Prometheus links none of it.
func TestNobodyElseImportsIt(t *testing.T) {
	deptest.Only(t, "metrics", "chat", "command", "transport", "transport/memory", "transport/rabbitmq", "transport/ws/...", "internal/...",
		"github.com/coder/websocket/...", "github.com/rabbitmq/amqp091-go/...", "github.com/prometheus/...", "github.com/beorn7/perks/...",
		"github.com/cespare/xxhash/v2", "github.com/munnerz/goautoneg", "golang.org/x/sys/...", "google.golang.org/protobuf/...")
	for _, pkg := range []string{"chat", "command", "stock", "transport/ws", "transport/rest", "transport/rabbitmq", "chat/sqlite", "chat/postgres"} {
		deps, err := deptest.Deps(pkg)
		require.NoError(t, err)
		require.NotContains(t, deps, "github.com/prometheus/client_golang/prometheus", pkg)
		require.NotContains(t, deps, deptest.Module+"/metrics", pkg)
	}
}
