package rabbitmq_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/proctest"
	"github.com/carlware/gochat/internal/rabbittest"
	"github.com/carlware/gochat/transport"
	"github.com/carlware/gochat/transport/rabbitmq"
)

const (
	wait = 30 * time.Second
	tick = 5 * time.Millisecond
)

// nodeBot returns a directory with the bot in Node.js and what it needs, which
// npm fetches by the lock file.
func nodeBot(t *testing.T) string {
	t.Helper()
	lack := func(why string) {
		t.Helper()
		if os.Getenv("CI") != "" {
			t.Fatal(why)
		}
		t.Skip(why + " (with CI set this is a failure)")
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		lack("npm is not here to fetch amqplib")
	}
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "nodebot"))))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	ci := exec.CommandContext(ctx, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline")
	ci.Dir = dir
	if out, err := ci.CombinedOutput(); err != nil {
		lack("npm ci: " + err.Error() + "\n" + string(out))
	}
	return dir
}

func startNodeBot(t *testing.T, dir, url, prefix string, env ...string) *proctest.Process {
	t.Helper()
	cmd := exec.Command("node", "bot.js")
	cmd.Dir = dir
	cmd.Env = append(append(proctest.CleanEnv(), "AMQP_URL="+url, "PREFIX="+prefix), env...)
	p := proctest.Start(t, cmd)
	p.Line("serving")
	return p
}

// chatNode is a chat with one user in one room.
type chatNode struct {
	*chat.Node
	t    *testing.T
	id   chat.RoomID
	room chat.Room
}

func newChatNode(t *testing.T, vhost rabbittest.VHost) *chatNode {
	t.Helper()
	broker := open(t, vhost, nil)
	node, err := chat.New(&chat.Options{Broker: broker, Lobby: "general", Logger: quiet})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, node.Shutdown(context.Background()))
		require.NoError(t, broker.Close())
	})
	require.NoError(t, node.Admit(t.Context(), chat.Principal{User: chat.User{ID: "ann", Name: "Ann"}}))
	rooms, err := node.Rooms(t.Context(), "ann", "", 0)
	require.NoError(t, err)
	room, err := node.Room(t.Context(), "ann", rooms[0].ID)
	require.NoError(t, err)
	return &chatNode{Node: node, t: t, id: rooms[0].ID, room: room}
}

// sharing is a node's part of a store. It keeps no revocations, so what nodes
// learn of them they have from each other.
type sharing struct {
	chat.Store
	id *chat.Identity
}

func (s sharing) Attach(committed func([]chat.Event)) (id chat.Identity, err error) {
	if s.id.Store == "" {
		*s.id, err = s.Store.Attach(committed)
	}
	return *s.id, err
}

// A login that is ended at one node ends at the others, and does not begin again.
func TestRevokedAtAnotherNode(t *testing.T) {
	vhost := rabbittest.New(t)
	store := sharing{chat.NewMemoryStore(nil), new(chat.Identity)}
	var nodes [2]*chat.Node
	for i := range nodes {
		broker := open(t, vhost, nil)
		node, err := chat.New(&chat.Options{Store: store, Broker: broker, Logger: quiet})
		require.NoError(t, err)
		defer func() {
			require.NoError(t, node.Shutdown(context.Background()))
			require.NoError(t, broker.Close())
		}()
		nodes[i] = node
	}
	ann := func(login string) chat.Principal {
		return chat.Principal{User: chat.User{ID: "ann", Name: "Ann"}, Session: login}
	}
	ended, err := nodes[1].Connect(t.Context(), ann("one"), nil)
	require.NoError(t, err)
	other, err := nodes[1].Connect(t.Context(), ann("two"), nil)
	require.NoError(t, err)
	require.Eventually(t, func() bool { // the nodes may not hear each other yet
		require.NoError(t, nodes[0].Revoke(t.Context(), chat.Revocation{User: "ann", Session: "one", Until: time.Now().Add(time.Hour)}))
		return ended.Err() != nil
	}, wait, 50*time.Millisecond)
	require.ErrorIs(t, ended.Err(), chat.ErrRevoked)
	_, err = nodes[1].Connect(t.Context(), ann("one"), nil)
	require.ErrorIs(t, err, chat.ErrRevoked)
	require.NoError(t, other.Err(), "another login of hers")
}

