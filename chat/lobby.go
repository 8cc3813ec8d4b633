package chat

import (
	"context"
	"errors"

	"github.com/carlware/gochat/internal/text"
)

// openLobby finds or makes the lobby.
func (n *Node) openLobby(ctx context.Context, name string) (RoomID, error) {
	if err := text.CheckName(name); err != nil {
		return "", input("name", "The lobby's name", err)
	}
	info, err := n.store.RoomNamed(ctx, name)
	if !errors.Is(err, ErrNotFound) {
		return info.ID, err
	}
	by, _ := n.user(ctx, System)
	made, err := n.store.CreateRoom(ctx, RoomWrite{
		Room: RoomID(NewID()), By: by, ID: NewID(), Hash: digest{}.str(name).sum(), Kind: Public, Name: name,
	})
	if errors.Is(err, ErrConflict) { // another node was quicker
		info, err = n.store.RoomNamed(ctx, name)
		return info.ID, err
	}
	return made.Info.ID, err
}

// lobbyKey is the idempotency key of everybody's first join of the lobby: the
// second one stores nothing, so that who has left is not brought back. Of who
// came in by another door it is the key of an event at the end: see leftLobby.
const lobbyKey = "first-connect-to-lobby"

// enterLobby lets a newcomer in. Each join changes who is a member, and all that
// was authorised before it is stale; so newcomers go in one after the other, or
// most of those who come together when a chat opens would fail.
func (n *Node) enterLobby(ctx context.Context, u User) error {
	_, _, err := n.store.Find(ctx, n.lobby, u.ID, lobbyKey)
	if !errors.Is(err, ErrNotFound) {
		return err
	}
	select {
	case n.door <- struct{}{}:
		defer func() { <-n.door }()
	case <-ctx.Done():
		return ctx.Err()
	}
	for times := 1; ; times++ {
		sn, err := n.store.Snapshot(ctx, n.lobby, []UserID{u.ID})
		if err != nil {
			return err
		}
		if m, ok := sn.Members[u.ID]; ok && (m.Banned || m.Role != "") || sn.Info.Archived {
			return nil
		}
		_, err = n.store.Append(ctx, Write{
			Room: n.lobby, ID: lobbyKey, Kind: Joined, User: u, Target: &u, Role: Participant, Basis: sn.Access,
		})
		if !errors.Is(err, ErrStale) || !afterStale(ctx, times) {
			return err
		}
	}
}

// leftLobby sees to it that a user who has left the lobby, or was removed, is
// not brought back. The first join shows that; one who had joined before the
// room was the lobby has none, and gets a second Left event in its place.
func (n *Node) leftLobby(ctx context.Context, id UserID) error {
	_, _, err := n.store.Find(ctx, n.lobby, id, lobbyKey)
	if !errors.Is(err, ErrNotFound) {
		return err
	}
	u, err := n.user(ctx, id)
	if err != nil {
		return err
	}
	for times := 1; ; times++ {
		sn, err := n.store.Snapshot(ctx, n.lobby, []UserID{id})
		if err != nil {
			return err
		}
		if sn.Members[id].Role != "" {
			return nil // in again
		}
		_, err = n.store.Append(ctx, Write{Room: n.lobby, ID: lobbyKey, Kind: Left, User: u, Target: &u, Basis: sn.Access})
		if !errors.Is(err, ErrStale) || !afterStale(ctx, times) {
			return err
		}
	}
}
