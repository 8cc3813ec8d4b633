package ws

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
)

// forwarded is the address of a test server: a header that its clients write.
func forwarded(r *http.Request) netip.Addr {
	a, _ := netip.ParseAddr(r.Header.Get("X-Test-Address"))
	return a
}

// 58: the caps. Those of a user and an address are told after the upgrade, so
// that a page learns of them.
func TestHostileConnections(t *testing.T) {
	s := start(t, nil, &Options{Address: forwarded, Limits: Limits{
		Conns: 40, PerUser: 10, PerAddress: 5,
		UserRate: chat.Rate{PerSecond: 0.001, Burst: 12}, AddressRate: chat.Rate{PerSecond: 0.001, Burst: 7},
	}})
	open := func(user, addr string) (int, string) {
		resp, c, br := s.handshake(t, get, append(but(good(s), "Authorization: Bearer "+user), "X-Test-Address: "+addr)...)
		if resp.StatusCode != 101 {
			return resp.StatusCode, resp.Header.Get("Retry-After")
		}
		if _, err := c.Write(text(`{"type":"hello","id":"h1"}`)); err != nil {
			return 101, ""
		}
		op, b, err := readFrame(br)
		require.NoError(t, err)
		if op == 8 {
			return int(b[0])<<8 | int(b[1]), ""
		}
		return 101, ""
	}
	expect := func(t *testing.T, want int, user, addr string) {
		t.Helper()
		got, after := open(user, addr)
		require.Equal(t, want, got)
		if want == 429 || want == 503 {
			require.NotEmpty(t, after)
		}
	}
	t.Run("58 11th socket of a user", func(t *testing.T) {
		for range 10 {
			expect(t, 101, "ann", "")
		}
		expect(t, codeTooMany, "ann", "")
	})
	t.Run("58 6th socket of an address", func(t *testing.T) {
		for i := range 5 {
			expect(t, 101, fmt.Sprint("user", i), fmt.Sprintf("2001:db8:0:1::%d", i))
		}
		expect(t, codeFlood, "user5", "2001:db8:0:1:ffff::1%eth0")
		expect(t, 101, "user6", "2001:db8:0:2::1")
		expect(t, 101, "user7", "::ffff:192.0.2.1")
	})
	t.Run("78 churn of an address", func(t *testing.T) {
		expect(t, codeFlood, "user8", "2001:db8:0:1::8")
		expect(t, 429, "user9", "2001:db8:0:1::8")
		expect(t, 429, "nobody", "2001:db8:0:1::8") // before the token is looked at
	})
	t.Run("78 churn of a user", func(t *testing.T) {
		expect(t, codeTooMany, "ann", "")
		expect(t, 429, "ann", "")
	})
	t.Run("58 the server is full", func(t *testing.T) {
		for i := 0; ; i++ {
			if got, after := open(fmt.Sprint("more", i), ""); got != 101 {
				require.Equal(t, 503, got)
				require.Equal(t, "1", after)
				require.GreaterOrEqual(t, i, 15)
				break
			}
			require.Less(t, i, 40)
		}
	})
	st := s.h.Stats()
	require.Equal(t, Refused{Full: 1, TooFast: 3, PerUser: 2, PerAddress: 2}, st.Refused)
	require.LessOrEqual(t, st.Conns, 40)
	require.Equal(t, st.Conns-st.Ending, st.Sessions)
}

// Who leaves makes room; who was refused used none.
func TestPlacesAreGivenBack(t *testing.T) {
	s := start(t, nil, &Options{Address: forwarded, Limits: Limits{Conns: 2, PerUser: 1}})
	for range 20 {
		p, _ := s.hello("ann")
		resp, _, _ := s.handshake(t, get, but(good(s), "Authorization: Bearer nobody")...)
		require.Equal(t, 401, resp.StatusCode)
		p.ws.CloseNow()
		require.Eventually(t, func() bool { return s.live() == 0 }, 10*time.Second, time.Millisecond)
	}
	require.Eventually(t, func() bool {
		s.h.gate.mu.Lock()
		defer s.h.gate.mu.Unlock()
		return s.h.gate.conns == 0
	}, 10*time.Second, time.Millisecond)
}

// 57: how often connections are made in all.
func TestRateInAll(t *testing.T) {
	g := gate{limits: Limits{Rate: chat.Rate{PerSecond: 10, Burst: 5}}.withDefaults()}
	now := time.Now()
	for range 5 {
		require.Nil(t, g.arrive(netip.Addr{}, now))
	}
	f := g.arrive(netip.Addr{}, now)
	require.Equal(t, 503, f.status)
	require.Equal(t, "1", f.header[1])
	require.Nil(t, g.arrive(netip.Addr{}, now.Add(100*time.Millisecond)))
	require.NotNil(t, g.arrive(netip.Addr{}, now.Add(100*time.Millisecond)))
}

// 78: addresses that come and go leave nothing behind.
func TestGateForgets(t *testing.T) {
	g := gate{limits: Limits{Rate: chat.Unlimited}.withDefaults()}
	now := time.Now()
	for i := range 100_000 {
		now = now.Add(time.Millisecond)
		addr := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		require.Nil(t, g.arrive(addr, now))
		_, f := g.enter(chat.UserID(fmt.Sprint(i)), addr, now)
		require.Nil(t, f)
		g.exit(chat.UserID(fmt.Sprint(i)), addr)
		g.leave()
	}
	require.Less(t, len(g.addresses.m), 5000)
	require.Less(t, len(g.users.m), 5000)
}

// What waits for a peer that reads nothing shows in Stats, and goes with it.
func TestStats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startInMemory(t, nil, nil)
		defer s.stop()
		_, w := s.hello("slow")
		ann, _ := s.hello("ann")
		s.connect("mute")
		for range 5 {
			ann.ask("message", map[string]any{"room": w.Rooms[0].ID, "text": strings.Repeat("x", 1000)})
			synctest.Wait() // the first one is being written, for ever
		}
		st := s.h.Stats()
		require.Equal(t, 3, st.Conns)
		require.Equal(t, 2, st.Sessions)
		require.Positive(t, st.Queued)
		require.Greater(t, st.QueuedBytes, 1000)
		require.Equal(t, st.QueuedBytes, st.Longest, "only one does not read")
		require.False(t, st.Draining)
		time.Sleep(time.Minute)
		synctest.Wait()
		require.NoError(t, s.h.Shutdown(t.Context()))
		require.Equal(t, Stats{Draining: true}, s.h.Stats())
	})
}
