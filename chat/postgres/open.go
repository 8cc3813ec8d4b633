package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/groupcommit"
	"github.com/carlware/gochat/internal/sqlstore"
)

// Options are the options of [Open]. nil means all defaults.
type Options struct {
	// Schema is the schema of the database that the tables live in. It is
	// created if it does not exist, and is best left to the chat alone. 1 to
	// 63 of a-z, 0-9 and "_", beginning with a letter. Empty means "gochat".
	Schema string

	// Shards is how many batches can be on their way at once; each room has
	// its place in one of them. More than one is worth it where commits are
	// slow and there is more to write than fills a batch: else batches only
	// become smaller. 0 means 1, more than 16 means 16.
	Shards int

	// MaxConns is how many connections are open at most: one for each shard,
	// one for what belongs to no room, and the others for reading, of which
	// there are at least two. 0 means as many of these as there are
	// processors, but at least four.
	MaxConns int

	// BatchLimit is how many rows are committed together at most. 0 means
	// 256; 1 is for measuring what batches are worth.
	BatchLimit int

	// Logger is told when a connection fails and when it is open again. nil
	// means [slog.Default].
	Logger *slog.Logger
}

// Store is a [chat.Store] in a PostgreSQL database. Make one with [Open].
type Store struct {
	*dialect
	schema string
	life   string // SQL: what of the server goes into the epoch
	logger *slog.Logger

	readers *pgxpool.Pool
	shards  []*committer
	side    *committer     // of what belongs to no room
	running sync.WaitGroup // the committers
	closing chan struct{}
	close   sync.Once

	attached   atomic.Pointer[func([]chat.Event)]
	delivering sync.Mutex
}

var _ chat.Store = (*Store)(nil)

// Open connects to the database that url names and brings its tables up to
// date, which any number of nodes may do at the same time. url is what libpq
// takes: a URL that begins with postgres:// or a list of settings; what it leaves
// out is taken from the environment (PGPASSWORD and the like) and ~/.pgpass. No
// error has the password in it. A server
// that can't be reached is [chat.ErrUnavailable]. Tables that a newer version of
// this package has made are a [*SchemaError]. ctx bounds only the opening.
func Open(ctx context.Context, url string, o *Options) (*Store, error) {
	var opt Options
	if o != nil {
		opt = *o
	}
	opt.Schema = cmp.Or(opt.Schema, "gochat")
	opt.Shards = min(max(opt.Shards, 1), 16)
	if opt.BatchLimit <= 0 {
		opt.BatchLimit = groupcommit.BatchRows
	}
	if opt.Logger == nil {
		opt.Logger = slog.Default()
	}
	if !validSchema(opt.Schema) {
		return nil, fmt.Errorf("postgres: schema %q is not 1 to 63 of a-z, 0-9 and _, beginning with a letter but not with pg_", opt.Schema)
	}
	config, err := parse(url)
	if err != nil {
		return nil, err
	}
	s, err := open(ctx, config, &opt, defaults)
	if err == nil {
		return s, nil
	}
	if _, ok := errors.AsType[*SchemaError](err); ok {
		return nil, err
	}
	if hopeless(err) {
		return nil, fmt.Errorf("postgres: open: %w", err)
	}
	return nil, failed(ctx, "open", err)
}

// tuning is what only tests change.
type tuning struct {
	clock    string // SQL for the time
	steps    []sqlstore.Migration
	patience time.Duration
}

var defaults = tuning{clock: serverClock, patience: patience}

// validSchema reports whether s may be the name of the schema: lower case
// letters, digits and "_", at most 63, beginning with a letter.
func validSchema(s string) bool {
	if s == "" || len(s) > 63 || s[0] < 'a' || s[0] > 'z' || strings.HasPrefix(s, "pg_") {
		return false
	}
	for _, c := range []byte(s) {
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '_') {
			return false
		}
	}
	return true
}

// connectTimeout bounds each attempt to connect.
const connectTimeout = 5 * time.Second

