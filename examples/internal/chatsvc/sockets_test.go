package chatsvc

import (
	"net/http"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAddress(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}
	for _, tt := range []struct {
		name, peer, forwarded string
		trusted               []netip.Prefix
		want                  string // empty: none
	}{
		{"direct", "192.0.2.1:1", "", nil, "192.0.2.1"},
		{"who claims to be another", "192.0.2.1:1", "198.51.100.7", proxies, "192.0.2.1"},
		{"through a proxy here", "127.0.0.1:1", "198.51.100.7", proxies, "198.51.100.7"},
		{"through a proxy elsewhere", "10.1.1.1:1", "198.51.100.7", proxies, "198.51.100.7"},
		{"a tool here", "127.0.0.1:1", "", proxies, ""},
		{"a tool here by IPv6", "[::1]:1", "", nil, ""},
		{"no address", "@", "", nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := &http.Request{RemoteAddr: tt.peer, Header: http.Header{}}
			if tt.forwarded != "" {
				r.Header.Set("X-Forwarded-For", tt.forwarded)
			}
			got := address(r, tt.trusted)
			if tt.want == "" {
				require.False(t, got.IsValid(), got)
				return
			}
			require.Equal(t, tt.want, got.String())
		})
	}
}
