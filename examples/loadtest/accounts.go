package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"
)

// account is a user in whose name sessions connect.
type account struct {
	fetch func(ctx context.Context) (string, error) // a new token

	mu    sync.Mutex // held while a token is fetched, so that one serves all who wait
	token string

	rooms []*room // of this run
}

// get returns a token that is not old, which may be empty.
func (a *account) get(ctx context.Context, old string) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.token != "" && a.token != old {
		return a.token, nil
	}
	token, err := a.fetch(ctx)
	if err == nil {
		a.token = token
	}
	return token, err
}

// accounts returns the users that c names. None has a token yet.
func accounts(ctx context.Context, c config) ([]*account, error) {
	switch {
	case c.tokens != "":
		data, err := os.ReadFile(c.tokens)
		if err != nil {
			return nil, err
		}
		return givenTokens(lines(data))
	case c.tokenCommand != "":
		return commandTokens(ctx, c.tokenCommand)
	case c.users != "":
		data, err := os.ReadFile(c.users)
		if err != nil {
			return nil, err
		}
		return logins(c, lines(data))
	}
	return logins(c, []string{"carlos 1234", "john 1234", "gerard 1234"})
}

// lines returns the lines that are neither empty nor comments.
func lines(data []byte) []string {
	var list []string
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			list = append(list, line)
		}
	}
	return list
}

var errNoUsers = errors.New("there are no users")

func givenTokens(tokens []string) ([]*account, error) {
	if len(tokens) == 0 {
		return nil, errNoUsers
	}
	list := make([]*account, len(tokens))
	for i, token := range tokens {
		given := false
		list[i] = &account{fetch: func(context.Context) (string, error) {
			if given {
				return "", errors.New("a token of -tokens has ended, and there is no other")
			}
			given = true
			return token, nil
		}}
	}
	return list, nil
}

// commandTokens runs the command, and again when a token that it gave has
// ended: once for all accounts whose tokens are as old.
func commandTokens(ctx context.Context, command string) ([]*account, error) {
	var mu sync.Mutex
	var latest []string
	runs := 0
	again := func(ctx context.Context) error {
		cmd := exec.CommandContext(ctx, "sh", "-c", command)
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			return fmt.Errorf("-token-command: %w", err)
		}
		tokens := lines(out)
		if len(tokens) == 0 || runs > 0 && len(tokens) != len(latest) {
			return fmt.Errorf("-token-command printed %d tokens: one for each user, always the same ones", len(tokens))
		}
		latest = tokens
		runs++
		return nil
	}
	if err := again(ctx); err != nil {
		return nil, err
	}
	list := make([]*account, len(latest))
	for i := range list {
		used := 0 // the run that the account's token is of
		list[i] = &account{fetch: func(ctx context.Context) (string, error) {
			mu.Lock()
			defer mu.Unlock()
			if used == runs {
				if err := again(ctx); err != nil {
					return "", err
				}
			}
			used = runs
			return latest[i], nil
		}}
	}
	return list, nil
}

// login logs in at the auth service and keeps the session by its refresh
// cookie.
type login struct {
	auth, name, password string
	cookie               string // guarded by the account
}

func logins(c config, list []string) ([]*account, error) {
	if len(list) == 0 {
		return nil, errNoUsers
	}
	users := make([]*account, len(list))
	for i, line := range list {
		name, password, ok := strings.Cut(line, " ")
		if !ok {
			return nil, fmt.Errorf("line %d of the users is no name and password", i+1)
		}
		l := &login{auth: c.auth, name: name, password: strings.TrimSpace(password)}
		users[i] = &account{fetch: l.fetch}
	}
	return users, nil
}

// fetch returns a new access token. When the service says that it is too much,
// it waits as long as it is told.
func (l *login) fetch(ctx context.Context) (string, error) {
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
			return "", fmt.Errorf("%s: the auth service answers %d to %s; is that the right -url or -auth, and are there demo users?", l.name, status, path)
		}
		select {
		case <-time.After(after):
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

var authClient = &http.Client{Timeout: 30 * time.Second}

func (l *login) post(ctx context.Context, path string, body any) (status int, token string, after time.Duration, err error) {
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
	resp, err := authClient.Do(r)
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

// admit fetches the first token of each account, a few at a time: a password
// costs the auth service a lot.
func admit(ctx context.Context, list []*account, said func(n int)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan *account)
	var wg sync.WaitGroup
	var mu sync.Mutex
	n := 0
	for range 4 {
		wg.Go(func() {
			for a := range next {
				if _, err := a.get(ctx, ""); err != nil {
					cancel(err)
					continue
				}
				mu.Lock()
				n++
				said(n)
				mu.Unlock()
			}
		})
	}
	for _, a := range list {
		next <- a
	}
	close(next)
	wg.Wait()
	return context.Cause(ctx)
}

// readUsers returns how many users the file has already.
func readUsers(path string) (int, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	n := 0
	for s := bufio.NewScanner(f); s.Scan(); {
		n++
	}
	return n, nil
}
