package chatsvc

import (
	"flag"
	"net/http"
	"net/netip"

	"github.com/carlware/gochat/examples/internal/httpsvc"
	"github.com/carlware/gochat/transport/ws"
)

// AddSocketFlags adds -max-sockets, -max-sockets-per-user and
// -max-sockets-per-address to fs.
func (c *Config) AddSocketFlags(fs *flag.FlagSet) {
	fs.IntVar(&c.Sockets.Conns, "max-sockets", 0, "how many sockets there may be; 0: 50000, -1: no limit")
	fs.IntVar(&c.Sockets.PerUser, "max-sockets-per-user", 0, "how many of one user; 0: 32, -1: no limit")
	fs.IntVar(&c.Sockets.PerAddress, "max-sockets-per-address", 0, "how many of one address or IPv6 /64; 0: 256, -1: no limit")
}

// Sockets tells what the sockets are at.
func (s *Service) Sockets() ws.Stats { return s.sockets.Stats() }

// address is who a socket counts for: nobody if that is this machine, where
// proxies are, and tools that open many.
func address(r *http.Request, trusted []netip.Prefix) netip.Addr {
	if a := httpsvc.ClientAddr(r, trusted); !a.IsLoopback() {
		return a
	}
	return netip.Addr{}
}
