package main

import (
	"io"
	"net/http"
	"time"

	"github.com/stretchr/testify/require"
)

// end is 59, 76 and 79: the system is told to end while one socket waits for a
// command and another one's client does nothing at all.
func (g *target) end(stop func()) map[int]func() {
	p := g.user()
	polite, silent := g.raw(p), g.raw(p)
	room := g.room(p)
	polite.write(textFrame(`{"type":"command","id":"` + newID() + `","room":"` + roomID(room) + `","text":"/stock=slow.us"}`))
	return map[int]func(){
		59: func() {
			stop()
			require.Eventually(g.t, func() bool {
				resp, s := g.upgrade(p, upgradeLine)
				s.c.Close()
				require.Contains(g.t, []int{http.StatusSwitchingProtocols, http.StatusServiceUnavailable}, resp.StatusCode)
				return resp.StatusCode == http.StatusServiceUnavailable && resp.Header.Get("Retry-After") != ""
			}, 10*time.Second, time.Millisecond)
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
