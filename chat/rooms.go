package chat

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"time"

	"github.com/carlware/gochat/internal/text"
)

// CreateRoom implements [Hub].
func (n *Node) CreateRoom(ctx context.Context, by UserID, r NewRoom) (Room, error) {
	if err := n.open(); err != nil {
		return nil, err
	}
	id, err := n.createRoom(ctx, by, r)
	if err != nil {
		n.trace.Refused(err)
		return nil, fmt.Errorf("chat: create room for %q: %w", by, err)
	}
	return n.handle(id), nil
}

func (n *Node) createRoom(ctx context.Context, by UserID, r NewRoom) (RoomID, error) {
	if err := checkKey(r.ID); err != nil {
		return "", err
	}
	if r.Kind == "" {
		r.Kind = Public
	}
	ids := slices.Clone(r.Members)
	slices.Sort(ids)
	r.Members = slices.DeleteFunc(slices.Compact(ids), func(id UserID) bool { return id == by })
	w := RoomWrite{
		Room: newRoomID(by, r.ID), ID: r.ID, Kind: r.Kind, Name: r.Name, Hides: r.Hides, Data: r.Data,
		Hash: digest{}.str(r.Name).str(string(r.Kind)).flag(r.Hides).str(string(r.Data)).users(r.Members).sum(),
	}
	began := time.Now()
	made, err := n.tryCreate(ctx, by, r, &w)
	if err != nil {
		return n.madeBefore(ctx, by, w, err)
	}
	n.trace.Stored(Created, made.Duplicate, time.Since(began))
	if !made.Duplicate {
		n.announceRoom(made.Info, r.Members)
	}
	return made.Info.ID, nil
}

func (n *Node) tryCreate(ctx context.Context, by UserID, r NewRoom, w *RoomWrite) (CreatedRoom, error) {
	if err := n.limiter.take(by, limitRooms, time.Now()); err != nil {
		return CreatedRoom{}, err
	}
	if err := text.CheckName(r.Name); err != nil {
		return CreatedRoom{}, input("name", "The name", err)
	}
	if r.Kind != Public && r.Kind != Private {
		return CreatedRoom{}, badRequest("kind", "A room is public or private.")
	}
	if len(r.Members) > n.limits.Members {
		return CreatedRoom{}, badRequest("members", "A room begins with at most %d members.", n.limits.Members)
	}
	if err := n.checkData(r.Data); err != nil {
		return CreatedRoom{}, err
	}
	var err error
	if w.By, err = n.user(ctx, by); err != nil {
		return CreatedRoom{}, err
	}
	others, err := n.lookup(ctx, r.Members)
	if err != nil {
		return CreatedRoom{}, err
	}
	if by != System {
		w.Members = append(w.Members, NewMember{w.By, Owner})
	}
	for _, u := range others {
		w.Members = append(w.Members, NewMember{u, Participant})
	}
	if err := n.authorize(ctx, Action{By: by, Do: ActCreate, Kind: r.Kind}); err != nil {
		return CreatedRoom{}, err
	}
	return n.createOnce(ctx, by, w)
}

// createOnce stores a room. One that was there before does not count as made.
func (n *Node) createOnce(ctx context.Context, by UserID, w *RoomWrite) (CreatedRoom, error) {
	made, err := n.store.CreateRoom(ctx, *w)
	if err == nil && made.Duplicate {
		n.limiter.giveBack(by, limitRooms)
	}
	return made, err
}

// newRoomID returns the id of the room that by asks for with an idempotency
// key. It follows from the two, so that what a request has made can be found
// when the request is sent again and refused.
func newRoomID(by UserID, key string) RoomID {
	sum := digest{}.str("room").str(string(by)).str(key).sum()
	return RoomID(base64.RawURLEncoding.EncodeToString(sum[:]))
}

// madeBefore returns the room that the request of w has made when it was sent
// before, else err, with which it was refused now.
func (n *Node) madeBefore(ctx context.Context, by UserID, w RoomWrite, err error) (RoomID, error) {
	began := time.Now()
	if _, err := n.findStored(ctx, w.Room, by, w.ID, w.Hash, err); err != nil {
		return "", err
	}
	n.trace.Stored(Created, true, time.Since(began))
	return w.Room, nil
}

// announceRoom tells everybody of a public room, and those who were added of
// any. Its creator has it from the answer.
func (n *Node) announceRoom(info RoomInfo, added []UserID) {
	if info.Kind == Public {
		n.tell(nil, &Notice{Kind: RoomCreated, Room: &info})
	}
	if len(added) > 0 {
		n.tell(added, &Notice{Kind: Added, Room: &info})
	}
}

