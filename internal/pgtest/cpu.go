package pgtest

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// tick is the unit of times in /proc: USER_HZ, which is 100 on all platforms
// of Linux that Go knows.
const tick = 10 * time.Millisecond

// CPU returns the processor time that the server and all its processes have
// used since it was started. It reads /proc, and where there is none the test
// is skipped.
func (c *Cluster) CPU(t testing.TB) time.Duration {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skipf("pgtest: processor time: %v", err)
	}
	if c.server == nil {
		t.Fatal("pgtest: processor time: the server is down")
	}
	for {
		// When a process ends its time goes over to its parent, which must
		// not happen while they are added up.
		before, err := readStat(c.server.Process.Pid)
		if err != nil {
			t.Fatalf("pgtest: processor time: %v", err)
		}
		sum, err := children(c.server.Process.Pid)
		if err != nil {
			t.Fatalf("pgtest: processor time: %v", err)
		}
		after, err := readStat(c.server.Process.Pid)
		if err != nil {
			t.Fatalf("pgtest: processor time: %v", err)
		}
		if before.ended == after.ended {
			return sum + after.own + after.ended
		}
	}
}

// children returns the time that the children of a process have used.
func children(parent int) (sum time.Duration, err error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue // not a process
		}
		if s, err := readStat(pid); err == nil && s.parent == parent { // else it has ended
			sum += s.own
		}
	}
	return sum, nil
}

// stat is a part of /proc/<pid>/stat.
type stat struct {
	parent int
	own    time.Duration // user and system time
	ended  time.Duration // that of children which have ended
}

func readStat(pid int) (s stat, err error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return s, err
	}
	// What follows the name, which is in parentheses and may hold some.
	f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	var n [4]int64
	for i := range n {
		if n[i], err = strconv.ParseInt(f[11+i], 10, 64); err != nil {
			return s, err
		}
	}
	s.own, s.ended = time.Duration(n[0]+n[1])*tick, time.Duration(n[2]+n[3])*tick
	s.parent, err = strconv.Atoi(f[1])
	return s, err
}
