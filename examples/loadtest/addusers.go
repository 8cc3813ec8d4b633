package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/carlware/gochat/examples/internal/authsvc"
)

// addUsers makes users in the auth service's database and adds them to the
// file, so that a run can log in as them.
func addUsers(ctx context.Context, c config, out io.Writer) (err error) {
	have, err := readUsers(c.users)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(c.users, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	tag := strings.ToLower(rand.Text()[:6]) // so that a second file has other names
	for i := have; i < c.addUsers; i++ {
		name, password := fmt.Sprintf("load-%s-%d", tag, i+1), rand.Text()
		if err := authsvc.AddUser(ctx, authsvc.Config{Database: c.authDB}, name, password); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(f, name, password); err != nil {
			return err
		}
		if (i+1)%50 == 0 || i+1 == c.addUsers {
			fmt.Fprintf(out, "%d users\n", i+1)
		}
	}
	return nil
}
