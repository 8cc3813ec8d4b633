//go:build !unix

package rabbitmq_test

import (
	"testing"
	"time"
)

func cpuTime(b *testing.B) time.Duration {
	b.Skip("CPU time is only measured on Unix")
	return 0
}
