package httpsvc

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"strings"
)

// EnvName returns the environment variable that is the twin of a flag:
// GOCHAT_DEMO_ALLOW_REMOTE of -demo-allow-remote.
func EnvName(flagName string) string {
	return "GOCHAT_" + strings.ToUpper(strings.ReplaceAll(flagName, "-", "_"))
}

// ParseFlags parses args into the flags of fs; a flag that is not in args takes
// its value from its environment variable (see [EnvName]), if that is set and
// not empty. lookup is [os.LookupEnv]. Arguments that are not flags are an
// error. fs must have been made with [flag.ContinueOnError]; ParseFlags makes
// it silent: the caller prints the error.
//
// The error of -h is [flag.ErrHelp] with the usage as its text.
func ParseFlags(fs *flag.FlagSet, args []string, lookup func(string) (string, bool)) error {
	fs.SetOutput(io.Discard)
	fs.Usage = func() {}
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return &helpError{usage(fs)}
		}
		return err
	}
	if fs.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	given := map[string]bool{}
	fs.Visit(func(f *flag.Flag) { given[f.Name] = true })
	var errs []error
	fs.VisitAll(func(f *flag.Flag) {
		value, ok := lookup(EnvName(f.Name))
		if given[f.Name] || !ok || value == "" {
			return
		}
		if err := fs.Set(f.Name, value); err != nil {
			// Not the value: what is meant to be secret may be set by mistake.
			errs = append(errs, fmt.Errorf("%s has a value that -%s does not take", EnvName(f.Name), f.Name))
		}
	})
	return errors.Join(errs...)
}

// ListFlag adds a flag that takes a list with commas.
func ListFlag(fs *flag.FlagSet, p *[]string, name, usage string) {
	fs.Func(name, usage, func(value string) error {
		*p = nil
		for item := range strings.SplitSeq(value, ",") {
			if item = strings.TrimSpace(item); item != "" {
				*p = append(*p, item)
			}
		}
		return nil
	})
}

// PrefixFlag adds a flag that takes networks in CIDR notation, with commas.
func PrefixFlag(fs *flag.FlagSet, p *[]netip.Prefix, name, usage string) {
	fs.Func(name, usage, func(value string) error {
		*p = nil
		for item := range strings.SplitSeq(value, ",") {
			prefix, err := netip.ParsePrefix(strings.TrimSpace(item))
			if err != nil {
				return err
			}
			*p = append(*p, prefix.Masked())
		}
		return nil
	})
}

type helpError struct{ text string }

func (e *helpError) Error() string { return e.text }
func (e *helpError) Unwrap() error { return flag.ErrHelp }

func usage(fs *flag.FlagSet) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Usage of %s (each flag has a twin in the environment; the flag wins):\n", fs.Name())
	fs.VisitAll(func(f *flag.Flag) {
		kind, text := flag.UnquoteUsage(f)
		fmt.Fprintf(&b, "  -%s %s\n    \t%s", f.Name, kind, text)
		if f.DefValue != "" {
			fmt.Fprintf(&b, " (default %s)", f.DefValue)
		}
		fmt.Fprintf(&b, " [%s]\n", EnvName(f.Name))
	})
	return b.String()
}
