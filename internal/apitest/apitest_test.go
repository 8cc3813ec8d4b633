package apitest_test

import (
	"flag"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/internal/apitest"
	"github.com/carlware/gochat/internal/deptest"
)

var update = flag.Bool("update", false, "write the files in api")

const root = "../.."

// load reads all packages, once for all tests.
var load = sync.OnceValues(func() ([]*types.Package, error) { return apitest.Load(root, "./...") })

// TestAPI compares the exported API of every package with its file in api.
func TestAPI(t *testing.T) {
	pkgs, err := load()
	require.NoError(t, err)
	files := map[string]bool{}
	for _, pkg := range pkgs {
		path := strings.TrimPrefix(pkg.Path(), deptest.Module+"/")
		lines := apitest.Describe(pkg)
		if strings.HasPrefix(path, "internal/") || strings.HasPrefix(path, "examples/") || len(lines) == 0 {
			continue
		}
		file := filepath.Join(root, "api", filepath.FromSlash(path)+".txt")
		files[file] = true
		if *update {
			require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
			require.NoError(t, os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o644))
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		removed, added := apitest.Diff(strings.Split(strings.TrimSpace(string(data)), "\n"), lines)
		report(t, "api/"+path+".txt", removed, added)
	}
	require.Greater(t, len(files), 10, "the packages of the library")
	require.NoError(t, filepath.WalkDir(filepath.Join(root, "api"), func(file string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && !files[file] {
			t.Errorf("%s: no such package; remove the file, and say under Changed in CHANGELOG.md that programs break", file)
		}
		return err
	}))
}

// TestDocumented reads what go doc shows to somebody who has only that.
func TestDocumented(t *testing.T) {
	pkgs, err := load()
	require.NoError(t, err)
	for _, pkg := range pkgs {
		path := strings.TrimPrefix(pkg.Path(), deptest.Module+"/")
		if strings.HasPrefix(path, "internal/") || strings.HasPrefix(path, "examples/") || path == deptest.Module {
			continue
		}
		missing, err := apitest.Undocumented(filepath.Join(root, filepath.FromSlash(path)))
		require.NoError(t, err)
		for _, at := range missing {
			t.Errorf("%s has no comment", at)
		}
	}
}

func TestUndocumented(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "p.go"), []byte(`package p

type T struct { // a comment of nothing
	A int // has one
	B int
	// C has one.
	C, D int
	e int
}

// I has one.
type I interface {
	M()
	// N has one.
	N()
}

func F() {}
func (T) G() {}
func (t) H() {}

// These have one.
const X, Y = 1, 2

var Z int

type t struct{ Z int }
`), 0o600))
	missing, err := apitest.Undocumented(dir)
	require.NoError(t, err)
	var names []string
	for _, at := range missing {
		_, name, _ := strings.Cut(at, ": ")
		names = append(names, name)
	}
	require.Equal(t, []string{"T", "T.B", "I.M", "F", "T.G", "Z"}, names)
}

func report(t *testing.T, file string, removed, added []string) {
	if len(removed)+len(added) == 0 {
		return
	}
	var b strings.Builder
	b.WriteString(file + " is not what the code has:\n")
	for _, line := range removed {
		b.WriteString("\t- " + line + "\n")
	}
	for _, line := range added {
		b.WriteString("\t+ " + line + "\n")
	}
	if b.WriteString("If that is meant, accept it by\n\tgo test ./internal/apitest -update\n"); len(removed) > 0 {
		b.WriteString("and say it under Changed in CHANGELOG.md: what is gone or different breaks programs.\n")
	}
	t.Error(b.String())
}

// What is written about a package, by a small one.
func TestDescribe(t *testing.T) {
	require.Equal(t, []string{
		"const Least time.Duration = 2",
		"func Map[A any](A, ...func(A) error) (*T, error)",
		"method (*T) Close() error",
		"method (*T) Promoted()",
		"method (T) String() string",
		"method (T) Write([]byte) (int, error)",
		"type Alias = map[string]io.Reader",
		"type Kind string",
		"type Reads interface { Close, Read }",
		"type Reads interface, Close() error",
		"type Reads interface, Read([]byte) (int, error)",
		"type T struct",
		"type T struct, Field func(int) Kind `json:\"field,omitempty\"`",
		"type T struct, embedded io.Writer",
		"var Err error",
	}, describe(t, `
package p

import ("io"; "time")

const Least time.Duration = 2
const least = 1

var Err error

type (
	Kind  string
	Alias = map[string]io.Reader
	Reads interface { io.Reader; Close() error }
	T     struct {
		io.Writer
		inner
		Field func(n int) Kind `+"`json:\"field,omitempty\"`"+`
		other int
	}
	inner struct{}
)

func (*inner) Promoted()       {}
func (T) String() string       { return "" }
func (t *T) Close() (err error) { return }
func (t *T) hidden()           {}

func Map[A any](a A, f ...func(in A) error) (t *T, err error) { return }
`))
}

func TestDiff(t *testing.T) {
	removed, added := apitest.Diff([]string{"func A()", "func B()"}, []string{"func A()", "func B(int)"})
	require.Equal(t, []string{"func B()"}, removed)
	require.Equal(t, []string{"func B(int)"}, added)
}

func describe(t *testing.T, src string) []string {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "p.go", src, 0)
	require.NoError(t, err)
	config := types.Config{Importer: importer.ForCompiler(fset, "source", nil)}
	pkg, err := config.Check("p", fset, []*ast.File{file}, nil)
	require.NoError(t, err)
	return apitest.Describe(pkg)
}
