//go:build !linux

package main

import (
	"encoding/json"
	"errors"
	"net"
	"time"
)

var errLinux = errors.New("the benchmark needs Linux")

// loader is not there.
type loader struct {
	system     system
	job        job
	toServer   *json.Encoder
	fromServer *json.Decoder
}

func (*loader) connect() error                   { return errLinux }
func (*loader) poll(time.Duration) (bool, error) { return false, errLinux }
func (*loader) take(turn) (result, error)        { return result{}, errLinux }
func used() (usage, error)                       { return usage{}, errLinux }
func machine() string                            { return "" }
func takeOver(*net.TCPConn) (rawConn, error)     { return rawConn{}, errLinux }

type rawConn struct{}

func (rawConn) write([]byte) error { return errLinux }
