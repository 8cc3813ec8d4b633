package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// fromNPM returns the path of a file of a package that the lock file beside
// this one names. npm fetches them once; nothing of them is in the repository.
func fromNPM(t testing.TB, path ...string) string {
	t.Helper()
	file := filepath.Join(append([]string{"node_modules"}, path...)...)
	if _, err := os.Stat(file); err == nil {
		return file
	}
	lack := func(why string) {
		t.Helper()
		if os.Getenv("CI") != "" {
			t.Fatal(why)
		}
		t.Skip(why + " (with CI set this is a failure)")
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		lack(file + " is not here, and neither is npm to fetch it")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if out, err := exec.CommandContext(ctx, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund").CombinedOutput(); err != nil {
		lack("npm ci: " + err.Error() + "\n" + string(out))
	}
	require.FileExists(t, file)
	return file
}

// The types in the comments of the page's modules, and of the client, fit
// together. TypeScript reads them; nobody compiles anything.
func TestTypes(t *testing.T) {
	t.Parallel()
	node, err := exec.LookPath("node")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("node is needed")
		}
		t.Skip("no node on this machine (with CI set this is a failure)")
	}
	tsc := fromNPM(t, "typescript", "bin", "tsc")
	out, err := exec.CommandContext(t.Context(), node, tsc, "-p", "tsconfig.json").CombinedOutput()
	require.NoError(t, err, string(out))
}
