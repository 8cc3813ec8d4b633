package rabbitmq

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Options are the options of [Open]. nil means all defaults.
//
// All programs that share a Prefix must agree on Prefix and Requests.
type Options struct {
	// Prefix begins the names of all exchanges and queues. "" means "gochat.".
	// It has at most 64 bytes of A-Z, a-z, 0-9, "_", "-" and ".".
	Prefix string

	// Name is how the connections are listed in RabbitMQ's management. "" means
	// "gochat".
	Name string

	// Credentials returns the user and the password for one dial; it is called
	// for every one, so that they may change. nil means those of the URL. An
	// error counts as a refused login.
	Credentials func(ctx context.Context) (user, password string, err error)

	// TLS is for URLs with amqps. nil means the system's certificates and the
	// host of the URL, or what the parameters of the URL name. Open copies it.
	TLS *tls.Config

	// Declared says that an operator has made all exchanges, durable queues and
	// bindings, with whatever arguments and policies. They are then only looked
	// for, never declared. Without it everything is declared, and only looked for
	// where the user has no permission to declare it.
	Declared bool

	// Trust says whether the RabbitMQ user may speak for bot: its results and
	// announcements are dropped and counted where it returns false. RabbitMQ
	// vouches for user; it is "" where a message names none. Trust may be called
	// concurrently. nil means that who may write to the exchanges is trusted.
	Trust func(user, bot string) bool

	// Requests is how many requests may wait for the workers of one bot and
	// command, about: RabbitMQ may take a few more. 0 means 1024. With Declared
	// it is for the operator to decide.
	Requests int

	// Events is how many events wait here for one subscriber before it loses
	// them and gets a Gap. 0 means 4096.
	Events int

	// Logger gets a line for each connection that was made or broke, for each
	// refusal, and for what is set aside or dropped. nil means [slog.Default].
	Logger *slog.Logger
}

const maxPrefix = 64

func (o *Options) withDefaults() (Options, error) {
	var c Options
	if o != nil {
		c = *o
	}
	c.Prefix = cmp.Or(c.Prefix, "gochat.")
	if len(c.Prefix) > maxPrefix || strings.Trim(c.Prefix, plainBytes+".") != "" {
		return c, fmt.Errorf("rabbitmq: prefix is longer than %d bytes or has bytes other than A-Z, a-z, 0-9, '_', '-' and '.'", maxPrefix)
	}
	c.Name = cmp.Or(c.Name, "gochat")
	if c.TLS != nil {
		c.TLS = c.TLS.Clone()
	}
	if c.Requests <= 0 {
		c.Requests = 1024
	}
	if c.Events <= 0 {
		c.Events = 4096
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c, nil
}

// address is a URL as it may be logged.
func address(u amqp.URI) string {
	return u.Scheme + "://" + net.JoinHostPort(u.Host, strconv.Itoa(u.Port)) + "/" + strings.TrimPrefix(u.Vhost, "/")
}

var errURL = errors.New("rabbitmq: not a URL like amqp://user:password@host:5672/vhost; reserved characters in it have to be percent-encoded")

// parseURL repeats nothing of a bad URL, which may hold a password.
func parseURL(url string) (amqp.URI, error) {
	u, err := amqp.ParseURI(url)
	if err != nil || u.Host == "" {
		return u, errURL
	}
	for _, mechanism := range u.AuthMechanism {
		switch strings.ToUpper(mechanism) {
		case "PLAIN", "AMQPLAIN", "EXTERNAL":
		default:
			return u, errors.New("rabbitmq: auth_mechanism of the URL is not plain, amqplain or external")
		}
	}
	return u, nil
}
