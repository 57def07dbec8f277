#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A burst that is larger than what is free fails in part. As much as it asked for is
# owned soon afterwards, so the same burst is served when it comes again, half a minute
# later, too. Later the memory is lent again. What failed is counted, and the log says
# why.
#
# rig: cmdline=swiotlb=force,reclaim=256M
# rig: mem=1G
# rig: smp=2
# rig: disk=512M
# rig: flavour=reclaim
# rig: modules=lib/test_swiotlb.ko
# rig: timeout=300
# rig: long=1

. "$(dirname "$0")/swiotlb_lib.sh"

SIZE_KB=64		# of a mapping
BURST_KB=131072		# a multiple of what is kept free
STEPS=4			# bursts, for each of which twice as much may be owned
KEPT=30			# seconds for which as much as was missed is owned at least

failed=0

cleanup()
{
	pressure_stop
	disk_release
}

burst()
{
	device size=$((SIZE_KB * 1024)) count=$((BURST_KB / SIZE_KB)) src_kb=1024 warn=Y
	echo 1 >"$TEST_DEV/run"
	failed=$((failed + $(figure failed)))
	diag "$1: $(figure failed) of $((BURST_KB / SIZE_KB)) mappings failed," \
	     "owned now: $(owned_kb) KiB, free and lent: $(free_lent_kb) KiB"
}

little_is_free()
{
	[ $(($(owned_kb) + $(free_lent_kb))) -le $((BURST_KB / 2)) ]
}

# grow: bursts until one is served. The pool grows for four seconds after each.
grow()
{
	local i

	for ((i = 1; i <= STEPS; i++)); do
		burst "burst $i"
		[ "$(figure failed)" -gt 0 ] || return 0
		wait_for 3 owns_at_least "$BURST_KB"
	done
	return 1
}

need_root
need_commands stress-ng truncate dd
need_reclaim
need_test_device
need_disk
tap_plan 10

ANON_PERCENT=0
wait_for $LENT_AGAIN lent_percent 98
pressure_start
sleep 20
state "page cache"
check "less is to be had at once than a burst needs" wait_for 30 little_is_free
take_fail=$(vmstat swiotlb_take_fail)
map_fail=$(cat "$DEBUGFS/swiotlb/io_tlb_map_fail")
check "what was missed is there soon" grow
sleep $KEPT
at_least "owned $KEPT s later, KiB" "$(owned_kb)" $BURST_KB
burst "the same again"
equal "mappings of it that failed" "$(figure failed)" 0
at_least "segments that could not be had" $(($(vmstat swiotlb_take_fail) - take_fail)) 1
at_least "mappings that were counted as failed" \
	$(($(cat "$DEBUGFS/swiotlb/io_tlb_map_fail") - map_fail)) "$failed"
full=$(dmesg | grep "swiotlb buffer is full" | tail -n 1)
diag "$full"
check "the log says that it was full" test -n "$full"
check "how much was lent" grep -q "lent [1-9][0-9]* (slots)" <<<"$full"
check "and how taking it back had ended" \
	grep -qE "last evacuation: (there was none|had all it wanted|nothing more is lent|no memory to migrate to|others have isolated too many pages|lent pages are busy or pinned)\$" <<<"$full"
pressure_stop
check "95% is lent afterwards" wait_for $LENT_AGAIN lent_percent 95
