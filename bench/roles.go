package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"time"
)

// The roles of a process. The parent starts one of each for every system; they
// end when the parent closes their standard input.
const (
	roleServe = "serve"
	roleLoad  = "load"
)

// eventSize is the length of an event on the wire, about.
const eventSize = 200

// job is what a process is told to do.
type job struct {
	System  string
	Rooms   int
	Conns   int
	Addr    string // of the server, for a client
	Control string
}

// play does what the parent says: the job is the argument.
func play(role string, args []string) error {
	var j job
	if len(args) != 1 {
		return errors.New("a role needs one argument")
	}
	if err := json.Unmarshal([]byte(args[0]), &j); err != nil {
		return err
	}
	s, err := systemNamed(j.System)
	if err != nil {
		return err
	}
	if role == roleServe {
		return serve(s, j)
	}
	return load(s, j)
}

// order is what a client asks of its server, over a connection of its own.
type order struct {
	Publish int  `json:",omitempty"` // so many events in each room; there is no answer
	Usage   bool `json:",omitempty"` // the answer is a usage
	Clean   bool `json:",omitempty"` // collect garbage before
}

// usage is what a process has used so far.
type usage struct {
	User, System time.Duration
	Allocs       uint64
	RSS          int64 // bytes
	Goroutines   int
}

func serve(s system, j job) error {
	srv, err := s.start(j.Rooms, j.Conns, eventSize)
	if err != nil {
		return err
	}
	control, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	j.Control = control.Addr().String()
	if l, own := srv.(interface{ listen() (string, error) }); own {
		if j.Addr, err = l.listen(); err != nil {
			return err
		}
	} else {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		j.Addr = ln.Addr().String()
		go func() { _ = http.Serve(ln, srv) }() //nolint:gosec // for this machine, as long as the process
	}
	if err := json.NewEncoder(os.Stdout).Encode(j); err != nil {
		return err
	}
	go func() { // ends with the parent
		_, _ = bufio.NewReader(os.Stdin).ReadByte()
		os.Exit(0)
	}()
	conn, err := control.Accept()
	if err != nil {
		return err
	}
	return obey(srv, j.Rooms, conn)
}

// obey carries out orders until the client goes.
func obey(srv server, rooms int, conn net.Conn) error {
	in, out := json.NewDecoder(conn), json.NewEncoder(conn)
	for {
		var o order
		if err := in.Decode(&o); err != nil {
			return nil //nolint:nilerr // the client is gone
		}
		switch {
		case o.Usage:
			if o.Clean {
				runtime.GC()
				debug.FreeOSMemory()
			}
			u, err := used()
			if err != nil {
				return err
			}
			if err := out.Encode(u); err != nil {
				return nil //nolint:nilerr // the client is gone
			}
		default:
			publish(srv, rooms, o.Publish)
		}
	}
}

func publish(srv server, rooms, n int) {
	if f, atOnce := srv.(*floor); atOnce {
		for room := range rooms {
			f.publishN(room, n)
		}
		return
	}
	for room := range rooms {
		for range n {
			srv.publish(room)
		}
	}
}

// turn is one turn of a system: rounds of so many events in each room, each
// begun when the last is delivered, for a while.
type turn struct {
	Events int
	For    time.Duration
	Idle   bool // no events: only what is used
}

// result is what a turn has used and seen. Times are sums.
type result struct {
	Rounds, Deliveries int64
	User, System       time.Duration
	Allocs             uint64
	Bytes              int64 // that the clients read
	P50, P99           time.Duration
	RSS                int64
	Goroutines         int
	Err                string
}

// perDelivery divides a sum.
func (r result) perDelivery(sum float64) float64 { return sum / float64(max(r.Deliveries, 1)) }

func (r result) cpu() float64 { return r.perDelivery(float64(r.User + r.System)) }

// load is a client process: it connects, says so on the standard output, and
// then answers each turn that it is told on the standard input with a result.
func load(s system, j job) error {
	d, err := net.Dial("tcp", j.Control)
	if err != nil {
		return err
	}
	defer d.Close()
	l := &loader{system: s, job: j, toServer: json.NewEncoder(d), fromServer: json.NewDecoder(d)}
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	before, err := l.usage(true)
	if err != nil {
		return err
	}
	if err := l.connect(); err != nil {
		return fmt.Errorf("%s: connecting: %w", s.name, err)
	}
	if err := out.Encode(result{RSS: before.RSS, Goroutines: before.Goroutines}); err != nil {
		return err
	}
	turns := make(chan turn)
	go func() { // ends with the process
		defer close(turns)
		for {
			var t turn
			if in.Decode(&t) != nil {
				return // the parent has closed it
			}
			turns <- t
		}
	}()
	for {
		select {
		case t, more := <-turns:
			if !more {
				return nil
			}
			r, err := l.take(t)
			if err != nil {
				r.Err = err.Error()
			}
			if err := out.Encode(r); err != nil {
				return err
			}
		default: // while others have their turn, pings are to be answered
			if _, err := l.poll(50 * time.Millisecond); err != nil {
				return fmt.Errorf("%s: between turns: %w", s.name, err)
			}
		}
	}
}

func (l *loader) usage(clean bool) (u usage, err error) {
	if err = l.toServer.Encode(order{Usage: true, Clean: clean}); err == nil {
		err = l.fromServer.Decode(&u)
	}
	return u, err
}
