package proctest

import (
	"fmt"
	"os/exec"
	"sync"
)

// reaperScript kills the processes that it was told of when its input ends.
const reaperScript = `
pids=" "
while read -r sign pid; do
	case $sign in
	+) pids="$pids$pid " ;;
	-) pids=$(printf %s "$pids" | sed "s/ $pid / /") ;;
	esac
done
for pid in $pids; do kill -KILL "$pid" 2>/dev/null; done
rm -rf "$1"
`

// Reaper sees to it that processes do not outlive this one, even if that is
// killed. Where there is no shell it does nothing. Its methods may be called
// concurrently.
type Reaper struct {
	mu sync.Mutex
	g  *Guard // nil: there is none
}

// NewReaper starts one, which also removes dir. The caller must call Release.
func NewReaper(dir string) *Reaper {
	cmd := exec.Command("/bin/sh", "-c", reaperScript, "reaper", dir)
	cmd.Dir = "/"
	g, err := Watch(cmd)
	if err != nil {
		return &Reaper{}
	}
	return &Reaper{g: g}
}

// Begun tells of a process that is to be killed in the end.
func (g *Reaper) Begun(pid int) { g.tell(fmt.Sprint("+ ", pid)) }

// Ended tells that a process has ended.
func (g *Reaper) Ended(pid int) { g.tell(fmt.Sprint("- ", pid)) }

func (g *Reaper) tell(line string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.g != nil {
		_ = g.g.Tell(line) // a guard that has died can't help
	}
}

// Release kills the processes that have not ended, and waits until all is done.
func (g *Reaper) Release() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.g != nil {
		_ = g.g.Release() // it does what it can
		g.g = nil
	}
}
