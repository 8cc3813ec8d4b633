package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"

	"github.com/carlware/gochat/examples/internal/login"
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
		users[i] = &account{fetch: login.New(c.auth, name, strings.TrimSpace(password)).Token}
	}
	return users, nil
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
