//go:build unix

package rabbittest

import (
	"os/exec"
	"syscall"
)

const supported = true

const (
	stop   = syscall.SIGTERM
	kill   = syscall.SIGKILL
	freeze = syscall.SIGSTOP
	thaw   = syscall.SIGCONT
)

// detach puts cmd in a process group of its own: what the terminal tells the
// tests is not for the server.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
