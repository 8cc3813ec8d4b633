package chatsvc

import (
	"context"
	"errors"
	"time"

	"github.com/carlware/gochat/chat"
)

// Revocation is a login that has ended before its time.
type Revocation struct {
	User, Session string
	Until         time.Time // when its last token has expired
}

// A Feed returns the revocations after a position, and the position to go on
// from. The first position is 0. With nothing new it waits for a while, at
// most until ctx ends, and may return nothing then.
type Feed func(ctx context.Context, after int64) (news []Revocation, next int64, err error)

const (
	feedTimeout = 30 * time.Second // a Feed that hangs is asked again
	feedRetry   = time.Second      // the longest pause after an error
)

// follow hands everything that the feed tells to the node, which ends the
// sockets of those logins on every node and refuses their tokens. It ends with
// ctx. What could not be handed on is asked for again: a revocation is late
// while the auth service or the store is away, and never lost.
func (s *Service) follow(ctx context.Context, feed Feed) {
	var after int64
	pause, failing := time.Duration(0), false
	for ctx.Err() == nil {
		next, err := s.step(ctx, feed, after)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			if failing {
				s.logger.Info("revocations are read again")
			}
			after, pause, failing = next, 0, false
			continue
		case !failing:
			s.logger.Warn("revocations can't be read: logins that end keep their sockets until it works again", "err", err)
			failing = true
		}
		pause = min(max(2*pause, 10*time.Millisecond), feedRetry)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

func (s *Service) step(ctx context.Context, feed Feed, after int64) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, feedTimeout)
	defer cancel()
	news, next, err := feed(ctx, after)
	if err != nil {
		return after, err
	}
	for _, r := range news {
		if !r.Until.After(time.Now()) {
			continue // its tokens have expired
		}
		err = errors.Join(err, s.node.Revoke(ctx, chat.Revocation{
			User: chat.UserID(r.User), Session: r.Session, Until: r.Until,
		}))
	}
	if err != nil {
		return after, err
	}
	return next, nil
}
