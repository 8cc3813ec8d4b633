package rest_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/command"
	"github.com/carlware/gochat/transport/rest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// byName believes whoever says "Bearer <name>".
func byName(r *http.Request) (chat.Principal, error) {
	name, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || name == "" {
		return chat.Principal{}, errors.New("secret reason")
	}
	return chat.Principal{User: chat.User{ID: chat.UserID(name), Name: name}, Session: "s-" + name}, nil
}

func echoBot() *command.Bot {
	bot := command.NewBot("echo", nil)
	type args struct {
		Text string `cmd:"text,rest,required"`
	}
	command.Handle(bot, "say", "Says it to the room.", func(_ context.Context, c *command.Call, a args) error { return c.Say(a.Text) })
	command.Handle(bot, "tell", "Says it to you.", func(_ context.Context, c *command.Call, a args) error { return c.Ephemeral(a.Text) })
	command.Handle(bot, "fail", "Fails.", func(context.Context, *command.Call, struct{}) error {
		return &command.Error{Code: "no_quote", Message: "No quote."}
	})
	command.Handle(bot, "crash", "Crashes.", func(context.Context, *command.Call, struct{}) error { return errors.New("secret reason") })
	return bot
}

func newNode(t *testing.T) *chat.Node {
	node, err := chat.New(&chat.Options{
		Lobby: "general", Commands: echoBot(), Logger: slog.New(slog.DiscardHandler),
		Limits: chat.Limits{
			Messages: chat.Unlimited, Commands: chat.Unlimited, Joins: chat.Unlimited, Rooms: chat.Unlimited, Requests: chat.Unlimited,
		},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, node.Shutdown(context.Background())) })
	return node
}

// api is a handler as its clients see it.
type api struct {
	t *testing.T
	http.Handler
}

func newAPI(t *testing.T, hub chat.Hub) api {
	h := rest.NewHandler(hub, byName, &rest.Options{Logger: slog.New(slog.DiscardHandler)})
	return api{t, http.StripPrefix("/api", h)}
}

func (a api) raw(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return w
}

// do sends a request as user, with a new idempotency key where body is one,
// and expects status.
func (a api) do(user, method, path, body string, status int) reply {
	a.t.Helper()
	return a.keyed(chat.NewID(), user, method, path, body, status)
}

func (a api) keyed(key, user, method, path, body string, status int) reply {
	a.t.Helper()
	r := httptest.NewRequest(method, "/api"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+user)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if method != http.MethodGet {
		r.Header.Set("Idempotency-Key", key)
	}
	w := a.raw(r)
	require.Equal(a.t, status, w.Code, "%s %s: %s", method, path, w.Body)
	var got reply
	require.NoError(a.t, json.Unmarshal(w.Body.Bytes(), &got))
	got.Header = w.Header()
	return got
}

// reply is what any answer may hold.
type reply struct {
	Header   http.Header     `json:"-"`
	User     chat.User       `json:"user"`
	Session  string          `json:"session"`
	Limits   map[string]any  `json:"limits"`
	Room     json.RawMessage `json:"room"` // a room, or the id of one
	Rooms    []chat.RoomInfo `json:"rooms"`
	Members  []chat.Member   `json:"members"`
	Commands []command.Spec  `json:"commands"`
	Events   []chat.Event    `json:"events"`
	More     bool            `json:"more"`
	Event    chat.Event      `json:"event"`
	Dup      bool            `json:"dup"`
	Status   json.RawMessage `json:"status"` // of an outcome or a problem
	Text     string          `json:"text"`
	Seqs     []chat.Seq      `json:"seqs"`
	Title    string          `json:"title"`
	Code     string          `json:"code"`
	Field    string          `json:"field"`
	Detail   string          `json:"detail"`
	Retry    int64           `json:"retry_after_ms"`
	Call     string          `json:"call"`
}

func (r reply) room(t *testing.T) chat.RoomInfo {
	t.Helper()
	var info chat.RoomInfo
	require.NoError(t, json.Unmarshal(r.Room, &info))
	return info
}

func TestSession(t *testing.T) {
	a := newAPI(t, newNode(t))
	got := a.do("ann", "GET", "/session", "", 200)
	require.Equal(t, chat.User{ID: "ann", Name: "ann"}, got.User)
	require.Equal(t, "s-ann", got.Session)
	require.EqualValues(t, 4000, got.Limits["text_runes"])
	require.Equal(t, "no-store", got.Header.Get("Cache-Control"))
	require.Equal(t, "nosniff", got.Header.Get("X-Content-Type-Options"))
}

