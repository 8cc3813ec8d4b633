package command

import (
	"errors"
	"fmt"
	"sync"

	"github.com/carlware/gochat/internal/text"
)

var (
	errEnded      = errors.New("command: the call has ended")
	errNotRunning = errors.New("command: the call was not made by Execute")
)

// answer collects what a handler says. It is shared by all copies of a Call.
type answer struct {
	mu       sync.Mutex
	ended    bool
	parts    []Part
	bytes    int
	progress func(string) // nil: nobody listens
}

func (a *answer) add(p Part) error {
	if a == nil {
		return errNotRunning
	}
	if err := checkPart(p); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.ended:
		return errEnded
	case len(a.parts) == MaxParts:
		return fmt.Errorf("command: more than %d parts", MaxParts)
	case a.bytes+len(p.Text) > MaxReplyBytes:
		return fmt.Errorf("command: answer is longer than %d bytes", MaxReplyBytes)
	}
	a.parts = append(a.parts, p)
	a.bytes += len(p.Text)
	return nil
}

// progressed holds the lock during the call, so that nothing is told after
// the end.
func (a *answer) progressed(s string) error {
	if a == nil {
		return errNotRunning
	}
	if err := checkText(s); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ended {
		return errEnded
	}
	if a.progress != nil {
		a.progress(s)
	}
	return nil
}

// end closes the answer and returns what was said.
func (a *answer) end() []Part {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ended = true
	return a.parts
}

func checkPart(p Part) error { return checkText(p.Text) }

func checkText(s string) error {
	if err := text.Check(s, text.MaxRunes, text.MaxBytes); err != nil {
		return fmt.Errorf("command: %w", err)
	}
	return nil
}
