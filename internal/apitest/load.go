package apitest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// listed is a package as the go command lists it.
type listed struct {
	ImportPath string
	Dir        string
	Name       string
	GoFiles    []string
	ImportMap  map[string]string
	DepOnly    bool
}

// Load reads the packages that patterns match, and what they import, from
// their sources as they are on Linux without cgo. Bodies of functions are not
// looked at, so nothing need be compiled.
func Load(dir string, patterns ...string) ([]*types.Package, error) {
	cmd := exec.Command("go", append([]string{"list", "-deps", "-json=ImportPath,Dir,Name,GoFiles,ImportMap,DepOnly"}, patterns...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("apitest: go list: %w\n%s", err, &stderr)
	}
	l := loader{fset: token.NewFileSet(), all: map[string]listed{}, done: map[string]*types.Package{"unsafe": types.Unsafe}}
	for d := json.NewDecoder(bytes.NewReader(out)); d.More(); {
		var p listed
		if err := d.Decode(&p); err != nil {
			return nil, fmt.Errorf("apitest: go list: %w", err)
		}
		l.all[p.ImportPath] = p
	}
	var pkgs []*types.Package
	for _, path := range slices.Sorted(maps.Keys(l.all)) {
		if p := l.all[path]; p.DepOnly || p.Name == "main" {
			continue
		}
		pkg, err := l.load(path)
		if err != nil {
			return nil, err
		}
		pkgs = append(pkgs, pkg)
	}
	return pkgs, nil
}

type loader struct {
	fset *token.FileSet
	all  map[string]listed
	done map[string]*types.Package
}

func (l *loader) load(path string) (*types.Package, error) {
	if pkg := l.done[path]; pkg != nil {
		return pkg, nil
	}
	p, ok := l.all[path]
	if !ok {
		return nil, fmt.Errorf("apitest: %s is not listed", path)
	}
	var files []*ast.File
	for _, name := range p.GoFiles {
		file, err := parser.ParseFile(l.fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, fmt.Errorf("apitest: %w", err)
		}
		files = append(files, file)
	}
	config := types.Config{IgnoreFuncBodies: true, Sizes: types.SizesFor("gc", "amd64"), Importer: within{l, p}}
	pkg, err := config.Check(path, l.fset, files, nil)
	if err != nil {
		return nil, fmt.Errorf("apitest: %w", err)
	}
	l.done[path] = pkg
	return pkg, nil
}

// within imports what one package imports: the standard library has packages
// of others under names of its own.
type within struct {
	l *loader
	p listed
}

func (w within) Import(path string) (*types.Package, error) {
	if mapped := w.p.ImportMap[path]; mapped != "" {
		path = mapped
	}
	return w.l.load(path)
}
