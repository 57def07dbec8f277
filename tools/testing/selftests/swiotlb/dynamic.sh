#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# With SWIOTLB_DYNAMIC: what lent memory cannot serve, transient pools do, so no
# mapping fails. The bounce buffers grow only when nothing is lent any more, but for what
# never comes back, as a page in it has gone bad.
#
# rig: cmdline=swiotlb=force,reclaim=128M
# rig: mem=512M
# rig: smp=2
# rig: flavour=reclaim-dynamic
# rig: modules=lib/test_swiotlb.ko
# rig: timeout=300
# rig: long=1

. "$(dirname "$0")/swiotlb_lib.sh"

SIZE_KB=64		# of a mapping, so that its transient pool is easily had
HELD_PERMILLE=200	# of lent pages: hardly a segment has none
MORE_KB=16384		# than can be had of the pool, mapped in a burst
BAD=/sys/devices/system/memory/hard_offline_page

cleanup()
{
	hold_stop
}

nslabs()
{
	cat "$DEBUGFS/swiotlb/io_tlb_nslabs"
}

grows()
{
	[ "$(nslabs)" -gt "$slabs" ]
}

# a_page_goes_bad: one that is lent and free
a_page_goes_bad()
{
	local pfn

	read -r pfn < <("$(dirname "$0")/pool_pages" "$first" "$last" free) &&
		echo $((pfn * PAGE_KB * 1024)) >"$BAD"
}

# take_all: whether nothing is lent any more but what has gone bad. It will be again.
take_all()
{
	echo $(($(sysfs lent_kb) / SEGMENT_KB)) 2>/dev/null >"$DEBUGFS/swiotlb/take"
	lent_is $SEGMENT_KB
}

# burst NAME KIB: two results
burst()
{
	state "before: $1"
	device size=$((SIZE_KB * 1024)) count=$(($2 / SIZE_KB))
	echo 1 >"$TEST_DEV/run"
	figures "$1"
	equal "$1: mappings that failed" "$(figure failed)" 0
	equal "$1: mappings that did not bounce" "$(figure direct)" 0
}

need_root
need_reclaim
need_debugfs
[ -e "$DEBUGFS/swiotlb/io_tlb_transient_nslabs" ] || skip_all "needs CONFIG_SWIOTLB_DYNAMIC"
need_test_device
need_program pool_pages
[ -e "$BAD" ] || skip_all "no CONFIG_MEMORY_FAILURE"
wait_for $LENT_AGAIN lent_percent 98
need_hold $(($(sysfs lent_kb) * 5 / 4))
tap_plan 10

# 1. Lent memory that cannot be had
hold pipe $HELD_PERMILLE
slabs=$(nslabs)
had=$(($(owned_kb) + $(free_lent_kb)))
burst "pages are held" $((had + MORE_KB))
at_least "pages are held: still lent, KiB" "$(sysfs lent_kb)" $MORE_KB
# A worker does it
sleep 2
equal "pages are held: bounce buffers, in slots" "$(nslabs)" "$slabs"
let_go
equal "words of the process that changed" "$(field "$hold_out" wrong)" 0

# 2. More than there is, and nothing left to take back
wait_for $LENT_AGAIN lent_percent 98
check "larger than the pool: a lent page goes bad" a_page_goes_bad
check "larger than the pool: all is taken back" wait_for 30 take_all
total=$(sysfs total_kb)
burst "larger than the pool" $((total + MORE_KB))
check "larger than the pool: bounce buffers grow" wait_for 10 grows
