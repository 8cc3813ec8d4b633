package stock

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Limits of one question to a server.
const (
	serverTimeout  = 5 * time.Second
	serverMaxBody  = 64 << 10
	serverRedirect = 3
)

// server is one that is asked for quotes by HTTP.
type server struct {
	url      *url.URL // without query
	agent    string
	coolDown time.Duration
	client   *http.Client
	rest     pause
}

// newServer returns the server at address; agent and coolDown may be those of
// options, with 0 for the default.
func newServer(address, agent string, coolDown, defaultCoolDown time.Duration) (*server, error) {
	u, err := serverURL(address)
	if err != nil {
		return nil, err
	}
	if coolDown <= 0 {
		coolDown = defaultCoolDown
	}
	return &server{url: u, agent: cmp.Or(agent, "gochat-stockbot"), coolDown: coolDown, client: newClient()}, nil
}

// quote asks for symbol by ask, within 5 s and ctx, unless the server is being
// left alone. ask says for how long the server wants to be, 0 when it did not
// say.
func (s *server) quote(ctx context.Context, symbol string, ask func(ctx context.Context) (Quote, time.Duration, error)) (Quote, error) {
	if !ValidSymbol(symbol) {
		return Quote{}, fmt.Errorf("%w: %.30q", ErrUnknownSymbol, symbol)
	}
	if err := s.rest.err(); err != nil {
		return Quote{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, serverTimeout)
	defer cancel()
	q, after, err := ask(ctx)
	if errors.Is(err, ErrQuota) || errors.Is(err, ErrBlocked) || errors.Is(err, ErrUnavailable) && after > 0 {
		if after <= 0 {
			after = s.coolDown
		}
		s.rest.begin(after, err)
	}
	return q, err
}

// get makes one request, with header, which it owns. after is how long the
// server wants to be left alone, 0 when it did not say.
func (s *server) get(ctx context.Context, query string, header http.Header) (body []byte, after time.Duration, err error) {
	u := *s.url
	u.RawQuery = query
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	req.Header = header
	req.Header.Set("User-Agent", s.agent)
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	defer resp.Body.Close()
	if after, err := refusedBy(resp); err != nil {
		return nil, after, err
	}
	body, err = readBody(resp)
	return body, 0, err
}

// serverURL reads the address of a source.
func serverURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil {
		return nil, fmt.Errorf("stock: URL of the source: %w", err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("stock: URL of the source %q is not http(s)://host/path", u.Redacted())
	}
	return u, nil
}

func newClient() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableKeepAlives = true // questions are rare; nothing is left open
	transport.MaxResponseHeaderBytes = 16 << 10
	return &http.Client{Transport: transport, CheckRedirect: sameHost}
}

// sameHost follows a redirect only to where we asked in the first place: the
// address of the source is the operator's choice, not the source's.
func sameHost(next *http.Request, via []*http.Request) error {
	if len(via) > serverRedirect || next.URL.Host != via[0].URL.Host || next.URL.Scheme != via[0].URL.Scheme {
		return http.ErrUseLastResponse
	}
	return nil
}

// refusedBy is the error that a status means, and how long the server wants to
// be left alone, 0 when it did not say.
func refusedBy(resp *http.Response) (after time.Duration, err error) {
	after = retryAfter(resp.Header.Get("Retry-After"))
	switch code := resp.StatusCode; {
	case code == http.StatusTooManyRequests:
		return after, fmt.Errorf("%w: status %d", ErrQuota, code)
	case code == http.StatusUnauthorized, code == http.StatusForbidden, code == http.StatusUnavailableForLegalReasons:
		return after, fmt.Errorf("%w: status %d", ErrBlocked, code)
	case code >= 500:
		return after, fmt.Errorf("%w: status %d", ErrUnavailable, code)
	case code != http.StatusOK:
		return 0, fmt.Errorf("%w: status %d", ErrBadResponse, code)
	}
	return 0, nil
}

func readBody(resp *http.Response) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(resp.Body, serverMaxBody+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if len(body) > serverMaxBody {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrBadResponse, serverMaxBody)
	}
	return body, nil
}

// retryAfter reads the header of RFC 9110, section 10.2.3: seconds or a date.
// What it can't read is 0, and nobody is left alone for more than a day.
func retryAfter(h string) time.Duration {
	const most = 24 * time.Hour
	if s, err := strconv.ParseUint(h, 10, 31); err == nil {
		return min(time.Duration(s)*time.Second, most)
	}
	if t, err := http.ParseTime(h); err == nil {
		return min(max(time.Until(t), 0), most)
	}
	return 0
}
