//go:build !unix

package main

import "os"

// There is nothing of the kind, so that freezing fails.
var freeze, thaw = os.Interrupt, os.Interrupt
