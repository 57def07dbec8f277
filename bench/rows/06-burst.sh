#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Row 6: what can be had in a hard interrupt when memory is idle, full of page cache,
# and written to by processes. In the large guest the low zone is as full as all of
# it. Just before each burst is noted what the pool owns that is free, and what is
# lent and free; figures of bursts which fit into that have "fit" in their name, those
# of the others "beyond".
#
# bench: what=burst from hard irq, 16, 64 and 128 MiB in maps of 4, 64 and 256 KiB, at once, and paced by 64 maps each 0.2 ms
# bench: how=maps that failed of 1,000, nanoseconds per map; one boot for each guest, state and size of maps, bursts in the order of the table, 3 s and more apart; what *dynamic* has grown by for one burst serves the next, and what ours keeps for a minute because mappings of one failed
# bench: archs=x86_64 arm64
# bench: quick_archs=x86_64
# bench: variants=dynamic reclaim reclaim+dynamic
# bench: base=dynamic
# bench: total=256M
# bench: floor=4M
# bench: oom=1
# bench: timeout=1200
# case: 1G-idle-64K mem=1G STATE=idle KIB=64
# case: 1G-idle-4K mem=1G STATE=idle KIB=4
# case: 1G-idle-256K mem=1G STATE=idle KIB=256
# case: 1G-cache-64K mem=1G STATE=cache KIB=64
# case: 1G-cache-4K mem=1G STATE=cache KIB=4
# case: 1G-cache-256K mem=1G STATE=cache KIB=256
# case: 1G-stress-64K mem=1G STATE=stress KIB=64 quick=1
# case: 1G-stress-4K mem=1G STATE=stress KIB=4
# case: 1G-stress-256K mem=1G STATE=stress KIB=256
# case: 6G-cache-64K mem=6G STATE=cache KIB=64
# case: 6G-cache-4K mem=6G STATE=cache KIB=4
# case: 6G-cache-256K mem=6G STATE=cache KIB=256
# case: 6G-stress-64K mem=6G STATE=stress KIB=64
# case: 6G-stress-4K mem=6G STATE=stress KIB=4
# case: 6G-stress-256K mem=6G STATE=stress KIB=256
# key: failed_once_16 per-1,000 16 MiB at once: maps that failed
# key: p99_once_16 ns 16 MiB at once: 99th percentile of a map
# key: max_once_16 ns 16 MiB at once: longest map
# key: failed_once_64 per-1,000 64 MiB at once: maps that failed
# key: p99_once_64 ns 64 MiB at once: 99th percentile of a map
# key: max_once_64 ns 64 MiB at once: longest map
# key: failed_once_128 per-1,000 128 MiB at once: maps that failed
# key: p99_once_128 ns 128 MiB at once: 99th percentile of a map
# key: max_once_128 ns 128 MiB at once: longest map
# key: failed_paced_16 per-1,000 16 MiB paced: maps that failed
# key: p99_paced_16 ns 16 MiB paced: 99th percentile of a map
# key: max_paced_16 ns 16 MiB paced: longest map
# key: failed_paced_64 per-1,000 64 MiB paced: maps that failed
# key: p99_paced_64 ns 64 MiB paced: 99th percentile of a map
# key: max_paced_64 ns 64 MiB paced: longest map
# key: failed_paced_128 per-1,000 128 MiB paced: maps that failed
# key: p99_paced_128 ns 128 MiB paced: 99th percentile of a map
# key: max_paced_128 ns 128 MiB paced: longest map
# target: reclaim,reclaim+dynamic fit_once_16,fit_once_64,fit_once_128,fit_paced_16,fit_paced_64,fit_paced_128 <= 0
# target: reclaim,reclaim+dynamic beyond_once_16,beyond_once_64,beyond_once_128,beyond_paced_16,beyond_paced_64,beyond_paced_128 <= 1 x dynamic:failed_*
# target: reclaim,reclaim+dynamic p99_once_16,p99_once_64,p99_once_128,p99_paced_16,p99_paced_64,p99_paced_128 <= 0.5 x dynamic
# target: reclaim,reclaim+dynamic max_once_16,max_once_64,max_once_128,max_paced_16,max_paced_64,max_paced_128 <= 0.5 x dynamic
# cause: Beyond what is owned and free and what is lent and free, nothing but a transient pool of SWIOTLB_DYNAMIC serves a mapping at once. *reclaim* alone has none, and migration is not done before such a burst has ended.

# shellcheck source=../guest.sh
. /job/guest.sh

burst()
{
	local pace=$1 mib=$2 batch=0 room failed

	[ "$pace" = once ] || batch=64
	! lends || wait_for 15 lent_percent 90
	sleep 3
	[ "$BENCH_STATE" != cache ] || fill_cache
	device size=$((BENCH_KIB * 1024)) count=$((mib * 1024 / BENCH_KIB)) batch=$batch src_kb=1024
	if lends; then
		room=$(($(owned_kb) - $(sysfs used_kb) + $(free_lent_kb)))
	fi
	wait_for 20 run_burst || cannot "$pace $mib MiB: no memory for the buffers"
	figures "$pace $mib MiB, room ${room:-?} KiB"
	failed=$(thousandths $(($(figure failed) * 1000000 / ($(figure failed) + $(figure maps)))))
	r "failed_${pace}_$mib" "$failed"
	if lends; then
		if [ "$room" -ge $((mib * 1024)) ]; then
			r "fit_${pace}_$mib" "$failed"
		else
			r "beyond_${pace}_$mib" "$failed"
		fi
	fi
	# The times are of those that did not fail
	[ "$(figure maps)" -eq 0 ] || {
		r "p99_${pace}_$mib" "$(figure p99)"
		r "max_${pace}_$mib" "$(figure max)"
	}
}

# shellcheck disable=SC2317	# called by wait_for
run_burst()
{
	echo 1 >"$TEST_DEV/run"
} 2>/dev/null

ready
case $BENCH_STATE in
cache) fill_cache ;;
stress)
	stress-ng --quiet --no-madvise --vm 2 --vm-keep --vm-bytes $(($(meminfo MemAvailable) * 9 / 10))k --timeout 0 &
	trap 'kill %1' EXIT
	sleep 20 ;;
esac
paces="once paced"
[ -z "$BENCH_QUICK" ] || paces=once
for pace in $paces; do
	for mib in 16 64 128; do
		burst "$pace" "$mib"
	done
done
exit 0
