package ws

import (
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/carlware/gochat/chat"
)

// Close codes. Of those from 4000 on, up to 4499 mean that the client comes
// back, the others that it does not. The rest are those of RFC 6455, section
// 7.4.1, and its registry.
const (
	codeNormal      = 1000
	codeGoingAway   = 1001
	codeProtocol    = 1002 // the framing is broken
	codeUnsupported = 1003 // a binary message
	codeNoStatus    = 1005 // never travels
	codeAbnormal    = 1006 // never travels: the connection was lost
	codeBadText     = 1007 // a text message that is not UTF-8
	codePolicy      = 1008 // no hello, or something else first
	codeTooBig      = 1009
	codeInternal    = 1011
	codeRestart     = 1012 // the server shuts down; the reason has a hint
	codeTryLater    = 1013 // the store can't be reached

	codeExpired   = 4001 // the login ended: come back with a new token
	codeSlow      = 4002 // no progress for too long
	codeNoPong    = 4003
	codeEpoch     = 4004 // the store was restored
	codeFlood     = 4029
	codeRevoked   = 4501
	codeForbidden = 4503
	codeTooMany   = 4505 // connections of the user
	codeVersion   = 4506 // never sent by this version: it refuses with 400
)

// farewell is how a connection is to be closed.
type farewell struct {
	code   int
	reason string // at most 123 bytes
}

// badText is for what should have been UTF-8: a message, or the reason of a
// close frame.
var badText = farewell{codeBadText, "text is UTF-8"}

// farewells is the one table from what ends a session, or refuses one, to what
// its client is told.
var farewells = []struct {
	err error
	farewell
}{
	{chat.ErrExpired, farewell{codeExpired, "the login has expired"}},
	{chat.ErrRevoked, farewell{codeRevoked, "the login was ended"}},
	{chat.ErrForbidden, farewell{codeForbidden, "you may not connect"}},
	{chat.ErrEpoch, farewell{codeEpoch, "the chat was restored"}},
	{chat.ErrUnavailable, farewell{codeTryLater, "the chat can't reach its store"}},
	{chat.ErrOutcomeUnknown, farewell{codeTryLater, "the chat can't reach its store"}},
	{chat.ErrBusy, farewell{codeTryLater, "the chat is busy"}},
	{chat.ErrStale, farewell{codeTryLater, "the chat is busy"}},
}

// farewellFor returns how a connection ends whose session ended, or could not
// begin, with err.
func farewellFor(err error) farewell {
	if errors.Is(err, chat.ErrClosed) {
		return restart(1)
	}
	for _, f := range farewells {
		if errors.Is(err, f.err) {
			return f.farewell
		}
	}
	if isTimeout(err) {
		return farewell{codeTryLater, "the chat did not answer in time"}
	}
	return farewell{codeInternal, "something went wrong on our side"}
}

const (
	hintPrefix = "retry_after_ms="
	hintMin    = time.Second      // spread of a few clients
	hintEach   = time.Millisecond // added for each
	hintMax    = 30 * time.Second
)

// restart returns the farewell of one of n connections that are closed
// together. Each gets a random hint, so that they don't all come back at once.
func restart(n int) farewell {
	spread := min(hintMin+time.Duration(n)*hintEach, hintMax)
	hint := rand.N(spread)
	return farewell{codeRestart, hintPrefix + strconv.FormatInt(hint.Milliseconds(), 10)}
}

// hintOf reads the hint in the reason of a 1012.
func hintOf(reason string) (time.Duration, bool) {
	s, found := strings.CutPrefix(reason, hintPrefix)
	ms, err := strconv.ParseUint(s, 10, 31)
	if !found || err != nil {
		return 0, false
	}
	return min(time.Duration(ms)*time.Millisecond, hintMax), true
}

// comesBack reports whether a client dials again after a close code.
func comesBack(code int) bool {
	switch code {
	case codeGoingAway, codeNoStatus, codeAbnormal, codeInternal, codeRestart, codeTryLater:
		return true
	}
	return code >= 3000 && code < 4500
}

// closeFrame encodes a farewell: RFC 6455, section 5.5.1.
func (f farewell) frame() []byte {
	reason := f.reason[:min(len(f.reason), 123)]
	b := append(make([]byte, 0, 4+len(reason)), 0x88, byte(2+len(reason)), byte(f.code>>8), byte(f.code))
	return append(b, reason...)
}
