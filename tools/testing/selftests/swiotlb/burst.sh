#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Bursts from hard and soft interrupts and tasks: all are served as long as lent memory is free,
# no mapping takes much longer than the others, and the data are right.
#
# rig: cmdline=swiotlb=force,reclaim=256M
# rig: cmdline=swiotlb=force,reclaim=256M init_on_alloc=1
# rig: mem=1G
# rig: smp=1
# rig: icount=1
# rig: flavour=reclaim
# rig: modules=lib/test_swiotlb.ko
# rig: timeout=240
#
# Nearly all of the pool is lent when a burst begins, so nearly each of its
# segments has to be taken back by the mapping that needs it. None is zeroed for that,
# even if all that is allocated is. The time of a mapping is judged only where it
# counts instructions (see ICOUNT).

. "$(dirname "$0")/swiotlb_lib.sh"

RATIO=4			# longest to median: with init_on_alloc each page is checked

# burst NAME KIB-PER-MAP COUNT
burst()
{
	local name="$3 x $2 KiB" need=$(($2 * $3)) taken times least ctx

	# 1. Pure, for the time
	wait_for $LENT_AGAIN lent_percent 95
	taken=$(vmstat swiotlb_take_free)
	times=$(hist_sum take_free_ns)
	state "before $name"
	device size=$(($2 * 1024)) count="$3"
	echo 1 >"$TEST_DEV/run"
	figures "$1"
	equal "$name: mappings that failed" "$(figure failed)" 0
	equal "$name: mappings that did not bounce" "$(figure direct)" 0
	least=$(((need - $(sysfs floor_kb)) * 9 / (SEGMENT_KB * 10)))
	at_least "$name: segments taken for it" $(($(vmstat swiotlb_take_free) - taken)) "$least"
	at_least "$name: times in take_free_ns" $(($(hist_sum take_free_ns) - times)) "$least"
	if grep -qw page_poison=1 /proc/cmdline; then
		skip "$name: longest mapping" "each page that is taken is checked for poison"
	elif [ -e "$DEBUGFS/kcsan" ]; then
		skip "$name: longest mapping" "KCSAN waits while it watches an access"
	elif on_icount; then
		at_most "$name: longest mapping, instructions" "$(figure max)" \
			$((RATIO * $(figure p50)))
	else
		skip "$name: longest mapping" "time does not count instructions"
	fi

	# 2. The same with data that are written and checked on both sides, in each context
	for ctx in hardirq softirq task; do
		wait_for $LENT_AGAIN lent_percent 95
		device size=$(($2 * 1024)) count="$3" dir=bidirectional verify=Y src_kb=$need ctx=$ctx
		echo 1 >"$TEST_DEV/run"
		figures "$1, $ctx, verified"
		equal "$name, $ctx, verified: mappings that failed" "$(figure failed)" 0
		equal "$name, $ctx, verified: bytes compared" "$(figure verified)" $((3 * need * 1024))
		equal "$name, $ctx, verified: wrong words" "$(figure data_errors)" 0
	done
}

need_root
need_commands awk
need_reclaim
need_test_device
tap_plan 28

burst small 4 4096
burst large 256 128
