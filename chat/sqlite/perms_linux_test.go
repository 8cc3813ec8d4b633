package sqlite

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// asNobody runs f without the right of root to write everywhere.
func asNobody(t *testing.T, f func()) {
	t.Helper()
	if os.Geteuid() == 0 {
		const nobody = 65534
		runtime.LockOSThread() // the right is one of the thread
		require.NoError(t, syscall.Setfsuid(nobody))
		defer func() {
			require.NoError(t, syscall.Setfsuid(0))
			runtime.UnlockOSThread()
		}()
	}
	f()
}

func TestOpenSaysWhatMayNotBeWritten(t *testing.T) {
	s, path := fresh(t, nil)
	require.NoError(t, s.Close())
	dir := filepath.Dir(path)
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755))
	require.NoError(t, os.Chmod(dir, 0o777))
	require.NoError(t, os.Chmod(path, 0o444))
	require.NoError(t, os.Chmod(path+".chat_lock", 0o666))
	var err error
	asNobody(t, func() { _, err = Open(t.Context(), path, nil) })
	require.ErrorContains(t, err, path)
	require.ErrorContains(t, err, "permission denied")
	require.ErrorIs(t, err, fs.ErrPermission)

	require.NoError(t, os.Chmod(dir, 0o555))
	path = filepath.Join(dir, "other.db")
	asNobody(t, func() { _, err = Open(t.Context(), path, nil) })
	require.ErrorContains(t, err, path)
	require.ErrorContains(t, err, "permission denied")
	require.ErrorIs(t, err, fs.ErrPermission)
	require.NoError(t, os.Chmod(dir, 0o755))
}
