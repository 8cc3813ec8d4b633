//go:build !unix

package pgtest

import (
	"errors"
	"os"
	"os/exec"
)

const supported = false

var fast, immediate = os.Interrupt, os.Kill

func drop(*exec.Cmd) {}

func serverDir() (string, error) { return "", errors.ErrUnsupported }

func give(string) error { return errors.ErrUnsupported }
