package postgres

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/internal/pgtest"
	"github.com/carlware/gochat/internal/storetest"
)

// A whole node lives through what can happen to its database.
func TestNodeSurvives(t *testing.T) {
	server := pgtest.Private(t)
	impatient := func(t *testing.T, db pgtest.Database) *Store {
		s, err := tuned(db, tuning{patience: 300 * time.Millisecond})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, s.Close()) })
		return s
	}
	t.Run("a server that is shut down", func(t *testing.T) {
		s := impatient(t, server.New(t))
		storetest.Survive(t, s, storetest.Fault{Break: func() { server.Stop(t) }, Mend: func() { server.Start(t) }})
		whole(t, s)
	})
	t.Run("a server that is killed", func(t *testing.T) {
		s := impatient(t, server.New(t))
		storetest.Survive(t, s, storetest.Fault{Break: func() { server.Kill(t) }, Mend: func() { server.Start(t) }})
		whole(t, s)
	})
	t.Run("a server that is back soon", func(t *testing.T) {
		s := reopen(t, server.New(t), &Options{Logger: silent})
		storetest.Survive(t, s, storetest.Fault{Break: func() { server.Kill(t); server.Start(t) }, Mend: func() {}, Unharmed: true})
		whole(t, s)
	})
	t.Run("connections that end around COMMIT", func(t *testing.T) {
		db := server.New(t)
		p, url := newProxy(t, db.URL)
		s := reopen(t, pgtest.Database{URL: url, Schema: db.Schema}, &Options{Logger: silent})
		storetest.Survive(t, s, storetest.Fault{
			Break: func() { p.armed.Store(loseAnswer) }, Mend: func() { p.armed.Store(loseRequest) }, Unharmed: true,
		})
		require.EqualValues(t, 2, p.cuts.Load())
		whole(t, s)
	})
}
