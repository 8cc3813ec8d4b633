package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"syscall"
	"time"

	"github.com/carlware/gochat/internal/proctest"
)

// service is a program that runs in one process after the other at one address.
type service struct {
	label, path, dir, url string
	args, env             []string
	reaper                *proctest.Reaper

	mu   sync.Mutex
	cmd  *exec.Cmd     // nil before the first start
	done chan struct{} // closed when cmd has ended
}

// start starts the program, whose output is added to its log.
func (s *service) start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	log, err := os.OpenFile(s.log(), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(s.path, append(s.args, "-addr", s.url[len("http://"):])...)
	cmd.Dir, cmd.Env = s.dir, append(proctest.CleanEnv(), s.env...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	done := make(chan struct{})
	s.reaper.Begun(cmd.Process.Pid)
	go func() {
		_ = cmd.Wait() // how it ended is in ProcessState
		s.reaper.Ended(cmd.Process.Pid)
		close(done)
	}()
	s.cmd, s.done = cmd, done
	return nil
}

func (s *service) log() string { return filepath.Join(s.dir, s.label+".log") }

// signal sends a signal, to nobody if the process has ended.
func (s *service) signal(sig os.Signal) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd == nil {
		return nil
	}
	if err := s.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("%s: %w", s.label, err)
	}
	return nil
}

func (s *service) pid() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cmd.Process.Pid
}

// kill ends the process as kill −9 does.
func (s *service) kill() error {
	err := s.signal(os.Kill)
	return errors.Join(err, s.wait(patience))
}

// stopGrace is how long a program may take to end in order: they promise 10 s, to
// which a machine under load adds.
const stopGrace = 40 * time.Second

// stop ends the process in order.
func (s *service) stop() error {
	if err := s.signal(syscall.SIGTERM); err != nil {
		return err
	}
	if err := s.wait(stopGrace); err != nil {
		return errors.Join(err, s.kill())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd != nil && s.cmd.ProcessState.ExitCode() != 0 {
		return fmt.Errorf("%s did not end in order: %v", s.label, s.cmd.ProcessState)
	}
	return nil
}

func (s *service) wait(most time.Duration) error {
	s.mu.Lock()
	done := s.done
	s.mu.Unlock()
	if done == nil {
		return nil
	}
	select {
	case <-done:
		return nil
	case <-time.After(most):
		return fmt.Errorf("%s has not ended after %v", s.label, most)
	}
}

var probes = &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

// ready waits until the program can do all its work. It fails at once when the
// process has ended by itself.
func (s *service) ready(ctx context.Context) error {
	s.mu.Lock()
	done := s.done
	s.mu.Unlock()
	ended := false
	err := until(ctx, s.label+" is ready", func() bool {
		select {
		case <-done:
			ended = true
			return true
		default:
		}
		resp, err := probes.Get(s.url + "/readyz")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	if ended {
		text, _ := os.ReadFile(s.log()) // without, there is less to be told
		return fmt.Errorf("%s has ended by itself: %s", s.label, text[max(0, len(text)-500):])
	}
	return err
}

// until waits until ok, for as long as ctx lasts.
func until(ctx context.Context, what string, ok func() bool) error {
	for !ok() {
		if err := sleep(ctx, 10*time.Millisecond); err != nil {
			return fmt.Errorf("in vain it was waited until %s", what)
		}
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// crash is what a program prints when it is wrong in itself.
var crash = regexp.MustCompile(`(?m)^.*(WARNING: DATA RACE|^panic: |^fatal error: ).*$`)

// crashed returns an error if the program has ever said that it crashed.
func (s *service) crashed() error {
	text, err := os.ReadFile(s.log())
	if err != nil {
		return err
	}
	if found := crash.Find(text); found != nil {
		return fmt.Errorf("%s: %s", s.label, found)
	}
	return nil
}
