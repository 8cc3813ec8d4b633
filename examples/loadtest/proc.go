package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// process is what a process on this machine has used, where there is /proc.
type process struct {
	cpu time.Duration // user and system
	rss int64         // bytes
}

// tick is the unit of times in /proc: 100 a second on every Linux that Go runs
// on.
const tick = 10 * time.Millisecond

// look reads what the process has used.
func look(pid int) (p process, err error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return p, fmt.Errorf("-server-pid: %w", err)
	}
	// The name of the program, in brackets, may hold anything.
	_, rest, _ := bytes.Cut(stat[bytes.LastIndexByte(stat, ')')+1:], []byte(" "))
	fields := bytes.Fields(rest) // the first one is the third of the line
	if len(fields) < 22 {
		return p, fmt.Errorf("-server-pid: /proc/%d/stat can't be read", pid)
	}
	var n [3]int64
	for i, at := range []int{11, 12, 21} { // utime, stime, rss
		if n[i], err = strconv.ParseInt(string(fields[at]), 10, 64); err != nil {
			return p, fmt.Errorf("-server-pid: /proc/%d/stat: %w", pid, err)
		}
	}
	return process{cpu: time.Duration(n[0]+n[1]) * tick, rss: n[2] * int64(os.Getpagesize())}, nil
}
