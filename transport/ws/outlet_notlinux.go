//go:build unix && !linux

package ws

import "syscall"

// writeNow is write(2).
func writeNow(fd int, b []byte) (int, error) { return syscall.Write(fd, b) }
