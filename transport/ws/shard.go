package ws

import (
	"sync"

	"github.com/carlware/gochat/chat"
)

// shard writes for its part of the connections, one after the other: whatever
// is pending of one goes out in one write that does not wait. Its worker exists
// only while there is something to write. Nobody can hold it up: what can't be
// written at once goes on in a goroutine of that connection.
type shard struct {
	wheel  wheel
	tasks  *sync.WaitGroup             // of the handler
	encode func(*chat.Delivery) []byte // the handler's, here because the worker needs not look at that
	run    func()                      // work, made once: a worker begins for each burst

	mu      sync.Mutex
	due     []*conn // each once, see conn.writing
	working bool

	spare []*conn // of the worker
	out   *batch  // of the worker
}

func newShards(n int, tasks *sync.WaitGroup, encode func(*chat.Delivery) []byte) []shard {
	list := make([]shard, n)
	for i := range list {
		s := &list[i]
		s.wheel.init()
		s.tasks, s.encode, s.run = tasks, encode, s.work
	}
	return list
}

// add makes c one of the next to be written for. It is in no shard then, and
// nobody writes for it.
func (s *shard) add(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.due = append(s.due, c)
	if !s.working {
		s.working = true
		s.tasks.Add(1) // c is counted, too, so Shutdown is not past waiting
		go s.run()
	}
}

// take returns those that are due, or nil: then the worker is no more.
func (s *shard) take() []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.due
	s.due = s.spare[:0]
	s.working = len(list) > 0
	if cap(list) > keepDue {
		s.spare = nil
	} else {
		s.spare = list
	}
	return list
}

// keepDue is how many places a list keeps when it is empty.
const keepDue = 16 << 10

func (s *shard) work() {
	defer s.tasks.Done()
	if s.out == nil {
		s.out = batches.Get().(*batch)
	}
	for {
		list := s.take()
		if len(list) == 0 {
			break
		}
		for i, c := range list {
			list[i] = nil
			if c.flush(s.out) {
				s.out = batches.Get().(*batch) // the other is the connection's now
			}
		}
	}
}
