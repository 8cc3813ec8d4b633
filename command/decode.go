package command

import (
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// decode fills the struct v from the arguments of a command line.
func (p *plan) decode(args string, v reflect.Value) *Error {
	given := make([]bool, len(p.params))
	split := splitter{args: args}
	isKey := func(key string) bool { _, ok := p.names[key]; return ok }
	for next := 0; ; {
		key, more := split.next(isKey)
		if !more {
			break
		}
		i := p.names[key]
		if key == "" {
			for next < len(p.params) && given[next] && !p.params[next].List {
				next++
			}
			if i = next; i == len(p.params) {
				return usage("%q is too much.", shown(split.rest()))
			}
		}
		a := &p.params[i]
		if given[i] && !a.List {
			return usage("%s is given twice.", a.Name)
		}
		given[i] = true
		value, err := "", (*Error)(nil)
		if a.Rest {
			value = split.rest()
		} else if value, err = split.value(); err != nil {
			return err
		}
		if err := a.put(v.Field(a.field), value); err != nil {
			return usage("%s %v.", a.Name, err)
		}
	}
	for i := range p.params {
		a := &p.params[i]
		f := v.Field(a.field)
		switch {
		case a.Required && (!given[i] || f.Kind() == reflect.String && f.Len() == 0):
			return usage("%s is missing.", a.Name)
		case a.List && given[i]:
			if err := a.within(big.NewRat(int64(f.Len()), 1), "have", " values"); err != nil {
				return usage("%s %v.", a.Name, err)
			}
		case !given[i] && a.Default != "":
			_ = a.set(f, a.Default) // was tried when the plan was made
		}
	}
	return nil
}

// put adds s to a list, or sets it.
func (a *param) put(f reflect.Value, s string) error {
	if a.List {
		f.Set(reflect.Append(f, reflect.ValueOf(s).Convert(f.Type().Elem())))
		return nil
	}
	return a.set(f, s)
}

// set parses s as a value of a into f. The error reads after the name of the
// argument.
func (a *param) set(f reflect.Value, s string) error {
	if s == "" && a.Required {
		return errors.New("is missing")
	}
	switch a.Type {
	case TypeInt:
		n, err := strconv.ParseInt(s, 10, f.Type().Bits())
		if err != nil {
			return fmt.Errorf("must be a whole number, not %q", shown(s))
		}
		f.SetInt(n)
		return a.within(new(big.Rat).SetInt64(n), "be", "")
	case TypeBool:
		switch asciiLower(s) {
		case "true", "yes", "on", "1":
			f.SetBool(true)
		case "false", "no", "off", "0":
			f.SetBool(false)
		default:
			return fmt.Errorf("must be yes or no, not %q", shown(s))
		}
		return nil
	case TypeDuration:
		d, err := time.ParseDuration(s)
		if err != nil {
			return fmt.Errorf("must be a duration as in 90s, 5m or 1h30m, not %q", shown(s))
		}
		f.SetInt(int64(d))
		return a.within(new(big.Rat).SetInt64(int64(d)), "be", "")
	case TypeDecimal:
		if !decimalPattern.MatchString(s) {
			return fmt.Errorf("must be a number as in 12.50, not %q", shown(s))
		}
		f.SetString(s)
		n, _ := new(big.Rat).SetString(s)
		return a.within(n, "be", "")
	case TypeEnum:
		for _, choice := range a.Choices {
			if strings.EqualFold(choice, s) {
				f.SetString(choice)
				return nil
			}
		}
		return fmt.Errorf("must be one of %s, not %q", strings.Join(a.Choices[:min(len(a.Choices), 10)], ", "), shown(s))
	case TypeUser:
		s = strings.TrimPrefix(s, "@")
	case TypeRoom:
		s = strings.TrimPrefix(s, "#")
	}
	if s == "" && a.Type != TypeString {
		return errors.New("is empty")
	}
	f.SetString(s)
	if a.Type != TypeString {
		return nil
	}
	return a.within(big.NewRat(int64(utf8.RuneCountInString(s)), 1), "have", " characters")
}

// decimalPattern has no exponent and a length that bounds the work on it.
var decimalPattern = regexp.MustCompile(`^-?[0-9]{1,30}(\.[0-9]{1,30})?$`)

// bound parses a min or max; "" is nil.
func (a Arg) bound(s string) (*big.Rat, error) {
	if s == "" {
		return nil, nil
	}
	if a.Type == TypeDuration {
		d, err := time.ParseDuration(s)
		return new(big.Rat).SetInt64(int64(d)), err
	}
	if !decimalPattern.MatchString(s) || a.Type != TypeDecimal && strings.Contains(s, ".") {
		return nil, errors.New("not a number")
	}
	n, _ := new(big.Rat).SetString(s)
	return n, nil
}

// within checks n against min and max.
func (a *param) within(n *big.Rat, verb, unit string) error {
	if a.low != nil && n.Cmp(a.low) < 0 {
		return fmt.Errorf("must %s at least %s%s", verb, a.Min, unit)
	}
	if a.high != nil && n.Cmp(a.high) > 0 {
		return fmt.Errorf("must %s at most %s%s", verb, a.Max, unit)
	}
	return nil
}
