// Package authsvc is the auth service of the examples: who are you, and can you
// still prove it?
//
//	POST   /auth/login          {"username", "password"} → access token, refresh cookie
//	POST   /auth/register       the same, for a new user; only with -register
//	POST   /auth/refresh        refresh cookie → access token, next refresh cookie
//	POST   /auth/logout         refresh cookie → 204
//	POST   /auth/logout-all     ends all sessions of the user → 204
//	POST   /auth/password       {"current", "new"}; ends the other sessions → 204
//	GET    /auth/sessions       the logins of the user
//	DELETE /auth/sessions/{id}  ends one of them → 204
//	GET    /auth/profile        who the access token speaks for
//	PATCH  /auth/profile        {"name"}, the name that others see
//	GET    /auth/users?q=&limit=  users whose user name begins with q
//	GET    /auth/config         what a login page has to know
//	GET    /.well-known/jwks.json  the keys that access tokens are signed with
//	GET    /healthz, /readyz
//
// [New] makes a [Service] to mount in a program; [Run] makes one and serves it.
//
// # Two tokens
//
// An access token (package token) is short-lived, is sent as a bearer token, and
// is checked by other services without asking here. A refresh token is a random
// secret in a cookie that scripts can't read and other sites can't send; it is
// worth one new access token, and is replaced by the next refresh token then.
// The database keeps hashes of two. The last one but one is good for ten more
// seconds, because two tabs of a browser may refresh at once. Any older token of
// the session has been stolen from somebody: the session ends, for the thief and
// for the user, who logs in again.
//
// A session ends after 30 days, after 7 days without a refresh, by logout, by a
// new password, and when a user has more than 20. Its access tokens are refused
// here at once, and elsewhere by who follows [Service.Revocations]: those are
// rows that stay until the last token of the session has expired, so a service
// that was away learns of them all when it comes back.
//
// # Other services
//
// A service in the same process calls the methods of [Service]. One elsewhere
// uses [Remote], which asks these routes with a secret that both read from a
// file; without a file the routes are not there.
//
//	POST /internal/users              {"ids"} → their names
//	GET  /internal/revocations?after= waits up to 20 s for the next ones
//
// # Passwords
//
// Passwords are hashed with argon2id. A hash takes 19 MiB and 25 ms, so only as
// many run at once as there are processors, and who would wait longer than a
// second is told to come back (503). Before that, attempts are counted per
// account and per address (429). What happens to a name that nobody has is what
// happens to a wrong password: the same work, the same limits, the same answer.
// Registration can't hide that a name is taken; one address can try five, and
// one more each minute.
//
// [AddUser] and [SetPassword] make users without the network; the program auth
// has them as -add-user and -set-password.
//
// # What other sites can do
//
// Nothing: requests that change something and come from a page of another origin
// are refused (403), request bodies must be declared as JSON, requests for
// another host name are refused (421), and no CORS header is ever sent.
//
// # Demo mode
//
// With [Config].Demo there are users carlos, john and gerard, whose password is
// 1234. That is only possible where the service can be reached from this machine
// alone. Without it they can't log in, even if a database has them.
package authsvc
