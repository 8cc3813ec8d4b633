package webhook

import (
	"io"
	"log/slog"
	"mime"
	"net/http"
	"time"

	"github.com/carlware/gochat/command"
)

// HandlerOptions are the options of [NewHandler]. nil means all defaults.
type HandlerOptions struct {
	// Logger gets refused requests and the errors of the handler that its
	// caller is not shown. nil means [slog.Default].
	Logger *slog.Logger
}

// NewHandler returns an http.Handler that answers what a [Webhook] with the same
// secret posts, by running h, such as a [command.Bot]. h checks arguments, roles
// and how many calls run at once; its Progress is not told to anybody, for HTTP
// has one answer. A secret shorter than [MinSecret] panics.
//
// A request that was not signed with the secret within [Window] is refused with
// 401. One that somebody sends again within it is run again, with the same
// Call.ID, as one that comes twice from a queue: a handler with side effects
// looks at the id.
func NewHandler(h command.Handler, secret string, o *HandlerOptions) http.Handler {
	if len(secret) < MinSecret {
		panic(errSecret.Error())
	}
	log := slog.Default()
	if o != nil && o.Logger != nil {
		log = o.Logger
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refuse := func(code int, err error) {
			log.InfoContext(r.Context(), "webhook request is refused", "status", code, "err", err)
			http.Error(w, http.StatusText(code), code)
		}
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			refuse(http.StatusMethodNotAllowed, nil)
			return
		}
		if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/json" || r.Header.Get("Content-Encoding") != "" {
			refuse(http.StatusUnsupportedMediaType, nil)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			refuse(http.StatusRequestEntityTooLarge, err)
			return
		}
		if err := Verify(r.Header, secret, body, time.Now()); err != nil {
			refuse(http.StatusUnauthorized, err)
			return
		}
		call, err := decodeRequest(body)
		if err != nil {
			refuse(http.StatusBadRequest, err)
			return
		}
		said, err := encode(answerOf(command.Execute(r.Context(), h, call, &command.ExecuteOptions{Logger: log})))
		if err != nil {
			refuse(http.StatusInternalServerError, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(said)
	})
}
