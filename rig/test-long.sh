#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Everything that tests: all selftests on both architectures, the debug kernels with
# ten minutes of random operations, other people's tests, the pressure suite, the
# mutations. It takes the better part of a day. Ends with a table of what passed and
# "N passed, N failed".
#
#   ARCH=x86_64|arm64    only this one (both)
#   PART="debug kcsan"   only these parts, see "parts" below
#
# What each part printed stays in build/test-long/PART-ARCH.out.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

DEBUG_MINUTES=10	# of random operations on each of the debug kernels
# On these all selftests but the long ones; of rt, which looks for less, some
RT_TESTS="kunit torture.sh interface.sh draining.sh used_and_taken_back.sh"

parts=(first selftests dynamic debug kcsan rt others stress mutate)
for p in ${PART:-}; do
	one_of PART "$p" "${parts[@]}"
done
case ${ARCH:-} in
'') archs=(x86_64 arm64) ;;
*) check_arch; archs=("$ARCH") ;;
esac
need_root
take_lock
wanted=${PART:-${parts[*]}}
unset ARCH PART FLAVOUR TESTS LONG MINUTES MUTATION
dir=$BUILD/test-long
mkdir -p "$dir"
rows=() failed=0 passed=0

# part NAME ARCH COMMAND...: its last line has the numbers
part()
{
	local name=$1 arch=$2 out=$dir/$1-$2.out status=0 start=$SECONDS line good=0 bad=0 other=""
	shift 2

	[[ " $wanted " == *" $name "* ]] || return 0
	say "== $name, $arch ($(hms "$SECONDS") since the start)"
	env ARCH="$arch" "$@" >"$out" || status=$?
	line=$(tail -n 1 "$out")
	if [[ $line =~ ^([0-9]+)\ (passed|noticed),\ ([0-9]+)\ (failed|missed)(,\ [0-9]+\ (skipped|not\ built))?$ ]]; then
		good=${BASH_REMATCH[1]} bad=${BASH_REMATCH[3]} other=${BASH_REMATCH[5]#, }
	elif [[ $line =~ ^([0-9]+)\ same,\ ([0-9]+)\ better,\ ([0-9]+)\ worse$ ]]; then
		good=${BASH_REMATCH[1]} bad=${BASH_REMATCH[3]} other="${BASH_REMATCH[2]} better"
	fi
	# Some say no numbers
	if [ "$status" -ne 0 ]; then
		[ "$bad" -gt 0 ] || bad=1
		grep '^FAIL\|^MISSED\|^NOT BUILT' "$out" || tail -n 5 "$out"
	elif [ "$good" -eq 0 ]; then
		good=1
	fi
	passed=$((passed + good))
	failed=$((failed + bad))
	rows+=("$(printf '%-10s %-7s %7d %7d  %-12s %9s' "$name" "$arch" "$good" "$bad" \
			 "${other:-}" "$(hms $((SECONDS - start)))")")
}

cleanup()
{
	local r

	progress_clear
	printf '\n%-10s %-7s %7s %7s  %-12s %9s\n' part arch passed failed "" time
	for r in "${rows[@]}"; do
		echo "$r"
	done
	[ -n "${finished:-}" ] || { echo "the tests did not run to the end"; failed=$((failed + 1)); }
	printf '%d passed, %d failed\n' "$passed" "$failed"
}

for a in "${archs[@]}"; do
	part first "$a" FLAVOUR=first TESTS=kunit "$ROOT/rig/test.sh"
	part selftests "$a" LONG=1 "$ROOT/rig/test.sh"
	part dynamic "$a" FLAVOUR=reclaim-dynamic TESTS="kunit interface.sh burst.sh torture.sh" "$ROOT/rig/test.sh"
	for f in debug kcsan; do
		part "$f" "$a" FLAVOUR="$f" MINUTES=$DEBUG_MINUTES "$ROOT/rig/test.sh"
	done
	part rt "$a" FLAVOUR=rt MINUTES=$DEBUG_MINUTES TESTS="$RT_TESTS" "$ROOT/rig/test.sh"
	part others "$a" "$ROOT/rig/others.sh"
	part stress "$a" "$ROOT/rig/stress.sh"
	part mutate "$a" "$ROOT/rig/mutate.sh"
done
finished=1
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
