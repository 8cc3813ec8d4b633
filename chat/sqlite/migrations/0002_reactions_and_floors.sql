-- How many members a room has, and the time of its oldest event, by which rooms
-- are found that have too old ones.
ALTER TABLE {p}heads ADD COLUMN members INTEGER NOT NULL DEFAULT 0;
ALTER TABLE {p}heads ADD COLUMN floor_at INTEGER NOT NULL DEFAULT 0;
UPDATE {p}heads SET
	members = (SELECT count(*) FROM {p}members m WHERE m.room_no = {p}heads.room_no AND m.banned = 0),
	floor_at = (SELECT e.at FROM {p}events e WHERE e.key = {p}heads.room_no << 40 | floor);
CREATE INDEX {p}heads_floor ON {p}heads (floor_at);

-- How many messages there were at the read marker or the join, whichever is
-- later. The event there may be removed one day.
ALTER TABLE {p}members ADD COLUMN n INTEGER NOT NULL DEFAULT 0;
UPDATE {p}members SET n = coalesce((SELECT e.n FROM {p}events e WHERE e.key = {p}members.room_no << 40 | max(since, read)), 0) WHERE banned = 0;

-- The emoji on messages, in the order of their first use.
CREATE TABLE {p}emoji (
	key   INTEGER NOT NULL,   -- of the message
	first INTEGER NOT NULL,   -- the seq of the first reaction with it
	emoji TEXT    NOT NULL,
	n     INTEGER NOT NULL,   -- how many users
	PRIMARY KEY (key, first)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX {p}emoji_once ON {p}emoji (key, emoji);

-- And who put them there.
CREATE TABLE {p}reactors (
	key     INTEGER NOT NULL,
	emoji   TEXT    NOT NULL,
	user_no INTEGER NOT NULL,
	seq     INTEGER NOT NULL, -- of the reaction
	PRIMARY KEY (key, emoji, user_no)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX {p}reactors_in_order ON {p}reactors (key, emoji, seq);

-- A reaction is the first one after it was last taken back. Kind 12 is reacted.
INSERT INTO {p}reactors (key, emoji, user_no, seq)
	SELECT a.key, a.emoji, a.user_no, min(a.seq) FROM (
		SELECT room_no << 40 | ref AS key, text AS emoji, user_no, key & (1 << 40) - 1 AS seq, off,
			max(off * (key & (1 << 40) - 1)) OVER (PARTITION BY room_no, ref, text, user_no) AS taken_back
		FROM {p}events WHERE kind = 12
	) a CROSS JOIN {p}reactions r ON r.key = a.key AND r.user_no = a.user_no AND r.emoji = a.emoji
	WHERE a.off = 0 AND a.seq > a.taken_back GROUP BY a.key, a.emoji, a.user_no;
INSERT INTO {p}emoji (key, first, emoji, n)
	SELECT a.key, a.first, a.emoji, (SELECT count(*) FROM {p}reactors r WHERE r.key = a.key AND r.emoji = a.emoji) AS n FROM (
		SELECT room_no << 40 | ref AS key, text AS emoji, min(key & (1 << 40) - 1) AS first
		FROM {p}events WHERE kind = 12 AND off = 0 GROUP BY room_no, ref, text
	) a WHERE n > 0;
DROP TABLE {p}reactions;

CREATE TABLE {p}revocations (
	user_id   TEXT    NOT NULL,
	session   TEXT    NOT NULL, -- '' is all logins before before_at
	before_at INTEGER NOT NULL,
	until_at  INTEGER NOT NULL,
	PRIMARY KEY (user_id, session)
) STRICT, WITHOUT ROWID;
CREATE INDEX {p}revocations_until ON {p}revocations (until_at);
