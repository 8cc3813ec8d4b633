// Package e2e drives the programs as people do: real processes, a real browser.
//
// It is a module of its own, so that nobody who uses the library needs a driver
// of browsers. Run it with
//
//	cd e2e && go test ./...
//
// It needs Chromium, found by the name chromium, chromium-browser, google-chrome
// or the variable GOCHAT_CHROMIUM. Without one the tests are skipped, or, where CI is
// set, fail. Pictures of what went wrong are left in e2e/out.
package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/carlware/gochat/internal/pgtest"
)

// bin is where the programs under test are.
var bin string

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	if bin, err = os.MkdirTemp("", "gochat-e2e-"); err != nil {
		return 1, err
	}
	defer os.RemoveAll(bin)
	args := []string{"build", "-o", bin + string(filepath.Separator)}
	if raceEnabled {
		args = append(args, "-race")
	}
	for _, name := range []string{"fullstack", "minimal", "auth", "chatroom", "stockbot", "gateway"} {
		args = append(args, "./examples/"+name)
	}
	build := exec.Command("go", args...)
	build.Dir = ".." // with the versions that the module itself requires
	if out, err := build.CombinedOutput(); err != nil {
		return 1, fmt.Errorf("go build: %w\n%s", err, out)
	}
	if code = pgtest.Main(m).Run(); code == 0 {
		err = goleak.Find()
	}
	return code, err
}

// chromium returns the path of the browser, or skips the test.
func chromium(t testing.TB) string {
	t.Helper()
	names := []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"}
	if name := os.Getenv("GOCHAT_CHROMIUM"); name != "" {
		names = []string{name}
	}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("no browser: none of %v is installed", names)
	}
	t.Skipf("no browser: none of %v is installed (with CI set this is a failure)", names)
	return ""
}
