// Package deptest lets a package's tests say what the package may import.
//
// Which way imports point is a promise to those who build on a part of this
// module: who only wants the contract of the broker does not get a database
// driver with it. [Only] keeps the promise and, when it is broken, shows the
// path to the import that broke it.
package deptest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// Module is the path of this module.
const Module = "github.com/carlware/gochat"

// Only fails the test unless pkg, a package of this module given by its path
// within it, imports nothing but the standard library and the packages in
// allowed, itself or through others. An allowed name is a path within the
// module, "internal/text", or an import path outside of it,
// "github.com/shopspring/decimal"; with "/..." at its end it allows what is
// below it too. Test files may import what they like.
func Only(t testing.TB, pkg string, allowed ...string) {
	t.Helper()
	all, err := list(Module + "/" + pkg)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range violations(Module+"/"+pkg, all, allowed) {
		t.Errorf("%s may import only the standard library and %s, but it does so:\n\t%s",
			pkg, strings.Join(allowed, ", "), strings.Join(path, "\n\timports "))
	}
}

// Deps returns the import paths of all that pkg, a package of this module given
// by its path within it, depends on.
func Deps(pkg string) ([]string, error) {
	all, err := list(Module + "/" + pkg)
	return slices.Sorted(maps.Keys(all)), err
}

// imported is a package as the go command lists it.
type imported struct {
	ImportPath string
	Standard   bool
	Imports    []string
}

// list returns pkg and all that it depends on, by import path.
func list(pkg string) (map[string]imported, error) {
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Standard,Imports", pkg)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("deptest: go list %s: %w\n%s", pkg, err, &stderr)
	}
	all := map[string]imported{}
	for d := json.NewDecoder(bytes.NewReader(out)); d.More(); {
		var p imported
		if err := d.Decode(&p); err != nil {
			return nil, fmt.Errorf("deptest: go list %s: %w", pkg, err)
		}
		all[p.ImportPath] = p
	}
	return all, nil
}

// violations returns a shortest path of imports from root to each package
// that is not allowed, without looking behind it.
func violations(root string, all map[string]imported, allowed []string) [][]string {
	var bad [][]string
	seen := map[string]bool{root: true}
	for queue := [][]string{{root}}; len(queue) > 0; queue = queue[1:] {
		path := queue[0]
		for _, next := range all[path[len(path)-1]].Imports {
			if seen[next] || all[next].Standard {
				continue
			}
			seen[next] = true
			longer := append(slices.Clone(path), next)
			if permits(allowed, next) {
				queue = append(queue, longer)
			} else {
				bad = append(bad, longer)
			}
		}
	}
	return bad
}

func permits(allowed []string, path string) bool {
	inside := strings.TrimPrefix(path, Module+"/")
	for _, a := range allowed {
		if below, ok := strings.CutSuffix(a, "/..."); ok {
			if strings.HasPrefix(inside, below+"/") {
				return true
			}
			a = below
		}
		if inside == a {
			return true
		}
	}
	return false
}
