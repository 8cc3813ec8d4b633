// Package apitest keeps the exported API of this module in text files, so that
// a change to it is seen when it is made, and one that breaks programs is meant.
//
// The directory api has one file for each package that others can import, with
// a line for each exported name:
//
//	func New(*Options) (*Node, error)
//	type Draft struct, Text string
//	type Hub interface { Admit, Commands, Connect, … }
//	method (*Node) Shutdown(context.Context) error
//
// The test of this package fails where the code and the files differ, and says
// how to accept it. What a release changes is the difference of the directory
// between two tags. A line that goes breaks programs, and so does a line that
// changes. A line that comes does not: an interface names all of its methods in
// one line, because a new one breaks those who implement it. Tags of fields are
// part of the line: they are the wire format. Names of parameters are not.
package apitest

import (
	"fmt"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// Describe returns the exported API of a package, one line for each name,
// sorted.
func Describe(pkg *types.Package) []string {
	d := describer{pkg: pkg}
	for _, name := range pkg.Scope().Names() {
		if obj := pkg.Scope().Lookup(name); obj.Exported() {
			d.object(obj)
		}
	}
	slices.Sort(d.lines)
	return slices.Compact(d.lines)
}

type describer struct {
	pkg   *types.Package
	lines []string
}

func (d *describer) add(format string, args ...any) {
	d.lines = append(d.lines, fmt.Sprintf(format, args...))
}

func (d *describer) object(obj types.Object) {
	switch obj := obj.(type) {
	case *types.Const:
		d.add("const %s %s = %s", obj.Name(), d.typ(obj.Type()), obj.Val().ExactString())
	case *types.Var:
		d.add("var %s %s", obj.Name(), d.typ(obj.Type()))
	case *types.Func:
		sig := obj.Signature()
		d.add("func %s%s%s", obj.Name(), d.params(sig.TypeParams()), strings.TrimPrefix(d.typ(sig), "func"))
	case *types.TypeName:
		if obj.IsAlias() {
			d.add("type %s = %s", obj.Name(), d.typ(types.Unalias(obj.Type())))
			return
		}
		named := obj.Type().(*types.Named)
		d.named(obj.Name()+d.params(named.TypeParams()), named)
	}
}

func (d *describer) named(name string, t *types.Named) {
	switch u := t.Underlying().(type) {
	case *types.Struct:
		d.add("type %s struct", name)
		for i := range u.NumFields() {
			f, tag := u.Field(i), ""
			if !f.Exported() {
				continue
			}
			if u.Tag(i) != "" {
				tag = " `" + u.Tag(i) + "`"
			}
			if f.Embedded() {
				d.add("type %s struct, embedded %s%s", name, d.typ(f.Type()), tag)
			} else {
				d.add("type %s struct, %s %s%s", name, f.Name(), d.typ(f.Type()), tag)
			}
		}
	case *types.Interface:
		var names []string
		for m := range u.Methods() {
			names = append(names, m.Name())
			if m.Exported() {
				d.add("type %s interface, %s%s", name, m.Name(), strings.TrimPrefix(d.typ(m.Signature()), "func"))
			}
		}
		d.add("type %s interface { %s }", name, strings.Join(names, ", "))
		return
	default:
		d.add("type %s %s", name, d.typ(u))
	}
	// What is promoted from an embedded field counts: it can be called.
	value, pointer := types.NewMethodSet(t), types.NewMethodSet(types.NewPointer(t))
	for sel := range pointer.Methods() {
		m := sel.Obj().(*types.Func)
		if !m.Exported() {
			continue
		}
		star := "*"
		if value.Lookup(m.Pkg(), m.Name()) != nil {
			star = ""
		}
		d.add("method (%s%s) %s%s", star, name, m.Name(), strings.TrimPrefix(d.typ(sel.Type()), "func"))
	}
}

// params writes type parameters, as in "[T any]".
func (d *describer) params(list *types.TypeParamList) string {
	if list.Len() == 0 {
		return ""
	}
	var all []string
	for p := range list.TypeParams() {
		all = append(all, p.Obj().Name()+" "+d.typ(p.Constraint()))
	}
	return "[" + strings.Join(all, ", ") + "]"
}

// typ writes a type: names of its own package bare, of others with the name of
// the package, and without the names of parameters.
func (d *describer) typ(t types.Type) string {
	return types.TypeString(unnamed(t), func(p *types.Package) string {
		if p == d.pkg {
			return ""
		}
		return p.Name()
	})
}

// unnamed returns t without the names of the parameters of functions.
func unnamed(t types.Type) types.Type {
	switch t := t.(type) {
	case *types.Pointer:
		return types.NewPointer(unnamed(t.Elem()))
	case *types.Slice:
		return types.NewSlice(unnamed(t.Elem()))
	case *types.Map:
		return types.NewMap(unnamed(t.Key()), unnamed(t.Elem()))
	case *types.Signature:
		return types.NewSignatureType(nil, nil, nil, unnamedTuple(t.Params()), unnamedTuple(t.Results()), t.Variadic())
	}
	return t
}

func unnamedTuple(t *types.Tuple) *types.Tuple {
	var vars []*types.Var
	for v := range t.Variables() {
		vars = append(vars, types.NewParam(token.NoPos, v.Pkg(), "", unnamed(v.Type())))
	}
	return types.NewTuple(vars...)
}

// Diff says how the lines of an API have changed.
func Diff(before, now []string) (removed, added []string) {
	for _, line := range before {
		if !slices.Contains(now, line) {
			removed = append(removed, line)
		}
	}
	for _, line := range now {
		if !slices.Contains(before, line) {
			added = append(added, line)
		}
	}
	return removed, added
}