func TestRoomsAndMessages(t *testing.T) {
	a := newAPI(t, newNode(t))

	lobby := a.do("ann", "GET", "/rooms", "", 200)
	require.Len(t, lobby.Rooms, 1, "everybody is let into the lobby")
	require.False(t, lobby.More)

	created := a.do("ann", "POST", "/rooms", `{"name":"team","kind":"private","data":{"colour":"red"}}`, 201)
	room := created.room(t)
	require.Equal(t, "rooms/"+string(room.ID), created.Header.Get("Location"))
	require.Equal(t, chat.Private, room.Kind)
	require.JSONEq(t, `{"colour":"red"}`, string(room.Data))
	path := "/rooms/" + string(room.ID)

	key := chat.NewID()
	first := a.keyed(key, "ann", "POST", path+"/messages", `{"text":"hello"}`, 201)
	require.Equal(t, "hello", first.Event.Text)
	require.Equal(t, chat.UserID("ann"), first.Event.User.ID)
	again := a.keyed(key, "ann", "POST", path+"/messages", `{"text":"hello"}`, 200)
	require.True(t, again.Dup)
	require.Equal(t, first.Event, again.Event)
	require.Equal(t, "id_reused", a.keyed(key, "ann", "POST", path+"/messages", `{"text":"other"}`, 422).Code)

	second := a.do("ann", "POST", path+"/messages", `{"text":"re","reply_to":`+num(first.Event.Seq)+`}`, 201)
	require.Equal(t, first.Event.Seq, second.Event.Ref)

	edited := a.do("ann", "PATCH", path+"/messages/"+num(first.Event.Seq), `{"text":"hello!"}`, 200)
	require.Equal(t, chat.Edited, edited.Event.Kind)
	a.do("ann", "DELETE", path+"/messages/"+num(second.Event.Seq), "", 200)

	page := a.do("ann", "GET", path+"/messages?after="+num(first.Event.Seq-1)+"&limit=2", "", 200)
	require.Len(t, page.Events, 2)
	require.True(t, page.More)
	require.Equal(t, "hello!", page.Events[0].Text)
	require.Empty(t, page.Events[1].Text, "deleted")
	older := a.do("ann", "GET", path+"/messages?before="+num(first.Event.Seq), "", 200)
	require.Equal(t, chat.Created, older.Events[0].Kind)
	require.False(t, older.More)
	forward := a.do("ann", "GET", path+"/messages?after=0&limit=1", "", 200)
	require.Equal(t, chat.Seq(1), forward.Events[0].Seq)

	require.Equal(t, chat.Renamed, a.do("ann", "PATCH", path, `{"name":"crew"}`, 200).Event.Kind)
	require.Equal(t, chat.Updated, a.do("ann", "PATCH", path, `{"data":{"colour":"blue"}}`, 200).Event.Kind)
	require.Equal(t, chat.Archived, a.do("ann", "PATCH", path, `{"archived":true}`, 200).Event.Kind)
	require.Equal(t, "forbidden", a.do("ann", "POST", path+"/messages", `{"text":"late"}`, 403).Code)
	a.do("ann", "PATCH", path, `{"archived":false}`, 200)
	got := a.do("ann", "GET", path, "", 200).room(t)
	require.Equal(t, "crew", got.Name)
	require.JSONEq(t, `{"colour":"blue"}`, string(got.Data))
}

func TestRoomsPage(t *testing.T) {
	a := newAPI(t, newNode(t))
	for _, name := range []string{"one", "two", "three"} {
		a.do("ann", "POST", "/rooms", `{"name":"`+name+`"}`, 201)
	}
	seen := map[chat.RoomID]bool{}
	after, pages := "", 0
	for more := true; more; pages++ {
		got := a.do("bob", "GET", "/rooms?limit=2&after="+after, "", 200)
		for _, r := range got.Rooms {
			require.False(t, seen[r.ID], "twice")
			seen[r.ID], after = true, string(r.ID)
		}
		more = got.More
	}
	require.Len(t, seen, 4)
	require.Equal(t, 2, pages)
}

