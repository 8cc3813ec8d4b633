package chattest

import (
	"sync"
	"sync/atomic"
)

// together runs f in n goroutines that begin at once, and waits for them.
func together(n int, f func(i int)) {
	var wg sync.WaitGroup
	begin := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-begin
			f(i)
		})
	}
	close(begin)
	wg.Wait()
}

// meanwhile runs read again and again, in three goroutines, until write has
// returned.
func meanwhile(write, read func()) {
	var written atomic.Bool
	together(4, func(i int) {
		if i == 0 {
			defer written.Store(true)
			write()
			return
		}
		for !written.Load() {
			read()
		}
	})
}
