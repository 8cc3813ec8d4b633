package proctest_test

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/carlware/gochat/internal/proctest"
)

func TestMain(m *testing.M) {
	proctest.Main(m, func() {
		ended := make(chan os.Signal, 1)
		signal.Notify(ended, syscall.SIGTERM)
		fmt.Println("args", os.Args[1:])
		fmt.Fprintln(os.Stderr, "ready")
		<-ended
		fmt.Println("bye")
		os.Exit(3)
	})
}

func TestProcess(t *testing.T) {
	p := proctest.Start(t, proctest.Self(t, "-a", "b"))
	if got := p.Line("args"); got != "args [-a b]" {
		t.Errorf("first line %q", got)
	}
	p.Line("ready")
	p.Signal(syscall.SIGTERM)
	if code := p.Wait(); code != 3 {
		t.Errorf("exit code %d, want 3", code)
	}
	p.Line("bye")
}

func TestKill(t *testing.T) {
	p := proctest.Start(t, proctest.Self(t))
	p.Line("ready")
	p.Kill()
	if code := p.Wait(); code != -1 {
		t.Errorf("exit code %d, want -1", code)
	}
}
