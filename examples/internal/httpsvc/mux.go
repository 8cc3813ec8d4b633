package httpsvc

import (
	"errors"
	"log/slog"
	"net/http"
)

// Mux is a [http.ServeMux] whose own errors are problems too: 404, and 405 with
// the Allow header. Routes are added before it serves; then it may be used
// concurrently.
type Mux struct {
	mux    *http.ServeMux
	logger *slog.Logger
}

// NewMux returns an empty Mux that logs what handlers return to logger.
func NewMux(logger *slog.Logger) *Mux {
	return &Mux{mux: http.NewServeMux(), logger: logger}
}

// Handle adds a route; the pattern is that of [http.ServeMux.Handle]. A pattern
// that matches every path would turn 405 into 404.
func (m *Mux) Handle(pattern string, h http.Handler) { m.mux.Handle(pattern, h) }

// Func adds a handler that may fail. A [*Problem] is sent as it is. Any other
// error is logged, and the client learns only that it was not its fault. A
// handler that returns an error must not have sent anything.
func (m *Mux) Func(pattern string, f func(http.ResponseWriter, *http.Request) error) {
	m.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		if err := f(w, r); err != nil {
			m.fail(w, r, err)
		}
	})
}

func (m *Mux) fail(w http.ResponseWriter, r *http.Request, err error) {
	if p, ok := errors.AsType[*Problem](err); ok {
		p.Write(w)
		return
	}
	if r.Context().Err() != nil { // the client has gone, or the service ends
		Unavailable(0).Write(w)
		return
	}
	// The pattern, not the path: a path is whatever the client makes it.
	m.logger.ErrorContext(r.Context(), "request failed", "route", r.Pattern, "err", err)
	(&Problem{Status: http.StatusInternalServerError, Code: "internal"}).Write(w)
}

// ServeHTTP implements [http.Handler].
func (m *Mux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h, pattern := m.mux.Handler(r)
	if pattern != "" {
		m.mux.ServeHTTP(w, r)
		return
	}
	var own verdict
	h.ServeHTTP(&own, r)
	p := NotFound()
	if own.status == http.StatusMethodNotAllowed {
		p = &Problem{Status: own.status, Code: "method_not_allowed"}
		w.Header().Set("Allow", own.Header().Get("Allow"))
	}
	p.Write(w)
}

// verdict takes what http.ServeMux answers where it has no route.
type verdict struct {
	header http.Header
	status int
}

func (v *verdict) Header() http.Header {
	if v.header == nil {
		v.header = http.Header{}
	}
	return v.header
}

func (v *verdict) WriteHeader(status int)      { v.status = status }
func (v *verdict) Write(b []byte) (int, error) { return len(b), nil }
