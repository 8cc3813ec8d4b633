// Package readmetest does with the programs of the README what its reader does:
// it copies them into a module of their own, and builds and runs them there.
package readmetest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/carlware/gochat/internal/deptest"
	"github.com/carlware/gochat/internal/proctest"
)

// Listen is where the program of the README listens.
const Listen = "localhost:8080"

// file finds a program: its name in backquotes and a colon, alone in a
// paragraph or at its end, and then the block.
var file = regexp.MustCompile("(?m)`([^`\n]+)`:\n\n```[a-z]+\n((?s:.*?)\n)```$")

// Files returns the programs of the README in root, the directory of this
// module, by their paths.
func Files(t testing.TB, root string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, m := range file.FindAllStringSubmatch(string(text), -1) {
		files[m[1]] = m[2]
	}
	return files
}

// Module returns a new directory with files and the go.mod that "go get" would
// write there, but with this module as it is in root. Whatever else is needed
// has the versions that this module requires, so nothing is downloaded that its
// own tests do not need.
func Module(t testing.TB, root string, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	root, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	mod := read(t, filepath.Join(root, "go.mod"))
	mod = strings.Replace(mod, "module "+deptest.Module+"\n", "module example.com/chat\n", 1)
	mod += "\nrequire " + deptest.Module + " v0.0.0\n\nreplace " + deptest.Module + " => " + root + "\n"
	write(t, dir, "go.mod", mod)
	write(t, dir, "go.sum", read(t, filepath.Join(root, "go.sum")))
	for path, text := range files {
		write(t, dir, path, text)
	}
	return dir
}

// Build builds the program in dir.
func Build(t testing.TB, dir string) {
	t.Helper()
	build := exec.Command("go", "build", "-mod=mod", "-o", "chat.exe", ".")
	build.Dir, build.Env = dir, append(os.Environ(), "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
}

// Command returns a command that runs, in dir, what was built there.
func Command(dir string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(dir, "chat.exe"))
	cmd.Dir, cmd.Env = dir, proctest.CleanEnv()
	return cmd
}

// At returns the program with another address than [Listen], where something
// else may listen. Nothing else is changed.
func At(t testing.TB, program, addr string) string {
	t.Helper()
	return Replace(t, program, `"`+Listen+`"`, `"`+addr+`"`)
}

// Replace returns the program with before, which is there once, replaced.
func Replace(t testing.TB, program, before, after string) string {
	t.Helper()
	if n := strings.Count(program, before); n != 1 {
		t.Fatalf("%s is %d times in the program:\n%s", before, n, program)
	}
	return strings.Replace(program, before, after, 1)
}

func read(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func write(t testing.TB, dir, path, text string) {
	t.Helper()
	path = filepath.Join(dir, filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
