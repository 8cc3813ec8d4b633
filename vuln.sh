#!/usr/bin/env bash
# Looks for known vulnerabilities in what this module calls: ./vuln.sh
#
# govulncheck reads the database of the Go project at https://vuln.go.dev, so
# this is no part of test.sh, which has to give the same result everywhere. It
# ends with 0 when nothing was found, with 3 when something was (as govulncheck
# does), and with 4 when the database can't be reached: then nothing is known.
# GOVULNDB names another database, such as a mirror or a file:// directory.
set -euo pipefail
cd "$(dirname "$0")"

govulncheck=golang.org/x/vuln/cmd/govulncheck@v1.9.0
found=0
for dir in . e2e; do
	[ -f "$dir/go.mod" ] || continue
	printf '\n== %s\n' "$dir"
	code=0
	out=$(cd "$dir" && go run $govulncheck ${GOVULNDB:+-db "$GOVULNDB"} ./... 2>&1) || code=$?
	printf '%s\n' "$out"
	case $code in
	0) ;;
	*)
		# "go run" turns every exit code of the program into 1.
		case $out in
		*"exit status 3"*) found=3 ;;
		*) printf 'vuln.sh: not checked; is the database within reach?\n' >&2; exit 4 ;;
		esac
		;;
	esac
done
exit $found
