// Package web is the chat's page: plain ES modules, one style sheet and a
// document, compiled into the program. There is no build step and no code of
// anybody else.
//
// [Handler] serves it with a content security policy under which nothing
// inline runs, nothing is fetched from elsewhere, and strings can't become
// markup (Trusted Types). The page talks to the auth service (/auth), to the
// chat's REST interface (/api/session, to tell a refused token from a server
// that is down) and to its WebSocket (/ws).
//
// static/js/main.js lists the names by which tests find what is on the page,
// and EXPECTATIONS.md what people expect of it, with the test of each.
package web

import (
	"embed"
	"fmt"
	"html"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/carlware/gochat/transport/ws/browser"
)

// The patterns leave out the modules' own tests, *.test.mjs.
//
//go:embed static/index.html static/app.css static/favicon.svg static/js/*.js static/js/ui/*.js
var files embed.FS

// Options are the options of [Handler]. nil means all defaults.
type Options struct {
	// AuthOrigin and ChatOrigin say where the auth service and the chat are
	// when the page does not come from the same origin, such as
	// "https://auth.example". They must allow it (CORS, Origin). Empty means
	// the page's own origin.
	AuthOrigin, ChatOrigin string
}

// client is where the page finds the browser client.
const client = "/js/gochat.js"

// Handler serves the page: exactly /, /app.css, /favicon.svg and the modules
// below /js/. Other paths are 404, other methods than GET and HEAD are 405. It
// panics if an origin of o is none, and may be used concurrently.
func Handler(o *Options) http.Handler {
	var opt Options
	if o != nil {
		opt = *o
	}
	mux := http.NewServeMux()
	handle := func(path string, h http.Handler) {
		mux.Handle("GET "+path, h) // HEAD too; other methods get 405 with Allow
	}
	modules := []string{client}
	handle(client, browser.Handler())
	for _, name := range names() {
		if name == "index.html" {
			continue
		}
		handle("/"+name, newAsset("/"+name, read(name)))
		if path.Ext(name) == ".js" {
			modules = append(modules, "/"+name)
		}
	}
	handle("/{$}", newAsset("/index.html", document(opt, modules)))
	return secure(policy(opt), mux)
}

// names returns the files to be served, sorted, relative to static.
func names() []string {
	var all []string
	err := fs.WalkDir(files, "static", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			all = append(all, strings.TrimPrefix(name, "static/"))
		}
		return err
	})
	if err != nil {
		panic(fmt.Sprintf("web: embedded files: %v", err)) // the compiler put them there
	}
	return all
}

func read(name string) string {
	b, err := files.ReadFile("static/" + name)
	if err != nil {
		panic(fmt.Sprintf("web: embedded file: %v", err))
	}
	return string(b)
}

// document fills the page in: where the services are, and which modules the
// browser will need, so that it fetches them all at once and not one level of
// imports after the other.
func document(o Options, modules []string) string {
	slices.Sort(modules)
	var preload strings.Builder
	for _, m := range modules {
		fmt.Fprintf(&preload, "\t<link rel=\"modulepreload\" href=%q>\n", m)
	}
	return strings.NewReplacer(
		"{{auth}}", html.EscapeString(origin(o.AuthOrigin)),
		"{{chat}}", html.EscapeString(origin(o.ChatOrigin)),
		"{{preload}}", preload.String(),
	).Replace(read("index.html"))
}

// origin returns s as browsers write it.
func origin(s string) string {
	if s == "" {
		return ""
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil ||
		strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || strings.ContainsAny(u.Host, " ;,'\"*") {
		panic(fmt.Sprintf("web: %q is not an origin such as https://chat.example", s))
	}
	return u.Scheme + "://" + strings.ToLower(u.Host)
}

// policy returns the content security policy of the page (W3C CSP level 3, and
// Trusted Types). A browser's 'self' covers the WebSocket of the same origin.
func policy(o Options) string {
	connect := []string{"'self'"}
	for _, s := range []string{o.AuthOrigin, o.ChatOrigin} {
		if s = origin(s); s != "" {
			connect = append(connect, s)
		}
	}
	if s := origin(o.ChatOrigin); s != "" {
		connect = append(connect, "ws"+strings.TrimPrefix(s, "http"))
	}
	return strings.Join([]string{
		"default-src 'none'",
		"script-src 'self'",
		"style-src 'self'",
		"img-src 'self' data:",
		"connect-src " + strings.Join(slices.Compact(connect), " "),
		"form-action 'self'",
		"base-uri 'none'",
		"frame-ancestors 'none'",
		"manifest-src 'self'",
		"require-trusted-types-for 'script'",
		"trusted-types 'none'",
	}, "; ")
}

// powers are the features that the page asks a browser to switch off.
const powers = "accelerometer=(), autoplay=(), camera=(), display-capture=(), encrypted-media=(), fullscreen=(), geolocation=(), " +
	"gyroscope=(), hid=(), magnetometer=(), microphone=(), midi=(), payment=(), picture-in-picture=(), publickey-credentials-get=(), " +
	"screen-wake-lock=(), serial=(), usb=(), xr-spatial-tracking=()"

// secure adds the headers of every answer, also of an error; modules and style
// sheets go without those for documents.
func secure(policy string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", powers)
		if r.TLS != nil {
			h.Set("Strict-Transport-Security", "max-age=31536000") // RFC 6797; never over plain HTTP
		}
		next.ServeHTTP(w, r)
	})
}
