#!/usr/bin/env bash
# Tests everything: ./test.sh
#
# It needs Go, and installs what else is missing, through apt on Debian and
# Ubuntu or brew on macOS; elsewhere it names what is missing and stops. It
# changes nothing else on the machine: programs under test run on free ports
# and in temporary directories. With CI set, a test that lacks something fails
# instead of being skipped; one of these things, on Linux, is root's right to
# mount a small disk.
set -euo pipefail
cd "$(dirname "$0")"

say() { printf '\n== %s\n' "$*"; }
die() { printf 'test.sh: %s\n' "$*" >&2; exit 1; }

command -v go >/dev/null || die "Go is missing: see https://go.dev/dl"

# what is missing: the browser for e2e/, Node.js for the JavaScript client,
# the servers of PostgreSQL and RabbitMQ, of which tests start their own

browser() {
	local b
	for b in "${GOCHAT_CHROMIUM:-}" chromium chromium-browser google-chrome \
		"/Applications/Chromium.app/Contents/MacOS/Chromium" \
		"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"; do
		if [ -n "$b" ] && command -v "$b" >/dev/null; then command -v "$b"; return; fi
	done
	return 1
}

postgres() {
	[ -n "${GOCHAT_POSTGRES_URL:-}" ] || command -v postgres >/dev/null ||
		ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1
}

rabbitmq() {
	command -v rabbitmq-server >/dev/null || [ -x /usr/lib/rabbitmq/bin/rabbitmq-server ]
}

apt=() brew=()
browser >/dev/null || { apt+=(chromium fonts-dejavu-core); brew+=(--cask chromium); }
command -v node >/dev/null || { apt+=(nodejs); brew+=(node); }
command -v npm >/dev/null || { apt+=(npm); brew+=(node); }
postgres || { apt+=(postgresql); brew+=(postgresql@16); }
rabbitmq || { apt+=(rabbitmq-server); brew+=(rabbitmq); }

if [ ${#apt[@]} -gt 0 ]; then
	if command -v apt-get >/dev/null; then
		sudo=()
		[ "$(id -u)" = 0 ] || sudo=(sudo)
		say "installing with apt: ${apt[*]}"
		"${sudo[@]}" apt-get -o DPkg::Lock::Timeout=300 update -qq
		DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get -o DPkg::Lock::Timeout=300 \
			install -y -qq --no-install-recommends "${apt[@]}" >/dev/null
	elif command -v brew >/dev/null; then
		say "installing with brew: ${brew[*]}"
		brew install --quiet "${brew[@]}"
		PATH="$(brew --prefix postgresql@16 2>/dev/null)/bin:$PATH"
	else
		die "please install: ${apt[*]}"
	fi
fi
# Debian 12 has Node.js 18; the npm registry has newer ones.
if [ "$(node -p 'parseInt(process.versions.node)')" -lt 20 ]; then
	nodes=${XDG_CACHE_HOME:-$HOME/.cache}/gochat-test/node22
	say "fetching Node.js 22 with npm, into $nodes"
	[ -x "$nodes/node_modules/.bin/node" ] || npm install --prefix "$nodes" --silent --no-audit --no-fund node@22
	PATH="$nodes/node_modules/.bin:$PATH"
	export PATH
fi
GOCHAT_CHROMIUM=$(browser) || die "Chromium was installed but is not found; set GOCHAT_CHROMIUM"
export GOCHAT_CHROMIUM
say "$(go version), node $(node --version), $("$GOCHAT_CHROMIUM" --version 2>/dev/null | head -1)"

say "format"
unformatted=$(git ls-files '*.go' | xargs gofmt -l)
[ -z "$unformatted" ] || die "not formatted: $unformatted"

for os in linux darwin windows; do
	say "go vet for $os"
	GOOS=$os CGO_ENABLED=0 go vet ./...
done
(cd e2e && go vet ./...)
(cd bench && go vet ./...)

say "lint"
golangci=github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
go run $golangci run ./...
(cd e2e && go run $golangci run --config ../.golangci.yml ./...)
(cd bench && go run $golangci run --config ../.golangci.yml ./...)

say "tests, with the race detector"
# The longest first, which wait more than they work. A machine under load may take long.
go test -race -timeout 25m ./transport/rabbitmq ./examples/cluster ./...

say "tests in a browser"
(cd e2e && go test -race -timeout 20m ./...)

say "benchmarks, in small"
(cd bench && go test -timeout 10m ./...)

say "all passed in $((SECONDS / 60)) min $((SECONDS % 60)) s"
