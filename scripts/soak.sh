#!/usr/bin/env bash
# soak.sh TIME [TARGET ...]: fuzzes every target, or those named, for TIME each, then
# 200 kill rounds (KILL_ROUNDS; 0 for none), adds a line a run to docs/soak.md and the
# sums to docs/verification.md. An input that crashes stays in testdata/fuzz and is
# named.
set -u
cd "$(dirname "$0")/.."
each=${1:-10m}
shift || true
commit=$(git rev-parse --short HEAD)
log() { printf '| %s | %s | %s | %s |\n' "$(date -u +%F)" "$commit" "$1" "$2" >>docs/soak.md; }
[ -f docs/soak.md ] || printf '# What ran long\n\nAdded by `make soak`.\n\n| day | commit | what | outcome |\n|---|---|---|---|\n' >docs/soak.md

# sums writes the totals between the two marks of docs/verification.md.
sums() {
	awk -F'|' '
		function seconds(s,  n, u, t) { t = 0; while (match(s, /[0-9]+[hms]/)) { n = substr(s, RSTART, RLENGTH - 1); u = substr(s, RSTART + RLENGTH - 1, 1); t += n * (u == "h" ? 3600 : u == "m" ? 60 : 1); s = substr(s, RSTART + RLENGTH) } return t }
		$4 ~ /fuzz/ { runs++; split($5, a, ","); t = seconds(a[1]); all += t; gsub(/^ *fuzz | *$/, "", $4); if (!($4 in by)) names++; by[$4] += t; if ($5 ~ /CRASH/) crashed++; last = $3 }
		$4 ~ /kill/ { if (match($4, /[0-9]+ rounds/)) rounds += substr($4, RSTART, RLENGTH - 7); kills = $5; gsub(/^ *| *$/, "", kills) }
		END {
			least = -1; for (n in by) if (least < 0 || by[n] < least) { least = by[n]; who = n }
			printf "Fuzzing: %.1f hours over %d targets, the least of them (%s) %.0f minutes; %d runs found something, which is mended and kept as a test. ", all / 3600, names, who, least / 60, crashed
			printf "Kill rounds: %d%s. By `make soak`, a line a run in docs/soak.md.\n", rounds, kills == "" ? "" : ", the last: " kills
		}' docs/soak.md >"$1"
}

for pkg in $(go list ./cmd/... ./internal/... ./test/...); do
	for target in $(go test -list '^Fuzz' "$pkg" 2>/dev/null | grep '^Fuzz'); do
		if [ $# -gt 0 ] && ! printf '%s\n' "$@" | grep -qx "$target"; then continue; fi
		echo "== $pkg $target $each"
		# Whole worlds take another way each time, so an input is hardly ever minimal.
		if go test -run '^$' -fuzz "^$target\$" -fuzztime "$each" -fuzzminimizetime 10x "$pkg"; then log "fuzz ${pkg##*/} $target" "$each, no crash"; else log "fuzz ${pkg##*/} $target" "$each, CRASH"; fi
	done
done
rounds=${KILL_ROUNDS:-200}
if [ "$rounds" -gt 0 ]; then
	out=$(mktemp)
	trap 'rm -f "$out"' EXIT
	if WHALEFALL_KILL_ROUNDS=$rounds go test -count 1 -timeout 60m -run TestKillNineLosesNothing -v ./test/e2e | tee "$out"; then
		log "kill -9, $rounds rounds" "$(grep -o '[0-9]* requests answered, [0-9]* missing' "$out")"
	else
		log "kill -9, $rounds rounds" "FAILED"
	fi
fi
new=$(mktemp)
sums "$new"
awk -v f="$new" '/<!-- soak -->/ { print; while ((getline l <f) > 0) print l; skip = 1; next } /<!-- end of soak -->/ { skip = 0 } !skip' docs/verification.md >"$new.md" && cat "$new.md" >docs/verification.md
rm -f "$new" "$new.md"
