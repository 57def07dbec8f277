#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What is written to floor_kb and enabled is done: memory is taken back and lent
# again, in use or not. What cannot be taken back at once is named in the log and
# taken later. Disk I/O is right all the time.
#
# rig: cmdline=swiotlb=force,reclaim=128M
# rig: mem=512M
# rig: smp=2
# rig: disk=1G
# rig: flavour=reclaim
# rig: modules=lib/test_swiotlb.ko
# rig: timeout=1200
# rig: long=1
#
# That nonsense is refused is in interface.sh. A block that could not be emptied is
# left alone for two seconds, or up to a minute if something in it is stuck, so what
# goes on by itself may take longer than that.

. "$(dirname "$0")/swiotlb_lib.sh"

GO_ON=150		# seconds until all that could not be taken back is
HIGH_KB=65536		# a floor that is not the one of the boot
HELD_PERMILLE=50	# of lent pages, held by a process
RESERVE_KB=4096	# of free memory, beyond what the kernel keeps free
SWAP_MB=384		# so that nobody is killed when nothing more is free

floor=
swap=

cleanup()
{
	verify_stop
	filler_stop
	hold_stop
	[ -z "$floor" ] || echo "$floor" >"$SYSFS/floor_kb"
	echo 1 >"$SYSFS/enabled"
	release
}

release()
{
	[ -z "$swap" ] || swapoff "$swap"
	swap=
	disk_release
}

io()
{
	verify_start 3
	verify_end "$1"
}

# could_not: KiB and reason of the last line of the log that says so
could_not()
{
	dmesg | sed -n 's/.*switched off, but \([0-9]*\) KiB could not be taken back yet: \(.*\)/\1 \2/p' |
		tail -n 1
}

logged()
{
	dmesg | grep -c 'switched off, but'
}

# switch_off NAME REASON: with what cannot be taken back at once; 3 results
switch_off()
{
	local before lent

	before=$(logged)
	echo 0 >"$SYSFS/enabled"
	lent=$(sysfs lent_kb)
	state "$1"
	diag "$1: $(could_not)"
	equal "$1: lines that say that not all is taken back" $(($(logged) - before)) 1
	# kswiotlbd may have taken more by now, but nothing is lent any more
	at_least "$1: KiB that the line names" "$(could_not | cut -d' ' -f1)" "$lent"
	check "$1: the line says '$2'" grep -q "$2" <(could_not)
}

need_root
need_commands fio fallocate mkswap swapon
need_reclaim
need_debugfs
wait_for $LENT_AGAIN lent_percent 98
need_hold $(($(sysfs lent_kb) * 5 / 4))
need_test_device
need_disk
floor=$(sysfs floor_kb)
tap_plan 35

# 1. The floor, at idle
echo $HIGH_KB >"$SYSFS/floor_kb"
check "floor up: as much is owned" wait_for 30 owns_at_least $HIGH_KB
io "floor up"
echo "$floor" >"$SYSFS/floor_kb"
check "floor down: 98% is lent again" wait_for 30 lent_percent 98
at_least "floor down: owned, KiB" "$(owned_kb)" "$floor"
io "floor down"

# 2. The floor, with the memory in use
hold_start pipe 0
diag "the process has $(field "$hold_out" lent) lent pages"
migrated=$(vmstat swiotlb_take_migrate)
total=$(sysfs total_kb)
echo $((total / 2)) >"$SYSFS/floor_kb"
check "floor up, memory in use: as much is owned" wait_for 60 owns_at_least $((total / 2))
echo "$total" >"$SYSFS/floor_kb"
check "floor at the total: nothing is lent" wait_for 120 lent_is 0
at_least "segments that were migrated for it" \
	 $(($(vmstat swiotlb_take_migrate) - migrated)) 1
let_go
equal "words of the process that changed" "$(field "$hold_out" wrong)" 0
echo "$floor" >"$SYSFS/floor_kb"
check "floor down: 98% is lent again" wait_for 30 lent_percent 98
check_consistent "floor"

# 3. Off and on, at idle. The file system's journal holds on to pages.
disk_release
before=$(logged)
echo 0 >"$SYSFS/enabled"
check "off: nothing is lent" wait_for 30 lent_is 0
diag "off: $(($(logged) - before)) lines of the log say that not all is taken back"
map_pool "off"
need_disk
io "off"
equal "off: segments lent after the I/O, KiB" "$(sysfs lent_kb)" 0
echo 1 >"$SYSFS/enabled"
check "on: 98% is lent again" wait_for 30 lent_percent 98

# 4. Off, with pages of the pool held
hold_start pipe $HELD_PERMILLE
hold_pages
diag "the process holds $(field "$hold_out" held) lent pages"
switch_off "off, pages are held" "busy or pinned"
io "off, pages are held"
check "off, pages are held: lent still" test "$(sysfs lent_kb)" -gt 0
let_go
equal "words of the process that changed" "$(field "$hold_out" wrong)" 0
disk_release
check "off, pages are held no more: nothing is lent" wait_for $GO_ON lent_is 0
need_disk
echo 1 >"$SYSFS/enabled"
check "on: 98% is lent again" wait_for 30 lent_percent 98

# 5. Off, without memory to migrate to. What is swapped out makes room, but not at once.
swap=$disk_dir/swap
fallocate -l "${SWAP_MB}M" "$swap"
chmod 600 "$swap"
mkswap "$swap" >/dev/null
swapon "$swap"
kills=$(vmstat oom_kill)
reserve=$(($(watermark_kb high) + $(sysfs total_kb) / CUSHION_PART + RESERVE_KB))
filler_start
while [ "$(meminfo MemFree)" -gt "$reserve" ] && kill -0 "$filler" 2>/dev/null; do
	filler_add 4096
done
state "filled but for $reserve KiB"
verify_start 3
switch_off "off, no memory is free" "no memory to migrate to"
verify_end "off, no memory is free"
equal "processes killed for lack of memory" $(($(vmstat oom_kill) - kills)) 0
filler_stop
release
check "off, memory is free again: nothing is lent" wait_for $GO_ON lent_is 0
echo 1 >"$SYSFS/enabled"
check "on: 98% is lent again" wait_for $LENT_AGAIN lent_percent 98
check_consistent "at the end"
state "at the end"
