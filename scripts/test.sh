#!/usr/bin/env bash
# test.sh: vet, all tests, the race detector over what is concurrent; prints counts,
# skips with their reasons and the deviations at the end.
set -u
cd "$(dirname "$0")/.."
fail=0
echo "== vet"; unformatted=$(gofmt -l cmd internal test early); if [ -n "$unformatted" ]; then echo "not formatted: $unformatted"; fail=1; fi
go vet ./... || fail=1
echo "== tests"
out=$(mktemp); trap 'rm -f "$out"' EXIT
go test -json -timeout 25m ./... >"$out"
go run ./test/report <"$out" || fail=1
if [ "${WHALEFALL_NO_RACE:-}" = "" ]; then
	echo "== race detector"
	make -s race || fail=1
fi
if [ -f test/fidelity/deviations.tsv ]; then
	echo "deviations: $(grep -vc -e '^#' -e '^$' test/fidelity/deviations.tsv)"
	echo "deviations of the docker client's output: $(grep -vc -e '^#' -e '^$' test/fidelity/cli.tsv)"
	echo "deviations of other clients: $(grep -vc -e '^#' -e '^$' test/clients/deviations.tsv)"
fi
exit $fail
