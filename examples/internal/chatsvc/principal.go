package chatsvc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
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
	p, err := s.principal(r.Context(), text)
	if err != nil {
		return chat.Principal{}, err
	}
	return p, s.node.Admit(r.Context(), p) // who is revoked gets no socket at all
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
	p := principalOf(claims)
	return p, s.check(ctx, p)
}

// check returns [chat.ErrRevoked] for a login that has ended just now. Those
// that the node was told of it refuses by itself.
func (s *Service) check(ctx context.Context, p chat.Principal) error {
	if s.alive == nil {
		return nil
	}
	alive, err := s.alive(ctx, p.Session)
	switch {
	case err != nil:
		return fmt.Errorf("chatsvc: %w: %w", chat.ErrUnavailable, err)
	case !alive:
		return fmt.Errorf("chatsvc: login: %w", chat.ErrRevoked)
	}
	return nil
}

func principalOf(c token.Claims) chat.Principal {
	return chat.Principal{
		User:    chat.User{ID: chat.UserID(c.Subject.ID), Name: cmp.Or(c.Name, c.Subject.ID)},
		Session: c.Session,
		Since:   c.Since,
		Expires: c.Expires,
	}
}
