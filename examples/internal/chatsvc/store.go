package chatsvc

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/chat/sqlite"
)

// Memory names the store that ends with the process.
const Memory = "memory"

// StoreUsage is the text of a flag whose value is given to [OpenStore].
const StoreUsage = "`store` of rooms and history: path of a SQLite file, or memory; postgres:// is not in this version"

// CheckStore says whether [OpenStore] knows what spec means. It touches nothing.
func CheckStore(spec string) error {
	scheme, _, isURL := strings.Cut(spec, "://")
	switch {
	case spec == "":
		return errors.New("no store: give the path of a SQLite file, or memory")
	case isURL && (scheme == "postgres" || scheme == "postgresql"):
		return fmt.Errorf("store %s:// is not in this version: use the path of a SQLite file, or memory", scheme)
	case isURL:
		return errors.New("stores at an address are not in this version: use the path of a SQLite file, or memory")
	}
	return nil
}

// OpenStore opens the store that spec names: the path of a SQLite file, which
// is created if need be, or "memory". It says what is possible when spec is
// something else, and repeats nothing of an address, which may hold a password.
func OpenStore(ctx context.Context, spec string) (chat.Store, error) {
	if err := CheckStore(spec); err != nil {
		return nil, err
	}
	if spec == Memory {
		return chat.NewMemoryStore(nil), nil
	}
	store, err := sqlite.Open(ctx, spec, nil)
	if err != nil {
		return nil, fmt.Errorf("store %s: %w", spec, err)
	}
	return store, nil
}
