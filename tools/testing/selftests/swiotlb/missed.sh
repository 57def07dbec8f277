#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A burst that is larger than what is free fails in part. As much as it asked for is
# owned soon afterwards, so the same burst is served when it comes again. Later the
# memory is lent again.
#
# rig: cmdline=swiotlb=force,reclaim=256M
# rig: mem=1G
# rig: smp=2
# rig: disk=512M
# rig: flavour=reclaim
# rig: modules=lib/test_swiotlb.ko
# rig: timeout=180
# rig: long=1

. "$(dirname "$0")/swiotlb_lib.sh"

SIZE_KB=64		# of a mapping
BURST_KB=131072		# a multiple of what is kept free
STEPS=4			# bursts, for each of which twice as much may be owned

cleanup()
{
	pressure_stop
	disk_release
}

burst()
{
	device size=$((SIZE_KB * 1024)) count=$((BURST_KB / SIZE_KB)) src_kb=1024
	echo 1 >"$TEST_DEV/run"
	diag "$1: $(figure failed) of $((BURST_KB / SIZE_KB)) mappings failed," \
	     "owned now: $(owned_kb) KiB, free and lent: $(free_lent_kb) KiB"
}

little_is_free()
{
	[ $(($(owned_kb) + $(free_lent_kb))) -le $((BURST_KB / 2)) ]
}

# grow: bursts until one is served. What was asked for is remembered for four seconds.
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
tap_plan 4

ANON_PERCENT=0
wait_for 30 lent_percent 98
pressure_start
sleep 20
state "page cache"
check "less is to be had at once than a burst needs" wait_for 30 little_is_free
check "what was missed is there soon" grow
# What was mapped is remembered for two seconds at least
at_least "owned afterwards, KiB" "$(owned_kb)" "$BURST_KB"
pressure_stop
check "95% is lent afterwards" wait_for 60 lent_percent 95
