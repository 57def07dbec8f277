#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The tests that move most data, again and again: random operations, I/O with
# verification under memory pressure, bursts, pages that are held. Ends with what was
# done in all, and "N rounds, N passed, N failed".
#
#   HOURS=n             how long; a round that has begun is finished (2)
#   ARCH=x86_64|arm64   only this one (both in turn)
#   FLAVOUR=...         as for "make test" (reclaim)
#   TESTS="a.sh b.sh"   other tests than those
#   MINUTES=n           for the random operations of each round (5)
#
# What each round printed stays in build/soak/.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

HOURS=${HOURS:-2}
MINUTES=${MINUTES:-5}
TESTS=${TESTS:-kunit torture.sh used_and_taken_back.sh burst.sh draining.sh holders.sh}
check_number HOURS "$HOURS" 1 10000
check_number MINUTES "$MINUTES" 1 10000
case ${ARCH:-} in
'') archs=(x86_64 arm64) ;;
*) check_arch; archs=("$ARCH") ;;
esac
for t in $TESTS; do
	check_test "$t"
done
one_of FLAVOUR "${FLAVOUR:-reclaim}" reclaim reclaim-dynamic debug kcsan rt
unset ARCH
need_root
take_lock
export TESTS MINUTES

dir=$BUILD/soak
rm -rf "$dir"
mkdir -p "$dir"
rounds=0 passed=0 failed=0
end=$((SECONDS + HOURS * 3600))

# Also if it is interrupted
cleanup()
{
	progress_clear
	[ "$rounds" -gt 0 ] || return 0
	sums
	printf '%d rounds, %d passed, %d failed\n' "$rounds" "$passed" "$failed"
}

# sums: what all rounds did, of the lines that the guests printed
sums()
{
	cat "$dir"/*.guest | awk '
	# Each test prints states; take_free and the like count from the boot on
	/ lend [0-9]+ take_free / {
		for (i = 1; i < NF; i++)
			if ($i ~ /^(lend|take_free|take_migrate)$/) now[$i] = $(i + 1)
	}
	/^@ end / { for (k in now) did[k] += now[k] - was[k]; for (k in now) was[k] = now[k] }
	/^@ boot/ { split("", was); split("", now) }
	/torture: [0-9]+ s: map/ { for (i = 1; i < NF; i++) last[$i] = $(i + 1) }
	/torture: End of test: SUCCESS/ { good++ }
	/torture: End of test: FAILURE/ { bad++ }
	/torture: End of test/ { for (k in last) sum[k] += last[k]; split("", last) }
	match($0, /maps=[0-9]+/) { maps += substr($0, RSTART + 5, RLENGTH - 5) }
	match($0, /verified=[0-9]+/) { mib += substr($0, RSTART + 9, RLENGTH - 9) / 1048576 }
	/fio: +READ: / && match($0, /io=[0-9.]+[KMG]iB/) {
		v = substr($0, RSTART + 3, RLENGTH - 6)
		u = substr($0, RSTART + RLENGTH - 3, 1)
		io += u == "G" ? v * 1024 : u == "M" ? v : v / 1024
	}
	END {
		printf "random operations: %d runs ended well, %d badly: %d maps, %d syncs,", \
		       good, bad, sum["map"], sum["sync"]
		printf " %d stale unmaps refused\n", sum["stale"]
		printf "segments: %d lent, %d taken back free, %d by migration\n", \
		       did["lend"], did["take_free"], did["take_migrate"]
		printf "data compared: %d MiB by the test device (%d maps), %d MiB read by fio\n", \
		       mib, maps, io
	}'
}

while [ "$SECONDS" -lt "$end" ]; do
	for a in "${archs[@]}"; do
		rounds=$((rounds + 1))
		out=$dir/$rounds-$a
		say "== round $rounds, $a ($(hms "$SECONDS") of $HOURS h)"
		ARCH=$a "$ROOT/rig/test.sh" >"$out.out" || true
		for f in "$BUILD"/test/selftest-*.out; do
			[ -e "$f" ] || continue
			echo "@ boot"
			cat "$f"
		done >"$out.guest"
		line=$(tail -n 1 "$out.out")
		if [[ $line =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed ]]; then
			passed=$((passed + BASH_REMATCH[1]))
			failed=$((failed + BASH_REMATCH[2]))
		else
			failed=$((failed + 1))
			tail -n 5 "$out.out" >&2
			die "round $rounds did not run" "what it printed is in ${out#"$ROOT"/}.out"
		fi
		grep '^FAIL' "$out.out" || true
		# What would tell why is overwritten by the next round
		[ "${BASH_REMATCH[2]}" -eq 0 ] || cp -r "$BUILD/test" "$out.test"
	done
done
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
