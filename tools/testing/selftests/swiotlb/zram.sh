#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Compressed memory: zram's pages may be in lent memory, although they are on no LRU
# list. They are migrated when it is taken back, and keep their contents.
#
# rig: cmdline=swiotlb=force,reclaim=256M
# rig: mem=1G
# rig: smp=2
# rig: flavour=reclaim
# rig: timeout=180

. "$(dirname "$0")/swiotlb_lib.sh"

ZRAM=/sys/block/zram0
RATE_PERCENT=95		# of the lent segments, to be had

mb=

cleanup()
{
	[ -z "$mb" ] || echo 1 >$ZRAM/reset
}

sum()
{
	dd if=/dev/zram0 bs=1M count="$mb" iflag=direct status=none | sha256sum
}

need_root
need_reclaim
need_debugfs
[ -b /dev/zram0 ] || skip_all "there is no /dev/zram0: needs CONFIG_ZRAM"
[ "$(cat $ZRAM/disksize)" -eq 0 ] || skip_all "/dev/zram0 is in use"
wait_for $LENT_AGAIN lent_percent 98
lent=$(sysfs lent_kb)
# Random, so that it takes as much memory as it has data. What is lent takes turns
# with the rest once it is half of what is free, and there must be room to move to.
free=$(($(meminfo MemFree) - $(free_lent_kb)))
[ "$free" -gt $((lent * 3 / 2)) ] || skip_all "$free KiB of ordinary memory are free, too little"
tap_plan 5

mb=$(((free - lent / 2) >> 10))
echo "${mb}M" >$ZRAM/disksize
dd if=/dev/urandom of=/dev/zram0 bs=1M count="$mb" oflag=direct status=none
before=$(sum)
state "$mb MiB in zram"
at_least "lent memory in use, KiB" "$(lent_in_use)" $((lent / 8))

migrated=$(vmstat swiotlb_take_migrate)
lent=$(sysfs lent_kb)
echo $((lent / SEGMENT_KB)) 2>/dev/null >"$DEBUGFS/swiotlb/take"
taken=$((lent - $(sysfs lent_kb)))
state "taken back"
at_least "KiB taken back" "$taken" $((lent * RATE_PERCENT / 100))
at_least "segments that were migrated" $(($(vmstat swiotlb_take_migrate) - migrated)) 1
equal "checksum of what is in zram" "$(sum)" "$before"
check_consistent "at the end"
