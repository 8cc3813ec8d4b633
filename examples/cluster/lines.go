package main

import (
	"bytes"
	"fmt"
	"io"
	"sync"
)

// lines writes whole lines of many writers.
type lines struct {
	mu  sync.Mutex
	out io.Writer
}

func (l *lines) print(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintln(l.out, line)
}

// prefix is the output of one process.
type prefix struct {
	lines *lines
	label string

	mu   sync.Mutex
	pid  int
	rest []byte // of a line that is not complete
}

// start tells whose output it is.
func (p *prefix) start(pid int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pid = pid
}

// maxLine is how much of a line is kept together.
const maxLine = 64 << 10

// Write implements [io.Writer].
func (p *prefix) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rest = append(p.rest, b...)
	for {
		line, rest, ok := bytes.Cut(p.rest, []byte("\n"))
		if !ok && len(p.rest) < maxLine {
			return len(b), nil
		}
		p.lines.print(fmt.Sprintf("%s[%d] %s", p.label, p.pid, line))
		p.rest = append([]byte(nil), rest...)
	}
}
