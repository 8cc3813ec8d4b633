package postgres

import (
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"
)

// parse reads what [Open] is given. Its errors hold nothing of a password, also
// where a character in it makes that look like another part of the URL.
func parse(url string) (*pgxpool.Config, error) {
	scheme, rest, isURL := strings.Cut(url, "://")
	isURL = isURL && (scheme == "postgres" || scheme == "postgresql")
	if isURL {
		at := strings.LastIndexByte(rest, '@')
		if end := strings.IndexAny(rest, "@/?"); at >= 0 && end != at {
			return nil, errors.New("postgres: in a user or password @ has to be written %40, / %2F and ? %3F, and elsewhere in the URL @ too")
		}
	}
	config, err := pgxpool.ParseConfig(url)
	switch {
	case err == nil:
		return config, nil
	case isURL:
		// The driver leaves out passwords where it is clear what they are. The
		// error itself has the whole URL in it, for whoever prints its fields.
		return nil, errors.New("postgres: " + err.Error())
	}
	return nil, errors.New("postgres: neither a URL like postgres://user@host:port/database nor a list of settings")
}
