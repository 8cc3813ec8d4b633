package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"log/slog"

	"github.com/carlware/gochat/chat"
)

// Attach is part of [chat.Store].
func (s *Store) Attach(committed func([]chat.Event)) (chat.Identity, error) {
	id, err := view(context.Background(), s, "attach", func(ctx context.Context) (chat.Identity, error) {
		m, err := s.meta(ctx, s.readers)
		return chat.Identity{Store: m.store, Epoch: m.epoch()}, err
	})
	if err != nil {
		return chat.Identity{}, err
	}
	if committed == nil {
		committed = func([]chat.Event) {}
	}
	if !s.attached.CompareAndSwap(nil, &committed) {
		return chat.Identity{}, errors.New("postgres: the store has a receiver already")
	}
	return id, nil
}

// deliver hands what was committed to the receiver. All shards do, so they
// take turns.
func (s *Store) deliver(events []chat.Event) {
	f := s.attached.Load()
	if f == nil || len(events) == 0 {
		return
	}
	s.delivering.Lock()
	defer s.delivering.Unlock()
	(*f)(events)
}

// meta is who the store is.
type meta struct {
	store string
	own   string // the epoch that is stored
	life  string // of the server
}

// epoch is what the rest of the world is told: another one when the stored one
// was rotated, and when the server is another one, or goes on from another
// point of the write-ahead log, as after a failover or a restore.
func (m meta) epoch() string {
	sum := sha256.Sum256([]byte(m.own + " " + m.life))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

func (s *Store) meta(ctx context.Context, c sender) (m meta, err error) {
	p := pipe{dialect: s.dialect}
	found := false
	p.query(func(r *row) {
		found = true
		m.store, m.own, m.life = r.text(), r.text(), r.text()
	}, `SELECT s.value, e.value, `+s.life+` FROM {s}meta s, {s}meta e WHERE s.key = 'store' AND e.key = 'epoch'`)
	if err = p.send(ctx, c); err == nil && !found {
		err = errors.New("the store has lost its identity")
	}
	return m, err
}

// lives are ways to ask a server for its system identifier and its timeline,
// the best first. The name of the current WAL file has the timeline from the
// moment of a promotion on; the control file has that of the last checkpoint.
var lives = []string{
	`(SELECT system_identifier FROM pg_control_system()) || ' ' || ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint`,
	`(SELECT system_identifier FROM pg_control_system()) || ' ' || (SELECT timeline_id FROM pg_control_checkpoint())`,
	`''`,
}

// probe finds out how to ask this server who it is.
func (s *Store) probe(ctx context.Context) (err error) {
	for _, s.life = range lives {
		_, err = s.meta(ctx, s.readers)
		if code := sqlstate(err); code == "" || code[:2] != "42" && code[:2] != "55" && code[:2] != "0A" {
			break // it is not about what this server has or allows
		}
	}
	if s.life == lives[len(lives)-1] {
		s.logger.LogAttrs(ctx, slog.LevelWarn, "chat database does not tell its identity: rotate the epoch after a restore or a failover",
			slog.String("schema", s.schema))
	}
	return err
}

// RotateEpoch is part of [chat.Log].
func (s *Store) RotateEpoch(ctx context.Context, old string) (string, error) {
	m, err := view(ctx, s, "epoch", func(ctx context.Context) (meta, error) { return s.meta(ctx, s.readers) })
	if err != nil || m.epoch() != old {
		return m.epoch(), err
	}
	next := chat.NewID()
	return submit(ctx, s.side, "rotate epoch", newRequest("", 1, 0), func(ctx context.Context, t *tx) (string, error) {
		// Who is late finds nothing to change.
		p := t.pipe()
		p.exec(`SELECT 1 FROM {s}meta WHERE key = 'epoch' FOR NO KEY UPDATE`)
		p.exec(`UPDATE {s}meta SET value = $1 WHERE key = 'epoch' AND value = $2`, next, m.own)
		if err := t.send(ctx, p); err != nil {
			return "", err
		}
		now, err := s.meta(ctx, t.conn)
		return now.epoch(), err
	})
}

// Rotate gives the store in the database at url a new epoch and returns it.
// Nodes that are running find it within seconds. It is for a database whose
// server does not tell that it was restored: see the package comment.
func Rotate(ctx context.Context, url string, o *Options) (epoch string, err error) {
	s, err := Open(ctx, url, o)
	if err != nil {
		return "", err
	}
	id, err := s.Attach(nil)
	if err == nil {
		epoch, err = s.RotateEpoch(ctx, id.Epoch)
	}
	return epoch, errors.Join(err, s.Close())
}

// Close is part of [chat.Store]. It stores what is queued, for as long as a
// batch may take, and waits for those who read.
func (s *Store) Close() error {
	s.close.Do(func() {
		close(s.closing)
		s.running.Wait()
		s.readers.Close()
	})
	return nil
}
