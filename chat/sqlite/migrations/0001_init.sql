-- Times are milliseconds since 1970. 0 and '' stand for "none"; there are no
-- NULLs but in name_key, where they keep rooms out of a unique index.

CREATE TABLE {p}meta (
	key   TEXT PRIMARY KEY,     -- 'store' and 'epoch'
	value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE {p}users (
	no        INTEGER PRIMARY KEY,
	id        TEXT    NOT NULL UNIQUE,
	name      TEXT    NOT NULL,
	bot       INTEGER NOT NULL,
	rooms_rev INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE {p}rooms (
	no         INTEGER PRIMARY KEY CHECK (no BETWEEN 1 AND 8388607), -- below 2^23: see events.key
	id         TEXT    NOT NULL UNIQUE,
	kind       TEXT    NOT NULL CHECK (kind IN ('public', 'private', 'direct')),
	name       TEXT    NOT NULL,
	name_key   TEXT    UNIQUE,  -- the name of a public room without its case
	one_no     INTEGER NOT NULL, -- of a direct room: the users, the lower number first
	other_no   INTEGER NOT NULL,
	hides      INTEGER NOT NULL,
	archived   INTEGER NOT NULL DEFAULT 0,
	created_at INTEGER NOT NULL,
	data       TEXT    NOT NULL,
	by_no      INTEGER NOT NULL, -- who created it, with which request
	by_id      TEXT    NOT NULL,
	by_hash    BLOB    NOT NULL
) STRICT;
CREATE UNIQUE INDEX {p}rooms_by ON {p}rooms (by_no, by_id);
CREATE UNIQUE INDEX {p}rooms_direct ON {p}rooms (one_no, other_no) WHERE kind = 'direct';
CREATE INDEX {p}rooms_public ON {p}rooms (id) WHERE kind = 'public';

-- What changes with every event of a room is apart from what does not.
CREATE TABLE {p}heads (
	room_no INTEGER PRIMARY KEY,
	seq     INTEGER NOT NULL,   -- the newest event
	floor   INTEGER NOT NULL,   -- the oldest one that is kept
	access  INTEGER NOT NULL,   -- the newest one that changed who may do what
	last    INTEGER NOT NULL,   -- the newest message
	n       INTEGER NOT NULL,   -- how many messages there are
	at      INTEGER NOT NULL    -- the time of the newest event
) STRICT;

-- Members, and those who are banned. Clustered by user for inboxes; the index
-- is for lists of a room's members in the order of their ids.
CREATE TABLE {p}members (
	user_no      INTEGER NOT NULL,
	room_no      INTEGER NOT NULL,
	user_id      TEXT    NOT NULL,
	role         TEXT    NOT NULL,
	banned       INTEGER NOT NULL,
	since        INTEGER NOT NULL,
	visible_from INTEGER NOT NULL,
	read         INTEGER NOT NULL,
	PRIMARY KEY (user_no, room_no)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX {p}members_by_room ON {p}members (room_no, user_id);

-- The logs of all rooms. The key keeps each of them together and in order.
CREATE TABLE {p}events (
	key        INTEGER PRIMARY KEY, -- room_no << 40 | seq
	room_no    INTEGER NOT NULL,
	user_no    INTEGER NOT NULL,
	id         TEXT    NOT NULL,
	hash       BLOB    NOT NULL,
	kind       INTEGER NOT NULL,    -- see kinds in event.go
	at         INTEGER NOT NULL,
	n          INTEGER NOT NULL,    -- messages of the room up to this row
	target_no  INTEGER NOT NULL,
	ref        INTEGER NOT NULL,
	text       TEXT    NOT NULL,
	role       TEXT    NOT NULL,
	off        INTEGER NOT NULL,
	mentions   TEXT    NOT NULL,    -- a JSON array
	data       TEXT    NOT NULL,
	call_id    TEXT    NOT NULL,
	call_name  TEXT    NOT NULL,
	call_by    INTEGER NOT NULL,
	edited_by  INTEGER NOT NULL DEFAULT 0,
	deleted_by INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX {p}events_once ON {p}events (room_no, user_no, id);

CREATE TABLE {p}reactions (
	key     INTEGER NOT NULL,   -- of the message
	user_no INTEGER NOT NULL,
	emoji   TEXT    NOT NULL,
	PRIMARY KEY (key, user_no, emoji)
) STRICT, WITHOUT ROWID;

CREATE TABLE {p}calls (
	no         INTEGER PRIMARY KEY,
	id         TEXT    NOT NULL UNIQUE,
	user_no    INTEGER NOT NULL,
	key        TEXT    NOT NULL,
	hash       BLOB    NOT NULL,
	room_no    INTEGER NOT NULL,
	bot_no     INTEGER NOT NULL,
	name       TEXT    NOT NULL,
	line       TEXT    NOT NULL,
	status     TEXT    NOT NULL,
	due_at     INTEGER NOT NULL,
	ended_at   INTEGER NOT NULL DEFAULT 0,
	seqs       TEXT    NOT NULL DEFAULT '', -- a JSON array
	private    TEXT    NOT NULL DEFAULT '', -- a JSON array
	error_code TEXT    NOT NULL DEFAULT '',
	error_text TEXT    NOT NULL DEFAULT ''
) STRICT;
CREATE UNIQUE INDEX {p}calls_once ON {p}calls (user_no, key);
CREATE INDEX {p}calls_due ON {p}calls (due_at) WHERE status = 'pending';
CREATE INDEX {p}calls_of_user ON {p}calls (user_no, ended_at) WHERE ended_at > 0;
CREATE INDEX {p}calls_ended ON {p}calls (ended_at) WHERE ended_at > 0;
