package chatsvc

import (
	"cmp"
	"context"
	"errors"
	"net/http"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/examples/internal/token"
	"github.com/carlware/gochat/transport/ws"
)

type principalKey struct{}

var errNoToken = errors.New("chatsvc: the request has no token, or more than one")

// authenticated returns whom API has authenticated.
func authenticated(r *http.Request) (chat.Principal, error) {
	p, ok := r.Context().Value(principalKey{}).(chat.Principal)
	if !ok {
		return p, errNoToken
	}
	return p, nil
}

func (s *Service) ofSocket(r *http.Request) (chat.Principal, error) {
	text, ok := ws.BearerToken(r)
	if !ok {
		return chat.Principal{}, errNoToken
	}
	return s.principal(r.Context(), text)
}

// principal says whom a token speaks for. Where that can't be known now, the
// client is asked to come back and not to log in again.
func (s *Service) principal(ctx context.Context, text string) (chat.Principal, error) {
	claims, err := s.verifier.Verify(ctx, text)
	switch {
	case errors.Is(err, token.ErrInvalid), errors.Is(err, token.ErrExpired):
		return chat.Principal{}, err
	case err != nil:
		return chat.Principal{}, errors.Join(chat.ErrUnavailable, err)
	}
	return principalOf(claims), s.logins.check(ctx, claims.Session)
}

func principalOf(c token.Claims) chat.Principal {
	return chat.Principal{
		User:    chat.User{ID: chat.UserID(c.Subject.ID), Name: cmp.Or(c.Name, c.Subject.ID)},
		Session: c.Session,
		Expires: c.Expires,
	}
}
