#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# While memory is short, most of what is lent is in use, and yet enough of it free
# for a burst from hard interrupts, and for another soon afterwards.
#
# Random reads beside processes leave what is freed in pieces, of which a burst can use
# nothing.
#
# With huge pages the kernel keeps ten times as much memory free as without. A CMA area
# takes its share of the movable allocations.
#
# rig: cmdline=swiotlb=force,reclaim=256M
# rig: cmdline=swiotlb=force,reclaim=256M transparent_hugepage=never
# rig: cmdline=swiotlb=force,reclaim=256M cma=128M
# rig: mem=1G
# rig: smp=2
# rig: disk=512M
# rig: flavour=reclaim
# rig: modules=lib/test_swiotlb.ko
# rig: timeout=900
# rig: long=1

. "$(dirname "$0")/swiotlb_lib.sh"

USED_PERCENT=85		# of lent memory
SAMPLES=150		# of that, one each 0.2 s: kswapd frees more at times
BURST_KB=16384		# in mappings of 64 KiB
AGAIN_SECONDS=3		# until the next burst
PAIRS=3			# of bursts

cleanup()
{
	pressure_stop
	disk_release
}

burst_run()
{
	echo 1 >"$TEST_DEV/run"
}

# burst NAME
burst()
{
	state "before $1"
	diag "free blocks of lent memory, by order: $(listed_blocks | grep -v '^[0 ]*$')"
	# Few buffers, as those of a real burst are there before it. They may be hard
	# to come by.
	device size=65536 count=$((BURST_KB / 64)) src_kb=1024
	if ! wait_for 5 burst_run 2>/dev/null; then
		check "$1: the burst was run" false
		return
	fi
	equal "$1: mappings that failed" "$(figure failed)" 0
}

# pressure NAME SECONDS: results of all that under one kind of pressure, from then on
pressure()
{
	local lent=0 used=0 i

	wait_for $LENT_AGAIN lent_percent 98
	pressure_start
	sleep "$2"
	state "$1"
	for ((i = 0; i < SAMPLES; i++)); do
		lent=$((lent + $(sysfs lent_kb)))
		used=$((used + $(lent_in_use)))
		sleep 0.2
	done
	at_least "$1: of the lent memory in use, percent" $((used * 100 / lent)) $USED_PERCENT

	for ((i = 1; i <= PAIRS; i++)); do
		burst "$1: burst $i"
		sleep "$AGAIN_SECONDS"
		burst "$1: burst $i, again"
		wait_for 15 lent_percent 90
	done
	pressure_stop
}

need_root
need_commands stress-ng truncate dd fio
need_reclaim
need_test_device
need_disk
tap_plan $((3 * (1 + 2 * PAIRS)))

ANON_PERCENT=0
pressure "page cache" 20
ANON_PERCENT=40
pressure "page cache and processes" 20
RANDOM_READS=1
pressure "random reads and processes" 60
