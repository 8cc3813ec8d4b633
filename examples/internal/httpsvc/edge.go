package httpsvc

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
)

// Headers sets what every answer of an API carries. A handler that serves a
// page replaces Content-Security-Policy and Cache-Control with its own.
func Headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Cache-Control", "no-store")
		if r.TLS != nil { // RFC 6797, section 7.2: not over plain HTTP
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

var hostPattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$`)

// Hosts answers 421 unless the request is for one of names, or for localhost,
// 127.0.0.1 or [::1]; ports do not count. Without this check a page of any site
// can make its own name point at this machine and is then of the same origin
// (DNS rebinding). A name is a host name or an address without a port; a
// wildcard is an error.
func Hosts(names []string, next http.Handler) (http.Handler, error) {
	allowed := map[string]bool{"localhost": true, "127.0.0.1": true, "::1": true}
	for _, name := range names {
		name = strings.ToLower(name)
		if addr, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
			name = addr.String()
		} else if !hostPattern.MatchString(name) {
			return nil, fmt.Errorf("httpsvc: %q is not a host name without a port", name)
		}
		allowed[name] = true
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !allowed[hostname(r.Host)] {
			(&Problem{Status: http.StatusMisdirectedRequest, Code: "misdirected", Detail: "this host is not served here"}).Write(w)
			return
		}
		next.ServeHTTP(w, r)
	}), nil
}

// hostname returns the host of host[:port] in lower case, without brackets and
// without the dot that ends a full domain name.
func hostname(hostport string) string {
	return strings.TrimSuffix(strings.ToLower((&url.URL{Host: hostport}).Hostname()), ".")
}

// maxHops bounds how many entries of X-Forwarded-For are looked at.
const maxHops = 16

// ClientAddr returns the address that the request came from, as far as it can
// be believed: the peer of the connection, or, if that is a trusted proxy, the
// last address in X-Forwarded-For that is not one. It is the zero Addr where
// the connection has no IP address.
func ClientAddr(r *http.Request, trusted []netip.Prefix) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	addr := peer.Addr().Unmap().WithZone("")
	if len(trusted) == 0 {
		return addr
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for n := 0; n < maxHops && len(hops) > 0 && within(addr, trusted); n++ {
		next, err := netip.ParseAddr(strings.TrimSpace(hops[len(hops)-1]))
		if err != nil {
			break
		}
		addr, hops = next.Unmap().WithZone(""), hops[:len(hops)-1]
	}
	return addr
}

func within(addr netip.Addr, prefixes []netip.Prefix) bool {
	for _, p := range prefixes {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}
