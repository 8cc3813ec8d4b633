package authsvc

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/secure/precis"
)

const (
	maxPassword = 256 // bytes
	hashWait    = time.Second
	saltSize    = 16
	keySize     = 32
)

// errBusy is returned where a hash would have to wait too long.
var errBusy = errors.New("authsvc: too many passwords to check")

// cost is what a hash takes.
type cost struct {
	memory uint32 // KiB
	time   uint32 // passes
	lanes  uint8
}

// defaultCost is the least that the OWASP Password Storage cheat sheet asks of
// argon2id. One hash takes about 25 ms of one processor.
var defaultCost = cost{memory: 19 << 10, time: 2, lanes: 1}

// hasher hashes passwords with argon2id (RFC 9106), as many at once as there
// are processors: each takes its memory, and more would not be faster.
type hasher struct {
	cost  cost
	slots chan struct{}
	dummy string // of a password that nobody knows
}

func newHasher(c cost) *hasher {
	if c == (cost{}) {
		c = defaultCost
	}
	h := &hasher{cost: c, slots: make(chan struct{}, runtime.GOMAXPROCS(0))}
	h.dummy = h.sum(rand.Text())
	return h
}

// slot waits for a processor: at most a second, then errBusy.
func (h *hasher) slot(ctx context.Context) (release func(), err error) {
	timer := time.NewTimer(hashWait)
	defer timer.Stop()
	select {
	case h.slots <- struct{}{}:
		return func() { <-h.slots }, nil
	case <-timer.C:
		return nil, errBusy
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// hash returns the PHC string of a password.
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	release, err := h.slot(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	return h.sum(password), nil
}

func (h *hasher) sum(password string) string {
	salt := make([]byte, saltSize)
	rand.Read(salt)
	return phc{h.cost, salt, h.cost.key(password, salt)}.String()
}

// verify reports whether the password is the one of the stored hash, and
// whether that was made with another cost than today's. An empty stored hash
// takes the same time and never matches: for users that do not exist.
func (h *hasher) verify(ctx context.Context, password, stored string) (match, outdated bool, err error) {
	exists := stored != ""
	if !exists {
		stored = h.dummy
	}
	p, err := parsePHC(stored)
	if err != nil {
		return false, false, err
	}
	release, err := h.slot(ctx)
	if err != nil {
		return false, false, err
	}
	defer release()
	match = subtle.ConstantTimeCompare(p.cost.key(password, p.salt), p.key) == 1
	return match && exists, p.cost != h.cost, nil
}

func (c cost) key(password string, salt []byte) []byte {
	return argon2.IDKey([]byte(normal(password)), salt, c.time, c.memory, c.lanes, keySize)
}

// normal makes one of the spellings that keyboards send for one text (RFC
// 8265, section 4.2). What that profile forbids is taken as it is: it cannot
// have been set, so it will not match.
func normal(password string) string {
	if s, err := precis.OpaqueString.String(password); err == nil {
		return s
	}
	return password
}

// phc is a hash with what it was made from, in the format of the Password
// Hashing Competition: $argon2id$v=19$m=19456,t=2,p=1$salt$key.
type phc struct {
	cost cost
	salt []byte
	key  []byte
}

func (p phc) String() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		p.cost.memory, p.cost.time, p.cost.lanes, b64.EncodeToString(p.salt), b64.EncodeToString(p.key))
}

var errPHC = errors.New("authsvc: stored password hash is malformed")

func parsePHC(s string) (p phc, err error) {
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != "v="+strconv.Itoa(argon2.Version) {
		return p, errPHC
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &p.cost.memory, &p.cost.time, &p.cost.lanes); err != nil {
		return p, errPHC
	}
	var errSalt, errKey error
	p.salt, errSalt = base64.RawStdEncoding.Strict().DecodeString(parts[4])
	p.key, errKey = base64.RawStdEncoding.Strict().DecodeString(parts[5])
	// The bounds keep a damaged row from taking the machine down.
	if errSalt != nil || errKey != nil || len(p.salt) < 8 || len(p.key) != keySize ||
		p.cost.memory < 8 || p.cost.memory > 1<<20 || p.cost.time < 1 || p.cost.time > 16 || p.cost.lanes < 1 || p.String() != s {
		return p, errPHC
	}
	return p, nil
}
