package chattest_test

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/chat/chattest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMemoryStore(t *testing.T) {
	chattest.TestStore(t, func(t *testing.T) chattest.StoreOpener {
		return func(clock func() time.Time) (chat.Store, error) {
			return chat.NewMemoryStore(&chat.MemoryOptions{Clock: clock}), nil
		}
	}, &chattest.StoreOptions{Clock: true, Revoker: true, Trimmer: true})
}
