package main

import (
	"io"
	"net/http"
	"time"

	"github.com/stretchr/testify/require"
)

// end is 59, 76 and 79: the system is told to end while one socket waits for a
// command and another one's client does nothing at all. And it is the rest of
// 106, a page in place of quotes: after that the bot leaves the source alone,
// so it comes when the command is under way.
func (g *target) end(stop func(), p, other person) map[int]func() {
	polite, silent := g.raw(p), g.raw(p)
	room, others := g.room(p), g.room(other)
	polite.write(textFrame(`{"type":"command","id":"` + newID() + `","room":"` + roomID(room) + `","text":"/stock=slow.us"}`))
	select {
	case <-g.source.asked:
	case <-time.After(tooLong):
		require.Fail(g.t, "the source is not asked")
	}
	require.Contains(g.t, g.typed(other, others, "/stock=page.us").body, `"no_quote"`)
	return map[int]func(){
		59: func() {
			stop()
			for began := time.Now(); ; { // until it knows; p may connect so often and no more
				require.Less(g.t, time.Since(began), tooLong)
				resp, s := g.upgrade(p, upgradeLine)
				s.c.Close()
				if resp.StatusCode == http.StatusServiceUnavailable {
					require.NotEmpty(g.t, resp.Header.Get("Retry-After"))
					break
				}
				require.Contains(g.t, []int{http.StatusSwitchingProtocols, http.StatusTooManyRequests}, resp.StatusCode)
			}
			close(g.source.release)
		},
		76: func() {
			_, err := io.Copy(io.Discard, silent.br)
			require.False(g.t, isTimeout(err), "it is not waited for")
		},
		79: func() {
			require.Equal(g.t, 1012, polite.ending(), "and the sockets that were open are told to come back")
		},
	}
}
