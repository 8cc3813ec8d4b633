package stock

import (
	"fmt"
	"sync"
	"time"
)

// pause is a time in which nothing is asked. The zero value is none.
type pause struct {
	mu     sync.Mutex
	until  time.Time
	reason error
}

// begin lets a pause of d begin.
func (p *pause) begin(d time.Duration, reason error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.until, p.reason = time.Now().Add(d), reason
}

// err returns the reason of the pause, or nil when there is none now.
func (p *pause) err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if left := time.Until(p.until); left > 0 {
		return fmt.Errorf("%w (asked no more for %v)", p.reason, left.Round(time.Second))
	}
	return nil
}
