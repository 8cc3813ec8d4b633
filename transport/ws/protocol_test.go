package ws

import (
	_ "embed"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/command"
)

//go:embed PROTOCOL.md
var protocol string

// Every example of the protocol's document is decoded and encoded again by the
// code that clients and servers use, and comes out the same.
func TestProtocolExamples(t *testing.T) {
	fences := regexp.MustCompile("(?ms)^```(\\S*) ?([^\n]*)\n(.*?)^```$").FindAllStringSubmatch(protocol, -1)
	require.Greater(t, len(fences), 40)
	types, servers := map[string]bool{}, map[string]bool{}
	for i, m := range fences {
		require.Equal(t, "json", m[1], "%s", m[0])
		t.Run(fmt.Sprintf("%02d %s", i, m[2]), func(t *testing.T) {
			if m[2] == "client" {
				f, fault := decode([]byte(m[3]))
				require.Nil(t, fault)
				types[f.typ] = true
				b, err := encodeRequest(f.typ, f.id, f.body)
				require.NoError(t, err)
				require.JSONEq(t, m[3], string(b))
				return
			}
			what, ok := strings.CutPrefix(m[2], "server ")
			require.True(t, ok, "examples are marked as client or server")
			again := serverFrames[what]
			require.NotNil(t, again, what)
			servers[what] = true
			h, err := as[head]([]byte(m[3]))
			require.NoError(t, err)
			re := ""
			if h.Re != nil {
				re = *h.Re
			}
			b, err := again(re, []byte(m[3]))
			require.NoError(t, err)
			require.JSONEq(t, m[3], string(payload(t, b)))
		})
	}
	require.ElementsMatch(t, slices.Collect(maps.Keys(serverFrames)), slices.Collect(maps.Keys(servers)), "all have an example")
	// Requests that look like another have no example of their own.
	for _, typ := range []string{"leave", "remove", "ban", "unban"} {
		types[typ] = true
	}
	require.ElementsMatch(t, slices.Collect(maps.Keys(kinds)), slices.Collect(maps.Keys(types)))
	for typ := range kinds {
		require.Contains(t, protocol, "`"+typ+"`")
	}
}

// serverFrames decodes a frame of the server as a client does and encodes it as
// a server does.
var serverFrames = map[string]func(re string, data []byte) ([]byte, error){
	"event": delivery(func(e *chat.Event) *chat.Delivery { return &chat.Delivery{Event: e} }),
	"gap":   delivery(func(g *chat.Gap) *chat.Delivery { return &chat.Delivery{Gap: g} }),
	"outcome": delivery(func(o *chat.Outcome) *chat.Delivery {
		return &chat.Delivery{Outcome: o}
	}),
	"notice": delivery(func(n *chat.Notice) *chat.Delivery { return &chat.Delivery{Notice: n} }),
	"expiring": func(_ string, data []byte) ([]byte, error) {
		n, err := as[notice](data)
		return expiringFrame(n.Expires), err
	},
	"welcome": func(re string, data []byte) ([]byte, error) {
		w, err := as[welcomeReply](data)
		o := begin("welcome")
		o.welcome(re, &w.Welcome)
		return o.frame(), err
	},
	"error": func(re string, data []byte) ([]byte, error) {
		r, err := as[errorReply](data)
		return errorFrame(re, &r.Error), err
	},
	"stored": reply(func(o *object, r *storedReply) {
		o.stored(r.Room, chat.Receipt{Event: chat.Event{Seq: r.Seq, Time: r.Time}, Duplicate: r.Dup})
	}),
	"room": reply(func(o *object, r *storedReply) { o.info(&r.Info) }),
	"command": reply(func(o *object, r *commandReply) {
		o.str("room", "Zk3vJ8sLq2")
		o.str("call", r.Call)
		o.num("timeout_ms", r.TimeoutMS)
	}),
	"history": reply(func(o *object, p *chat.Page) {
		o.str("room", "Zk3vJ8sLq2")
		o.page(p, false)
	}),
	"rooms": reply(func(o *object, r *listReply) { items(o, "rooms", r.Rooms, r.More, (*object).entry) }),
	"members": reply(func(o *object, r *listReply) {
		o.str("room", "Zk3vJ8sLq2")
		items(o, "members", r.Members, r.More, (*object).member)
	}),
	"commands": reply(func(o *object, r *listReply) { items(o, "commands", r.Commands, r.More, (*object).spec) }),
	"complete": reply(func(o *object, r *completeReply) {
		o.completion("/stock ", &command.Completion{Start: r.Start, End: r.End, Choices: r.Choices, Arg: r.Arg})
	}),
	"auth": reply(func(o *object, n *notice) { o.time("expires", n.Expires) }),
	"pong": reply(func(o *object, r *storedReply) { o.time("time", r.Time) }),
}

func delivery[T any](wrap func(*T) *chat.Delivery) func(string, []byte) ([]byte, error) {
	return func(_ string, data []byte) ([]byte, error) {
		v, err := as[T](data)
		return encodeDelivery(wrap(&v)), err
	}
}

func reply[T any](write func(*object, *T)) func(string, []byte) ([]byte, error) {
	return func(re string, data []byte) ([]byte, error) {
		v, err := as[T](data)
		o := ok(re)
		write(&o, &v)
		return o.frame(), err
	}
}

// The document names every code that the server closes with, and every notice.
func TestProtocolNamesCodes(t *testing.T) {
	for _, code := range []int{
		codeGoingAway, codeProtocol, codeUnsupported, codeBadText, codePolicy, codeTooBig, codeInternal, codeRestart, codeTryLater,
		codeExpired, codeSlow, codeNoPong, codeEpoch, codeFlood, codeRevoked, codeForbidden, codeVersion,
	} {
		row := regexp.MustCompile(fmt.Sprintf(`(?m)^\| [\d, ]*%d[\d, ]* \|.*\| (yes|no)[^|]*\|$`, code)).FindStringSubmatch(protocol)
		require.NotNil(t, row, code)
		require.Equal(t, comesBack(code), row[1] == "yes", code)
	}
	for _, f := range farewells {
		require.LessOrEqual(t, len(f.reason), 123)
	}
}
