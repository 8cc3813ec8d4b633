package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/carlware/gochat/transport/ws"
)

// soak puts c.messages messages through a chat in which nothing is broken, with
// loadtest, which checks that each is delivered once and in order, and looks
// meanwhile at what the services use.
func (c config) soak(ctx context.Context, out io.Writer) (err error) {
	users := make([]string, int(c.rate/soakUserRate)+2)
	var lines strings.Builder
	for i := range users {
		users[i] = fmt.Sprint("soak-", i)
		fmt.Fprintln(&lines, users[i], password)
	}
	fmt.Fprintf(out, "soak: %d messages, %.0f a second, by %d users\n", c.messages, c.rate, len(users))
	sys, err := begin(c, users)
	defer func() {
		if wrong := sys.end(); err == nil {
			err = wrong
		}
	}()
	if err != nil {
		return err
	}
	before, err := sys.goroutines(ctx)
	if err != nil {
		return err
	}
	if err := sys.greet(ctx, users[0]); err != nil {
		return err
	}
	list := filepath.Join(sys.dir, "users.txt")
	if err := os.WriteFile(list, []byte(lines.String()), 0o600); err != nil {
		return err
	}
	lasts := time.Duration(float64(c.messages) / c.rate * float64(time.Second))
	load := exec.CommandContext(ctx, filepath.Join(c.bin, "loadtest"), "-url", sys.entries[0], "-auth", sys.auth, "-users", list,
		"-sessions", strconv.Itoa(len(users)), "-rooms", strconv.Itoa(len(users)/2), "-rate", fmt.Sprint(c.rate), "-duration", lasts.String(),
		"-ramp", min(30*time.Second, lasts/10).String(), "-wait", "2m")
	samples, told, err := sys.watch(load, c.sample)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	rows(w, samples, sys)
	_ = w.Flush()
	fmt.Fprintf(out, "\n%s\n", told)
	if err != nil {
		return fmt.Errorf("loadtest: %w", err)
	}
	err = grown(out, samples, sys)
	_ = sleep(ctx, cmp.Or(c.rest, soakRest)) // after which rooms without sessions are forgotten
	after, wrong := sys.goroutines(ctx)
	if wrong != nil {
		return wrong
	}
	for i, s := range sys.services {
		fmt.Fprintf(out, "%s: %d goroutines when nobody is there, %d before anybody was\n", s.label, after[i], before[i])
		if after[i] > before[i]+before[i]/20+3 && err == nil {
			err = fmt.Errorf("%s has more goroutines than before", s.label)
		}
	}
	return err
}

// greet connects at each entry, with several sessions at once so that no node
// behind it is left out: a service that has just begun may have to ask the auth
// service for its keys first, for which clients wait and loadtest does not.
func (s *system) greet(ctx context.Context, user string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	w := &wallet{auth: s.auth, name: user}
	for _, entry := range s.entries {
		for range 4 {
			c, err := ws.Dial(ctx, entry+"/ws", &ws.DialOptions{Token: w.get, Logger: quiet})
			if err != nil {
				return err
			}
			defer c.Close() // it returns nil
		}
	}
	return nil
}

const (
	soakUserRate = 8 // messages a second of one user, who may send 10
	soakRest     = 40 * time.Second
)

// usage is what a process uses.
type usage struct {
	rss            int64 // bytes
	threads, files int
}

// sample is what all use at one time.
type sample struct {
	at        time.Duration
	stored    int64
	services  []usage
	data, wal int64 // bytes on the disk
}

var storedCount = regexp.MustCompile(`stored (\d+), delivered`)

// watch runs the load and samples until it ends. told is what the load says in
// the end.
func (s *system) watch(load *exec.Cmd, every time.Duration) (samples []sample, told string, err error) {
	r, err := load.StdoutPipe()
	if err != nil {
		return nil, "", err
	}
	load.Stderr = os.Stderr
	if err := load.Start(); err != nil {
		return nil, "", err
	}
	s.reaper.Begun(load.Process.Pid)
	defer s.reaper.Ended(load.Process.Pid)
	var stored atomic.Int64
	var report strings.Builder
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for in := bufio.NewScanner(r); in.Scan(); {
			if m := storedCount.FindStringSubmatch(in.Text()); m != nil {
				n, _ := strconv.ParseInt(m[1], 10, 64) // digits
				stored.Store(n)
				continue
			}
			fmt.Fprintln(&report, in.Text())
		}
	}()
	began := time.Now()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			now := sample{at: time.Since(began), stored: stored.Load()}
			for _, p := range s.services {
				u, err := look(p.pid())
				if err != nil {
					return samples, "", err
				}
				now.services = append(now.services, u)
			}
			now.data, now.wal = s.disk()
			samples = append(samples, now)
		case <-ended:
			err = load.Wait()
			return samples, report.String(), err
		}
	}
}

// look reads what a process uses from /proc.
func look(pid int) (u usage, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return u, fmt.Errorf("a soak needs Linux: %w", err)
	}
	for line := range strings.Lines(string(status)) {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		n, _ := strconv.ParseInt(f[1], 10, 64) // of lines that are none of these it is no number
		switch f[0] {
		case "VmRSS:":
			u.rss = n << 10
		case "Threads:":
			u.threads = int(n)
		}
	}
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	u.files = len(files)
	return u, err
}

// disk is what the store has on the disk: its data, and the write-ahead log.
func (s *system) disk() (data, wal int64) {
	if s.db == nil {
		return size(s.file()), size(s.file() + "-wal")
	}
	wal = size(filepath.Join(s.db.Dir(), "pg_wal"))
	return size(s.db.Dir()) - wal, wal
}

// size is that of a file, or of all in a directory. What goes away meanwhile is
// not counted.
func size(path string) (n int64) {
	_ = filepath.WalkDir(path, func(_ string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil //nolint:nilerr // it is gone
		}
		if info, err := d.Info(); err == nil {
			n += info.Size()
		}
		return nil
	})
	return n
}

// steady are the samples under full load.
func steady(all []sample) []sample {
	first := slices.IndexFunc(all, func(s sample) bool { return s.stored > 0 })
	if first < 0 {
		return nil
	}
	last := len(all) - 1
	for last > first && all[last].stored == all[last-1].stored {
		last--
	}
	return all[first:last]
}

var goroutine = regexp.MustCompile(`(?m)^goroutine \d+ `)

// goroutines counts those of the services, which it starts anew: they print them
// when they are made to quit.
func (s *system) goroutines(ctx context.Context) (counts []int, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for _, p := range s.services {
		before, err := os.ReadFile(p.log())
		if err != nil {
			return nil, err
		}
		if err := p.signal(syscall.SIGQUIT); err != nil {
			return nil, err
		}
		if err := p.wait(patience); err != nil {
			return nil, err
		}
		text, err := os.ReadFile(p.log())
		if err != nil {
			return nil, err
		}
		counts = append(counts, len(goroutine.FindAll(text[len(before):], -1)))
		if err := p.start(); err != nil {
			return nil, err
		}
	}
	return counts, s.ready(ctx)
}