// knows waits until the chat knows a command, or does no longer.
func (n *chatNode) knows(name string, known bool) {
	n.t.Helper()
	require.Eventually(n.t, func() bool {
		specs, err := n.Commands(n.t.Context(), "ann", n.id)
		require.NoError(n.t, err)
		for _, s := range specs {
			if s.Name == name {
				return known
			}
		}
		return !known
	}, wait, 100*time.Millisecond, "/%s is known: %v", name, known)
}

// call types a line and returns how it ended.
func (n *chatNode) call(line string) chat.Outcome {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), wait)
	defer cancel()
	call, err := n.room.Command(ctx, "ann", chat.CommandLine{ID: chat.NewID(), Text: line})
	require.NoError(n.t, err)
	outcome, err := call.Wait(ctx)
	require.NoError(n.t, err)
	return outcome
}

func (n *chatNode) last() chat.Event {
	n.t.Helper()
	page, err := n.room.History(n.t.Context(), "ann", chat.Range{})
	require.NoError(n.t, err)
	return page.Events[len(page.Events)-1]
}

// A bot that was written from PROTOCOL.md, in another language, with another
// library, serves a chat.
func TestBotInNodeJS(t *testing.T) {
	dir := nodeBot(t)
	vhost := rabbittest.New(t)
	n := newChatNode(t, vhost)
	bot := startNodeBot(t, dir, vhost.URL, vhost.Prefix)
	n.knows("reverse", true)

	outcome := n.call("/reverse stressed")
	require.Equal(t, chat.CallDone, outcome.Status)
	require.Equal(t, "for Ann in general", outcome.Text)
	require.Equal(t, "desserts", n.last().Text)
	require.Equal(t, chat.UserID("bot:node"), n.last().User.ID)

	outcome = n.call("/reverse")
	require.Equal(t, chat.CallFailed, outcome.Status)
	require.Equal(t, "usage", outcome.Error.Code)
	require.Equal(t, "bot_error", n.call("/fail").Error.Code)

	// A bot that is told to stop finishes what it has.
	ended := n.slow()
	bot.Signal(syscall.SIGTERM)
	require.Equal(t, chat.CallDone, ended().Status)
	require.Zero(t, bot.Wait())
	n.knows("reverse", false) // it said so, long before its announcement ends
	require.Equal(t, "no_bot", n.call("/reverse x").Error.Code)

	// What a bot was at when it was killed is done by the next one, and without
	// a next one its callers are told at once.
	bot = startNodeBot(t, dir, vhost.URL, vhost.Prefix)
	n.knows("slow", true)
	ended = n.slow()
	bot.Kill()
	bot = startNodeBot(t, dir, vhost.URL, vhost.Prefix)
	require.Equal(t, chat.CallDone, ended().Status)
	require.Equal(t, "done", n.last().Text)
	bot.Kill()
	broker := open(t, vhost, nil)
	defer broker.Close()
	require.Eventually(t, func() bool {
		err := broker.Send(t.Context(), transport.Request{ID: "a", Store: "s", Bot: "node", Command: "reverse", Timeout: time.Second})
		return errors.Is(err, transport.ErrNoHandler)
	}, wait, tick)
	n.knows("reverse", true)
	require.Eventually(t, func() bool {
		outcome := n.call("/reverse x")
		return outcome.Error.Code == "no_bot"
	}, wait, time.Second)
}

