-- Times are milliseconds since 1970, UTC. The collation "C" compares by bytes.

CREATE TABLE users (
	id      text COLLATE "C" PRIMARY KEY, -- random; everything else refers to it
	name    text COLLATE "C" NOT NULL UNIQUE,
	hash    text   NOT NULL, -- of the password, as a PHC string
	demo    bigint NOT NULL, -- 1: made by demo mode, with a password that everybody knows
	created bigint NOT NULL,
	-- The name that others see. It is the login name until the user changes it.
	display text   NOT NULL,
	-- display without what can be overlooked (case, width, spaces), so that nobody
	-- takes a name that looks like somebody else's.
	display_key text COLLATE "C" NOT NULL
);

CREATE INDEX users_display ON users (display_key);

-- One row per login that is not over. A session ends by deletion.
CREATE TABLE sessions (
	id       text COLLATE "C" PRIMARY KEY, -- claim sid of the access tokens
	"user"   text COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	selector bytea  NOT NULL UNIQUE, -- SHA-256 of the part of the refresh token that stays
	current  bytea  NOT NULL, -- SHA-256 of the refresh token
	previous bytea, -- and of the one before it
	rotated  bigint NOT NULL, -- when current was handed out
	created  bigint NOT NULL,
	idle     bigint NOT NULL, -- over then, unless it is refreshed before
	ends     bigint NOT NULL -- over then in any case
);

CREATE INDEX sessions_user ON sessions ("user");
CREATE INDEX sessions_idle ON sessions (idle);

-- Sessions that ended before their time, until their last access token has
-- expired. Positions grow, also over the end of a database: they are
-- milliseconds since 1970, or one more than the last.
CREATE TABLE revocations (
	position bigint PRIMARY KEY,
	"user"   text   NOT NULL,
	session  text   NOT NULL,
	until    bigint NOT NULL
);