func TestMembers(t *testing.T) {
	a := newAPI(t, newNode(t))
	for _, name := range []string{"bob@x.org", "cy"} {
		a.do(name, "GET", "/session", "", 200) // they have been here
	}
	path := "/rooms/" + string(a.do("ann", "POST", "/rooms", `{"name":"open"}`, 201).room(t).ID)

	require.Equal(t, chat.Joined, a.do("cy", "POST", path+"/members", "", 200).Event.Kind)
	require.Empty(t, a.do("cy", "POST", path+"/members", `{}`, 200).Event.Kind, "joining twice changes nothing")
	require.Equal(t, chat.UserID("bob@x.org"), a.do("ann", "POST", path+"/members", `{"user":"bob@x.org"}`, 200).Event.Target.ID)

	page := a.do("cy", "GET", path+"/members?limit=2", "", 200)
	require.Len(t, page.Members, 2)
	require.True(t, page.More)
	rest := a.do("cy", "GET", path+"/members?limit=2&after="+string(page.Members[1].User.ID), "", 200)
	require.Len(t, rest.Members, 1)
	require.False(t, rest.More)

	require.Equal(t, chat.Admin, a.do("ann", "PATCH", path+"/members/bob%40x.org", `{"role":"admin"}`, 200).Event.Role)
	require.Equal(t, chat.Banned, a.do("bob@x.org", "PATCH", path+"/members/cy", `{"banned":true}`, 200).Event.Kind)
	a.do("cy", "POST", path+"/members", "", 404)
	require.True(t, a.do("ann", "PATCH", path+"/members/cy", `{"banned":false}`, 200).Event.Off)
	a.do("cy", "POST", path+"/members", "", 200)
	require.Equal(t, chat.Left, a.do("ann", "DELETE", path+"/members/cy", "", 200).Event.Kind)
	left := a.do("bob@x.org", "DELETE", path+"/members/bob@x.org", "", 200)
	require.Equal(t, left.Event.User.ID, left.Event.Target.ID)
	a.do("ann", "DELETE", path+"/members/ann", "", 403)
}

func TestDirectRoom(t *testing.T) {
	a := newAPI(t, newNode(t))
	a.do("bob", "GET", "/session", "", 200)
	mine := a.do("ann", "POST", "/rooms", `{"kind":"direct","user":"bob"}`, 200).room(t)
	his := a.do("bob", "POST", "/rooms", `{"kind":"direct","user":"ann"}`, 200).room(t)
	require.Equal(t, mine.ID, his.ID)
	for user, with := range map[string]chat.UserID{"ann": "bob", "bob": "ann"} {
		rooms := a.do(user, "GET", "/rooms", "", 200).Rooms
		i := slices.IndexFunc(rooms, func(r chat.RoomInfo) bool { return r.Kind == chat.Direct })
		require.Equal(t, with, rooms[i].With.ID)
	}
	require.Equal(t, "not_found", a.do("ann", "POST", "/rooms", `{"kind":"direct","user":"nobody"}`, 404).Code)
}

func TestCommands(t *testing.T) {
	a := newAPI(t, newNode(t))
	room := a.do("ann", "GET", "/rooms", "", 200).Rooms[0].ID
	path := "/rooms/" + string(room) + "/commands"

	var names []string
	for _, s := range a.do("ann", "GET", "/commands", "", 200).Commands {
		names = append(names, s.Name)
	}
	require.Subset(t, names, []string{"crash", "fail", "say", "tell"})

	key := chat.NewID()
	said := a.keyed(key, "ann", "POST", path, `{"text":"/say=hi"}`, 200)
	require.JSONEq(t, `"done"`, string(said.Status))
	require.Len(t, said.Seqs, 1)
	again := a.keyed(key, "ann", "POST", path, `{"text":"/say=hi"}`, 200)
	require.Equal(t, said.Seqs, again.Seqs, "a repeat gets the outcome and stores nothing")
	page := a.do("ann", "GET", "/rooms/"+string(room)+"/messages?after="+num(said.Seqs[0]-1), "", 200)
	require.Len(t, page.Events, 1)
	require.Equal(t, "hi", page.Events[0].Text)
	require.Equal(t, said.Call, page.Events[0].Call.ID)

	told := a.do("ann", "POST", path, `{"text":"/tell psst"}`, 200)
	require.JSONEq(t, `"ephemeral"`, string(told.Status))
	require.Equal(t, "psst", told.Text)

	for line, want := range map[string]struct {
		status int
		code   string
	}{
		"/say":     {422, "usage"},
		"/sya hi":  {422, "unknown_command"},
		"/fail":    {422, "no_quote"},
		"/crash":   {502, "bot_error"},
		"no slash": {422, "usage"},
	} {
		got := a.do("ann", "POST", path, `{"text":"`+line+`"}`, want.status)
		require.Equal(t, want.code, got.Code, line)
		require.NotContains(t, got.Detail, "secret reason")
	}
}

func num(n chat.Seq) string {
	b, _ := json.Marshal(n)
	return string(b)
}
