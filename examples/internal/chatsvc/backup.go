package chatsvc

import (
	"context"
	"errors"
	"fmt"

	"github.com/carlware/gochat/chat/postgres"
	"github.com/carlware/gochat/chat/sqlite"
)

// Backup copies the SQLite file that store names to a new one. Services may run
// meanwhile.
func Backup(ctx context.Context, store, to string) error {
	if err := CheckStore(store); err != nil {
		return err
	}
	if store == Memory || isPostgres(store) {
		return errors.New("only a store in a SQLite file is copied here: use pg_dump or pg_basebackup for PostgreSQL")
	}
	return sqlite.Backup(ctx, store, to)
}

// NewEpoch gives the store a new epoch and returns it: nodes and clients then know
// that it is an older copy of what they have seen, and begin anew. No service may
// have a SQLite file open meanwhile.
func NewEpoch(ctx context.Context, store string) (epoch string, err error) {
	if err := CheckStore(store); err != nil {
		return "", err
	}
	switch {
	case store == Memory:
		return "", errors.New("a store in memory has a new epoch with each start")
	case isPostgres(store):
		epoch, err = postgres.Rotate(ctx, store, nil)
	default:
		epoch, err = sqlite.Rotate(ctx, store, nil)
	}
	if err != nil {
		return "", fmt.Errorf("store %s: %w", StoreName(store), err)
	}
	return epoch, nil
}
