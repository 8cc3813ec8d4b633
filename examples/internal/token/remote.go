package token

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/carlware/gochat/internal/strictjson"
)

const (
	fetchTimeout  = 2 * time.Second
	fetchInterval = 30 * time.Second // between two readings that an unknown key id causes
	fetchMaxAge   = 5 * time.Minute  // after that the set is read again, so that a dropped key goes
	fetchMaxBytes = 64 << 10
)

// RemoteOptions are the optional settings of [RemoteKeys].
type RemoteOptions struct {
	Transport http.RoundTripper // nil: a clone of http.DefaultTransport
	Logger    *slog.Logger      // nil: nothing is logged
}

// RemoteKeys reads a JWK Set (RFC 7517) from one configured address and keeps
// it. Only Ed25519 keys for signing count: kty OKP, crv Ed25519, alg EdDSA, use
// sig, with a key id.
//
// The set is read when a key id is not known, at most once in 30 seconds
// whatever ids are asked for, and in the background when it is five minutes
// old. While the address does not answer, the keys read last stay in use and
// it is tried again after 1, 2, 4 … 30 seconds. A reading takes at most two
// seconds and 64 KiB, and follows no redirect.
//
// RemoteKeys may be used concurrently.
type RemoteKeys struct {
	url    string
	client *http.Client
	logger *slog.Logger

	ctx  context.Context // ends with Close; readings serve many callers and belong to none
	stop context.CancelFunc
	wg   sync.WaitGroup

	mu      sync.Mutex
	keys    map[string]ed25519.PublicKey
	read    time.Time     // when keys were read; zero: never
	next    time.Time     // not to be read before
	failed  int           // readings that failed since
	reading chan struct{} // closed when the reading under way ends; nil: none
}

// OpenRemote returns the keys at address, an http or https URL. Nothing is read
// yet: a service may start before the one that it trusts. Close it after use.
// opts may be nil.
func OpenRemote(address string, opts *RemoteOptions) (*RemoteKeys, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("token: the address of a key set must be an http or https URL without a password")
	}
	var o RemoteOptions
	if opts != nil {
		o = *opts
	}
	if o.Transport == nil {
		o.Transport = http.DefaultTransport.(*http.Transport).Clone()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	r := &RemoteKeys{url: u.String(), logger: o.Logger}
	r.client = &http.Client{
		Transport:     o.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	r.ctx, r.stop = context.WithCancel(context.Background())
	return r, nil
}

// Close ends a reading under way. Keys that are known still answer.
func (r *RemoteKeys) Close() error {
	r.mu.Lock()
	r.stop()
	r.mu.Unlock()
	r.wg.Wait()
	r.client.CloseIdleConnections()
	return nil
}

// Key implements [KeySet]. It waits only for a key that is not known.
func (r *RemoteKeys) Key(ctx context.Context, id string) (ed25519.PublicKey, error) {
	r.mu.Lock()
	key, ok := r.keys[id]
	var reading <-chan struct{}
	if !ok || time.Since(r.read) >= fetchMaxAge {
		reading = r.refresh()
	}
	r.mu.Unlock()
	if ok {
		return key, nil
	}
	if reading != nil {
		select {
		case <-reading:
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, context.Cause(ctx))
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if key, ok := r.keys[id]; ok {
		return key, nil
	}
	if r.failed > 0 || r.read.IsZero() {
		return nil, ErrUnavailable
	}
	return nil, ErrUnknownKey
}

// refresh begins a reading unless it is too early for one, and returns the one
// under way. r.mu is held.
func (r *RemoteKeys) refresh() <-chan struct{} {
	if r.reading != nil {
		return r.reading
	}
	now := time.Now()
	if now.Before(r.next) || r.ctx.Err() != nil {
		return nil
	}
	done := make(chan struct{})
	r.reading = done
	r.wg.Go(func() {
		keys, err := r.fetch()
		r.mu.Lock()
		defer r.mu.Unlock()
		r.settle(now, keys, err)
		r.reading = nil
		close(done)
	})
	return done
}

// settle takes the outcome of the reading that began at start. r.mu is held.
func (r *RemoteKeys) settle(start time.Time, keys map[string]ed25519.PublicKey, err error) {
	if err != nil {
		wait := min(fetchInterval, time.Second<<min(r.failed, 10))
		r.failed++
		r.next = start.Add(wait)
		if r.ctx.Err() == nil {
			r.logger.Warn("key set cannot be read", "url", r.url, "err", err, "keys", len(r.keys), "retry_in", wait)
		}
		return
	}
	if r.failed > 0 || !maps.EqualFunc(r.keys, keys, func(a, b ed25519.PublicKey) bool { return a.Equal(b) }) {
		r.logger.Info("key set read", "url", r.url, "keys", len(keys))
	}
	r.keys, r.read, r.failed, r.next = keys, start, 0, start.Add(fetchInterval)
}

func (r *RemoteKeys) fetch() (map[string]ed25519.PublicKey, error) {
	ctx, cancel := context.WithTimeout(r.ctx, fetchTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/jwk-set+json, application/json")
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d", resp.StatusCode)
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, fetchMaxBytes+1))
	if err != nil {
		return nil, err
	}
	if len(data) > fetchMaxBytes {
		return nil, fmt.Errorf("longer than %d bytes", fetchMaxBytes)
	}
	return parseSet(data)
}

// parseSet reads a JWK Set. Keys of other kinds are skipped, as RFC 7517,
// section 5, asks; a set in which an id is used twice is refused.
func parseSet(data []byte) (map[string]ed25519.PublicKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := strictjson.Unmarshal(data, &set); err != nil {
		return nil, err
	}
	keys := map[string]ed25519.PublicKey{}
	for _, raw := range set.Keys {
		var kind struct {
			Type  string `json:"kty"`
			Curve string `json:"crv"`
		}
		var jwk jose.JSONWebKey
		if strictjson.Unmarshal(raw, &kind) != nil || kind.Type != "OKP" || kind.Curve != "Ed25519" ||
			jwk.UnmarshalJSON(raw) != nil || jwk.Algorithm != string(jose.EdDSA) || jwk.Use != "sig" || !keyIDFits(jwk.KeyID) {
			continue
		}
		key, ok := jwk.Key.(ed25519.PublicKey) // with a member d it would be a private key
		if !ok || len(key) != ed25519.PublicKeySize {
			continue
		}
		if keys[jwk.KeyID] != nil {
			return nil, errors.New("the same key id twice")
		}
		if keys[jwk.KeyID] = key; len(keys) > maxKeys {
			return nil, fmt.Errorf("more than %d keys", maxKeys)
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("no Ed25519 signing key")
	}
	return keys, nil
}
