package main

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/carlware/gochat/chat/sqlite"
)

// What the functions below return begins a fault, and returns what ends it.

// killing kills a service, which is started again in the end.
func killing(name string) func(*run, fault) (func() error, error) {
	return func(r *run, f fault) (func() error, error) {
		all := r.sys.all(name)
		s := all[f.target%uint64(len(all))]
		return s.start, s.kill()
	}
}

// freezing stops a process where it is.
func freezing(name string) func(*run, fault) (func() error, error) {
	return func(r *run, f fault) (func() error, error) {
		all := r.sys.all(name)
		s := all[f.target%uint64(len(all))]
		return func() error { return s.signal(thaw) }, s.signal(freeze)
	}
}

// rolling ends one service after the other in order, each when the one before is
// ready again.
func rolling(r *run, _ fault) (func() error, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, s := range r.sys.services {
		if err := errors.Join(s.stop(), s.start()); err != nil {
			return nil, err
		}
		if err := s.ready(ctx); err != nil {
			return nil, err
		}
	}
	return func() error { return nil }, nil
}

func brokerDown(hard bool) func(*run, fault) (func() error, error) {
	return func(r *run, _ fault) (func() error, error) { return r.sys.rabbit.Up, r.sys.rabbit.Down(hard) }
}

func brokerAlarm(r *run, _ fault) (func() error, error) {
	return func() error { return r.sys.rabbit.Block(false) }, r.sys.rabbit.Block(true)
}

func storeDown(hard bool) func(*run, fault) (func() error, error) {
	return func(r *run, _ fault) (func() error, error) { return r.sys.db.Up, r.sys.db.Down(hard) }
}

// linking does something to links: to one or all of those that chats have, or to
// about half of the clients'.
func linking(what string, do func(*link)) func(*run, fault) (func() error, error) {
	return func(r *run, f fault) (func() error, error) {
		var hit []*link
		for i, l := range r.sys.links[what] {
			if f.target>>i&1 == 0 {
				hit = append(hit, l)
			}
		}
		for _, l := range hit {
			do(l)
		}
		return func() error {
			for _, l := range hit {
				l.Resume()
			}
			return nil
		}, nil
	}
}

// drained is how long clients have to take note of what they were told, before
// an older store tells them otherwise.
const drained = time.Second

// restoring puts back an older state of the store. Before that there is talk,
// which will be lost with it. A database is put back under running services.
func restoring(r *run, f fault) (func() error, error) {
	stop, start, save, restore := r.sys.db.Down, r.sys.db.Up, r.sys.db.Save, r.sys.db.Restore
	if r.sys.form == formSQLite {
		s := r.sys.services[0]
		stop = func(hard bool) error {
			if hard {
				return s.kill()
			}
			return s.stop()
		}
		start = s.start
		save = func() error { return copyFile(r.sys.file(), r.sys.file()+".saved") }
		restore = func() error {
			return errors.Join(os.RemoveAll(r.sys.file()+"-wal"), os.RemoveAll(r.sys.file()+"-shm"), copyFile(r.sys.file()+".saved", r.sys.file()), rotate(r.sys.file()))
		}
	}
	if err := errors.Join(stop(false), save(), start()); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := r.recovered(ctx); err != nil { // and then some
		return nil, err
	}
	time.Sleep(f.lasts)
	if err := stop(true); err != nil {
		return nil, err
	}
	time.Sleep(drained)
	return start, restore()
}

// rotate gives the store in a file that was put back its new epoch, as whoever
// puts one back has to: a process that was not there before can't know. One that
// runs finds out by itself.
func rotate(path string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s, err := sqlite.Open(ctx, path, nil)
	if err != nil {
		return err
	}
	old, err := s.RotateEpoch(ctx, "")
	if err == nil {
		_, err = s.RotateEpoch(ctx, old)
	}
	return errors.Join(err, s.Close())
}

func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o600)
}
