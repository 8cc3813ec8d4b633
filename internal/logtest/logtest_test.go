// Package logtest keeps the keys of log lines as docs/operations.md has them:
// what people search and count logs by must not change by accident.
package logtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// keysFrom is at which argument the keys and values of a method of a logger
// begin. drop is the rabbitmq package's way to log.
var keysFrom = map[string]int{
	"Debug": 1, "Info": 1, "Warn": 1, "Error": 1, "DebugContext": 2, "InfoContext": 2, "WarnContext": 2, "ErrorContext": 2,
	"Log": 3, "LogAttrs": 3, "With": 0, "drop": 2,
}

var logger = regexp.MustCompile(`(?i)(^|\.)(s?log|logger)$`)

// keys returns the keys of all log lines in a file, each with a place where it
// is. A key that is no literal is an error: nobody could tell what it is.
func keys(fset *token.FileSet, file *ast.File) (map[string]string, error) {
	found := map[string]string{}
	var wrong error
	var scan func(args []ast.Expr)
	scan = func(args []ast.Expr) {
		for i := 0; i < len(args); i++ {
			at := fset.Position(args[i].Pos()).String()
			switch arg := args[i].(type) {
			case *ast.BasicLit:
				key, err := strconv.Unquote(arg.Value)
				if err != nil || i+1 == len(args) {
					wrong = fmt.Errorf("%s: a key without a value", at)
					return
				}
				found[key] = at
				i++ // its value
			case *ast.CallExpr: // slog.String(…), or append(args, …)
				if name, ok := arg.Fun.(*ast.Ident); ok && name.Name == "append" {
					scan(arg.Args[1:])
					continue
				}
				if lit, ok := arg.Args[0].(*ast.BasicLit); ok {
					key, _ := strconv.Unquote(lit.Value)
					found[key] = at
					continue
				}
				wrong = fmt.Errorf("%s: a key that is no literal", at)
			default:
				wrong = fmt.Errorf("%s: a key that is no literal", at)
			}
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		method, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		from, ok := keysFrom[method.Sel.Name]
		on := expr(method.X)
		if ok && (logger.MatchString(on) || method.Sel.Name == "drop" && strings.HasSuffix(on, "b")) && len(call.Args) > from {
			scan(call.Args[from:])
		}
		return true
	})
	return found, wrong
}

// expr returns the names of a chain such as c.h.o.Logger.
func expr(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return expr(e.X) + "." + e.Sel.Name
	case *ast.CallExpr:
		return expr(e.Fun)
	}
	return ""
}

// sources returns the Go files of this repository that are not tests.
func sources(t *testing.T) (files []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains([]string{".git", "bench", "e2e", "testdata", "node_modules"}, d.Name()):
			return filepath.SkipDir
		case strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go"):
			files = append(files, path)
		}
		return nil
	}))
	require.Greater(t, len(files), 200)
	return files
}

func TestKeysAreDocumented(t *testing.T) {
	used := map[string]string{}
	fset := token.NewFileSet()
	for _, path := range sources(t) {
		file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		found, err := keys(fset, file)
		require.NoError(t, err)
		for key, at := range found {
			used[key] = at
		}
	}
	guide, err := os.ReadFile("../../docs/operations.md")
	require.NoError(t, err)
	_, table, ok := strings.Cut(string(guide), "| key | |\n")
	require.True(t, ok, "docs/operations.md has the table of keys")
	table, _, _ = strings.Cut(table, "\n\n")
	documented := map[string]bool{}
	for line := range strings.Lines(table) {
		for _, key := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(strings.SplitN(line, "|", 3)[1], -1) {
			documented[key[1]] = true
		}
	}
	for key, at := range used {
		require.True(t, documented[key], "%s logs %q, which docs/operations.md does not have: use one of its keys, or add it there", at, key)
		require.Regexp(t, `^[a-z]+(_[a-z]+)*$`, key, at)
	}
	for key := range documented {
		require.Contains(t, used, key, "docs/operations.md has %q, which nothing logs", key)
	}
	require.Greater(t, len(used), 25)
}

func TestKeys(t *testing.T) {
	for name, c := range map[string]struct {
		line string
		want []string
		err  string
	}{
		"pairs":       {`c.n.log.Warn("chat: a call", "call", s.ID, "err", err)`, []string{"call", "err"}, ""},
		"with a ctx":  {`log.InfoContext(ctx, "x", "user", 1)`, []string{"user"}, ""},
		"a level":     {`h.log.Log(ctx, level, "no quote", "symbol", s)`, []string{"symbol"}, ""},
		"attributes":  {`s.logger.LogAttrs(ctx, slog.LevelInfo, "x", slog.String("path", p), slog.Any("err", err))`, []string{"path", "err"}, ""},
		"our own":     {`s.b.drop("events are dropped", err, "store", s.store)`, []string{"store"}, ""},
		"appended":    {`b.o.Logger.Warn("x"+what, append(args, "err", err, "dropped", n)...)`, []string{"err", "dropped"}, ""},
		"with":        {`log.With("addr", a)`, []string{"addr"}, ""},
		"not a log":   {`t.Log("a", "b", "c")`, nil, ""},
		"not literal": {`logger.Info("x", key, v)`, nil, "no literal"},
		"no value":    {`logger.Info("x", "key")`, nil, "without a value"},
	} {
		t.Run(name, func(t *testing.T) {
			fset := token.NewFileSet()
			file, err := parser.ParseFile(fset, "x.go", "package x\nfunc f() { "+c.line+" }", 0)
			require.NoError(t, err)
			found, err := keys(fset, file)
			if c.err != "" {
				require.ErrorContains(t, err, c.err)
				return
			}
			require.NoError(t, err)
			var got []string
			for key := range found {
				got = append(got, key)
			}
			require.ElementsMatch(t, c.want, got)
		})
	}
}
