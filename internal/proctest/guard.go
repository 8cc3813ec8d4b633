package proctest

import (
	"io"
	"os"
	"os/exec"
)

// Guard is a program that cleans up after this process.
type Guard struct {
	cmd  *exec.Cmd
	hold io.WriteCloser // its input
}

// Watch starts cmd with a standard input that ends when the guard is released
// or this process ends, however it does: the kernel closes what a process
// holds. cmd is to read until then, and to clean up after that.
func Watch(cmd *exec.Cmd) (*Guard, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	cmd.Stdin = r
	if err := cmd.Start(); err != nil {
		w.Close()
		return nil, err
	}
	return &Guard{cmd, w}, nil
}

// Tell writes a line to the guard's input.
func (g *Guard) Tell(line string) error {
	_, err := io.WriteString(g.hold, line+"\n")
	return err
}

// Release has the guard clean up, and waits until it has.
func (g *Guard) Release() error {
	g.hold.Close()
	return g.cmd.Wait()
}
