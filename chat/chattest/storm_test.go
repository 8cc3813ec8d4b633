package chattest_test

import (
	"testing"
	"time"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/storm"
)

func TestStorm(t *testing.T) {
	storm.Run(t, func(t *testing.T) storm.Options {
		data := new(twins)
		return storm.Options{Open: func(clock func() time.Time) (chat.Store, error) { return data.open(clock) }, Shared: true}
	})
}
