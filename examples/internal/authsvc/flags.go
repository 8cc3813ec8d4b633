package authsvc

import (
	"flag"

	"github.com/carlware/gochat/examples/internal/httpsvc"
)

// AddFlags adds the flags of the service to fs: -auth-db, -auth-key, -issuer,
// -audience, -token-ttl, -register, -demo, -demo-allow-remote, -insecure-cookie
// and -trusted-proxies. What c holds is their default. Where to listen, and under
// what names, is left to the program.
func (c *Config) AddFlags(fs *flag.FlagSet) {
	fs.StringVar(&c.Database, "auth-db", c.Database, "where users and sessions are: `path` of a SQLite file, URL of a PostgreSQL database (postgres://…), or memory")
	fs.StringVar(&c.KeyFile, "auth-key", c.KeyFile, "`path` of the private keys for access tokens, made if missing; empty: a key that ends with the process")
	fs.StringVar(&c.Issuer, "issuer", DefaultIssuer, "issuer of access tokens")
	fs.StringVar(&c.Audience, "audience", DefaultAudience, "audience of access tokens")
	fs.DurationVar(&c.TokenTTL, "token-ttl", c.TokenTTL, "life of an access token, 1m to 15m; 0: 10m")
	fs.BoolVar(&c.Register, "register", c.Register, "let everybody who can reach the service make an account")
	fs.BoolVar(&c.Demo, "demo", c.Demo, "make users carlos, john and gerard with a known password; on a loopback address only")
	fs.BoolVar(&c.DemoAllowRemote, "demo-allow-remote", c.DemoAllowRemote, "let -demo users be reached from other machines; anybody can log in then")
	fs.BoolVar(&c.InsecureCookie, "insecure-cookie", c.InsecureCookie, "for browsers that refuse Secure cookies on http://localhost; on a loopback address only")
	httpsvc.PrefixFlag(fs, &c.TrustedProxies, "trusted-proxies", "`networks` of proxies whose X-Forwarded-For is believed, such as 10.0.0.0/8,fd00::/8")
}
