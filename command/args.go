package command

import (
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"time"
)

// plan is how the arguments of a command fill a struct.
type plan struct {
	params []param
	names  map[string]int // index in params
}

// param is one argument and the field that it goes to.
type param struct {
	Arg
	field     int      // index in the struct
	low, high *big.Rat // the bounds, or nil
}

// args returns the arguments as a spec describes them.
func (p *plan) args() []Arg {
	var args []Arg
	for _, a := range p.params {
		args = append(args, a.Arg)
	}
	return args
}

var durationType = reflect.TypeFor[time.Duration]()

// planOf reads the tags of a struct type. The error is the programmer's.
func planOf(t reflect.Type) (*plan, error) {
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("arguments are %v, not a struct", t)
	}
	p := &plan{names: map[string]int{}}
	for i := range t.NumField() {
		f := t.Field(i)
		tag, tagged := f.Tag.Lookup("cmd")
		switch {
		case tag == "-", !tagged && !f.IsExported():
			continue
		case !f.IsExported():
			return nil, fmt.Errorf("field %s has a cmd tag but is not exported", f.Name)
		case !tagged:
			return nil, fmt.Errorf(`field %s has no cmd tag; leave it out by cmd:"-"`, f.Name)
		}
		a := param{field: i}
		err := a.read(f, tag)
		if err == nil {
			err = p.add(a)
		}
		if err != nil {
			return nil, fmt.Errorf("field %s: %w", f.Name, err)
		}
	}
	return p, nil
}

// add appends an argument after looking at its place among the others.
func (p *plan) add(a param) error {
	if n := len(p.params); n > 0 {
		if last := p.params[n-1]; last.List || last.Rest {
			return fmt.Errorf("nothing can follow %s, which takes all that is left", last.Name)
		} else if a.Required && !last.Required {
			return fmt.Errorf("a required argument can't follow the optional %s", last.Name)
		}
	}
	if _, twice := p.names[a.Name]; twice {
		return fmt.Errorf("two arguments are called %s", a.Name)
	}
	p.names[a.Name] = len(p.params)
	p.params = append(p.params, a)
	return nil
}

// read fills the argument from the tags of its field.
func (a *param) read(f reflect.StructField, tag string) error {
	options := strings.Split(tag, ",")
	a.Arg = Arg{
		Name: options[0], Help: f.Tag.Get("help"), Default: f.Tag.Get("default"),
		Min: f.Tag.Get("min"), Max: f.Tag.Get("max"),
	}
	switch k := f.Type.Kind(); {
	case f.Type == durationType:
		a.Type = TypeDuration
	case k == reflect.String:
		a.Type = TypeString
	case k == reflect.Slice && f.Type.Elem().Kind() == reflect.String:
		a.Type, a.List = TypeString, true
	case k >= reflect.Int && k <= reflect.Int64:
		a.Type = TypeInt
	case k == reflect.Bool:
		a.Type = TypeBool
	default:
		return fmt.Errorf("type %v is not string, []string, int, bool or time.Duration", f.Type)
	}
	for _, o := range options[1:] {
		switch o {
		case "required":
			a.Required = true
		case "rest", TypeDecimal, TypeUser, TypeRoom:
			if a.Type != TypeString || a.List || a.Rest {
				return fmt.Errorf("option %s is for a string, and alone", o)
			}
			if o == "rest" {
				a.Rest = true
			} else {
				a.Type = o
			}
		default:
			return fmt.Errorf("option %q is unknown", o)
		}
	}
	if enum, ok := f.Tag.Lookup("enum"); ok {
		if a.Type != TypeString || a.List || a.Rest {
			return errors.New("enum is for a plain string")
		}
		a.Type, a.Choices = TypeEnum, strings.Split(enum, "|")
		if slices.Contains(a.Choices, "") {
			return errors.New("enum has an empty choice")
		}
	}
	return a.checkValues(f.Type)
}

// checkValues tries the default and the bounds as values of the argument.
func (a *param) checkValues(t reflect.Type) error {
	if a.Min != "" || a.Max != "" {
		switch a.Type {
		case TypeBool, TypeEnum, TypeUser, TypeRoom:
			return fmt.Errorf("min and max mean nothing for type %s", a.Type)
		}
	}
	var err error
	if a.low, err = a.bound(a.Min); err != nil {
		return fmt.Errorf("min %q: %w", a.Min, err)
	}
	if a.high, err = a.bound(a.Max); err != nil {
		return fmt.Errorf("max %q: %w", a.Max, err)
	}
	if a.low != nil && a.high != nil && a.low.Cmp(a.high) > 0 {
		return fmt.Errorf("min %s is over max %s", a.Min, a.Max)
	}
	if a.Default == "" {
		return nil
	}
	if a.Required || a.List {
		return errors.New("a required argument or a list has no default")
	}
	if err := a.set(reflect.New(t).Elem(), a.Default); err != nil {
		return fmt.Errorf("default: %w", err)
	}
	return nil
}
