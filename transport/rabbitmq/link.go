package rabbitmq

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

const (
	dialTimeout  = 10 * time.Second // TCP, TLS and AMQP handshakes together
	writeTimeout = 5 * time.Second
	closeTimeout = 2 * time.Second
	loginPause   = 2 * time.Second // RabbitMQ takes 3 s to refuse a login
)

// wire is a connection whose writes end. RabbitMQ stops reading from who
// publishes while it is short of memory, and the library writes under locks
// that everything else on the connection needs too.
type wire struct{ net.Conn }

func (w wire) Write(p []byte) (int, error) {
	if err := w.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return 0, err
	}
	return w.Conn.Write(p)
}

// link is one AMQP connection and the socket under it.
type link struct {
	*amqp.Connection
	raw    net.Conn
	closed chan *amqp.Error
	user   string // the login, for the property user_id; "" when not known
}

// dial makes a connection. It ends with ctx.
func (b *Broker) dial(ctx context.Context, purpose string) (*link, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	began := time.Now()
	stop := func() bool { return true }
	l := &link{closed: make(chan *amqp.Error, 1)}
	config := amqp.Config{
		Properties:      amqp.NewConnectionProperties(),
		TLSClientConfig: b.o.TLS.Clone(),
		Dial: func(network, addr string) (net.Conn, error) {
			raw, err := (&net.Dialer{}).DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			l.raw = raw
			stop = context.AfterFunc(ctx, func() { raw.Close() }) // the handshake watches no context
			return wire{raw}, raw.SetDeadline(time.Now().Add(dialTimeout))
		},
	}
	config.Properties.SetClientConnectionName(b.o.Name + " " + purpose)
	if len(b.uri.AuthMechanism) == 0 {
		l.user = b.uri.Username
	}
	if b.o.Credentials != nil {
		user, password, err := b.o.Credentials(ctx)
		if err != nil {
			return nil, refusal{fmt.Errorf("credentials: %w", err)}
		}
		l.user = user
		config.SASL = []amqp.Authentication{&amqp.PlainAuth{Username: user, Password: password}}
	}

	c, err := amqp.DialConfig(b.url, config)
	stop()
	if err == nil {
		l.Connection = c
		l.NotifyClose(l.closed)
		return l, nil
	}
	if l.raw != nil {
		l.raw.Close()
	}
	// A server that refuses a login closes the connection without a word, after
	// a pause. One that dies closes it at once, and the library says the same.
	if errors.Is(err, amqp.ErrCredentials) {
		if time.Since(began) >= loginPause {
			return nil, refusal{err}
		}
		err = errLogin
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w: %w", cause, err)
	}
	return nil, err
}
