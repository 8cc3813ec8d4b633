package ws

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// BearerToken returns the token of a request: from "Authorization: Bearer …",
// or, because browsers can't set that header on a WebSocket, from an offered
// subprotocol "bearer.…". It returns false when there is none, or more than one.
func BearerToken(r *http.Request) (string, bool) {
	var tokens []string
	for _, v := range r.Header.Values("Authorization") {
		scheme, token, _ := strings.Cut(v, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return "", false
		}
		tokens = append(tokens, strings.TrimSpace(token))
	}
	for _, p := range offered(r) {
		if token, ok := strings.CutPrefix(p, "bearer."); ok {
			tokens = append(tokens, token)
		}
	}
	if len(tokens) != 1 || tokens[0] == "" {
		return "", false
	}
	return tokens[0], true
}

// offered returns the subprotocols that a client offers.
func offered(r *http.Request) []string { return tokens(r.Header, "Sec-WebSocket-Protocol") }

// tokens returns the elements of a header that is a comma-separated list.
func tokens(h http.Header, name string) []string {
	var list []string
	for _, v := range h.Values(name) {
		for t := range strings.SplitSeq(v, ",") {
			if t = strings.TrimSpace(t); t != "" {
				list = append(list, t)
			}
		}
	}
	return list
}

func hasToken(h http.Header, name, token string) bool {
	for _, t := range tokens(h, name) {
		if strings.EqualFold(t, token) {
			return true
		}
	}
	return false
}

// refusal is why a request is not upgraded.
type refusal struct {
	status int
	code   string // of the protocol's table
	detail string
	header [2]string
}

// verify checks that r is a WebSocket handshake (RFC 6455, section 4.2.1) for
// our subprotocol from an allowed origin.
func (h *Handler) verify(r *http.Request) *refusal {
	switch {
	case r.Method != http.MethodGet:
		return &refusal{http.StatusMethodNotAllowed, "bad_request", "A WebSocket is opened with GET.", [2]string{"Allow", "GET"}}
	case !r.ProtoAtLeast(1, 1) || !hasToken(r.Header, "Connection", "Upgrade") || !hasToken(r.Header, "Upgrade", "websocket"):
		f := &refusal{status: http.StatusUpgradeRequired, code: "bad_request", detail: "This address speaks WebSocket only."}
		if r.ProtoMajor < 2 { // HTTP/2 forbids the header: RFC 9113, section 8.2.2
			f.header = [2]string{"Upgrade", "websocket"}
		}
		return f
	case r.Header.Get("Sec-WebSocket-Version") != "13" || len(r.Header.Values("Sec-WebSocket-Version")) > 1:
		return &refusal{http.StatusBadRequest, "bad_request", "The WebSocket version is not 13.", [2]string{"Sec-WebSocket-Version", "13"}}
	case !validChallenge(r.Header.Values("Sec-WebSocket-Key")):
		return &refusal{status: http.StatusBadRequest, code: "bad_request", detail: "There is not exactly one Sec-WebSocket-Key of 16 bytes."}
	case !h.origins.allow(r):
		return &refusal{status: http.StatusForbidden, code: "forbidden", detail: "Pages of that origin may not connect."}
	}
	for _, p := range offered(r) {
		if p == Protocol {
			return nil
		}
	}
	return &refusal{status: http.StatusBadRequest, code: "bad_request", detail: "The subprotocol " + Protocol + " is not offered."}
}

func validChallenge(keys []string) bool {
	if len(keys) != 1 {
		return false
	}
	b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(keys[0]))
	return err == nil && len(b) == 16
}

var (
	refuseDraining = &refusal{http.StatusServiceUnavailable, "unavailable", "The server is shutting down.", [2]string{"Retry-After", "1"}}
	refuseStore    = &refusal{http.StatusServiceUnavailable, "unavailable", "The chat can't be reached now.", [2]string{"Retry-After", "1"}}
	refuseFull     = &refusal{status: http.StatusServiceUnavailable, code: "unavailable", detail: "The server has as many connections as it takes."}
	refuseTooFast  = &refusal{status: http.StatusTooManyRequests, code: "rate_limited", detail: "You connect too often."}
	refuseInternal = &refusal{status: http.StatusInternalServerError, code: "internal", detail: "The server can't upgrade connections."}
	refuseLogin    = &refusal{http.StatusUnauthorized, "unauthorized", "A valid token is needed.", [2]string{"WWW-Authenticate", "Bearer"}}
)

