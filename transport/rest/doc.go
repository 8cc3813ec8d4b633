// Package rest serves a [chat.Hub] over plain HTTP, for clients that do not
// hold a socket: scripts, bots that only speak, server-rendered pages.
//
//	api := rest.NewHandler(node, authenticate, nil)
//	mux.Handle("/api/", http.StripPrefix("/api", api))
//
// authenticate is the host's own rule: it looks at a request and says who
// makes it. [github.com/carlware/gochat/transport/ws.BearerToken] reads the
// token for hosts that use one. A host with cookie sessions must keep foreign
// pages out itself, for example with [http.CrossOriginProtection]: this package
// sends no CORS headers and looks at no Origin.
//
// # Routes
//
//	GET    /session                        who I am, and the limits
//	GET    /rooms?after=&limit=            my rooms and the public ones
//	POST   /rooms                          {"name", "kind"?, "members"?, "hides_history"?, "data"?}
//	                                       {"kind":"direct", "user"}
//	GET    /rooms/{room}
//	PATCH  /rooms/{room}                   one of {"name"}, {"archived"}, {"data"}
//	GET    /rooms/{room}/messages          ?before=, ?after= or ?around=, &limit=
//	POST   /rooms/{room}/messages          {"text", "reply_to"?, "mentions"?, "data"?}
//	PATCH  /rooms/{room}/messages/{seq}    {"text", "data"?}
//	DELETE /rooms/{room}/messages/{seq}
//	POST   /rooms/{room}/commands          {"text":"/stock=aapl.us"}
//	GET    /rooms/{room}/members?after=&limit=
//	POST   /rooms/{room}/members           {} joins, {"user"} invites
//	PATCH  /rooms/{room}/members/{user}    one of {"role"}, {"banned"}
//	DELETE /rooms/{room}/members/{user}    oneself: leaves; somebody else: removes
//	GET    /commands?room=                 the commands that I may call there
//
// Answers have the shapes of the WebSocket protocol: {"room": …}, {"rooms": …,
// "more"}, {"members": …, "more"}, {"commands": …}, a page of events, or
// {"event": …, "dup"?} for what was stored. A page of rooms or members goes on
// after the last id of the one before; more says whether there is more. A page
// of messages is the newest events, those before or those after a seq
// (exclusive), or those around one, always in ascending order.
//
// # Once
//
// Whatever stores something takes an idempotency key, in the header
// Idempotency-Key or as "id" in the body: 16 to 64 of A-Z, a-z, 0-9, "_", "-",
// random, unique for the user for ever. After a time-out, a 503 or a lost
// connection send the same request again with the same key: it is stored once
// and answered alike. What is stored for the first time is 201 where it makes
// something new; a repeat of it is 200 with "dup".
//
// A command waits for its outcome, up to the command's own deadline, and
// answers {"status": "done" or "ephemeral", "text"?, "seqs"?}. A command that
// failed is a problem with the code that its outcome has. 202 with the status
// "pending" says that the outcome is late: the same request again asks for it.
//
// # Errors
//
// Every error is a problem document of RFC 9457 with the code of the WebSocket
// protocol:
//
//	HTTP/1.1 404 Not Found
//	Content-Type: application/problem+json
//
//	{"title":"Not Found","status":404,"code":"not_found","detail":"…"}
//
// and "field" or "retry_after_ms" where they apply. 503 means that it may have
// happened or can't happen now. Who may not know of a room gets 404.
//
// Bodies are at most 64 KiB of strict JSON (one object, no duplicate keys, valid
// UTF-8) with Content-Type application/json and without Content-Encoding.
// Unknown fields are ignored.
package rest
