//go:build unix

package storetest

import (
	"syscall"
	"time"
)

// CPU is the time that this process has spent, in user and in kernel mode.
func CPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
