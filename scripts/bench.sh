#!/usr/bin/env bash
# bench.sh: the benchmarks whose ratios docs/verification.md keeps. Both sides of a
# ratio run in the same process, in turn.
set -u
cd "$(dirname "$0")/.."
go run ./test/perf -real "$@" || go run ./test/perf "$@" || exit 1
go test -run '^$' -bench . -benchtime 1s -count 3 ./internal/record ./internal/journal ./internal/shell 2>&1 | grep -E '^(Benchmark|ok|FAIL)'
