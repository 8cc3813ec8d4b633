package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/carlware/gochat/internal/histogram"
	"github.com/carlware/gochat/internal/rawws"
)

// loader holds the connections of a client process in one epoll, so that the
// clients cost as little as they can: they share the machine with the server.
type loader struct {
	system     system
	job        job
	toServer   *json.Encoder
	fromServer *json.Decoder

	epoll int
	conns []*loadConn
	buf   [256 << 10]byte
	sent  int64

	// of the round that runs
	began   time.Time
	seen    int64
	bytes   int64
	latency *histogram.Histogram
}

type loadConn struct {
	fd      int
	partial []byte // of a frame
	welcome []byte
}

const (
	dialers  = 64
	patience = 30 * time.Second // for anything
	quiet    = 100 * time.Millisecond
)

func (l *loader) connect() (err error) {
	if l.epoll, err = syscall.EpollCreate1(0); err != nil {
		return err
	}
	l.conns = make([]*loadConn, l.job.Conns)
	var wg sync.WaitGroup
	errs := make(chan error, dialers)
	next := make(chan int)
	for range dialers {
		wg.Go(func() {
			var failed error
			for i := range next {
				if failed == nil {
					l.conns[i], failed = l.dial(i)
				}
			}
			errs <- failed
		})
	}
	for i := range l.conns {
		next <- i
	}
	close(next)
	wg.Wait()
	for range dialers {
		err = errors.Join(err, <-errs)
	}
	if err != nil {
		return err
	}
	for i, c := range l.conns {
		ev := syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(i)}
		if err := syscall.EpollCtl(l.epoll, syscall.EPOLL_CTL_ADD, c.fd, &ev); err != nil {
			return err
		}
	}
	return l.settle()
}

func (l *loader) dial(i int) (*loadConn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	o := &rawws.DialOptions{}
	if l.system.protocol != "" {
		o.Protocols = []string{l.system.protocol}
	}
	conn, rest, err := rawws.Dial(ctx, fmt.Sprintf("ws://%s/?room=%d&conn=%d", l.job.Addr, i%l.job.Rooms, i), o)
	if err != nil {
		return nil, err
	}
	c := &loadConn{partial: rest}
	if l.system.hello != "" {
		if _, err := conn.Write(rawws.AppendFrame(nil, rawws.Text, []byte(l.system.hello))); err != nil {
			return nil, err
		}
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		if c.welcome, err = c.first(conn); err != nil {
			return nil, err
		}
		if l.system.message == nil {
			c.welcome = nil
		}
	}
	raw, err := takeOver(conn.(*net.TCPConn))
	c.fd = raw.fd
	return c, err
}

// first reads one frame.
func (c *loadConn) first(conn net.Conn) ([]byte, error) {
	var b [4 << 10]byte
	for {
		f, n, err := rawws.Next(c.partial, 1<<20)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			payload := bytes.Clone(f.Payload)
			c.partial = bytes.Clone(c.partial[n:])
			return payload, nil
		}
		if n, err = conn.Read(b[:]); err != nil {
			return nil, err
		}
		c.partial = append(c.partial, b[:n]...)
	}
}

// poll reads what there is, and waits for it at most d. It returns false when
// nothing came.
func (l *loader) poll(d time.Duration) (bool, error) {
	var evs [256]syscall.EpollEvent
	n, err := syscall.EpollWait(l.epoll, evs[:], int(d/time.Millisecond))
	if errors.Is(err, syscall.EINTR) {
		return true, nil
	}
	for _, ev := range evs[:max(n, 0)] {
		if err := l.read(l.conns[ev.Fd]); err != nil {
			return true, fmt.Errorf("connection %d: %w", ev.Fd, err)
		}
	}
	return n > 0, err
}

func (l *loader) read(c *loadConn) error {
	n, err := syscall.Read(c.fd, l.buf[:])
	switch {
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EINTR):
		return nil
	case err != nil:
		return err
	case n == 0:
		return errors.New("the server has closed it")
	}
	l.bytes += int64(n)
	b := l.buf[:n]
	if len(c.partial) > 0 {
		c.partial = append(c.partial, b...)
		b = c.partial
	}
	var seen int64
	for {
		f, n, err := rawws.Next(b, 1<<20)
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
		b = b[n:]
		switch f.Opcode {
		case rawws.Ping:
			err = rawConn{c.fd}.write(rawws.AppendFrame(nil, rawws.Pong, f.Payload))
		case rawws.Close:
			code, reason := f.CloseCode()
			err = fmt.Errorf("the server has closed it: %d %s", code, reason)
		case rawws.Pong:
		default:
			if l.system.pong != "" {
				var n int64
				n, err = l.lines(c, f.Payload)
				seen += n
				break
			}
			if !bytes.HasPrefix(f.Payload, []byte(l.system.event)) {
				break
			}
			// Some systems put several events into a message, one a line.
			seen += int64(bytes.Count(f.Payload, []byte{'\n'}))
			if f.Opcode != rawws.Continuation {
				seen++
			}
		}
		if err != nil {
			return err
		}
	}
	c.partial = append(c.partial[:0], b...)
	if len(b) == 0 && cap(c.partial) > 4<<10 {
		c.partial = nil
	}
	if seen > 0 {
		l.seen += seen
		l.latency.AddN(time.Since(l.began), seen)
	}
	return nil
}

