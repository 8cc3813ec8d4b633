package authsvc

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/carlware/gochat/examples/internal/token"
)

// The names in access tokens if Config has no others.
const (
	DefaultIssuer   = "gochat-auth"
	DefaultAudience = "gochat"
)

// maxTokenTTL is what verifiers believe without being told otherwise.
const maxTokenTTL = 15 * time.Minute

// Config says what a service is made of. The zero value is a service in memory,
// on 127.0.0.1:8081, without users.
type Config struct {
	// Addr is the host:port at which the service can be reached. Run listens
	// there. New does not listen, and goes by it to tell whether other
	// machines can reach the service: where another server is in front of
	// Handler, it is the address of that. Empty: 127.0.0.1:8081.
	Addr string

	// Listener is where Run serves if it is not nil; Run closes it, and Addr
	// is ignored.
	Listener net.Listener

	// Hosts are the names of this server, besides localhost and the address
	// in Addr; requests for others are refused, be they health checks.
	Hosts []string

	// TrustedProxies may say in X-Forwarded-For whom they speak for. With
	// none, every client behind a proxy shares one limit.
	TrustedProxies []netip.Prefix

	// Database is the path of a SQLite file, the postgres:// URL of a database
	// that several processes may share, or "memory". The tables are in the
	// schema gochat_auth, or in the one that the URL names as search_path.
	// Empty: "memory".
	Database string

	// KeyFile holds the private keys for access tokens, see
	// [token.LoadOrCreateKeys]. Empty: a key that ends with the process.
	KeyFile string

	Issuer   string        // empty: DefaultIssuer
	Audience string        // empty: DefaultAudience
	TokenTTL time.Duration // life of an access token, at most 15 minutes; 0: token.DefaultTTL

	// Demo makes users with a known password. It is refused if Addr is not a
	// loopback address, unless DemoAllowRemote says that this is meant.
	Demo, DemoAllowRemote bool

	// Register lets everybody who can reach the service make an account.
	Register bool

	// SecretFile holds a secret of at least 32 characters. Services that show
	// it are told of users and revocations, see [Remote]. Empty: none is.
	SecretFile string

	// InsecureCookie leaves out the Secure attribute and the __Host- prefix,
	// for browsers that refuse them on plain HTTP even on this machine. It is
	// refused if Addr is not a loopback address.
	InsecureCookie bool

	// Logger gets what an operator should know. It never gets a password, a
	// token, or a name that somebody typed. nil: [slog.Default].
	Logger *slog.Logger

	cost cost // for tests; zero: defaultCost
}

// complete fills in what is not set and refuses what is unsafe.
func (c *Config) complete() error {
	if c.Listener != nil {
		c.Addr = c.Listener.Addr().String()
	}
	c.Addr = cmp.Or(c.Addr, "127.0.0.1:8081")
	c.Database = cmp.Or(c.Database, "memory")
	c.Issuer = cmp.Or(c.Issuer, DefaultIssuer)
	c.Audience = cmp.Or(c.Audience, DefaultAudience)
	c.TokenTTL = cmp.Or(c.TokenTTL, token.DefaultTTL)
	c.Logger = cmp.Or(c.Logger, slog.Default())
	host, _, err := net.SplitHostPort(c.Addr)
	if err != nil {
		return fmt.Errorf("authsvc: address: %w", err)
	}
	if ip, err := netip.ParseAddr(host); err == nil && !ip.IsUnspecified() {
		c.Hosts = append(c.Hosts[:len(c.Hosts):len(c.Hosts)], ip.WithZone("").String())
	}
	switch {
	case c.TokenTTL < time.Minute || c.TokenTTL > maxTokenTTL:
		return fmt.Errorf("authsvc: an access token must live 1 to 15 minutes, not %v", c.TokenTTL)
	case c.Demo && !c.DemoAllowRemote && !loopback(host):
		return errors.New("authsvc: demo mode has users with a known password, so it must listen on a loopback address such as 127.0.0.1")
	case c.InsecureCookie && !loopback(host):
		return errors.New("authsvc: insecure cookies are for a loopback address such as 127.0.0.1 only")
	}
	return nil
}

// loopback reports whether only this machine can reach host.
func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}
