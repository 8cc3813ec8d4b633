package sqlite

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/ncruces/go-sqlite3"
	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/storetest"
)

// smallDisk returns a directory on a file system of its own, and what fills it
// and frees it again.
func smallDisk(t *testing.T) (dir string, fill, free func()) {
	t.Helper()
	dir = t.TempDir()
	err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4m")
	if errors.Is(err, syscall.EPERM) && os.Getenv("CI") == "" {
		t.Skip("only root may mount a small disk")
	}
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, 0)) })
	ballast := filepath.Join(dir, "ballast")
	fill = func() {
		f, err := os.Create(ballast)
		require.NoError(t, err)
		for _, chunk := range []int{64 << 10, 4 << 10, 1} {
			for err = nil; err == nil; {
				_, err = f.WriteString(strings.Repeat("x", chunk))
			}
			require.ErrorIs(t, err, syscall.ENOSPC)
		}
		require.NoError(t, f.Close())
	}
	return dir, fill, func() { require.NoError(t, os.Remove(ballast)) }
}

func TestNodeSurvivesFullDisk(t *testing.T) {
	dir, fill, free := smallDisk(t)
	path := filepath.Join(dir, "chat.db")
	s, err := Open(t.Context(), path, &Options{Logger: silent})
	require.NoError(t, err)
	storetest.Survive(t, s, storetest.Fault{Break: fill, Mend: free})
	whole(t, s)
	require.NoError(t, s.Close())
}

// A disk that was full when the process ended keeps what was acknowledged, and
// is not a reason not to read it.
func TestFullDiskAtOpen(t *testing.T) {
	dir, fill, free := smallDisk(t)
	path := filepath.Join(dir, "chat.db")
	s, err := Open(t.Context(), path, &Options{Logger: silent})
	require.NoError(t, err)
	makeRoom(t, s, "room", ann)
	fill()
	for err == nil {
		_, err = s.Append(t.Context(), message("room", ann, chat.NewID()))
	}
	kept := pageAll(t, s, "room")
	closed := func() {
		if err := s.Close(); err != nil { // it says so when it can't write the log back
			require.ErrorIs(t, err, chat.ErrUnavailable)
		}
	}
	closed()
	s, err = Open(t.Context(), path, &Options{Logger: silent})
	require.NoError(t, err)
	require.Equal(t, kept, pageAll(t, s, "room"))
	closed()
	_, err = Open(t.Context(), filepath.Join(dir, "new.db"), &Options{Logger: silent})
	require.ErrorContains(t, err, "new.db")
	require.True(t, errors.Is(err, sqlite3.FULL) || errors.Is(err, sqlite3.IOERR), "a new one finds no place: %v", err)
	free()
	s, err = Open(t.Context(), path, &Options{Logger: silent})
	require.NoError(t, err)
	require.Equal(t, kept, pageAll(t, s, "room"))
	_, err = s.Append(t.Context(), message("room", ann, "after"))
	require.NoError(t, err)
	whole(t, s)
	require.NoError(t, s.Close())
}

func TestReadOnlyDisk(t *testing.T) {
	dir, _, _ := smallDisk(t)
	path := filepath.Join(dir, "chat.db")
	s, err := Open(t.Context(), path, &Options{Logger: silent})
	require.NoError(t, err)
	makeRoom(t, s, "room", ann)
	require.NoError(t, s.Close())
	require.NoError(t, syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	_, err = Open(t.Context(), path, &Options{Logger: silent})
	require.ErrorContains(t, err, path)
	require.ErrorContains(t, err, "read-only file system")
	require.ErrorIs(t, err, syscall.EROFS)
	require.NoError(t, syscall.Mount("", dir, "", syscall.MS_REMOUNT, ""))
	s, err = Open(t.Context(), path, &Options{Logger: silent})
	require.NoError(t, err)
	require.Len(t, pageAll(t, s, "room"), 2)
	require.NoError(t, s.Close())
}
