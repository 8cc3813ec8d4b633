package ws

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// floods runs a test against both ways to read.
func floods(t *testing.T, stall time.Duration, test func(t *testing.T, s *testServer)) {
	for _, poll := range []bool{false, true} {
		t.Run(fmt.Sprint("poll=", poll), func(t *testing.T) {
			t.Parallel()
			test(t, start(t, nil, &Options{Poll: poll, StallTimeout: stall}))
		})
	}
}

// 71: a message of very many empty pieces ends with its time, not with memory.
func TestEmptyPieces(t *testing.T) {
	floods(t, 300*time.Millisecond, func(t *testing.T, s *testServer) {
		c, br := s.session(t)
		go func() {
			c.Write(raw(0x01, nil))
			piece := bytes.Repeat(raw(0x00, nil), 1000)
			for {
				if _, err := c.Write(piece); err != nil {
					return
				}
			}
		}()
		require.Equal(t, codeSlow, ending(c, br))
	})
}

// 72: a message that comes in drops has no more time than another.
func TestDrip(t *testing.T) {
	floods(t, 300*time.Millisecond, func(t *testing.T, s *testServer) {
		c, br := s.session(t)
		go func() {
			_, err := c.Write(raw(0x01, []byte("{")))
			for err == nil {
				time.Sleep(20 * time.Millisecond)
				_, err = c.Write(raw(0x00, []byte(" ")))
			}
		}()
		require.Equal(t, codeSlow, ending(c, br))
	})
}

// 73: pings are answered, the newest first of all, and too many end it.
func TestPingFlood(t *testing.T) {
	floods(t, time.Minute, func(t *testing.T, s *testServer) {
		c, br := s.session(t)
		for i := range 15 {
			c.Write(raw(0x89, []byte{byte(i)}))
		}
		for {
			op, b, err := readFrame(br)
			require.NoError(t, err)
			if op == 10 && b[0] == 14 {
				break
			}
		}
		go c.Write(bytes.Repeat(raw(0x89, []byte("x")), 1000))
		require.Equal(t, codeFlood, ending(c, br))
	})
}

// 73: nor does who never reads an answer go on for ever.
func TestPingFloodUnread(t *testing.T) {
	floods(t, time.Minute, func(t *testing.T, s *testServer) {
		c, _ := s.session(t)
		require.Equal(t, 1, s.live())
		c.SetDeadline(time.Now().Add(10 * time.Second))
		pings := bytes.Repeat(raw(0x89, bytes.Repeat([]byte("x"), 125)), 100)
		for {
			if _, err := c.Write(pings); err != nil {
				require.False(t, isTimeout(err), "the server ends it: %v", err)
				break
			}
		}
		require.Eventually(t, func() bool { return s.live() == 0 }, 10*time.Second, time.Millisecond)
		require.Zero(t, s.h.Stats().Conns)
	})
}
