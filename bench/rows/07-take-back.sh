#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Row 7: taking memory back that is in use, beside what drivers have for that today: a
# CMA area of the size of our pool in a stock kernel. Both are filled by the same
# programs; both may find a part free, as each leaves some.
#
# bench: what=taking back N segments of 256 KiB from clean cache, anonymous memory, and with 5% of the pages held
# bench: how=milliseconds for all N at once, KiB that migration copied, and how often the lists that pages wait on were emptied on all CPUs, the allocator's and those of pagevecs; *cma*: a stock kernel's cma_alloc() of as many bytes from an area as large as the pool. After one time that is not counted. Held pages are in pipes, as for I/O, and are chosen at random
# bench: archs=x86_64 arm64
# bench: variants=cma reclaim
# bench: base=cma
# bench: reps=3
# bench: oom=1
# case: cache total=256M floor=1M CONTENT=cache
# case: anonymous total=256M floor=1M CONTENT=anonymous
# case: held total=256M floor=1M CONTENT=held
# key: ms_8 ms 8 segments
# key: ms_64 ms 64 segments
# key: ms_256 ms 256 segments
# key: copied_8 KiB copied for 8
# key: copied_64 KiB copied for 64
# key: copied_256 KiB copied for 256
# key: rounds_8 per-MiB drain rounds for 8
# key: rounds_64 per-MiB drain rounds for 64
# key: rounds_256 per-MiB drain rounds for 256
# key: got_8 segments had of 8
# key: got_64 segments had of 64
# key: got_256 segments had of 256
# key: used % of the memory in use when it began
# target: reclaim ms_8,ms_64,ms_256 <= 0.5 x cma in cache
# target: reclaim ms_8,ms_64,ms_256 <= 0.834 x cma in anonymous
# target: reclaim got_8 >= 8 in cache,anonymous,held
# target: reclaim got_64 >= 64 in cache,anonymous
# target: reclaim got_256 >= 256 in cache,anonymous
# target: reclaim got_8,got_64,got_256 >= 1 x cma in held
# cause: What is lent and free, at least the cushion, 85 segments, is taken at once. The rest is emptied by the functions that cma_alloc() uses, and a page costs as much. Counted with one CPU, which includes what kswapd does meanwhile, 256 segments full of clean cache take 23 million instructions, cma_alloc() 26 million; a sixth of ours chooses the cheapest blocks, as each 64 segments look at 32 of them. Of anonymous memory copying is most: of 81 ms for 256 segments, traced, migrate_pages() has 52, and lru_cache_disable(), which waits for all CPUs, 10, as ours calls it for each 64 segments and cma_alloc() once. Counted, ours takes 47 million instructions and cma_alloc() 58 million.

# shellcheck source=../guest.sh
. /job/guest.sh

CMA=$DEBUGFS/cma/reserved
TRACING=$DEBUGFS/tracing

used_percent()
{
	if lends; then
		echo $(($(lent_in_use) * 100 / $(sysfs lent_kb)))
	else
		echo $((100 - $(meminfo CmaFree) * 100 / $(meminfo CmaTotal)))
	fi
}

# take N: so many segments. Sets got, how many were had, and us, for how long it took,
# with nothing else in between: it is hard to start a process just then.
take()
{
	local owned file=$CMA/alloc nr=$(($1 * SEGMENT_KB / PAGE_KB)) start

	if lends; then
		owned=$(owned_kb)
		file=$DEBUGFS/swiotlb/take
		nr=$1
	fi
	got=$1
	start=${EPOCHREALTIME/./}
	echo "$nr" 2>/dev/null >"$file" || got=0
	us=$((${EPOCHREALTIME/./} - start))
	! lends || got=$((($(owned_kb) - owned) / SEGMENT_KB))
}

# count_drains: from here on
count_drains()
{
	{ echo 'p:bench/pages __drain_all_pages' >"$TRACING/kprobe_events" &&
	  echo 'p:bench/lru __lru_add_drain_all' >>"$TRACING/kprobe_events" &&
	  echo 1 >"$TRACING/events/bench/enable"; } || cannot "count drain rounds"
}

drains()
{
	awk '{ n += $2 } END { print n + 0 }' "$TRACING/kprobe_profile"
}

give_back()
{
	[ "$got" -gt 0 ] || return 0
	if lends; then
		echo "$got" 2>/dev/null >"$DEBUGFS/swiotlb/lend"
	else
		echo $((got * SEGMENT_KB / PAGE_KB)) >"$CMA/free"
	fi
}

fill()
{
	local permille=0 kib=$(($(meminfo MemAvailable) * 85 / 100))

	case $BENCH_CONTENT in
	cache)
		fill_cache
		return ;;
	held) permille=50 ;;
	esac
	exec {fd}> >(exec /job/selftests/hold_lent "$first" "$last" $kib pipe $permille >/run/hold)
	wait_for 60 grep -q ^lent /run/hold || cannot "hold_lent"
	echo >&"$fd"
	wait_for 60 grep -q ^held /run/hold || cannot "hold_lent"
	# What is left of both memories
	fill_cache
}

empty()
{
	[ "$BENCH_CONTENT" != cache ] || return 0
	exec {fd}>&-
	wait_for 60 grep -q ^wrong /run/hold
	grep -q '^wrong 0$' /run/hold || cannot "memory has changed: $(cat /run/hold)"
}

ready
count_drains
if lends; then
	need_bounds
else
	first=$(dmesg | sed -n 's/.*cma: Reserved .* at \(0x[0-9a-f]*\).*/\1/p' | head -n 1)
	[ -n "$first" ] || cannot "no CMA area"
	last=$(printf '%#x' $((first + BENCH_TOTAL_KB * 1024 - 1)))
fi
# Code that runs for the first time is translated first, which takes longer than the
# rest: not counted. As many as it takes to migrate something, which in the area may
# be in vain for a minute if they are many.
fill
sleep 2
warm=64
! lends || warm=256
take $warm
give_back
empty
sleep 2
for n in 8 64 256; do
	fill
	sleep 2
	r used "$(used_percent)"
	copied=$(vmstat pgmigrate_success)
	rounds=$(drains)
	take $n
	rounds=$(($(drains) - rounds))
	r "got_$n" "$got"
	r "copied_$n" $((($(vmstat pgmigrate_success) - copied) * PAGE_KB))
	r "rounds_$n" "$(thousandths $((rounds * 1000 * 1024 / (n * SEGMENT_KB))))"
	[ "$got" -ne "$n" ] || r "ms_$n" "$(thousandths $us)"
	give_back
	empty
	sleep 2
done
exit 0
