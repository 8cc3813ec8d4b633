package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// scenario is one set of connections, and how many events are published at once.
type scenario struct {
	name         string // for -scenarios
	title        string
	rooms, conns int
	events       []int
	idle         bool // look at the memory of idle connections
}

var scenarios = []scenario{
	{name: "room1k", title: "One room of 1,000", rooms: 1, conns: 1000, events: []int{1, 16}},
	{name: "room10k", title: "One room of 10,000", rooms: 1, conns: 10_000, events: []int{1, 16}, idle: true},
	{name: "rooms", title: "1,000 rooms of 10", rooms: 1000, conns: 10_000, events: []int{1, 16}},
}

// plan is what the flags say.
type plan struct {
	runs, rounds, scale int
	turn                time.Duration
	only, scenes        string
}

// taken is a turn with what the floor has used in the same round.
type taken struct {
	result
	floor float64 // ns of CPU for each delivery, one event at a time
}

// key says what was measured.
type key struct {
	scene  string
	events int // 0: idle
	system string
}

func chosen(names, name string) bool {
	return names == "" || slices.Contains(strings.Split(names, ","), name)
}

// run measures everything and returns the report.
func (p plan) run(ctx context.Context, log io.Writer) (string, error) {
	results := map[key][]taken{}
	began := time.Now()
	for run := range p.runs {
		for _, s := range scenarios {
			if !chosen(p.scenes, s.name) {
				continue
			}
			fmt.Fprintf(log, "%s run %d of %d: %s\n", time.Since(began).Round(time.Second), run+1, p.runs, s.title)
			if err := p.scene(ctx, s, results); err != nil {
				return "", err
			}
		}
	}
	return p.report(began, results), nil
}

// scene measures one system after the other.
func (p plan) scene(ctx context.Context, s scenario, results map[key][]taken) error {
	s.conns /= p.scale
	s.rooms = max(s.rooms/p.scale, 1)
	for _, sys := range systems {
		if sys.name == floorName || !chosen(p.only, sys.name) {
			continue
		}
		if err := p.beside(ctx, sys, s, results); err != nil {
			return fmt.Errorf("%s, %s: %w", s.title, sys.name, err)
		}
	}
	return nil
}

// beside lets a system and a floor take turns.
func (p plan) beside(ctx context.Context, sys system, s scenario, results map[key][]taken) (err error) {
	var floor, q *pair
	defer func() {
		for _, running := range []*pair{floor, q} {
			if running != nil {
				err = errors.Join(err, running.stop())
			}
		}
	}()
	if floor, err = begin(ctx, floorName, s); err != nil {
		return err
	}
	if q, err = begin(ctx, sys.name, s); err != nil {
		return err
	}
	if s.idle && sys.message == nil {
		// The memory is that of connections that have never been used.
		r, err := q.take(turn{Idle: true})
		if err != nil {
			return err
		}
		r.RSS = (r.RSS - q.before.RSS) / int64(s.conns)
		r.Goroutines = (r.Goroutines - q.before.Goroutines + s.conns/2) / s.conns
		k := key{s.name, 0, sys.name}
		results[k] = append(results[k], taken{result: r})
	}
	for range p.rounds {
		var single float64 // of the floor
		for _, events := range s.events {
			for _, running := range []*pair{floor, q} {
				r, err := running.take(turn{Events: events, For: p.turn})
				if err != nil {
					return err
				}
				if running == floor && events == 1 {
					single = r.cpu()
				}
				k := key{s.name, events, running.name}
				results[k] = append(results[k], taken{r, single})
			}
		}
	}
	return nil
}

// pair is a server and its client.
type pair struct {
	name   string
	before result
	server *process
	client *process
}

func begin(ctx context.Context, name string, s scenario) (*pair, error) {
	q := &pair{name: name}
	j := job{System: name, Rooms: s.rooms, Conns: s.conns}
	var err error
	if q.server, err = launch(ctx, roleServe, j); err != nil {
		return nil, err
	}
	if err = q.server.out.Decode(&j); err != nil {
		return q, fmt.Errorf("%s: the server does not start: %w", name, err)
	}
	if q.client, err = launch(ctx, roleLoad, j); err != nil {
		return q, err
	}
	if err = q.client.out.Decode(&q.before); err != nil {
		return q, fmt.Errorf("%s: the clients do not connect: %w", name, err)
	}
	return q, nil
}

// take lets the system have a turn.
func (q *pair) take(t turn) (r result, err error) {
	if err = json.NewEncoder(q.client.in).Encode(t); err == nil {
		err = q.client.out.Decode(&r)
	}
	if err == nil && r.Err != "" {
		err = errors.New(r.Err)
	}
	return r, err
}

func (q *pair) stop() error {
	var err error
	if q.client != nil {
		err = q.client.stop()
	}
	return errors.Join(err, q.server.stop())
}

// process is this program in a role.
type process struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *json.Decoder
}

func launch(ctx context.Context, role string, j job) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	arg, err := json.Marshal(j)
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.CommandContext(ctx, self, role, string(arg))}
	p.cmd.Stderr = os.Stderr
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = json.NewDecoder(out)
	return p, p.cmd.Start()
}

func (p *process) stop() error {
	_ = p.in.Close() // it is told to end
	late := time.AfterFunc(5*time.Second, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	return p.cmd.Wait()
}
