package main

import (
	"fmt"
	"os/exec"
	"sync"

	"github.com/carlware/gochat/internal/proctest"
)

// guardScript kills the processes that it was told of when its input ends.
const guardScript = `
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

// guard sees to it that the processes do not outlive this one, even if that is
// killed. Where there is no shell it does nothing.
type guard struct {
	mu sync.Mutex
	g  *proctest.Guard // nil: there is none
}

// watch starts a guard, which also removes dir.
func watch(dir string) *guard {
	cmd := exec.Command("/bin/sh", "-c", guardScript, "guard", dir)
	cmd.Dir = "/"
	g, err := proctest.Watch(cmd)
	if err != nil {
		return &guard{}
	}
	return &guard{g: g}
}

func (g *guard) begun(pid int) { g.tell(fmt.Sprint("+ ", pid)) }
func (g *guard) ended(pid int) { g.tell(fmt.Sprint("- ", pid)) }

func (g *guard) tell(line string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.g != nil {
		_ = g.g.Tell(line) // a guard that has died can't help
	}
}

func (g *guard) release() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.g != nil {
		_ = g.g.Release() // it does what it can
		g.g = nil
	}
}
