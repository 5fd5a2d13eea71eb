#!/usr/bin/env bash
# soak.sh TIME: fuzzes every target for TIME each, then 200 kill rounds, and adds a
# line a run to docs/soak.md.
set -u
cd "$(dirname "$0")/.."
each=${1:-10m}
commit=$(git rev-parse --short HEAD)
log() { printf '| %s | %s | %s | %s |\n' "$(date -u +%F)" "$commit" "$1" "$2" >>docs/soak.md; }
[ -f docs/soak.md ] || printf '# What ran long\n\n| day | commit | what | outcome |\n|---|---|---|---|\n' >docs/soak.md
for pkg in $(go list ./internal/... ./test/...); do
	for target in $(go test -list '^Fuzz' "$pkg" 2>/dev/null | grep '^Fuzz'); do
		echo "== $pkg $target $each"
		if go test -run '^$' -fuzz "^$target\$" -fuzztime "$each" "$pkg"; then log "fuzz ${pkg##*/} $target" "$each, no crash"; else log "fuzz ${pkg##*/} $target" "CRASH"; fi
	done
done
if WHALEFALL_KILL_ROUNDS=200 go test -count 1 -timeout 60m -run TestKillNineLosesNothing -v ./test/e2e | tee /tmp/whalefall-soak.log; then log "kill -9, 200 rounds" "$(grep -o '[0-9]* requests answered, [0-9]* missing' /tmp/whalefall-soak.log)"; else log "kill -9, 200 rounds" "FAILED"; fi
