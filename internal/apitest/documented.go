package apitest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
)

// Undocumented returns the exported names of the package in dir that no
// comment stands at, with their places: types, functions and methods, constants
// and variables (a comment on their group counts), fields, and the methods of
// interfaces.
func Undocumented(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("apitest: %w", err)
	}
	u := undocumented{fset: token.NewFileSet()}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(u.fset, filepath.Join(dir, e.Name()), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, fmt.Errorf("apitest: %w", err)
		}
		for _, decl := range file.Decls {
			u.decl(decl)
		}
	}
	return u.found, nil
}

type undocumented struct {
	fset  *token.FileSet
	found []string
}

func (u *undocumented) check(id *ast.Ident, owner string, comments ...*ast.CommentGroup) {
	if !id.IsExported() {
		return
	}
	for _, c := range comments {
		if c != nil {
			return
		}
	}
	u.found = append(u.found, fmt.Sprintf("%s: %s%s", u.fset.Position(id.Pos()), owner, id.Name))
}

func (u *undocumented) decl(decl ast.Decl) {
	switch decl := decl.(type) {
	case *ast.FuncDecl:
		owner := receiver(decl)
		if owner == "" || ast.IsExported(owner) {
			u.check(decl.Name, strings.TrimPrefix(owner+".", "."), decl.Doc)
		}
	case *ast.GenDecl:
		for _, spec := range decl.Specs {
			switch spec := spec.(type) {
			case *ast.ValueSpec:
				for _, name := range spec.Names {
					u.check(name, "", decl.Doc, spec.Doc, spec.Comment)
				}
			case *ast.TypeSpec:
				u.check(spec.Name, "", decl.Doc, spec.Doc)
				if spec.Name.IsExported() {
					u.fields(spec)
				}
			}
		}
	}
}

func (u *undocumented) fields(spec *ast.TypeSpec) {
	var fields *ast.FieldList
	switch t := spec.Type.(type) {
	case *ast.StructType:
		fields = t.Fields
	case *ast.InterfaceType:
		fields = t.Methods
	default:
		return
	}
	for _, field := range fields.List {
		for _, name := range field.Names {
			u.check(name, spec.Name.Name+".", field.Doc, field.Comment)
		}
	}
}

// receiver returns the name of the type that a method belongs to, or "".
func receiver(decl *ast.FuncDecl) string {
	if decl.Recv == nil {
		return ""
	}
	t := decl.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	if index, ok := t.(*ast.IndexExpr); ok {
		t = index.X
	}
	if id, ok := t.(*ast.Ident); ok {
		return id.Name
	}
	return ""
}
