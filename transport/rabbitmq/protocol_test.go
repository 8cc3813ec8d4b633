package rabbitmq

import (
	_ "embed"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/transport"
)

//go:embed PROTOCOL.md
var protocol string

// wireMessage is a message as the document writes it.
type wireMessage struct {
	Exchange   string           `json:"exchange"`
	RoutingKey string           `json:"routing_key"`
	Mandatory  bool             `json:"mandatory"`
	Properties map[string]any   `json:"properties"`
	Headers    map[string]any   `json:"headers,omitempty"`
	Body       *json.RawMessage `json:"body,omitempty"`
}

// described is m as the document writes it, without what each publishing has of
// its own.
func described(m *publishing) wireMessage {
	w := wireMessage{Exchange: m.exchange, RoutingKey: m.key, Mandatory: m.mandatory, Headers: m.msg.Headers,
		Properties: map[string]any{"type": m.msg.Type, "content_type": m.msg.ContentType, "delivery_mode": m.msg.DeliveryMode}}
	for name, v := range map[string]string{
		"correlation_id": m.msg.CorrelationId, "reply_to": m.msg.ReplyTo, "expiration": m.msg.Expiration, "app_id": m.msg.AppId,
	} {
		if v != "" {
			w.Properties[name] = v
		}
	}
	if m.msg.Body != nil {
		w.Body = (*json.RawMessage)(&m.msg.Body)
	}
	return w
}

// delivered is what a consumer gets of a message.
func (w *wireMessage) delivered() *amqp.Delivery {
	text := func(name string) string { s, _ := w.Properties[name].(string); return s }
	d := &amqp.Delivery{
		RoutingKey: w.RoutingKey, Type: text("type"), CorrelationId: text("correlation_id"), ReplyTo: text("reply_to"),
		Expiration: text("expiration"), AppId: text("app_id"), Headers: amqp.Table{},
	}
	for name, v := range w.Headers {
		if n, ok := v.(float64); ok {
			v = int64(n)
		}
		d.Headers[name] = v
	}
	if w.Body != nil {
		d.Body = *w.Body
	}
	return d
}

// The examples of the protocol's document are what is sent and declared here,
// and are understood here.
func TestProtocolExamples(t *testing.T) {
	o, err := (*Options)(nil).withDefaults()
	require.NoError(t, err)
	top := newTopology(o)
	now := time.UnixMilli(1795903440120)

	// again reads an example and makes its message anew from what was read.
	again := map[string]func(w *wireMessage) *publishing{
		"message command": func(w *wireMessage) *publishing {
			r, _, err := decodeRequest(w.delivered(), "stock", "stock", now)
			require.NoError(t, err)
			require.Equal(t, 10*time.Second, r.Timeout)
			q := top.commandQueue(r.Bot, r.Command)
			require.Equal(t, "gochat.command.stock.stock", q.name)
			return requestMessage(&q, r, r.Timeout, now)
		},
		"message result": func(w *wireMessage) *publishing {
			r, err := decodeResult(w.delivered(), w.RoutingKey)
			require.NoError(t, err)
			return resultMessage(&top, transport.Request{ID: r.ID, Bot: r.Bot, Store: r.Store}, r.Body)
		},
	}
	announcement := func(w *wireMessage) *publishing {
		a, err := decodeAnnouncement(w.delivered())
		require.NoError(t, err)
		return encodeAnnouncement(&announcing{Announcement: a}, w.Properties["type"].(string), top.announce)
	}
	again["message announce"], again["message leave"] = announcement, announcement

	arguments := map[string]amqp.Table{
		"arguments command": top.commandQueue("stock", "stock").args,
		"arguments results": top.resultQueue("s").args,
		"arguments dead":    top.deadQueue().args,
		"arguments node":    top.nodeQueue("n", top.announce, "").args,
	}

	fences := regexp.MustCompile("(?ms)^```(\\S*) ?([^\n]*)\n(.*?)^```$").FindAllStringSubmatch(protocol, -1)
	require.Len(t, fences, len(again)+len(arguments)+2)
	for _, m := range fences {
		require.Equal(t, "json", m[1], "%s", m[0])
		t.Run(m[2], func(t *testing.T) {
			switch kind, _, _ := strings.Cut(m[2], " "); kind {
			case "message":
				var w wireMessage
				require.NoError(t, json.Unmarshal([]byte(m[3]), &w))
				got, err := json.Marshal(described(again[m[2]](&w)))
				require.NoError(t, err)
				require.JSONEq(t, m[3], string(got))
			case "arguments":
				got, err := json.Marshal(arguments[m[2]])
				require.NoError(t, err)
				require.JSONEq(t, m[3], string(got))
			case "body": // package command reads them
				require.True(t, json.Valid([]byte(m[3])))
			default:
				t.Fatalf("examples are marked as message, arguments or body, not %q", m[2])
			}
		})
	}
	for _, kind := range []string{typeCommand, typeResult, typeEvents, typeAnnounce, typeLeave, typeWho} {
		require.Contains(t, protocol, kind, "every type is named")
	}
}

func TestPlainNames(t *testing.T) {
	for _, name := range []string{"stock", "A-z_0", strings.Repeat("x", 64)} {
		require.Equal(t, name, plain(name))
	}
	seen := map[string]bool{}
	for _, name := range []string{"", "a.b", "ü", "=x", strings.Repeat("x", 65), "a b", "*", "#"} {
		got := plain(name)
		require.Regexp(t, `^=[0-9a-f]{32}$`, got)
		require.False(t, seen[got])
		seen[got] = true
	}
	require.Equal(t, "=607474ca475a9724d7360aba71a56d5d", plain("ü"), "as the protocol's document says")
}
