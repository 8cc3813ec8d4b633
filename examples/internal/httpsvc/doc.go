// Package httpsvc is the HTTP edge that the example services have in common:
// what a request must look like before a service sees it, what an error looks
// like when it leaves, and a server that bounds time and memory.
//
// A service builds a [Mux] of handlers that return errors, and wraps it:
//
//	mux := httpsvc.NewMux(logger)
//	mux.Func("POST /auth/login", func(w http.ResponseWriter, r *http.Request) error {
//		var req struct{ Username, Password string }
//		if err := httpsvc.Decode(w, r, &req); err != nil {
//			return err // 400, 413 or 415
//		}
//		...
//		return httpsvc.WriteJSON(w, http.StatusOK, resp)
//	})
//	handler, err := httpsvc.Hosts([]string{"chat.example"}, httpsvc.Headers(mux))
//	err = httpsvc.Serve(ctx, listener, handler, nil)
//
// Every error is a problem document (RFC 9457) with a stable code. Nothing that
// a client sent is logged, and nothing that went wrong inside is sent.
package httpsvc
