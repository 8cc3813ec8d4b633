package chat_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
)

// history reads a page and returns its first and last event.
func history(t *testing.T, r chat.Room, by string, rg chat.Range) (p chat.Page, first, last chat.Seq) {
	t.Helper()
	p, err := r.History(t.Context(), chat.UserID(by), rg)
	require.NoError(t, err)
	require.NotEmpty(t, p.Events)
	for i := range p.Events {
		require.Equal(t, p.Events[0].Seq+chat.Seq(i), p.Events[i].Seq, "in order, without gaps")
	}
	return p, p.Events[0].Seq, p.Events[len(p.Events)-1].Seq
}

func TestHistoryAroundAnEvent(t *testing.T) {
	n := newNode(t, nil)
	connect(t, n, "ana", nil)
	r, _ := room(t, n, "ana", chat.NewRoom{Name: "Tea"})
	for range 98 { // after the room's creation and ana's join
		post(t, r, "ana", "x")
	}
	for name, tt := range map[string]struct {
		around      chat.Seq
		limit       int
		first, last chat.Seq
		more        bool
	}{
		"middle":         {50, 21, 40, 60, true},
		"even":           {50, 20, 40, 59, true},
		"alone":          {50, 1, 50, 50, true},
		"default":        {50, 0, 25, 74, true},
		"at the floor":   {1, 10, 1, 10, true},
		"near the floor": {3, 11, 1, 11, true},
		"at the head":    {100, 10, 95, 100, true},
		"beyond":         {1 << 39, 10, 95, 100, true},
		"all":            {50, 200, 1, 100, false},
	} {
		t.Run(name, func(t *testing.T) {
			p, first, last := history(t, r, "ana", chat.Range{Around: tt.around, Limit: tt.limit})
			require.Equal(t, [2]chat.Seq{tt.first, tt.last}, [2]chat.Seq{first, last})
			require.Equal(t, tt.more, p.More)
			require.Equal(t, chat.Seq(100), p.Head)
			require.Equal(t, chat.Seq(1), p.Floor)
		})
	}
	for _, rg := range []chat.Range{{Around: 5, Before: 9}, {Around: 5, After: 1}, {Around: 5, Forward: true}} {
		_, err := r.History(t.Context(), "ana", rg)
		require.Equal(t, "around", chat.AsError(err).Field)
	}
	_, err := r.History(t.Context(), "bob", chat.Range{Around: 50})
	require.ErrorIs(t, err, chat.ErrNotFound)
}

func TestHistoryAroundHidesWhatWasBefore(t *testing.T) {
	n := newNode(t, nil)
	connect(t, n, "ana", nil)
	connect(t, n, "bob", nil)
	r, _ := room(t, n, "ana", chat.NewRoom{Name: "Tea", Hides: true})
	for range 18 {
		post(t, r, "ana", "before")
	}
	join(t, r, "bob") // 21
	post(t, r, "ana", "after")
	for _, around := range []chat.Seq{1, 20, 21, 22} {
		p, first, last := history(t, r, "bob", chat.Range{Around: around, Limit: 10})
		require.Equal(t, [2]chat.Seq{21, 22}, [2]chat.Seq{first, last}, around)
		require.Equal(t, chat.Seq(21), p.Floor)
		require.False(t, p.More)
	}
}

// What is asked for is on the page also where the events before it fill one.
func TestHistoryAroundLongMessages(t *testing.T) {
	n := newNode(t, nil)
	connect(t, n, "ana", nil)
	r, _ := room(t, n, "ana", chat.NewRoom{Name: "Tea"})
	for range 98 {
		post(t, r, "ana", strings.Repeat("€", 4000))
	}
	p, first, last := history(t, r, "ana", chat.Range{Around: 50, Limit: 200})
	require.LessOrEqual(t, first, chat.Seq(50))
	require.GreaterOrEqual(t, last, chat.Seq(50))
	require.Less(t, len(p.Events), 30, "a page has a limit in bytes too")
	require.Greater(t, len(p.Events), 10)
}
