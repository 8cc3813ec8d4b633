//go:build unix

package main

import (
	"os"
	"syscall"
)

// freeze stops a process where it is, and thaw lets it go on.
var freeze, thaw os.Signal = syscall.SIGSTOP, syscall.SIGCONT
