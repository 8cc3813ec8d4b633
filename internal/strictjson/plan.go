package strictjson

import (
	"bytes"
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// kind is what a plan wants to see.
type kind uint8

const (
	any_ kind = iota // whatever is legal
	object
	array
	text
	number
	boolean
	pointer // null, or what elem wants
)

func (k kind) demand() string {
	switch k {
	case object:
		return "must be an object"
	case array:
		return "must be an array"
	case text:
		return "must be a string"
	case number:
		return "must be a number"
	case boolean:
		return "must be true or false"
	}
	return "must not be null"
}

// plan is what the scanner needs to know of a Go type. A plan is never changed
// once planOf has returned it.
type plan struct {
	want   kind
	null   bool             // null is a value of this type and not the lack of one
	elem   *plan            // of arrays, pointers, and of objects that are maps
	fields map[string]*plan // of objects that are structs
	names  [][]byte         // the keys of fields
}

// anything is the plan of unknown members: everything below is still checked
// for what can be wrong without a target.
var anything = &plan{null: true}

func (p *plan) accept(k kind) *Error {
	if p.want == k || p.want == any_ {
		return nil
	}
	return &Error{Msg: p.want.demand()}
}

// member returns the plan for the value of key.
func (p *plan) member(key []byte) (*plan, *Error) {
	if p.want != object {
		return anything, nil
	}
	if p.fields == nil {
		return p.elem, nil
	}
	if f, ok := p.fields[string(key)]; ok {
		return f, nil
	}
	for _, name := range p.names {
		if bytes.EqualFold(name, key) {
			return nil, (&Error{Msg: "must be spelled " + string(name)}).within(string(key))
		}
	}
	return anything, nil
}

var plans sync.Map // reflect.Type → *plan

func planOf(t reflect.Type) *plan {
	if p, ok := plans.Load(t); ok {
		return p.(*plan)
	}
	p := planner{}.plan(t)
	plans.Store(t, p)
	return p
}

// planner holds the plans of the types under way, so that a type may contain
// itself. Only the finished outermost plan is shared.
type planner map[reflect.Type]*plan

var (
	rawMessage      = reflect.TypeFor[json.RawMessage]()
	jsonNumber      = reflect.TypeFor[json.Number]()
	unmarshaler     = reflect.TypeFor[json.Unmarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
)

func implements(t, iface reflect.Type) bool {
	return t.Implements(iface) || reflect.PointerTo(t).Implements(iface)
}

func (b planner) plan(t reflect.Type) *plan {
	if p, ok := b[t]; ok {
		return p
	}
	p := &plan{}
	b[t] = p
	switch {
	case t == rawMessage:
		p.null = true
	case t == jsonNumber:
		p.want = number
	case t.Kind() == reflect.Pointer:
		p.want, p.elem = pointer, b.plan(t.Elem())
	case implements(t, unmarshaler):
		// Decodes itself: any JSON type, but null is not passed on, since
		// by custom UnmarshalJSON does nothing with it.
	case implements(t, textUnmarshaler):
		p.want = text
	default:
		b.byKind(p, t)
	}
	return p
}

func (b planner) byKind(p *plan, t reflect.Type) {
	switch t.Kind() {
	case reflect.Bool:
		p.want = boolean
	case reflect.String:
		p.want = text
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr,
		reflect.Float32, reflect.Float64:
		p.want = number
	case reflect.Struct:
		p.want, p.fields = object, b.fields(t)
		for name := range p.fields {
			p.names = append(p.names, []byte(name))
		}
	case reflect.Map:
		p.want, p.elem = object, b.plan(t.Elem())
	case reflect.Slice, reflect.Array:
		if t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8 {
			p.want = text // base64
			return
		}
		p.want, p.elem = array, b.plan(t.Elem())
	default: // interfaces; what cannot be decoded at all is left to encoding/json
		p.null = true
	}
}

// fields finds the keys that encoding/json would fill: those of t, and those
// of embedded structs where nothing less deep has the same name. Where two of
// the same depth share a name, encoding/json picks one or none; such a key is
// not checked.
func (b planner) fields(t reflect.Type) map[string]*plan {
	fields := map[string]*plan{}
	visited := map[reflect.Type]bool{t: true}
	for level := []reflect.Type{t}; len(level) > 0; {
		found := map[string]*plan{}
		var deeper []reflect.Type
		for _, t := range level {
			for i := range t.NumField() {
				f := t.Field(i)
				tag := f.Tag.Get("json")
				name, opts, _ := strings.Cut(tag, ",")
				embedded := f.Anonymous && deref(f.Type).Kind() == reflect.Struct
				if tag == "-" || !f.IsExported() && !embedded {
					continue
				}
				if embedded && name == "" {
					if e := deref(f.Type); !visited[e] {
						visited[e] = true
						deeper = append(deeper, e)
					}
					continue
				}
				if name == "" {
					name = f.Name
				}
				switch {
				case found[name] != nil:
					found[name] = anything
				case quoted(f.Type, opts):
					found[name] = &plan{want: text, null: f.Type.Kind() == reflect.Pointer}
				default:
					found[name] = b.plan(f.Type)
				}
			}
		}
		for name, p := range found {
			if fields[name] == nil {
				fields[name] = p
			}
		}
		level = deeper
	}
	return fields
}

// quoted reports whether the tag option "string" holds for the type: the value
// is then a string with the JSON of a scalar in it.
func quoted(t reflect.Type, opts string) bool {
	if !slices.Contains(strings.Split(opts, ","), "string") {
		return false
	}
	k := deref(t).Kind()
	return reflect.Bool <= k && k <= reflect.Float64 || k == reflect.String
}

func deref(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}
