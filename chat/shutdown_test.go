package chat_test

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
)

func TestCommittedIsToldOfAllBeforeShutdownReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		told := 0
		n, err := chat.New(&chat.Options{Logger: quiet, Limits: chat.Limits{Messages: chat.Unlimited}, Committed: func(chat.Event) {
			time.Sleep(time.Millisecond)
			mu.Lock()
			defer mu.Unlock()
			told++
		}})
		require.NoError(t, err)
		connect(t, n, "ana", nil)
		r, _ := room(t, n, "ana", chat.NewRoom{Name: "Tea"})
		for i := range 100 {
			post(t, r, "ana", fmt.Sprint(i))
		}
		require.NoError(t, n.Shutdown(t.Context()))
		require.Equal(t, 102, told)
	})
}

func TestOtherNodesHearTheLastWords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, _, _, _ := two(t)
		connect(t, a, "ana", nil)
		bob := connect(t, b, "bob", nil)
		r, id := room(t, a, "ana", chat.NewRoom{Name: "Tea", Members: []chat.UserID{"bob"}})
		synctest.Wait()
		for i := range 50 {
			post(t, r, "ana", fmt.Sprint(i))
		}
		require.NoError(t, a.Shutdown(t.Context()))
		require.Len(t, seqs(t, bob, id, 2), 51, "at once, not with the next sweep")
	})
}
