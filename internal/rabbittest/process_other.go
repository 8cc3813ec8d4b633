//go:build !unix

package rabbittest

import (
	"os"
	"os/exec"
)

const supported = false

var stop, kill, freeze, thaw = os.Interrupt, os.Kill, os.Interrupt, os.Interrupt

func detach(*exec.Cmd) {}
