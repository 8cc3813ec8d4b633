-- Times are milliseconds since 1970, UTC.

CREATE TABLE users (
	id      TEXT    PRIMARY KEY, -- random; everything else refers to it
	name    TEXT    NOT NULL UNIQUE,
	hash    TEXT    NOT NULL, -- of the password, as a PHC string
	demo    INTEGER NOT NULL, -- 1: made by demo mode, with a password that everybody knows
	created INTEGER NOT NULL
) STRICT;

-- One row per login that is not over. A session ends by deletion.
CREATE TABLE sessions (
	id       TEXT    PRIMARY KEY, -- claim sid of the access tokens
	user     TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	selector BLOB    NOT NULL UNIQUE, -- SHA-256 of the part of the refresh token that stays
	current  BLOB    NOT NULL, -- SHA-256 of the refresh token
	previous BLOB, -- and of the one before it
	rotated  INTEGER NOT NULL, -- when current was handed out
	created  INTEGER NOT NULL,
	idle     INTEGER NOT NULL, -- over then, unless it is refreshed before
	ends     INTEGER NOT NULL -- over then in any case
) STRICT;

CREATE INDEX sessions_user ON sessions (user);
CREATE INDEX sessions_idle ON sessions (idle);
