package stock

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// Limits of one question to a server.
const (
	sourceTimeout  = 5 * time.Second
	sourceMaxBody  = 64 << 10
	sourceRedirect = 3
)

// sourceURL reads the address of a source.
func sourceURL(s string) (*url.URL, error) {
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
	if len(via) > sourceRedirect || next.URL.Host != via[0].URL.Host || next.URL.Scheme != via[0].URL.Scheme {
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
	body, err := io.ReadAll(io.LimitReader(resp.Body, sourceMaxBody+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if len(body) > sourceMaxBody {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrBadResponse, sourceMaxBody)
	}
	return body, nil
}