// slow calls /slow and waits until it is under way, which its progress tells.
func (n *chatNode) slow() (ended func() chat.Outcome) {
	n.t.Helper()
	session, err := n.Connect(n.t.Context(), chat.Principal{User: chat.User{ID: "ann", Name: "Ann"}}, nil)
	require.NoError(n.t, err)
	defer session.Close()
	call, err := n.room.Command(n.t.Context(), "ann", chat.CommandLine{ID: chat.NewID(), Text: "/slow"})
	require.NoError(n.t, err)
	ctx, cancel := context.WithTimeout(n.t.Context(), wait)
	n.t.Cleanup(cancel)
	for told := false; !told; {
		d, err := session.Next(ctx)
		require.NoError(n.t, err)
		told = d.Notice != nil && d.Notice.Kind == chat.Progress && d.Notice.Text == "still at it"
	}
	return func() chat.Outcome {
		outcome, err := call.Wait(ctx)
		require.NoError(n.t, err)
		return outcome
	}
}

// The permissions of PROTOCOL.md are enough for what they are for, and no more.
func TestPermissions(t *testing.T) {
	dir := nodeBot(t)
	node := rabbittest.Private(t)
	vhost := node.New(t)
	rights := func(s string) string {
		return strings.NewReplacer("gochat\\.", strings.ReplaceAll(vhost.Prefix, ".", `\.`), "stock", "node").Replace(s)
	}
	chats := vhost
	all := rights(`^gochat\.`)
	chats.URL = node.User(t, vhost, all, all, all)
	n := newChatNode(t, chats)
	require.Eventually(t, func() bool { return n.Ready(t.Context()) == nil }, wait, tick)

	bots := node.User(t, vhost, rights(`^gochat\.(command\.stock\..*|node\..*)$`),
		rights(`^gochat\.(results|events|announce|dead|command\.stock\..*|node\..*)$`),
		rights(`^gochat\.(commands|announce|command\.stock\..*|node\..*)$`))
	looking := startNodeBot(t, dir, bots, vhost.Prefix, "DECLARE=queues")
	n.knows("reverse", true)
	require.Equal(t, chat.CallDone, n.call("/reverse x").Status)
	looking.Kill()
	answersInGo(t, chats, vhost, bots, nil)

	// Its queues exist now, so it can do with less.
	bots = node.User(t, vhost, rights(`^gochat\.node\.`), rights(`^gochat\.(results|events|announce|node\..*)$`),
		rights(`^gochat\.(announce|command\.stock\..*|node\..*)$`))
	startNodeBot(t, dir, bots, vhost.Prefix, "DECLARE=no")
	n.knows("reverse", true)
	require.Equal(t, chat.CallDone, n.call("/reverse x").Status)
	answersInGo(t, chats, vhost, bots, nil)
	answersInGo(t, chats, vhost, bots, func(o *rabbitmq.Options) { o.Declared = true })
}

// answersInGo lets a bot in Go, as the user of a URL, answer a chat.
func answersInGo(t *testing.T, chats, bots rabbittest.VHost, url string, o func(*rabbitmq.Options)) {
	t.Helper()
	bots.URL = url
	bot, chat := open(t, bots, o), open(t, chats, nil)
	defer bot.Close()
	defer chat.Close()
	ctx, cancel := context.WithTimeout(t.Context(), wait)
	defer cancel()
	go bot.Work(ctx, "node", "go", nil, func(_ context.Context, r transport.Request) (transport.Result, error) {
		return transport.Result{}, bot.Publish(ctx, r.Store, "progress:"+r.ID, nil)
	})
	results := make(chan transport.Result, 10)
	go chat.Results(ctx, "s", func(_ context.Context, r transport.Result) error { results <- r; return nil })
	sends(t, chat, transport.Request{ID: "a", Store: "s", Bot: "node", Command: "go", Timeout: time.Minute})
	require.Equal(t, "a", (<-results).ID)
	require.NoError(t, bot.Status().Err)
}
