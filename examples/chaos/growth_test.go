package main

import (
	"bytes"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A soak fails when something grows, and not by what is there before it has
// warmed up.
func TestGrown(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(i int, s *sample)
		says   string // empty: nothing has grown
	}{
		"flat":       {func(int, *sample) {}, ""},
		"warming up": {func(i int, s *sample) { s.services[0].rss = min(int64(i), 15) << 24 }, ""},
		"noise":      {func(i int, s *sample) { s.services[0].rss += int64(i%2) << 20 }, ""},
		"slack":      {func(i int, s *sample) { s.services[0].rss = 10<<20 + int64(i)<<14 }, ""}, // 10 %, but 1 MiB
		"memory":     {func(i int, s *sample) { s.services[0].rss += int64(i) << 16 }, "chat-1 memory has grown by 3.6 %"},
		"files":      {func(i int, s *sample) { s.services[0].files += i / 5 }, "chat-1 files has grown"},
		"threads":    {func(i int, s *sample) { s.services[0].threads += i }, "chat-1 threads has grown"},
		"the log":    {func(i int, s *sample) { s.wal = int64(i) << 21 }, "the WAL took 196.0 MiB"},
		"too short":  {func(i int, s *sample) { s.stored = int64(max(i-85, 0)) }, "only 13 samples"},
	} {
		t.Run(name, func(t *testing.T) {
			sys := &system{form: formSQLite, services: []*service{{label: "chat-1"}}}
			var all []sample
			for i := range 100 {
				s := sample{
					at: time.Duration(i) * time.Second, stored: int64(i) * 1000, data: int64(i) * 300_000, wal: 1 << 20,
					services: []usage{{rss: 100 << 20, threads: 10, files: 100}},
				}
				tt.change(i, &s)
				all = append(all, s)
			}
			var out bytes.Buffer
			err := grown(&out, all, sys)
			if tt.says != "" {
				require.ErrorContains(t, err, tt.says)
				return
			}
			require.NoError(t, err)
			require.Contains(t, out.String(), "data: 300 bytes a message")
		})
	}
}

func TestLook(t *testing.T) {
	u, err := look(os.Getpid())
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("there is no /proc")
	}
	require.NoError(t, err)
	require.Greater(t, u.rss, int64(1<<20))
	require.Positive(t, u.threads)
	require.Positive(t, u.files)
}
