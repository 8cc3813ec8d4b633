package chatsvc

import (
	"context"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/examples/internal/authsvc"
)

// Accounts is what an auth service tells of its users: an [authsvc.Service] in
// this process, or an [authsvc.Remote].
type Accounts interface {
	Users(ctx context.Context, ids []string) ([]authsvc.User, error)
	Revocations(ctx context.Context, after int64) ([]authsvc.Revocation, int64, error)
}

// Directory makes the users of an auth service known to the chat, so that one
// can write to somebody who has not been here yet. It is for Config.Users.
func Directory(a Accounts) func(context.Context, []chat.UserID) ([]chat.User, error) {
	return func(ctx context.Context, ids []chat.UserID) ([]chat.User, error) {
		asked := make([]string, len(ids))
		for i, id := range ids {
			asked[i] = string(id)
		}
		found, err := a.Users(ctx, asked)
		users := make([]chat.User, len(found))
		for i, u := range found {
			users[i] = chat.User{ID: chat.UserID(u.ID), Name: u.Name}
		}
		return users, err
	}
}

// Ended tells which logins of an auth service have ended. It is for
// Config.Revocations.
func Ended(a Accounts) Feed {
	return func(ctx context.Context, after int64) ([]Revocation, int64, error) {
		ended, next, err := a.Revocations(ctx, after)
		news := make([]Revocation, len(ended))
		for i, r := range ended {
			news[i] = Revocation(r)
		}
		return news, next, err
	}
}