// with returns who shares a direct room with by.
func (n *Node) with(ctx context.Context, by UserID, id RoomID) (*User, error) {
	ms, err := n.store.Members(ctx, System, id, "", 2)
	if err != nil || len(ms) == 0 {
		return nil, err
	}
	if ms[0].User.ID == by && len(ms) > 1 {
		return &ms[1].User, nil
	}
	return &ms[0].User, nil
}

// Direct implements [Hub].
func (n *Node) Direct(ctx context.Context, by, with UserID, id string) (Room, error) {
	if err := n.open(); err != nil {
		return nil, err
	}
	room, err := n.direct(ctx, by, with, id)
	if err != nil {
		n.trace.Refused(err)
		return nil, fmt.Errorf("chat: direct room of %q with %q: %w", by, with, err)
	}
	return n.handle(room), nil
}

func (n *Node) direct(ctx context.Context, by, with UserID, id string) (RoomID, error) {
	if err := checkKey(id); err != nil {
		return "", err
	}
	if by == System || with == System {
		return "", badRequest("user", "The system has no direct rooms.")
	}
	pair := []UserID{min(by, with), max(by, with)}
	w := RoomWrite{Room: newRoomID(by, id), ID: id, Kind: Direct, Hash: digest{}.users(pair).sum()}
	began := time.Now()
	made, err := n.tryDirect(ctx, by, with, &w)
	if err != nil {
		return n.madeBefore(ctx, by, w, err)
	}
	n.trace.Stored(Created, made.Duplicate, time.Since(began))
	if !made.Duplicate {
		for i, m := range w.Members {
			info := made.Info
			info.With = &w.Members[len(w.Members)-1-i].User
			n.tell([]UserID{m.User.ID}, &Notice{Kind: Added, Room: &info})
		}
	}
	return made.Info.ID, nil
}

func (n *Node) tryDirect(ctx context.Context, by, with UserID, w *RoomWrite) (CreatedRoom, error) {
	if err := n.limiter.take(by, limitRooms, time.Now()); err != nil {
		return CreatedRoom{}, err
	}
	users, err := n.lookup(ctx, []UserID{by, with})
	if err != nil {
		return CreatedRoom{}, err
	}
	if err := n.authorize(ctx, Action{By: by, Do: ActDirect, Kind: Direct, User: with}); err != nil {
		return CreatedRoom{}, err
	}
	w.By = users[0]
	w.Members = append(w.Members, NewMember{users[0], Participant})
	if by != with {
		w.Members = append(w.Members, NewMember{users[1], Participant})
	}
	return n.createOnce(ctx, by, w)
}

// Room implements [Hub].
func (n *Node) Room(ctx context.Context, by UserID, id RoomID) (Room, error) {
	if err := n.open(); err != nil {
		return nil, err
	}
	// Who guesses ids does not do so for nothing.
	if err := n.ask(by); err != nil {
		return nil, fmt.Errorf("chat: room %q: %w", id, err)
	}
	if _, err := n.view(ctx, by, id); err != nil {
		return nil, fmt.Errorf("chat: room %q: %w", id, err)
	}
	n.limiter.giveBack(by, limitRequests)
	return n.handle(id), nil
}

// view reads a room that by may know of.
func (n *Node) view(ctx context.Context, by UserID, id RoomID) (Snapshot, error) {
	sn, err := n.store.Snapshot(ctx, id, []UserID{by})
	if err != nil {
		return Snapshot{}, err
	}
	m := sn.Members[by]
	if by != System && m.Role == "" && (sn.Info.Kind != Public || m.Banned) {
		return Snapshot{}, ErrNotFound
	}
	return sn, nil
}

// Rooms implements [Hub].
func (n *Node) Rooms(ctx context.Context, by UserID, after RoomID, limit int) ([]RoomInfo, error) {
	if err := n.open(); err != nil {
		return nil, err
	}
	limit, err := pageLimit(limit)
	if err != nil {
		return nil, err
	}
	if err := n.ask(by); err != nil {
		return nil, err
	}
	rooms, err := n.store.Rooms(ctx, by, after, limit)
	if err != nil {
		return nil, fmt.Errorf("chat: rooms of %q: %w", by, err)
	}
	return rooms, nil
}

// Inbox implements [Hub].
func (n *Node) Inbox(ctx context.Context, by UserID) (Inbox, error) {
	if err := n.open(); err != nil {
		return Inbox{}, err
	}
	inbox, err := n.store.Inbox(ctx, by)
	if err != nil {
		return Inbox{}, fmt.Errorf("chat: inbox of %q: %w", by, err)
	}
	return inbox, nil
}

func pageLimit(limit int) (int, error) {
	switch {
	case limit == 0:
		return 50, nil
	case limit < 0 || limit > 200:
		return 0, badRequest("limit", "A limit is 1 to 200.")
	}
	return limit, nil
}
