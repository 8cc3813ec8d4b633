package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/carlware/gochat/examples/internal/authsvc"
	"github.com/carlware/gochat/internal/faultproxy"
	"github.com/carlware/gochat/internal/pgtest"
	"github.com/carlware/gochat/internal/proctest"
	"github.com/carlware/gochat/internal/rabbittest"
)

// system is a chat that runs in processes of its own.
type system struct {
	form, dir, bin string
	reaper         *proctest.Reaper
	services       []*service
	links          map[string][]*link // "broker" and "store": one for each chat; "client": one for each client
	entries        []string           // addresses at which clients connect
	auth           string             // address of the auth service
	authDB         string
	rabbit         *rabbittest.Node
	db             *pgtest.Cluster
	keep           bool // the directory
}

// services are the programs of both forms.
var services = []string{"auth", "chatroom", "stockbot", "gateway", "fullstack"}

// build compiles programs into dir.
func build(ctx context.Context, dir string, race bool, programs ...string) error {
	args := []string{"build", "-o", dir + string(filepath.Separator)}
	if race {
		args = append(args, "-race")
	}
	for _, name := range programs {
		args = append(args, "github.com/carlware/gochat/examples/"+name)
	}
	if text, err := exec.CommandContext(ctx, "go", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("go build, to be run within the module: %w\n%s", err, text)
	}
	return nil
}

// begin starts a chat. The caller must call end, also after an error.
func begin(c config, users []string) (*system, error) {
	s := &system{form: c.form, bin: c.bin, keep: c.keep, links: map[string][]*link{}}
	var err error
	if s.dir, err = os.MkdirTemp("", "gochat-chaos-"); err != nil {
		return s, err
	}
	s.reaper = proctest.NewReaper(s.dir)
	s.authDB = filepath.Join(s.dir, "auth.db")
	for _, name := range users {
		if err := authsvc.AddUser(context.Background(), authsvc.Config{Database: s.authDB}, name, password); err != nil {
			return s, err
		}
	}
	if c.form == formSQLite {
		err = s.fullstack()
	} else {
		err = s.cluster(c)
	}
	if err != nil {
		return s, err
	}
	for _, p := range s.services {
		if err := p.start(); err != nil {
			return s, err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return s, s.ready(ctx)
}

// password is that of all users.
var password = rand.Text()

// ready waits until all can do all their work.
func (s *system) ready(ctx context.Context) error {
	for _, p := range s.services {
		if err := p.ready(ctx); err != nil {
			return err
		}
	}
	return nil
}

// end ends all processes and removes their files.
func (s *system) end() error {
	var errs []error
	for _, p := range s.services {
		errs = append(errs, p.kill())
	}
	for _, all := range s.links {
		for _, l := range all {
			errs = append(errs, l.Close())
		}
	}
	if s.rabbit != nil {
		errs = append(errs, s.rabbit.Close())
	}
	if s.db != nil {
		errs = append(errs, s.db.Close())
	}
	if s.keep {
		errs = append(errs, os.Rename(s.dir, s.kept()))
	}
	if s.reaper != nil {
		s.reaper.Release()
	}
	return errors.Join(append(errs, os.RemoveAll(s.dir))...) // where there is no shell
}

// kept is where the files of the services are in the end, if they are kept.
func (s *system) kept() string { return s.dir + "-kept" }

// add adds a program, which listens on an address of its own.
func (s *system) add(label, program string, env []string, args ...string) (string, error) {
	port, err := proctest.FreePort()
	if err != nil {
		return "", err
	}
	p := &service{
		label: label, path: filepath.Join(s.bin, program), dir: s.dir, env: env, args: args, reaper: s.reaper,
		url: "http://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(port)),
	}
	s.services = append(s.services, p)
	return p.url, nil
}

// all returns the services whose labels begin so.
func (s *system) all(name string) (found []*service) {
	for _, p := range s.services {
		if strings.HasPrefix(p.label, name) {
			found = append(found, p)
		}
	}
	return found
}

// link adds a link to a server and returns it.
func (s *system) link(kind, label, server string) (*link, error) {
	p, err := faultproxy.Listen(server)
	if err != nil {
		return nil, err
	}
	l := &link{p, label}
	s.links[kind] = append(s.links[kind], l)
	return l, nil
}

// through returns the address of a server by way of a link.
func (s *system) through(kind, label, server string) (string, error) {
	u, err := url.Parse(server)
	if err != nil {
		return "", errors.New("the server has no address") // it holds a password
	}
	l, err := s.link(kind, label, u.Host)
	if err != nil {
		return "", err
	}
	u.Host = l.Addr()
	return u.String(), nil
}

// fullstack is the chat in one process.
func (s *system) fullstack() error {
	at, err := s.add("chat-1", "fullstack", nil, "-store", s.file(), "-auth-db", s.authDB, "-auth-key", filepath.Join(s.dir, "auth.key"))
	s.entries, s.auth = []string{at}, at
	return err
}

// file is where fullstack keeps history.
func (s *system) file() string { return filepath.Join(s.dir, "chat.db") }

// errMissing: this machine lacks a program that the form needs.
var errMissing = errors.New("there is no program")

// cluster is the chat in many processes.
func (s *system) cluster(c config) (err error) {
	if s.rabbit, err = rabbittest.Launch(); err != nil {
		return fmt.Errorf("%w RabbitMQ: %w", errMissing, err)
	}
	if s.db, err = pgtest.Launch(); err != nil {
		return fmt.Errorf("%w PostgreSQL: %w", errMissing, err)
	}
	secret := filepath.Join(s.dir, "secret")
	if err := os.WriteFile(secret, []byte(rand.Text()+rand.Text()), 0o600); err != nil {
		return err
	}
	if s.auth, err = s.add("auth", "auth", nil, "-auth-db", s.authDB, "-auth-key", filepath.Join(s.dir, "auth.key"), "-secret-file", secret,
		"-trusted-proxies", "127.0.0.1/32"); err != nil {
		return err
	}
	var nodes []string
	for i := range c.nodes {
		label := fmt.Sprint("chat-", i+1)
		store, err := s.through("store", label+" to the store", s.db.URL())
		if err != nil {
			return err
		}
		broker, err := s.through("broker", label+" to the broker", s.rabbit.URL())
		if err != nil {
			return err
		}
		at, err := s.add(label, "chatroom", []string{"GOCHAT_STORE=" + store, "GOCHAT_BROKER=" + broker}, "-auth", s.auth, "-secret-file", secret)
		if err != nil {
			return err
		}
		nodes = append(nodes, at)
	}
	for i := range c.bots {
		if _, err := s.add(fmt.Sprint("stockbot-", i+1), "stockbot", []string{"GOCHAT_BROKER=" + s.rabbit.URL()}); err != nil {
			return err
		}
	}
	front, err := s.add("gateway", "gateway", nil, "-auth", s.auth, "-chatrooms", strings.Join(nodes, ","))
	s.entries = append([]string{front}, nodes...)
	return err
}

// patience is how long anything is waited for. It is there to end a run that
// hangs, and says nothing about speed.
const patience = 3 * time.Minute
