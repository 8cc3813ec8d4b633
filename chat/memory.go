package chat

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"hash/maphash"
	"slices"
	"sync"
	"time"
)

// MemoryStore is a [Store] in memory. What it holds ends with it: it serves
// one [Node], tests and trials. It keeps all events until it is told to
// [MemoryStore.Trim] them; ended calls are forgotten after 24 hours.
//
// Writes are stored one after the other, and never wait for readers longer
// than a page takes to copy.
type MemoryStore struct {
	clock func() time.Time

	// commit is held from a change to the log until its receiver has returned,
	// so that the receiver sees one commit at a time, in order. It is taken
	// before mu; readers take mu alone and do not wait for the receiver.
	commit    sync.Mutex
	committed func([]Event)

	mu       sync.RWMutex // guards all that follows
	id       Identity
	attached bool
	closed   bool

	users   map[UserID]*memUser
	rooms   map[RoomID]*memRoom
	created map[memKey]*memRoom // by who asked for it with which id
	direct  map[string]*memRoom // by the ids of its members
	names   map[string]*memRoom // public rooms by folded name
	public  []*memRoom          // in the order of their ids

	calls   map[string]*memCall
	keys    map[memKey]*memCall
	pending map[*memCall]struct{}
	ended   []*memCall // in the order of their end

	revoked map[memLogin]Revocation
}

// MemoryOptions are the options of [NewMemoryStore]. nil means all defaults.
type MemoryOptions struct {
	// Clock tells the time of events and of calls. It may be called
	// concurrently, and may run backwards. nil means [time.Now].
	Clock func() time.Time
}

// NewMemoryStore returns an empty store. Its identity and its epoch are new each
// time.
func NewMemoryStore(o *MemoryOptions) *MemoryStore {
	s := &MemoryStore{
		clock:   time.Now,
		id:      Identity{Store: memRandom(), Epoch: memRandom()},
		users:   make(map[UserID]*memUser),
		rooms:   make(map[RoomID]*memRoom),
		created: make(map[memKey]*memRoom),
		direct:  make(map[string]*memRoom),
		names:   make(map[string]*memRoom),
		calls:   make(map[string]*memCall),
		keys:    make(map[memKey]*memCall),
		pending: make(map[*memCall]struct{}),
		revoked: make(map[memLogin]Revocation),
	}
	if o != nil && o.Clock != nil {
		s.clock = o.Clock
	}
	return s
}

// memKey is an idempotency key of a user.
type memKey struct {
	user *memUser
	id   string
}

// memUser is a user, and where it is a member.
type memUser struct {
	User
	rev   int64
	rooms map[RoomID]*memRoom
	salt  uint64     // see [memRoom.find]
	ended []*memCall // in the order of their end
}

// memSeed is random, so that nobody can choose ids that clash.
var memSeed = maphash.MakeSeed()

func memHash(s string) uint64 { return maphash.String(memSeed, s) }

// memRandom returns 128 random bits as 22 of A-Za-z0-9_-.
func memRandom() string {
	var b [16]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// Attach is part of [Store].
func (s *MemoryStore) Attach(committed func([]Event)) (Identity, error) {
	s.commit.Lock()
	defer s.commit.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return Identity{}, ErrClosed
	case s.attached:
		return Identity{}, errors.New("chat: the store has a receiver already")
	}
	s.attached, s.committed = true, committed
	return s.id, nil
}

// Close is part of [Store].
func (s *MemoryStore) Close() error {
	s.commit.Lock()
	defer s.commit.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

// RotateEpoch is part of [Log].
func (s *MemoryStore) RotateEpoch(ctx context.Context, old string) (string, error) {
	if err := s.lock(ctx); err != nil {
		return "", err
	}
	defer s.mu.Unlock()
	if s.id.Epoch == old {
		s.id.Epoch = memRandom()
	}
	return s.id.Epoch, nil
}

// PutUsers is part of [Directory].
func (s *MemoryStore) PutUsers(ctx context.Context, users []User) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	for _, u := range users {
		s.user(u).User = u
	}
	return nil
}

// Users is part of [Directory].
func (s *MemoryStore) Users(ctx context.Context, ids []UserID) ([]User, error) {
	if err := s.rlock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.RUnlock()
	var users []User
	for _, id := range ids {
		if u := s.users[id]; u != nil && !slices.Contains(users, u.User) {
			users = append(users, u.User)
		}
	}
	return users, nil
}

// RoomsRevs is part of [Directory].
func (s *MemoryStore) RoomsRevs(ctx context.Context, users []UserID) (map[UserID]int64, error) {
	if err := s.rlock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.RUnlock()
	revs := make(map[UserID]int64, len(users))
	for _, id := range users {
		if u := s.users[id]; u != nil {
			revs[id] = u.rev
		}
	}
	return revs, nil
}

// user returns the user of that id, and stores it when it is new. The name of
// one that is known is not touched.
func (s *MemoryStore) user(u User) *memUser {
	m := s.users[u.ID]
	if m == nil {
		m = &memUser{User: u, salt: memHash(string(u.ID)), rooms: make(map[RoomID]*memRoom)}
		s.users[u.ID] = m
	}
	return m
}

// change runs f as one commit and hands the events that it returns to the
// receiver.
func (s *MemoryStore) change(ctx context.Context, f func() ([]Event, error)) error {
	s.commit.Lock()
	defer s.commit.Unlock()
	if err := s.lock(ctx); err != nil {
		return err
	}
	events, err := f()
	s.mu.Unlock()
	if len(events) > 0 && s.committed != nil {
		s.committed(events)
	}
	return err
}

// lock locks mu for a change, unless ctx or the store has ended.
func (s *MemoryStore) lock(ctx context.Context) error {
	s.mu.Lock()
	if err := s.refuse(ctx); err != nil {
		s.mu.Unlock()
		return err
	}
	return nil
}

// rlock is lock for reading.
func (s *MemoryStore) rlock(ctx context.Context) error {
	s.mu.RLock()
	if err := s.refuse(ctx); err != nil {
		s.mu.RUnlock()
		return err
	}
	return nil
}

func (s *MemoryStore) refuse(ctx context.Context) error {
	if s.closed {
		return ErrClosed
	}
	return ctx.Err()
}
