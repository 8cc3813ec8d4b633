//go:build unix

package main

import "syscall"

// allowFiles lets this process have n open files, if it may; else the dials
// will say what is wrong. Go has raised the soft limit to the hard one already.
func allowFiles(n int) {
	var l syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l) != nil {
		return
	}
	have := l.Cur
	l.Cur, l.Max = rlimit(n, l.Cur), rlimit(n, l.Max)
	if l.Cur > have {
		_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l)
	}
}

// rlimit makes max(n, have) of the type of have, which depends on the system.
func rlimit[N int64 | uint64](n int, have N) N { return max(N(n), have) }
