package httpsvc_test

import (
	"flag"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/examples/internal/httpsvc"
)

func TestFlags(t *testing.T) {
	type conf struct {
		addr string
		demo bool
		ttl  time.Duration
	}
	for name, tc := range map[string]struct {
		args []string
		env  map[string]string
		want conf
		err  string
	}{
		"defaults":               {nil, nil, conf{":1", false, 0}, ""},
		"flag":                   {[]string{"-addr", ":2", "--demo"}, nil, conf{":2", true, 0}, ""},
		"environment":            {nil, map[string]string{"GOCHAT_ADDR": ":3", "GOCHAT_DEMO": "1", "GOCHAT_TOKEN_TTL": "5m"}, conf{":3", true, 5 * time.Minute}, ""},
		"flag wins":              {[]string{"-addr", ":2", "-demo=false"}, map[string]string{"GOCHAT_ADDR": ":3", "GOCHAT_DEMO": "1"}, conf{":2", false, 0}, ""},
		"flag that is default":   {[]string{"-addr", ":1"}, map[string]string{"GOCHAT_ADDR": ":3"}, conf{":1", false, 0}, ""},
		"empty is not set":       {nil, map[string]string{"GOCHAT_ADDR": "", "GOCHAT_DEMO": ""}, conf{":1", false, 0}, ""},
		"of another program":     {nil, map[string]string{"GOCHAT_OTHER": "x"}, conf{":1", false, 0}, ""},
		"unknown flag":           {[]string{"-adr", ":2"}, nil, conf{}, "flag provided but not defined: -adr"},
		"bad value":              {[]string{"-token-ttl", "x"}, nil, conf{}, "token-ttl"},
		"bad environment":        {nil, map[string]string{"GOCHAT_TOKEN_TTL": "hunter2"}, conf{}, "GOCHAT_TOKEN_TTL has a value that -token-ttl does not take"},
		"argument":               {[]string{"run"}, nil, conf{}, `unexpected argument "run"`},
		"bad value in place":     {[]string{"-demo=maybe"}, nil, conf{}, "demo"},
		"missing value":          {[]string{"-addr"}, nil, conf{}, "flag needs an argument: -addr"},
		"bad env hidden by flag": {[]string{"-token-ttl", "1s"}, map[string]string{"GOCHAT_TOKEN_TTL": "x"}, conf{":1", false, time.Second}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var got conf
			fs := flag.NewFlagSet("auth", flag.ContinueOnError)
			fs.StringVar(&got.addr, "addr", ":1", "listen on `host:port`")
			fs.BoolVar(&got.demo, "demo", false, "demo users")
			fs.DurationVar(&got.ttl, "token-ttl", 0, "life of a token")
			err := httpsvc.ParseFlags(fs, tc.args, func(k string) (string, bool) { v, ok := tc.env[k]; return v, ok })
			if tc.err != "" {
				require.ErrorContains(t, err, tc.err)
				require.NotContains(t, err.Error(), "hunter2")
				return
			}
			require.NoError(t, err)
			require.Equal(t, tc.want, got)
		})
	}
}

func TestHelpNamesTheTwins(t *testing.T) {
	fs := flag.NewFlagSet("auth", flag.ContinueOnError)
	fs.String("key-file", "", "private key, a `path`")
	err := httpsvc.ParseFlags(fs, []string{"-h"}, func(string) (string, bool) { return "", false })
	require.ErrorIs(t, err, flag.ErrHelp)
	require.ErrorContains(t, err, "-key-file path")
	require.ErrorContains(t, err, "GOCHAT_KEY_FILE")
}

func TestLists(t *testing.T) {
	var hosts []string
	var nets []netip.Prefix
	parse := func(args ...string) error {
		fs := flag.NewFlagSet("auth", flag.ContinueOnError)
		httpsvc.ListFlag(fs, &hosts, "hosts", "")
		httpsvc.PrefixFlag(fs, &nets, "nets", "")
		return httpsvc.ParseFlags(fs, args, func(string) (string, bool) { return "", false })
	}
	require.NoError(t, parse("-hosts", "a, b,,c", "-nets", "10.1.2.3/8, fd00::/8"))
	require.Equal(t, []string{"a", "b", "c"}, hosts)
	require.Equal(t, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}, nets)
	require.Error(t, parse("-nets", "10.0.0.1"))
}
