package command

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/carlware/gochat/transport"
)

// progressPrefix begins the keys of progress events on an event bus.
const progressPrefix = "progress:"

// Progress is what a queued bot tells about a call under way. It is published
// on the event bus of the store that asked, under the key "progress:" and the
// call's id, as
//
//	{"v":1, "id":"<call id>", "n":1, "text":"…"}
//
// at most about four times a second for a call, of what comes faster the last.
// Like every event it may get lost. Any program on the broker can publish it:
// who receives one looks up who asked, by the id.
type Progress struct {
	ID   string // of the call
	N    int    // counts from 1; drop what is not above the last one seen
	Text string // fit for a message
}

// ParseProgress reads an event. ok is false when its key is of another kind;
// an error means that it is a progress event that can't be read.
func ParseProgress(e transport.Event) (p Progress, ok bool, err error) {
	id, ok := strings.CutPrefix(e.Key, progressPrefix)
	if !ok {
		return Progress{}, false, nil
	}
	var w wireProgress
	if err := decode(e.Body, &w, &w.V); err != nil {
		return Progress{}, true, err
	}
	if w.ID != id || w.N < 1 {
		return Progress{}, true, errors.New("command: progress has another id than its key, or no number")
	}
	if err := checkText(w.Text); err != nil {
		return Progress{}, true, err
	}
	return Progress{w.ID, w.N, w.Text}, true, nil
}

func (b *Bot) publishProgress(ctx context.Context, bus transport.EventBus, r transport.Request, n int, text string) {
	body, err := encode(wireProgress{wireVersion, r.ID, n, text})
	if err == nil {
		err = bus.Publish(ctx, r.Store, progressPrefix+r.ID, body)
	}
	if err != nil { // the next one, or the answer, makes up for it
		b.opt.Logger.DebugContext(ctx, "progress is lost", "bot", b.name, "call", r.ID, "err", err)
	}
}

// ProgressPause is the least time between two things that the caller of a
// command is told of its progress.
const ProgressPause = 250 * time.Millisecond

// pacer sends the first text at once, and then at most one in a pause, the
// latest.
type pacer struct {
	pause time.Duration
	send  func(text string) // under mu

	mu      sync.Mutex
	waiting *string
	timer   *time.Timer // runs from each sending on; nil when nothing was sent lately
	closed  bool
}

func newPacer(pause time.Duration, send func(string)) *pacer { return &pacer{pause: pause, send: send} }

func (p *pacer) tell(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer != nil {
		p.waiting = &text
		return
	}
	p.send(text)
	p.timer = time.AfterFunc(p.pause, p.tick)
}

func (p *pacer) tick() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.waiting == nil {
		p.timer = nil
		return
	}
	p.send(*p.waiting)
	p.waiting = nil
	p.timer.Reset(p.pause)
}

// close drops what waits, for the answer follows. After it nothing is sent; tell
// must not be called again.
func (p *pacer) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	if p.timer != nil {
		p.timer.Stop()
	}
}
