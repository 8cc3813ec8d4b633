package chatsvc

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/chat/sqlite"
)

// StoreUsage is the text of a flag whose value is given to [OpenStore].
const StoreUsage = "store: path of a SQLite file, or memory; postgres:// is not in this version"

// OpenStore opens the store that spec names: the path of a SQLite file, which
// is created if need be, or "memory". It says what is possible when spec is
// something else, and repeats nothing of an address, which may hold a password.
func OpenStore(ctx context.Context, spec string) (chat.Store, error) {
	scheme, _, isURL := strings.Cut(spec, "://")
	switch {
	case spec == "":
		return nil, errors.New("no store: give the path of a SQLite file, or memory")
	case spec == "memory":
		return chat.NewMemoryStore(nil), nil
	case isURL && (scheme == "postgres" || scheme == "postgresql"):
		return nil, fmt.Errorf("store %s:// is not in this version: use the path of a SQLite file, or memory", scheme)
	case isURL:
		return nil, errors.New("stores at an address are not in this version: use the path of a SQLite file, or memory")
	}
	store, err := sqlite.Open(ctx, spec, nil)
	if err != nil {
		return nil, fmt.Errorf("store %s: %w", spec, err)
	}
	return store, nil
}
