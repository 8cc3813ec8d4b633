// Package proctest runs programs as real processes in tests: what happens at
// kill −9 or SIGTERM can be seen in no other way.
//
// A test of a main package runs the program out of its own binary:
//
//	func TestMain(m *testing.M) { proctest.Main(m, main) }
//
//	func TestProgram(t *testing.T) {
//		p := proctest.Start(t, proctest.Self(t, "-addr", "127.0.0.1:0"))
//		url := p.Line("http://")
//		...
//		p.Signal(syscall.SIGTERM)
//		if code := p.Wait(); code != 0 { ... }
//	}
package proctest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is how long anything is waited for. It is there to end a test that
// hangs, and says nothing about speed.
const patience = 3 * time.Minute

const runMain = "GOCHAT_PROCTEST_RUN_MAIN"

// Main runs the tests of a package, as a [*testing.M] does, or program in a
// process that [Self] made.
func Main(m interface{ Run() int }, program func()) {
	if os.Getenv(runMain) == "" {
		os.Exit(m.Run())
	}
	if err := os.Unsetenv(runMain); err != nil {
		panic(err)
	}
	program()
	os.Exit(0)
}

// Self returns a command that runs the program given to [Main], in a temporary
// directory and without variables of the environment that begin with GOCHAT_.
func Self(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Dir = t.TempDir()
	cmd.Env = append(CleanEnv(), runMain+"=1")
	return cmd
}

// CleanEnv returns the environment without variables that begin with GOCHAT_.
func CleanEnv() []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "GOCHAT_") {
			env = append(env, v)
		}
	}
	return env
}

// FreeAddr returns an address of this machine that nobody listens on now.
func FreeAddr(t testing.TB) string {
	t.Helper()
	port, err := FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}

// FreePort returns a TCP port of 127.0.0.1 that nobody listens on now. It is
// none that this process was given before, and none of those from which
// systems choose on their own, for whoever dials or listens on port 0: they
// begin at 32768 or above. So a program may also start late on it, or again.
func FreePort() (int, error) {
	const low, high = 10000, 32000
	for range 1000 {
		port := low + rand.IntN(high-low)
		if _, given := given.LoadOrStore(port, true); given {
			continue
		}
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			continue
		}
		return port, l.Close()
	}
	return 0, fmt.Errorf("no free port from %d to %d", low, high)
}

var given sync.Map // ports

// secret is an access token (two parts of JSON in base64, RFC 7519), a hash in
// PHC format, or the password of a URL, unless it is left out as ….
var secret = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}|\$argon2id\$|[a-z]://[^\s/:@]+:[^\s/:@…]+@`)

// Process is a running program.
type Process struct {
	t    testing.TB
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended and all output is read

	mu   sync.Mutex
	out  []string
	more chan struct{} // closed when a line is added
}

// Start starts cmd and collects what it prints, standard output and error
// together. At the end of the test it is killed if it still runs, and its
// output is logged if the test has failed. A test fails whose program prints
// what must not be in a log: a token, a hash of a password, or a password in a
// URL.
func Start(t testing.TB, cmd *exec.Cmd) *Process {
	t.Helper()
	p := &Process{t: t, cmd: cmd, done: make(chan struct{}), more: make(chan struct{})}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = w.Close() // the process has its own
	go p.read(r)
	t.Cleanup(func() {
		p.Kill()
		if found := secret.FindString(p.Output()); found != "" {
			t.Errorf("the output holds a secret: %.16s…", found)
		}
		if t.Failed() {
			t.Logf("output of %v:\n%s", cmd.Args, p.Output())
		}
	})
	return p
}

func (p *Process) read(r io.ReadCloser) {
	defer close(p.done)
	defer r.Close()
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			p.mu.Lock()
			p.out = append(p.out, strings.TrimSuffix(line, "\n"))
			close(p.more)
			p.more = make(chan struct{})
			p.mu.Unlock()
		}
		if err != nil {
			_ = p.cmd.Wait() // what it returns is in ProcessState
			return
		}
	}
}

// Output returns what was printed so far.
func (p *Process) Output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.out, "\n")
}

// Files returns how many files and connections the process has open, or -1 where
// there is no /proc to tell.
func (p *Process) Files() int {
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.cmd.Process.Pid))
	if err != nil {
		return -1
	}
	return len(entries)
}

// Line waits for a line that contains part and returns it. The test fails when
// the process ends without.
func (p *Process) Line(part string) string {
	p.t.Helper()
	late := time.After(patience)
	for i := 0; ; {
		p.mu.Lock()
		for ; i < len(p.out); i++ {
			if strings.Contains(p.out[i], part) {
				defer p.mu.Unlock()
				return p.out[i]
			}
		}
		more := p.more
		p.mu.Unlock()
		select {
		case <-more:
		case <-p.done:
			if !strings.Contains(p.Output(), part) {
				p.t.Fatalf("the process ended without %q", part)
			}
		case <-late:
			p.t.Fatalf("the process did not print %q", part)
		}
	}
}

// Signal sends a signal to the process.
func (p *Process) Signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatalf("signal: %v", err)
	}
}

// Kill ends the process without a warning, as kill −9 does, and waits for it.
func (p *Process) Kill() {
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Errorf("kill: %v", err)
	}
	<-p.done
}

// Wait waits for the end of the process and returns its exit code, which is −1
// after a signal.
func (p *Process) Wait() int {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		p.t.Fatal("the process did not end")
	}
	return p.cmd.ProcessState.ExitCode()
}
