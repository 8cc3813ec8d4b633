package authsvc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/carlware/gochat/internal/strictjson"
)

const (
	askTimeout  = 2 * time.Second
	waitTimeout = lookFor + askTimeout
	maxAnswer   = 1 << 20 // bytes
)

// Remote asks an auth service in another process, as a service that shares a
// secret with it. All methods may be called concurrently.
type Remote struct {
	base   string
	secret string
	client *http.Client
}

// OpenRemote returns a Remote that asks at base, an http or https URL such as
// http://auth:8081, with the secret of the file. The secret goes over the wire
// as it is: between machines base has to be https. Nothing is asked yet. Close
// it after use.
func OpenRemote(base, secretFile string) (*Remote, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("authsvc: the address of the auth service must be an http or https URL without a password")
	}
	text, err := readSecret(secretFile)
	if err != nil {
		return nil, err
	}
	return &Remote{
		base: strings.TrimSuffix(u.String(), "/"), secret: text,
		client: &http.Client{
			Transport: http.DefaultTransport.(*http.Transport).Clone(),
			// The secret is for that address and for no other.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// Close closes idle connections.
func (r *Remote) Close() error {
	r.client.CloseIdleConnections()
	return nil
}

// Users is [Service.Users].
func (r *Remote) Users(ctx context.Context, ids []string) (users []User, err error) {
	for part := range slices.Chunk(ids, maxIDs) {
		body, err := json.Marshal(map[string][]string{"ids": part})
		if err != nil {
			return nil, err
		}
		var answer usersAnswer
		if err := r.ask(ctx, askTimeout, http.MethodPost, "/internal/users", body, &answer); err != nil {
			return nil, err
		}
		users = append(users, answer.Users...)
	}
	return users, nil
}

// Revocations is [Service.Revocations].
func (r *Remote) Revocations(ctx context.Context, after int64) (news []Revocation, next int64, err error) {
	var answer revocationsAnswer
	path := "/internal/revocations?after=" + strconv.FormatInt(after, 10)
	if err := r.ask(ctx, waitTimeout, http.MethodGet, path, nil, &answer); err != nil {
		return nil, after, err
	}
	return answer.Revocations, answer.Next, nil
}

func (r *Remote) ask(ctx context.Context, limit time.Duration, method, path string, body []byte, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, r.base+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+r.secret)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return fmt.Errorf("authsvc: ask the auth service: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("authsvc: ask the auth service: status %d", resp.StatusCode)
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return fmt.Errorf("authsvc: ask the auth service: %w", err)
	case len(data) > maxAnswer:
		return fmt.Errorf("authsvc: the auth service answers more than %d bytes", maxAnswer)
	}
	if err := strictjson.Unmarshal(data, answer); err != nil {
		return fmt.Errorf("authsvc: answer of the auth service: %w", err)
	}
	return nil
}
