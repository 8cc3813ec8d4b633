-- The name that others see. It is the login name until the user changes it.
ALTER TABLE users ADD COLUMN display TEXT NOT NULL DEFAULT '';
-- display without what can be overlooked (case, width, spaces), so that nobody
-- takes a name that looks like somebody else's.
ALTER TABLE users ADD COLUMN display_key TEXT NOT NULL DEFAULT '';
UPDATE users SET display = name, display_key = name;
CREATE INDEX users_display ON users (display_key);

-- Sessions that ended before their time, until their last access token has
-- expired. Positions grow, also over the end of a database: they are
-- milliseconds since 1970, or one more than the last.
CREATE TABLE revocations (
	position INTEGER PRIMARY KEY,
	user     TEXT    NOT NULL,
	session  TEXT    NOT NULL,
	until    INTEGER NOT NULL
) STRICT;
