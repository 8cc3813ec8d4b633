package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/carlware/gochat/command"
)

// Options are the options of [New]. nil means all defaults.
type Options struct {
	// Timeout is how long one answer may take. 0 means as long as the call
	// has; it can't have more.
	Timeout time.Duration

	// Transport makes the requests, to trust a certificate of your own, say.
	// nil means one like [http.DefaultTransport] that keeps no connection
	// open.
	Transport http.RoundTripper

	// Logger gets why a program could not be asked. nil means
	// [slog.Default].
	Logger *slog.Logger
}

// Webhook is a [command.Handler] that asks another program by HTTP.
//
// It asks the configured address and no other: nothing that a user types or the
// program answers can send it elsewhere, for redirects are not followed. At
// most 256 KiB of an answer are read. Its methods may be called concurrently.
type Webhook struct {
	url    string
	secret string
	opt    Options
	client *http.Client
}

// New returns a Webhook that posts calls to address, signed with secret. The
// address is http or https with a host and without user or fragment; over
// http everybody on the way reads what is said, so that is for one's own
// machine. The secret has at least [MinSecret] bytes.
func New(address, secret string, o *Options) (*Webhook, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "" {
		return nil, errors.New("webhook: the address is not http(s)://host/path") // it may hold a token: not shown
	}
	if len(secret) < MinSecret {
		return nil, errSecret
	}
	w := &Webhook{url: u.String(), secret: secret}
	if o != nil {
		w.opt = *o
	}
	if w.opt.Logger == nil {
		w.opt.Logger = slog.Default()
	}
	if w.opt.Transport == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.DisableKeepAlives = true
		t.MaxResponseHeaderBytes = 16 << 10
		w.opt.Transport = t
	}
	w.client = &http.Client{
		Transport:     w.opt.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return w, nil
}

// HandleCommand posts the call and gives the answer. The caller is told no_bot
// when nobody is there, overloaded for the status 429 or 503, timeout when it
// takes too long, and the error that the answer holds. What can't be an answer,
// in form or in size, and any other status is an error that is logged and that
// the caller sees as bot_error.
func (w *Webhook) HandleCommand(ctx context.Context, c *command.Call) error {
	parent := ctx
	if w.opt.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, w.opt.Timeout)
		defer cancel()
	}
	a, err := w.ask(ctx, c)
	switch {
	case err == nil:
		if err = a.give(c); err == nil {
			return nil
		}
	case parent.Err() != nil:
		return parent.Err()
	case ctx.Err() != nil:
		return &command.Error{Code: command.CodeTimeout, Message: "/" + c.Name + " did not answer in time."}
	}
	if e, ok := errors.AsType[*command.Error](err); ok {
		return e
	}
	return fmt.Errorf("webhook: /%s: %w", c.Name, err)
}

// ask makes the request.
func (w *Webhook) ask(ctx context.Context, c *command.Call) (answer, error) {
	left := c.Remaining
	if deadline, ok := ctx.Deadline(); ok {
		left = time.Until(deadline)
	}
	body, err := encode(request{
		V: 1, ID: c.ID, Attempt: c.Attempt, Bot: c.Bot, Command: c.Name, Text: c.Args, Line: c.Line,
		TimeoutMS: max(left.Milliseconds(), 1), Room: c.Room, User: c.User,
	})
	if err != nil {
		return answer{}, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(body))
	if err != nil {
		return answer{}, withoutURL(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/plain")
	r.Header.Set("User-Agent", "gochat-webhook")
	Sign(r.Header, w.secret, body, time.Now())
	resp, err := w.client.Do(r)
	if err != nil {
		w.opt.Logger.WarnContext(ctx, "webhook can't be reached", "command", c.Name, "call", c.ID, "err", withoutURL(err))
		return answer{}, &command.Error{Code: command.CodeNoBot, Message: "No bot is there to answer /" + c.Name + " now."}
	}
	defer resp.Body.Close()
	switch code := resp.StatusCode; code {
	case http.StatusOK:
	case http.StatusNoContent:
		return answer{}, nil
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return answer{}, &command.Error{Code: command.CodeOverloaded, Message: "/" + c.Name + " is busy. Try again in a moment."}
	default:
		return answer{}, fmt.Errorf("status %d", code)
	}
	said, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err != nil {
		return answer{}, withoutURL(err)
	}
	if len(said) > maxBody {
		return answer{}, fmt.Errorf("answer is longer than %d bytes", maxBody)
	}
	return decodeAnswer(resp.Header.Get("Content-Type"), said)
}

// withoutURL takes the address, which may hold a token, out of an error that
// will be logged.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}
