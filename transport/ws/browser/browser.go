// Package browser is the JavaScript client of gochat for web pages: one ES
// module without dependencies, compiled into the program.
//
// Mount it beside the WebSocket handler and import it from a page:
//
//	mux.Handle("GET /js/gochat.js", browser.Handler())
//
//	<script type="module">
//	  import { Client } from "/js/gochat.js";
//	  const client = new Client({ url: "/ws", token: async () => token });
//	  client.on("event", (e) => console.log(e.user.name, e.text));
//	  client.start();
//	</script>
//
// Without the token callback a cookie says who it is, or the url. The client
// dials with a fresh token, resumes every room from the last event it has, keeps what was sent until the server has stored it, and delivers each
// event once and in order. The guide to it is at the top of the module.
package browser

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"time"
)

//go:embed gochat.js
var source string

// Source returns the module, for those who bundle it or serve it themselves.
func Source() string { return source }

// Handler serves the module, whatever the path: GET and HEAD, with a strong
// ETag, and compressed for those who accept gzip. Browsers may keep it but ask
// each time whether it is still the same, so that a page never runs with the
// client of an older server for long. The handler may be used concurrently.
func Handler() http.Handler {
	sum := sha256.Sum256([]byte(source))
	tag := base64.RawURLEncoding.EncodeToString(sum[:])
	var packed bytes.Buffer
	zw, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression) // the level is a valid one
	_, _ = zw.Write([]byte(source))                             // a Buffer takes everything
	_ = zw.Close()

	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			h.Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		h.Set("Content-Type", "text/javascript; charset=utf-8")
		h.Set("Cache-Control", "no-cache")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Add("Vary", "Accept-Encoding")
		if acceptsGzip(r) {
			h.Set("Content-Encoding", "gzip")
			h.Set("ETag", `"`+tag+`-gzip"`)
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(packed.Bytes()))
			return
		}
		h.Set("ETag", `"`+tag+`"`)
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(source))
	})
}

// acceptsGzip reports whether the request lists gzip without refusing it
// (RFC 9110, section 12.5.3).
func acceptsGzip(r *http.Request) bool {
	for coding := range strings.SplitSeq(strings.Join(r.Header.Values("Accept-Encoding"), ","), ",") {
		name, params, _ := strings.Cut(strings.ToLower(strings.ReplaceAll(coding, " ", "")), ";")
		if name == "gzip" {
			return !slices.Contains([]string{"q=0", "q=0.0", "q=0.00", "q=0.000"}, params)
		}
	}
	return false
}
