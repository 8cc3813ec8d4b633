package rabbitmq

import (
	"crypto/tls"
	"errors"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/carlware/gochat/transport"
)

var (
	errConnecting = errors.New("not connected yet")
	errNoConfirm  = errors.New("no confirmation in time")
	errNoReply    = errors.New("no reply in time")
	errCancelled  = errors.New("queue was deleted, or its consumer cancelled")
	errClosed     = errors.New("channel or connection was closed")
	errLogin      = errors.New("connection ended during the login")
	errUserID     = errors.New("the server knows the login by another name; trying without user_id")
	errStopped    = errors.New("closed")

	// What becomes of a publishing that the broker confirmed otherwise than
	// "I have it".
	errReturned = errors.New("no queue for it")
	errNacked   = errors.New("refused, the queue is full")
)

// refusal is an error that trying again at once will not change: somebody has
// to change a permission, a password or a queue.
type refusal struct{ err error }

func (r refusal) Error() string { return r.err.Error() }
func (r refusal) Unwrap() error { return r.err }

// refused says whether err is a refusal, of ours or of the broker.
func refused(err error) bool {
	if _, ok := errors.AsType[refusal](err); ok {
		return true
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if errors.Is(err, amqp.ErrSASL) {
		return true
	}
	// The library has such codes for connections that broke, too.
	e, ok := errors.AsType[*amqp.Error](err)
	return ok && e.Server && (e.Code == amqp.AccessRefused || e.Code == amqp.PreconditionFailed || e.Code == amqp.NotAllowed)
}

// hasCode says whether err is the broker's exception with that code.
func hasCode(err error, code int) bool {
	e, ok := errors.AsType[*amqp.Error](err)
	return ok && e != nil && e.Code == code
}

// unavailable is "certainly not sent", with the reason.
func unavailable(cause error) error {
	if cause == nil {
		return fmt.Errorf("rabbitmq: %w", transport.ErrUnavailable)
	}
	return fmt.Errorf("rabbitmq: %w: %w", transport.ErrUnavailable, cause)
}

// unknown is "may have been sent".
func unknown(cause error) error {
	if cause == nil {
		return fmt.Errorf("rabbitmq: %w", transport.ErrUnknown)
	}
	return fmt.Errorf("rabbitmq: %w: %w", transport.ErrUnknown, cause)
}

// closedBy is why the library said that a channel or connection was closed.
func closedBy(err *amqp.Error) error {
	if err == nil {
		return errClosed // in order, by the other side
	}
	return err
}
