#!/usr/bin/env bash
# lint.sh [FLAG...] [PACKAGE...]: golangci-lint over the tree, by .golangci.yml. The
# tool is built from source when this version is not there yet, which takes some
# minutes once; it lies in the user's cache, where neither `make clean` nor a fresh
# clone loses it. One core at low priority is enough for it.
set -eu
cd "$(dirname "$0")/.."
version=v2.15.0 # the only place that says so
cache=${XDG_CACHE_HOME:-$HOME/.cache}/whalefall/golangci-lint-$version
tool=$cache/golangci-lint
export CGO_ENABLED=0 GOMAXPROCS=1
if [ ! -x "$tool" ]; then
	echo "lint: building golangci-lint $version (once, about three minutes)" >&2
	mkdir -p "$cache"
	GOFLAGS= GOBIN=$cache nice -n 10 go install -trimpath -ldflags='-s -w' "github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$version"
fi
echo "lint: golangci-lint $version" >&2
exec nice -n 10 "$tool" run "$@"
