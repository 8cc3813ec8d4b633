-- Times are milliseconds since 1970. 0 and '' stand for "none"; there are no
-- NULLs but in name_key, where they keep rooms out of a unique index. Ids are
-- compared and sorted by their bytes.
--
-- The planner knows nothing of a new table, and takes an index that only begins
-- with what is asked for to be as good as one that has it all. So no two indexes
-- of a table that grows begin with the same columns.

CREATE TABLE {s}meta (
	key   text PRIMARY KEY,     -- 'store' and 'epoch'
	value text NOT NULL
);

CREATE TABLE {s}users (
	no        bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	id        text    COLLATE "C" NOT NULL CONSTRAINT users_id UNIQUE,
	name      text    NOT NULL,
	bot       boolean NOT NULL,
	rooms_rev bigint  NOT NULL DEFAULT 0
) WITH (fillfactor = 90);

CREATE TABLE {s}rooms (
	no         bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	id         text    COLLATE "C" NOT NULL CONSTRAINT rooms_id UNIQUE,
	kind       text    NOT NULL CHECK (kind IN ('public', 'private', 'direct')),
	name       text    NOT NULL,
	name_key   text    COLLATE "C" CONSTRAINT rooms_name UNIQUE, -- the name of a public room without its case
	one_no     bigint  NOT NULL,    -- of a direct room: the users, the lower number first
	other_no   bigint  NOT NULL,
	hides      boolean NOT NULL,
	archived   boolean NOT NULL DEFAULT false,
	created_at bigint  NOT NULL,
	data       text    NOT NULL,
	by_no      bigint  NOT NULL,    -- who created it, with which request
	by_id      text    COLLATE "C" NOT NULL,
	by_hash    bytea   NOT NULL,
	CONSTRAINT rooms_by UNIQUE (by_no, by_id)
);
CREATE UNIQUE INDEX rooms_direct ON {s}rooms (one_no, other_no) WHERE kind = 'direct';
CREATE INDEX rooms_public ON {s}rooms (id) WHERE kind = 'public';

-- What changes with every event of a room is apart from what does not. Half of
-- each page stays free, so that the next version of a row finds its place
-- beside it and no index has to be touched. Who writes to a room locks its row
-- here first: see the package comment.
CREATE TABLE {s}heads (
	room_no  bigint PRIMARY KEY,
	seq      bigint NOT NULL DEFAULT 0, -- the newest event
	access   bigint NOT NULL DEFAULT 0, -- the newest one that changed who may do what
	last     bigint NOT NULL DEFAULT 0, -- the newest message
	n        bigint NOT NULL DEFAULT 0, -- how many messages there were
	at       bigint NOT NULL DEFAULT 0, -- the time of the newest event
	members  bigint NOT NULL DEFAULT 0, -- how many there are
	floor    bigint NOT NULL DEFAULT 1, -- the oldest event that is kept
	floor_at bigint NOT NULL            -- its time
) WITH (fillfactor = 50);
CREATE INDEX heads_floor ON {s}heads (floor_at);

-- Members, and those who are banned.
CREATE TABLE {s}members (
	user_no      bigint  NOT NULL,
	room_no      bigint  NOT NULL,
	user_id      text    COLLATE "C" NOT NULL,
	role         text    NOT NULL,
	banned       boolean NOT NULL,
	since        bigint  NOT NULL DEFAULT 0,
	visible_from bigint  NOT NULL DEFAULT 0,
	read         bigint  NOT NULL DEFAULT 0,
	n            bigint  NOT NULL DEFAULT 0, -- messages of the room up to the marker or the join, whichever is later
	PRIMARY KEY (user_no, room_no)
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX members_by_room ON {s}members (room_no, user_id);

-- The logs of all rooms.
CREATE TABLE {s}events (
	room_no    bigint   NOT NULL,
	seq        bigint   NOT NULL CHECK (seq BETWEEN 1 AND 1099511627775), -- below 2^40
	user_no    bigint   NOT NULL,
	at         bigint   NOT NULL,
	n          bigint   NOT NULL,           -- messages of the room up to this row
	batch      bigint   NOT NULL,           -- random, of the request that stored it: tells a lost answer to COMMIT from a resend
	ref        bigint   NOT NULL DEFAULT 0,
	target_no  bigint   NOT NULL DEFAULT 0,
	call_by    bigint   NOT NULL DEFAULT 0,
	edited_by  bigint   NOT NULL DEFAULT 0,
	deleted_by bigint   NOT NULL DEFAULT 0,
	kind       smallint NOT NULL,           -- see kinds in event.go
	off        boolean  NOT NULL DEFAULT false,
	id         text     COLLATE "C" NOT NULL,
	hash       bytea    NOT NULL,
	text       text     NOT NULL,
	mentions   text     NOT NULL,           -- a JSON array
	data       text     NOT NULL,
	role       text     NOT NULL DEFAULT '',
	call_id    text     NOT NULL DEFAULT '',
	call_name  text     NOT NULL DEFAULT '',
	PRIMARY KEY (room_no, seq),
	CONSTRAINT events_once UNIQUE (user_no, id, room_no)
);

-- The emoji on messages, and who put them there.
CREATE TABLE {s}emoji (
	room_no bigint NOT NULL,
	ref     bigint NOT NULL,    -- the message
	emoji   text   COLLATE "C" NOT NULL,
	first   bigint NOT NULL,    -- the seq of the first reaction with it
	n       bigint NOT NULL,    -- how many users
	PRIMARY KEY (room_no, ref, emoji)
);
CREATE TABLE {s}reactors (
	room_no bigint NOT NULL,
	ref     bigint NOT NULL,
	emoji   text   COLLATE "C" NOT NULL,
	seq     bigint NOT NULL,    -- of the reaction
	user_no bigint NOT NULL,
	PRIMARY KEY (room_no, ref, emoji, seq)
);
CREATE UNIQUE INDEX reactors_once ON {s}reactors (room_no, ref, user_no, emoji);

CREATE TABLE {s}calls (
	no         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	id         text   COLLATE "C" NOT NULL CONSTRAINT calls_id UNIQUE,
	user_no    bigint NOT NULL,
	key        text   COLLATE "C" NOT NULL,
	hash       bytea  NOT NULL,
	room_no    bigint NOT NULL,
	bot_no     bigint NOT NULL,
	name       text   NOT NULL,
	line       text   NOT NULL,
	status     text   NOT NULL,
	batch      bigint NOT NULL,             -- of the request that stored or ended it, as in events
	due_at     bigint NOT NULL,
	ended_at   bigint NOT NULL DEFAULT 0,
	seqs       text   NOT NULL DEFAULT '',  -- a JSON array
	private    text   NOT NULL DEFAULT '',  -- a JSON array
	error_code text   NOT NULL DEFAULT '',
	error_text text   NOT NULL DEFAULT '',
	CONSTRAINT calls_once UNIQUE (key, user_no)
);
CREATE INDEX calls_due ON {s}calls (due_at) WHERE status = 'pending';
CREATE INDEX calls_of_user ON {s}calls (user_no, ended_at) WHERE ended_at > 0;
CREATE INDEX calls_ended ON {s}calls (ended_at) WHERE ended_at > 0;

CREATE TABLE {s}revocations (
	user_id   text   COLLATE "C" NOT NULL,
	session   text   COLLATE "C" NOT NULL, -- '' is all logins before before_at
	before_at bigint NOT NULL,
	until_at  bigint NOT NULL,
	PRIMARY KEY (user_id, session)
);
CREATE INDEX revocations_until ON {s}revocations (until_at);