// refusalFor maps an error of the host's authentication.
func refusalFor(err error) *refusal {
	switch farewellFor(err).code {
	case codeTryLater:
		return refuseStore
	case codeRestart:
		return refuseDraining
	case codeForbidden:
		return &refusal{status: http.StatusForbidden, code: "forbidden", detail: "You may not connect."}
	}
	return refuseLogin
}

// busy is f with a Retry-After, in whole seconds.
func busy(f *refusal, wait time.Duration) *refusal {
	r := *f
	r.header = [2]string{"Retry-After", strconv.Itoa(int((wait + time.Second - 1) / time.Second))}
	return &r
}

// write answers with problem details: RFC 9457.
func (f *refusal) write(w http.ResponseWriter) {
	o := object{[]byte{'{'}}
	o.str("type", "about:blank")
	o.str("title", http.StatusText(f.status))
	o.num("status", int64(f.status))
	o.str("detail", f.detail)
	o.str("code", f.code)
	o.close()
	if f.header[0] != "" {
		w.Header().Set(f.header[0], f.header[1])
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Content-Length", strconv.Itoa(len(o.b)))
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(f.status)
	_, _ = w.Write(o.b) // whoever asked may be gone
}

// origin is an allowed origin: scheme, host and port of RFC 6454, where the
// first label of the host may be any and so may the port.
type origin struct{ scheme, host, port string }

type origins []origin

// parseOrigins panics on what is not an origin: that is a mistake in the
// program, and an open door.
func parseOrigins(list []string) origins {
	os := make(origins, len(list))
	for i, s := range list {
		o, valid := parseOrigin(s)
		labels := strings.TrimPrefix(o.host, "*.")
		if !valid || labels == "" || strings.Contains(labels, "*") || o.port != "*" && strings.Contains(o.port, "*") {
			panic("ws: " + strconv.Quote(s) + ` is no origin such as "https://app.example", "https://*.app.example" or "http://localhost:*"`)
		}
		os[i] = o
	}
	return os
}

// parseOrigin splits the serialization of an origin. There is no user, path,
// query or fragment in one.
func parseOrigin(s string) (origin, bool) {
	scheme, host, found := strings.Cut(s, "://")
	scheme, host = strings.ToLower(scheme), strings.ToLower(host)
	if !found || scheme != "http" && scheme != "https" {
		return origin{}, false
	}
	port := ""
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		host, port = host[:i], host[i+1:]
	}
	if u, err := url.Parse("//" + strings.ReplaceAll(host, "*", "x")); err != nil || host == "" || u.Host != strings.ReplaceAll(host, "*", "x") {
		return origin{}, false
	}
	return origin{scheme, host, port}, true
}

// allow reports whether the page that r comes from may connect. Programs send
// no Origin; browsers always do, so this is what keeps foreign pages from using
// a person's cookies.
func (os origins) allow(r *http.Request) bool {
	values := r.Header.Values("Origin")
	if len(values) == 0 {
		return true
	}
	o, valid := parseOrigin(values[0])
	if !valid || len(values) > 1 {
		return false
	}
	if len(os) == 0 {
		return sameHost(o, r.Host)
	}
	for _, allowed := range os {
		if allowed.matches(o) {
			return true
		}
	}
	return sameHost(o, r.Host)
}

// sameHost does not compare schemes: behind a proxy that ends TLS the server
// can't know its own.
func sameHost(o origin, host string) bool {
	full := o.host
	if o.port != "" {
		full += ":" + o.port
	}
	return strings.EqualFold(full, host)
}

func (p origin) matches(o origin) bool {
	if p.scheme != o.scheme || p.port != "*" && p.port != o.port {
		return false
	}
	if suffix, wild := strings.CutPrefix(p.host, "*"); wild {
		label, found := strings.CutSuffix(o.host, suffix)
		return found && label != ""
	}
	return p.host == o.host
}
