package authsvc

import (
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

var here = netip.MustParseAddr("198.51.100.1")

func TestThrottleMemoryIsBounded(t *testing.T) {
	th := newThrottle()
	for i := range 3 * throttleLimit {
		addr := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		require.Zero(t, th.admit(addr, fmt.Sprint("user", i)))
	}
	require.Len(t, th.accounts.byKey, throttleLimit)
	require.Len(t, th.addrs.byKey, throttleLimit)
	require.Equal(t, throttleLimit, th.accounts.order.Len())
}

func TestThrottleForgetsTheLeastRecent(t *testing.T) {
	r := newRecent[string, int](2)
	*r.get("a") = 1
	*r.get("b") = 2
	r.get("a")
	r.get("c")
	require.Equal(t, 1, *r.get("a"))
	require.Zero(t, *r.get("b"), "b was used longest ago")
	r.drop("a")
	r.drop("a")
	require.Zero(t, *r.get("a"))
}

func TestThrottleVoid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := newThrottle()
		for range 100 {
			require.Zero(t, th.admit(here, "ann"))
			th.void(here, "ann")
		}
		for range freeFailures {
			require.Zero(t, th.admit(here, "ann"))
		}
		require.Equal(t, time.Second, th.admit(here, "ann"))
		th.void(here, "ann") // the fifth was never decided
		require.Zero(t, th.admit(here, "ann"))
		require.Equal(t, time.Second, th.admit(here, "ann"))
	})
}

func TestNetworks(t *testing.T) {
	for addr, want := range map[string]string{
		"198.51.100.1":        "198.51.100.1/32",
		"2001:db8:1:2:3:4::5": "2001:db8:1:2::/64",
	} {
		require.Equal(t, want, network(netip.MustParseAddr(addr)).String())
	}
	require.False(t, network(netip.Addr{}).IsValid())
}