// pinned are settings of all connections.
var pinned = map[string]string{
	"application_name":              "gochat",
	"default_transaction_isolation": "read committed",
	// All statements go from row to row by indexes, whatever the statistics of
	// the day are: what is best for an empty table, which a plan may have been
	// made for, is not for a large one.
	"enable_seqscan":    "off",
	"enable_hashjoin":   "off",
	"enable_mergejoin":  "off",
	"jit":               "off",
	"plan_cache_mode":   "force_generic_plan",
	"statement_timeout": "5s",
	// Who has a lock and can't be reached any more loses it.
	"idle_in_transaction_session_timeout": "10s",
	"tcp_keepalives_idle":                 "10",
	"tcp_keepalives_interval":             "5",
	"tcp_keepalives_count":                "2",
	"tcp_user_timeout":                    "20s",
}

// pinnedWriting are more settings of connections that write.
var pinnedWriting = map[string]string{
	"synchronous_commit": "on",
	"lock_timeout":       "3s",
}

// configure makes the settings of connections to the server of config.
func configure(config *pgx.ConnConfig, pins ...map[string]string) *pgx.ConnConfig {
	config = config.Copy()
	if config.ConnectTimeout == 0 || config.ConnectTimeout > connectTimeout {
		config.ConnectTimeout = connectTimeout
	}
	for _, pin := range pins {
		for name, value := range pin {
			config.RuntimeParams[name] = value
		}
	}
	return config
}

func open(ctx context.Context, config *pgxpool.Config, o *Options, t tuning) (_ *Store, err error) {
	s := &Store{
		dialect: newDialect(o.Schema, t.clock), schema: o.Schema, logger: o.Logger, closing: make(chan struct{}),
	}
	if t.steps == nil {
		if t.steps, err = sqlstore.Migrations(migrationFiles, "migrations"); err != nil {
			return nil, err
		}
	}
	if err := s.prepare(ctx, config.ConnConfig, t.steps); err != nil {
		return nil, err
	}

	reading := max(4, runtime.GOMAXPROCS(0))
	if o.MaxConns > 0 {
		reading = max(2, o.MaxConns-o.Shards-1)
	}
	writing := configure(config.ConnConfig, pinned, pinnedWriting)
	config.ConnConfig = configure(config.ConnConfig, pinned)
	config.MaxConns, config.MinConns, config.MinIdleConns = int32(reading), 0, min(1, int32(reading))
	config.MaxConnLifetimeJitter = config.MaxConnLifetime / 10
	config.PingTimeout = connectTimeout
	if s.readers, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.readers.Close()
		}
	}()
	if err := s.probe(ctx); err != nil {
		return nil, err
	}

	connect := func(ctx context.Context) (*pgx.Conn, error) { return connectWriter(ctx, writing) }
	for i := range o.Shards + 1 {
		s.shards = append(s.shards, newCommitter(s, o.BatchLimit, t.patience, connect))
		if err = s.shards[i].ready(ctx); err != nil {
			for _, c := range s.shards[:i] {
				c.drop()
			}
			return nil, err
		}
	}
	for _, c := range s.shards {
		s.running.Go(c.work)
	}
	s.side, s.shards = s.shards[o.Shards], s.shards[:o.Shards]
	return s, nil
}

// connectWriter opens a connection that writes, and makes sure that the server
// has heard its settings: a pooler in between may have dropped them.
func connectWriter(ctx context.Context, config *pgx.ConnConfig) (*pgx.Conn, error) {
	c, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	var sync, lock string
	err = c.QueryRow(ctx, `SELECT current_setting('synchronous_commit'), current_setting('lock_timeout')`).Scan(&sync, &lock)
	if err == nil && (sync != pinnedWriting["synchronous_commit"] || lock != pinnedWriting["lock_timeout"]) {
		err = errors.New("the settings of the connection are lost on the way, as by a pooler: connect to the server itself")
	}
	if err != nil {
		c.Close(ctx)
		return nil, err
	}
	return c, nil
}
