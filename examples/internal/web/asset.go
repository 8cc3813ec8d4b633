package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"path"
	"regexp"
	"strings"
	"time"
)

// types are what browsers are told. The tables of the operating system are
// not asked: some call a module text/plain, and browsers refuse it then.
var types = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

// asset is a file in memory, plain and compressed.
type asset struct {
	contentType   string
	tag           string
	plain, packed []byte
	part          bool // of a document: a module or a style sheet, and never one itself
}

func newAsset(name, body string) *asset {
	sum := sha256.Sum256([]byte(body))
	a := &asset{
		contentType: types[path.Ext(name)],
		tag:         base64.RawURLEncoding.EncodeToString(sum[:16]),
		plain:       []byte(body),
		part:        path.Ext(name) == ".js" || path.Ext(name) == ".css",
	}
	var b bytes.Buffer
	zw, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is a valid one
	_, _ = zw.Write(a.plain)                               // a Buffer takes everything
	_ = zw.Close()
	a.packed = b.Bytes()
	return a
}

// ServeHTTP serves the file. Browsers keep it, but ask each time whether it is
// still the same: the page and its modules must be of one version.
func (a *asset) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	if a.part {
		// They protect documents. On each of forty modules they would be
		// half of what is sent.
		h.Del("Content-Security-Policy")
		h.Del("Permissions-Policy")
		h.Del("Cross-Origin-Opener-Policy")
	}
	h.Set("Content-Type", a.contentType)
	h.Set("Cache-Control", "no-cache")
	h.Add("Vary", "Accept-Encoding")
	body, tag := a.plain, a.tag
	if acceptsGzip(r.Header.Values("Accept-Encoding")) {
		h.Set("Content-Encoding", "gzip")
		body, tag = a.packed, a.tag+"-gzip"
	}
	h.Set("ETag", `"`+tag+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// gzipListed finds gzip in an Accept-Encoding header unless it is refused
// (RFC 9110, section 12.5.3).
var gzipListed = regexp.MustCompile(`(?i)(^|,)\s*gzip\s*(;\s*q=(1|0\.[0-9]*[1-9])[0-9.]*\s*)?(,|$)`)

func acceptsGzip(header []string) bool { return gzipListed.MatchString(strings.Join(header, ",")) }
