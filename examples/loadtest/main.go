// Command loadtest puts load on a running chat and says what the chat did with
// it: how many deliveries a second, how late, and whether each session got every
// message once and in order. Against the demo:
//
//	go run ./examples/fullstack -store memory
//	go run ./examples/loadtest -sessions 90 -rate 25 -duration 30s
//
// It logs in at -url as the demo users, makes rooms for the run, opens the
// sessions during -ramp, and then posts -rate messages a second for -duration,
// whether or not the chat keeps up: latency counts from when a message was due.
// Sessions whose connection breaks come back and resume as any client does, and
// what they posted is sent again; -cut breaks connections on purpose. At the end
// it waits until everybody has everything, prints what it saw, and archives its
// rooms. The exit status is 1 if anything was lost, repeated or out of order.
//
// # Users
//
// The sessions are spread over the users, and all sessions of a user are in the
// same rooms. How often a user may post is limited (10 times a second), and how
// many connections a user may have (32), so many sessions need many users. They
// come from
//
//   - nothing: the demo users carlos, john and gerard;
//   - -users: a file of lines "name password", who log in at the auth service;
//     -add-users 350 -auth-db gochat-auth.db writes such a file and makes the
//     users, beside the service or without it, and ends;
//   - -token-command: a command whose output is one token a line, for each user
//     one; it is run again when the tokens end, and names the same users;
//   - -tokens: a file of such lines, which the run must not outlast.
//
// The last two serve a chat with a login of its own.
//
// # The server
//
// With -server-pid, on Linux, the report has the CPU time that the server took
// for each delivery, and the memory for each session.
package main

import (
	"context"
	"flag"
	"io"
	"time"

	"github.com/carlware/gochat/examples/internal/program"
)

// config is what the flags say.
type config struct {
	url, auth, socket string

	users, tokens, tokenCommand string
	addUsers                    int
	authDB                      string

	sessions, rooms      int
	room                 string
	rate, cut            float64
	size                 int
	ramp, duration, wait time.Duration
	serverPID            int
}

func main() {
	program.Main("loadtest", func(fs *flag.FlagSet) program.Func {
		var c config
		c.flags(fs)
		return func(ctx context.Context, out io.Writer) error {
			if err := c.complete(); err != nil {
				return err
			}
			if c.addUsers > 0 {
				return addUsers(ctx, c, out)
			}
			return run(ctx, c, out)
		}
	})
}

func (c *config) flags(fs *flag.FlagSet) {
	fs.StringVar(&c.url, "url", "http://127.0.0.1:8080", "`address` of the chat")
	fs.StringVar(&c.auth, "auth", "", "`address` of the auth service; empty: that of the chat")
	fs.StringVar(&c.socket, "socket", "", "`address` of the WebSocket; empty: /ws of the chat")
	fs.StringVar(&c.users, "users", "", "`file` of users, lines of a name and a password")
	fs.StringVar(&c.tokens, "tokens", "", "`file` of tokens, one a line, for each user one")
	fs.StringVar(&c.tokenCommand, "token-command", "", "shell `command` that prints tokens, one a line, for each user one")
	fs.IntVar(&c.addUsers, "add-users", 0, "make so `many` users in -auth-db, add them to the file -users, and end")
	fs.StringVar(&c.authDB, "auth-db", "", "`path` of the auth service's database, for -add-users")
	fs.IntVar(&c.sessions, "sessions", 100, "`number` of sessions")
	fs.IntVar(&c.rooms, "rooms", 1, "`number` of rooms; users are spread over them")
	fs.StringVar(&c.room, "room", "", "post to the room of this `name`, of which all users are members, and make none")
	fs.Float64Var(&c.rate, "rate", 10, "`messages` a second, from all sessions together")
	fs.IntVar(&c.size, "size", 100, "`bytes` of text in a message")
	fs.DurationVar(&c.ramp, "ramp", 10*time.Second, "time in which the sessions are opened")
	fs.DurationVar(&c.duration, "duration", 30*time.Second, "how long to post")
	fs.DurationVar(&c.wait, "wait", 30*time.Second, "how long to wait at the end for what is missing, and for the sessions after -ramp")
	fs.Float64Var(&c.cut, "cut", 0, "`connections` to break each second")
	fs.IntVar(&c.serverPID, "server-pid", 0, "process `id` of the server, on this machine, to see what it uses")
}
