package command

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/transport"
	"github.com/carlware/gochat/transport/memory"
)

func TestBotsOfARemote(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broker := memory.New(&memory.Options{Logger: quiet})
		defer broker.Close()
		r := NewRemote(broker, "s1", &RemoteOptions{Logger: quiet})
		require.Empty(t, r.Bots())
		go r.Run(t.Context())
		began := time.Now()
		for _, a := range []transport.Announcement{
			{Bot: "poll", Instance: "2", Since: began.Add(time.Minute), Body: []byte(`{"v":1,"commands":[{"name":"vote"},{"name":"poll"}]}`)},
			{Bot: "poll", Instance: "1", Since: began, Body: []byte(`{"v":1,"commands":[{"name":"poll"}]}`)},
			{Bot: "poll", Instance: "3", Since: began.Add(time.Hour), Body: []byte(`nonsense`)},
			{Bot: "clock", Instance: "1", Since: began, Body: []byte(`{"v":1,"commands":[{"name":"time"}]}`)},
		} {
			go broker.Announce(t.Context(), a)
		}
		synctest.Wait()
		require.Equal(t, []Served{
			{Bot: "clock", Instances: 1, Since: began, Commands: []string{"time"}},
			{Bot: "poll", Instances: 3, Refused: 1, Since: began, Commands: []string{"poll", "vote"}},
		}, r.Bots())
		broker.Close()
		synctest.Wait()
	})
}
