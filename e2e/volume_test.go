package e2e

import (
	_ "embed"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/internal/proctest"
)

//go:embed volume.js
var volume string

type volumes struct {
	FewRooms, ManyRooms                                      float64
	TypingQuiet, TypingBusy, TypingQuietMany, TypingBusyMany float64
	OlderFew, OlderMany, Jump                                float64
	RoomItems, Rows, Read, Received, Growth, Elements        int
	Moved, Drift, Worst                                      float64
	Last                                                     string
}

// 1,000 rooms, 10,000 messages received, and 10,000 read back. Times are
// compared with each other, never with a clock: this machine may do much else.
func TestVolume(t *testing.T) {
	v := measureVolumes(t, newBrowser(t, volumeFlags...), startServer(t, t.TempDir(), proctest.FreeAddr(t)))
	t.Logf("medians in ms until the frame that shows it: an unread message with 10 rooms %.0f, with 1,000 rooms %.0f; "+
		"an older page of 200 with 1,000 to 3,000 rows %.0f, with 9,000 and more %.0f; 3,000 pixels up %.0f", v.FewRooms, v.ManyRooms, v.OlderFew, v.OlderMany, v.Jump)
	t.Logf("a key %.0f, with 100 messages/s %.0f; with %d rows %.0f and %.0f; after 10,000 messages %.1f MB and %d elements more",
		v.TypingQuiet, v.TypingBusy, v.Read, v.TypingQuietMany, v.TypingBusyMany, float64(v.Growth)/(1<<20), v.Elements)
	require.Equal(t, 1000, v.RoomItems)
	require.Equal(t, "12000", v.Last)
	require.Less(t, v.Rows, 1000, "what is long past leaves the page")
	require.Less(t, v.Growth, 4<<20, "memory after 10,000 messages")
	require.Less(t, v.Elements, 20_000, "elements after 10,000 messages")
	require.Greater(t, v.Read, 10000)
	require.Less(t, v.Moved, 2.0, "older messages push nothing")
	require.Less(t, v.Drift, 2.0, "rows that are laid out late push nothing")
	for _, c := range []struct {
		what       string
		small, big float64
	}{
		{"100 times as many rooms", v.FewRooms, v.ManyRooms},
		{"an older page with many rows", v.OlderFew, v.OlderMany},
		{"typing while 100 messages a second come", v.TypingQuiet, v.TypingBusy},
		{"typing while 100 messages a second come, with many rows", v.TypingQuietMany, v.TypingBusyMany},
	} {
		require.Less(t, c.big, 5*max(c.small, 17), c.what) // 17: a frame
	}
}
