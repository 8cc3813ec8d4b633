package chatsvc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/chat/postgres"
	"github.com/carlware/gochat/chat/sqlite"
)

// Memory names the store that ends with the process.
const Memory = "memory"

// StoreUsage is the text of a flag whose value is given to [OpenStore].
const StoreUsage = "`store` of rooms and history: path of a SQLite file, memory, or postgres://user@host:port/database, which several " +
	"processes can share; its password is best given in the environment, as part of this or in PGPASSWORD"

// CheckStore says whether [OpenStore] knows what spec means. It touches nothing.
func CheckStore(spec string) error {
	switch {
	case spec == "":
		return errors.New("no store: give the path of a SQLite file, memory, or postgres://…")
	case strings.Contains(spec, "://") && !isPostgres(spec):
		return errors.New("store at an unknown kind of address: use the path of a SQLite file, memory, or postgres://…")
	}
	return nil
}

func isPostgres(spec string) bool {
	return strings.HasPrefix(spec, "postgres://") || strings.HasPrefix(spec, "postgresql://")
}

// StoreName returns spec as people and logs may see it: without user, password
// and settings where it is an address.
func StoreName(spec string) string {
	scheme, rest, isURL := strings.Cut(spec, "://")
	if !isURL {
		return spec
	}
	rest = rest[strings.LastIndexByte(rest, '@')+1:] // the last, lest a password with an @ shows
	rest, _, _ = strings.Cut(rest, "?")
	return scheme + "://" + rest
}

// How long a database that does not answer is waited for at start, and how often
// it is asked: a service and its database are often started together.
const (
	storePatience = time.Minute
	storeRetry    = 500 * time.Millisecond
)

// OpenStore opens the store that spec names: the path of a SQLite file, which
// is created if need be, "memory", or the URL of a PostgreSQL database. One that
// can't be reached is waited for, for a minute and no longer than ctx; logger,
// which may be nil, is told. Errors tell nothing of an address that is secret.
func OpenStore(ctx context.Context, spec string, logger *slog.Logger) (chat.Store, error) {
	if err := CheckStore(spec); err != nil {
		return nil, err
	}
	if spec == Memory {
		return chat.NewMemoryStore(nil), nil
	}
	if logger == nil {
		logger = slog.Default()
	}
	store, err := open(ctx, spec, logger)
	if err != nil {
		return nil, fmt.Errorf("store %s: %w", StoreName(spec), err)
	}
	return store, nil
}

func open(ctx context.Context, spec string, logger *slog.Logger) (chat.Store, error) {
	if !isPostgres(spec) {
		return sqlite.Open(ctx, spec, nil)
	}
	late := time.After(storePatience)
	for told := false; ; told = true {
		store, err := postgres.Open(ctx, spec, &postgres.Options{Logger: logger})
		if err == nil {
			return store, nil
		}
		if !errors.Is(err, chat.ErrUnavailable) {
			return nil, err
		}
		if !told {
			logger.Warn("the store does not answer yet", "store", StoreName(spec), "err", err)
		}
		select {
		case <-time.After(storeRetry):
		case <-late:
			return nil, err
		case <-ctx.Done():
			return nil, err
		}
	}
}
