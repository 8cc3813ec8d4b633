package chat_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
)

// restless is a store in which who may do what changes all the time.
type restless struct {
	chat.Store
	on    atomic.Bool
	tries atomic.Int64
}

func (s *restless) Append(ctx context.Context, w chat.Write) (chat.Appended, error) {
	if s.on.Load() {
		s.tries.Add(1)
		return chat.Appended{}, chat.ErrStale
	}
	return s.Store.Append(ctx, w)
}

func TestWriteThatIsAlwaysStaleIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &restless{Store: chat.NewMemoryStore(nil)}
		n := newNode(t, &chat.Options{Store: store})
		connect(t, n, "ana", nil)
		connect(t, n, "bob", nil)
		r, _ := room(t, n, "ana", chat.NewRoom{Name: "Tea"})
		for name, write := range map[string]func(ctx context.Context, id string) error{
			"post": func(ctx context.Context, id string) error {
				_, err := r.Post(ctx, "ana", chat.Draft{ID: id, Text: "x"})
				return err
			},
			"change": func(ctx context.Context, id string) error {
				_, err := r.Change(ctx, "bob", chat.Change{ID: id, Kind: chat.Join})
				return err
			},
		} {
			store.on.Store(true)
			store.tries.Store(0)
			id := chat.NewID()
			err := write(t.Context(), id)
			require.ErrorIs(t, err, chat.ErrStale, name)
			require.Equal(t, "unavailable", chat.AsError(err).Code, name)
			require.EqualValues(t, 13, store.tries.Load(), "%s: once, and 12 times again", name)

			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			store.tries.Store(0)
			require.Error(t, write(ctx, chat.NewID()), name)
			require.LessOrEqual(t, store.tries.Load(), int64(1), "%s: nobody waits for it", name)

			store.on.Store(false)
			page, err := r.History(t.Context(), "ana", chat.Range{})
			require.NoError(t, err)
			before := page.Head
			require.NoError(t, write(t.Context(), id), "%s: nothing was stored, so it can be sent again", name)
			page, err = r.History(t.Context(), "ana", chat.Range{})
			require.NoError(t, err)
			require.Equal(t, before+1, page.Head, name)
		}
	})
}
