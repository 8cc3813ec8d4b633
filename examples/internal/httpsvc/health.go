package httpsvc

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"
)

// Health adds GET /healthz, which answers as long as the process does, and
// GET /readyz, which answers 503 while ready returns an error or takes longer
// than a second. Neither says why: they need no token. The log says it, each time
// that the answer changes.
func (m *Mux) Health(ready func(context.Context) error) {
	var failing atomic.Bool
	ok := map[string]string{"status": "ok"}
	m.Func("GET /healthz", func(w http.ResponseWriter, _ *http.Request) error {
		return WriteJSON(w, http.StatusOK, ok)
	})
	m.Func("GET /readyz", func(w http.ResponseWriter, r *http.Request) error {
		ctx, cancel := context.WithTimeout(r.Context(), time.Second)
		defer cancel()
		if err := ready(ctx); err != nil {
			if !failing.Swap(true) {
				m.logger.WarnContext(ctx, "not ready", "err", err)
			}
			return Unavailable(time.Second)
		}
		if failing.Swap(false) {
			m.logger.InfoContext(ctx, "ready again")
		}
		return WriteJSON(w, http.StatusOK, ok)
	})
}