// lines counts the events in a message, one a line, and answers a ping among
// them.
func (l *loader) lines(c *loadConn, message []byte) (seen int64, err error) {
	for line := range bytes.Lines(message) {
		if string(bytes.TrimSpace(line)) != l.system.pong {
			seen++
		} else if err := (rawConn{c.fd}).write(rawws.AppendFrame(nil, rawws.Text, []byte(l.system.pong))); err != nil {
			return seen, err
		}
	}
	return seen, nil
}

// settle reads until nothing comes any more.
func (l *loader) settle() error {
	l.latency = new(histogram.Histogram)
	for {
		came, err := l.poll(quiet)
		if err != nil || !came {
			return err
		}
	}
}

// take has its turn.
func (l *loader) take(t turn) (result, error) {
	if err := l.settle(); err != nil {
		return result{}, err
	}
	if t.Idle {
		u, err := l.usage(true)
		return result{RSS: u.RSS, Goroutines: u.Goroutines}, err
	}
	if _, err := l.round(t.Events); err != nil { // warm
		return result{}, err
	}
	l.latency, l.bytes = new(histogram.Histogram), 0
	before, err := l.usage(false)
	if err != nil {
		return result{}, err
	}
	var r result
	for end := time.Now().Add(t.For); r.Rounds < 2 || time.Now().Before(end); r.Rounds++ {
		n, err := l.round(t.Events)
		if err != nil {
			return r, err
		}
		r.Deliveries += n
	}
	after, err := l.usage(false)
	r.User, r.System, r.Allocs = after.User-before.User, after.System-before.System, after.Allocs-before.Allocs
	r.Bytes, r.P50, r.P99 = l.bytes, l.latency.Quantile(0.5), l.latency.Quantile(0.99)
	r.RSS, r.Goroutines = after.RSS, after.Goroutines
	return r, err
}

// round has n events published in each room and reads until all are there.
func (l *loader) round(n int) (deliveries int64, err error) {
	rooms := l.job.Rooms
	deliveries = int64(n) * int64(l.job.Conns)
	l.seen, l.began = 0, time.Now()
	if l.system.message == nil {
		err = l.toServer.Encode(order{Publish: n})
	} else {
		for i := range n * rooms {
			c := l.conns[i%l.job.Conns] // its room is i mod rooms
			l.sent++
			if err = (rawConn{c.fd}).write(rawws.AppendFrame(nil, rawws.Text, l.system.message(c.welcome, l.sent, eventSize))); err != nil {
				return 0, err
			}
		}
	}
	for err == nil && l.seen < deliveries {
		var came bool
		if came, err = l.poll(patience); err == nil && !came {
			err = fmt.Errorf("%d of %d deliveries did not come", deliveries-l.seen, deliveries)
		}
	}
	if err == nil && l.seen > deliveries {
		err = fmt.Errorf("%d deliveries too many", l.seen-deliveries)
	}
	return deliveries, err
}

// rawConn is a socket without a runtime around it.
type rawConn struct{ fd int }

// takeOver takes the socket away from net, whose poller would wake for it.
func takeOver(c *net.TCPConn) (rawConn, error) {
	defer c.Close()
	f, err := c.File()
	if err != nil {
		return rawConn{}, err
	}
	defer f.Close()
	fd, err := syscall.Dup(int(f.Fd()))
	if err == nil {
		err = syscall.SetNonblock(fd, true)
	}
	return rawConn{fd}, err
}

// write writes all of b, and waits for room when there is none. An error is for
// whoever reads to find.
func (c rawConn) write(b []byte) error {
	for len(b) > 0 {
		n, err := syscall.Write(c.fd, b)
		switch {
		case err == nil:
			b = b[n:]
		case errors.Is(err, syscall.EAGAIN):
			runtime.Gosched()
		case !errors.Is(err, syscall.EINTR):
			return err
		}
	}
	return nil
}

// used is what this process has used.
func used() (u usage, err error) {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return u, err
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	u = usage{
		User: time.Duration(r.Utime.Nano()), System: time.Duration(r.Stime.Nano()),
		Allocs: m.Mallocs, Goroutines: runtime.NumGoroutine(),
	}
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return u, err
	}
	pages, err := strconv.ParseInt(strings.Fields(string(statm))[1], 10, 64)
	u.RSS = pages * int64(os.Getpagesize())
	return u, err
}

// machine describes what this runs on.
func machine() string {
	model := "unknown CPU"
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(info)) {
			if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	release, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return fmt.Sprintf("%d × %s, Linux %s, %s", runtime.NumCPU(), model, strings.TrimSpace(string(release)), runtime.Version())
}
