package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// maxSize is what the protocol lets a text have by default.
const maxSize = 4000

// complete fills in what is not set and refuses what can't be.
func (c *config) complete() error {
	base, err := url.Parse(c.url)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return fmt.Errorf("-url: %q is no address such as http://127.0.0.1:8080", c.url)
	}
	c.url = strings.TrimSuffix(c.url, "/")
	c.auth = strings.TrimSuffix(cmp.Or(c.auth, c.url), "/")
	c.socket = cmp.Or(c.socket, "ws"+strings.TrimPrefix(c.url, "http")+"/ws")
	sources := 0
	for _, s := range []string{c.users, c.tokens, c.tokenCommand} {
		if s != "" {
			sources++
		}
	}
	switch {
	case c.addUsers > 0 && (c.users == "" || c.authDB == ""):
		return errors.New("-add-users needs -users, the file to write, and -auth-db")
	case sources > 1:
		return errors.New("give one of -users, -tokens and -token-command")
	case c.sessions < 1 || c.sessions > 1_000_000:
		return errors.New("-sessions must be from 1 to 1,000,000")
	case c.rooms < 1 || c.rooms > 100_000:
		return errors.New("-rooms must be from 1 to 100,000")
	case c.size < 1 || c.size > maxSize:
		return fmt.Errorf("-size must be from 1 to %d", maxSize)
	case !(c.rate >= 0 && c.rate <= 1e6) || !(c.cut >= 0 && c.cut <= 1e6):
		return errors.New("-rate and -cut must be from 0 to 1,000,000")
	case c.duration <= 0 || c.ramp < 0 || c.wait <= 0:
		return errors.New("times must be positive")
	case c.rate*c.duration.Seconds() > 1e9:
		return errors.New("-rate and -duration make more than a thousand million messages")
	}
	return nil
}
