package rest

import (
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/carlware/gochat/chat"
)

// Options are the options of [NewHandler]. nil means all defaults.
type Options struct {
	// Logger receives errors that are the server's own fault. nil means
	// [slog.Default].
	Logger *slog.Logger
}

// Handler serves the routes of the package comment. It is made by
// [NewHandler], is ready at once and needs no closing.
type Handler struct {
	hub          chat.Hub
	authenticate func(*http.Request) (chat.Principal, error)
	log          *slog.Logger
	mux          *http.ServeMux
}

// NewHandler returns a handler of the API of hub, with its routes at the root:
// mount it with [http.StripPrefix].
//
// authenticate says who makes a request. It is called once for each request,
// concurrently, before anything of the body is read. An error that wraps one
// of package chat is answered as such, for example [chat.ErrUnavailable] with
// 503; any other is 401 and its text stays here. NewHandler panics when hub or
// authenticate is nil.
func NewHandler(hub chat.Hub, authenticate func(*http.Request) (chat.Principal, error), o *Options) *Handler {
	if hub == nil || authenticate == nil {
		panic("rest: NewHandler needs a hub and an authenticate function")
	}
	if o == nil {
		o = &Options{}
	}
	h := &Handler{hub: hub, authenticate: authenticate, log: o.Logger, mux: http.NewServeMux()}
	if h.log == nil {
		h.log = slog.Default()
	}
	h.routes()
	return h
}

func (h *Handler) routes() {
	h.route("/session", endpoints{http.MethodGet: (*request).session})
	h.route("/commands", endpoints{http.MethodGet: (*request).commands})
	h.route("/rooms", endpoints{
		http.MethodGet:  (*request).rooms,
		http.MethodPost: (*request).createRoom,
	})
	h.route("/rooms/{room}", endpoints{
		http.MethodGet:   (*request).room,
		http.MethodPatch: (*request).updateRoom,
	})
	h.route("/rooms/{room}/messages", endpoints{
		http.MethodGet:  (*request).history,
		http.MethodPost: (*request).post,
	})
	h.route("/rooms/{room}/messages/{seq}", endpoints{
		http.MethodPatch:  (*request).edit,
		http.MethodDelete: (*request).delete,
	})
	h.route("/rooms/{room}/commands", endpoints{http.MethodPost: (*request).command})
	h.route("/rooms/{room}/members", endpoints{
		http.MethodGet:  (*request).members,
		http.MethodPost: (*request).addMember,
	})
	h.route("/rooms/{room}/members/{user}", endpoints{
		http.MethodPatch:  (*request).setMember,
		http.MethodDelete: (*request).removeMember,
	})
	h.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { h.fail(w, r, errNoRoute) })
}

// endpoints is what the methods of one path do.
type endpoints map[string]func(*request) error

// route answers methods that a path does not have here and not in the
// ServeMux, whose answer would be plain text.
func (h *Handler) route(pattern string, methods endpoints) {
	allow := slices.Sorted(maps.Keys(methods))
	if slices.Contains(allow, http.MethodGet) {
		allow = append(allow, http.MethodHead)
	}
	h.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		method := r.Method
		if method == http.MethodHead {
			method = http.MethodGet
		}
		do, ok := methods[method]
		if !ok {
			w.Header().Set("Allow", strings.Join(allow, ", "))
			h.fail(w, r, errMethod)
			return
		}
		if err := h.serve(w, r, do); err != nil {
			h.fail(w, r, err)
		}
	})
}

// ServeHTTP serves one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	// The ServeMux would redirect an unclean path to a clean one, and not know
	// of a prefix that was stripped.
	if p := r.URL.Path; !path.IsAbs(p) || path.Clean(p) != p {
		h.fail(w, r, errNoRoute)
		return
	}
	h.mux.ServeHTTP(w, r)
}

func (h *Handler) serve(w http.ResponseWriter, r *http.Request, do func(*request) error) error {
	p, err := h.authenticate(r)
	if err != nil {
		return h.refused(err)
	}
	if p.User.ID == "" {
		return errUnauthorized
	}
	if err := h.hub.Admit(r.Context(), p); err != nil {
		return err
	}
	return do(&request{Handler: h, w: w, r: r, principal: p, by: p.User.ID})
}

// refused lets the errors of package chat through and hides all others: what
// an authenticator says of a credential is not for whoever sent it.
func (h *Handler) refused(err error) error {
	for _, known := range []error{chat.ErrUnavailable, chat.ErrBusy, chat.ErrExpired, chat.ErrRevoked, chat.ErrForbidden} {
		if errors.Is(err, known) {
			return err
		}
	}
	return errUnauthorized
}
