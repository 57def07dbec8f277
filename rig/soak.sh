#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The tests that move most data, again and again: torture, I/O with verification under
# memory pressure, bursts, held pages. Ends with what was done in all, and
# "N rounds, N passed, N failed".
#
#   HOURS=n             how long; the round that is going on is finished (2)
#   ARCH=x86_64|arm64   only this one (both in turn)
#   FLAVOUR=...         as for "make test" (reclaim)
#
# What was printed is kept in build/soak/, a file for each round.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

HOURS=${HOURS:-2}
check_number HOURS "$HOURS" 0 10000
case ${ARCH:-} in
'') archs=(x86_64 arm64) ;;
*) check_arch; archs=("$ARCH") ;;
esac
tests="kunit torture.sh used_and_taken_back.sh burst.sh draining.sh holders.sh"
need_root
take_lock

dir=$BUILD/soak
rm -rf "$dir"
mkdir -p "$dir"
rounds=0 passed=0 failed=0
end=$((SECONDS + HOURS * 3600))

# sums: what all rounds did, from the lines that tests print
sums()
{
	cat "$dir"/*.out | awk '
	/torture: End of test/ { tortures++ }
	# The last line of statistics of a run has its totals
	/torture: [0-9]+ s:/ { for (i = 1; i < NF; i++) now[$i] = $(i + 1) }
	/torture: End of test/ { for (k in now) sum[k] += now[k]; delete now }
	/verified=/ { match($0, /verified=[0-9]+/); bytes += substr($0, RSTART + 9, RLENGTH - 9) }
	/ (READ|WRITE): / { if (match($0, /io=[0-9.]+[KMG]iB/)) {
		v = substr($0, RSTART + 3, RLENGTH - 6); u = substr($0, RSTART + RLENGTH - 3, 1)
		io += v * (u == "G" ? 1024 : u == "M" ? 1 : 1 / 1024) } }
	END {
		printf "%d tortures: %d maps, %d syncs, %d stale unmaps refused, %d segments lent, %d taken\n",
		       tortures, sum["map"], sum["sync"], sum["stale"], sum["lend"], sum["take"]
		printf "fio moved %d MiB with verification; the device verified %d MiB\n", io, bytes / 1048576
	}'
}

while :; do
	for a in "${archs[@]}"; do
		rounds=$((rounds + 1))
		out=$dir/$rounds-$a.out
		say "== round $rounds, $a, $(hms "$SECONDS") of $HOURS h"
		env ARCH="$a" TESTS="$tests" "$ROOT/rig/test.sh" >"$out" || true
		line=$(tail -n 1 "$out")
		if [[ $line =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed ]]; then
			passed=$((passed + BASH_REMATCH[1]))
			failed=$((failed + BASH_REMATCH[2]))
		else
			failed=$((failed + 1))
		fi
		grep '^FAIL' "$out" || true
	done
	[ "$SECONDS" -lt "$end" ] || break
done
sums
printf '%d rounds, %d passed, %d failed\n' "$rounds" "$passed" "$failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
