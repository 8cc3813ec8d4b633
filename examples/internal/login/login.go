// Package login is a client of the auth service, for programs that are users of
// a chat: it logs in, and stays so.
package login

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// Login is the login of one user. It keeps the session by its refresh cookie. Its
// methods may not be called concurrently.
type Login struct {
	auth, name, password string
	cookie               string
}

// New returns the login of a user at the auth service whose address is auth. It
// asks the service nothing yet.
func New(auth, name, password string) *Login {
	return &Login{auth: auth, name: name, password: password}
}

// Token returns a new access token. When the service says that it is too much,
// it waits as long as it is told.
func (l *Login) Token(ctx context.Context) (string, error) {
	for {
		path, body := "/auth/login", map[string]string{"username": l.name, "password": l.password}
		if l.cookie != "" {
			path, body = "/auth/refresh", map[string]string{}
		}
		status, token, after, err := l.post(ctx, path, body)
		switch {
		case err != nil:
			return "", err
		case status < 300 && token != "":
			return token, nil
		case status == http.StatusUnauthorized && l.cookie != "":
			l.cookie = "" // the login has ended: begin another
			continue
		case status != http.StatusTooManyRequests && status != http.StatusServiceUnavailable:
			return "", fmt.Errorf("%s: the auth service answers %d to %s; is that its address, and are there such users?", l.name, status, path)
		}
		select {
		case <-time.After(after):
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

// client keeps no connections: a token is needed once in minutes.
var client = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, Proxy: http.ProxyFromEnvironment}}

func (l *Login) post(ctx context.Context, path string, body any) (status int, token string, after time.Duration, err error) {
	b, err := json.Marshal(body)
	if err != nil {
		return 0, "", 0, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, l.auth+path, bytes.NewReader(b))
	if err != nil {
		return 0, "", 0, err
	}
	r.Header.Set("Content-Type", "application/json")
	if l.cookie != "" {
		r.Header.Set("Cookie", l.cookie)
	}
	resp, err := client.Do(r)
	if err != nil {
		return 0, "", 0, err
	}
	defer resp.Body.Close()
	var grant struct {
		Token string `json:"access_token"`
	}
	_ = json.NewDecoder(io.LimitReader(resp.Body, 64<<10)).Decode(&grant) // an answer without one is refused
	if c := resp.Cookies(); grant.Token != "" && len(c) > 0 {
		// By hand: a jar keeps a Secure cookie from plain http.
		l.cookie = c[0].Name + "=" + c[0].Value
	}
	seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
	return resp.StatusCode, grant.Token, time.Duration(max(seconds, 1)) * time.Second, nil
}
