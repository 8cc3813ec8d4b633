package apitest_test

import (
	"go/ast"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/internal/deptest"
)

// TestGuides holds the samples in the comments of packages against their tests:
// each line of Go in one stands in a test of the same package too, most of them
// in an Example, and so it compiles.
func TestGuides(t *testing.T) {
	pkgs, err := load()
	require.NoError(t, err)
	samples := 0
	for _, pkg := range pkgs {
		path := strings.TrimPrefix(pkg.Path(), deptest.Module+"/")
		if strings.HasPrefix(path, "internal/") || strings.HasPrefix(path, "examples/") || path == deptest.Module {
			continue
		}
		guide, tested := read(t, filepath.Join(root, filepath.FromSlash(path)))
		for _, sample := range goSamples(guide) {
			samples++
			for _, line := range lines(sample) {
				if !tested[line] && !strings.HasPrefix(line, "func Test") {
					t.Errorf("%s: the package comment has this line, and no test of the package: %s", path, line)
				}
			}
		}
	}
	require.Greater(t, samples, 20)
}

func TestGoSamples(t *testing.T) {
	got := goSamples("Package p is there.\n\n\ta := f() // why\n\n\tb(a)\n\nText:\n\n\t{\"v\":1}\n\nor\n\n\tGET /rooms/{id}\n\nor\n\n\tgo test .\n\nor\n\n\tfunc f() int { return 1 }\n")
	require.Equal(t, []string{"a := f() // why\n\nb(a)\n", "func f() int { return 1 }\n"}, got)
	require.Equal(t, []string{"a := f()", "b(a)"}, lines(got[0]))
}

// read returns the package comment in dir and the lines of the tests there.
func read(t *testing.T, dir string) (guide string, tested map[string]bool) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err)
	tested = map[string]bool{}
	for _, file := range files {
		src, err := os.ReadFile(file)
		require.NoError(t, err)
		if strings.HasSuffix(file, "_test.go") {
			for _, line := range lines(string(src)) {
				tested[line] = true
			}
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, src, parser.PackageClauseOnly|parser.ParseComments)
		require.NoError(t, err)
		if f.Doc != nil {
			guide += f.Doc.Text()
		}
	}
	return guide, tested
}

// goSamples returns the code blocks of a comment that are Go.
func goSamples(text string) []string {
	var all []string
	for _, block := range new(comment.Parser).Parse(text).Content {
		if code, ok := block.(*comment.Code); ok && (isGo("func _() {\n"+code.Text+"}") || isGo(code.Text)) {
			all = append(all, code.Text)
		}
	}
	return all
}

// isGo reports whether a file with src would be one of Go with something in it.
func isGo(src string) bool {
	f, err := parser.ParseFile(token.NewFileSet(), "", "package p\n"+src, 0)
	if err != nil || len(f.Decls) == 0 {
		return false
	}
	body, ok := f.Decls[0].(*ast.FuncDecl)
	return ok && (body.Name.Name != "_" || len(body.Body.List) > 0)
}

// lines returns the lines of src without indentation, empty ones, and comments.
func lines(src string) []string {
	var all []string
	for line := range strings.Lines(src) {
		line = strings.TrimSpace(line)
		if i := strings.Index(line, " // "); i >= 0 {
			line = strings.TrimSpace(line[:i])
		}
		if line != "" && !strings.HasPrefix(line, "//") {
			all = append(all, line)
		}
	}
	return all
}
