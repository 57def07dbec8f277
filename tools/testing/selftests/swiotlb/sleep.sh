#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Suspend and hibernation while the pool is lent and its memory in use: contents are
# what they were, the disk works, and lending goes on.
#
# rig: cmdline=swiotlb=force,reclaim=256M bdev_allow_write_mounted=1
# rig: mem=1G
# rig: smp=2
# rig: disk=2G
# rig: flavour=reclaim
# rig: modules=lib/test_swiotlb.ko
# rig: timeout=900
# rig: long=1
#
# Nothing here wakes up a machine that really sleeps, so /sys/power/pm_test ends each
# suspend at one of its levels. Hibernation writes the image to a swap file on the
# disk, reads it back and continues from it (test_resume), without a reboot. Block
# devices that are mounted must be writable for that.

. "$(dirname "$0")/swiotlb_lib.sh"

POWER=/sys/power
CACHE_KB=65536		# page cache with known contents
SWAP_MB=1024		# the image, and what does not fit into it
RUNTIME=30		# seconds of disk I/O while suspending, at least
BACK_PERCENT=95		# of (total - floor), lent

swap=

cleanup()
{
	echo none >$POWER/pm_test
	verify_stop
	filler_stop
	hold_stop
	[ -z "$swap" ] || swapoff "$swap"
	disk_release
}

# offers FILE WORD: whether the word is among those the file offers
offers()
{
	[[ " $(tr '[]\n' '   ' <"$POWER/$1") " == *" $2 "* ]]
}

# go_to_sleep STATE: whether that succeeded
go_to_sleep()
{
	echo "$1" >$POWER/state
}

# sum [FLAG]: checksum of the file, as it is in memory; with direct, on the disk
sum()
{
	dd if="$disk_dir/cached" bs=1M ${1:+iflag="$1"} status=none | sha256sum
}

swapped_out()
{
	echo $(($(vmstat pswpout) * PAGE_KB))
}

# intact NAME: results that nothing has been lost
intact()
{
	state "$1"
	check "$1: the file in memory is as it was" test "$(sum)" = "$cached"
	check "$1: the file on the disk is as it was" test "$(sum direct)" = "$cached"
	check "$1: $BACK_PERCENT% is lent" wait_for $LENT_AGAIN lent_percent "$BACK_PERCENT"
	check_consistent "$1"
}

# swap_offset: first page of the swap file on the disk
swap_offset()
{
	filefrag -v -b"$((PAGE_KB * 1024))" "$swap" |
		sed -n 's/^ *0: *0\.\. *[0-9]*: *\([0-9]*\)\.\..*/\1/p'
}

# restored: whether this kernel is one that was read back
restored()
{
	dmesg | tail -n +"$((logged + 1))" | grep -q "image restored successfully"
}

# hibernation NAME IMAGE-BYTES WHAT KIB: 8 results, one that WHAT says at least KIB
hibernation()
{
	local name="hibernation, $1" i

	if [ -z "$hibernate" ]; then
		for ((i = 1; i <= 8; i++)); do
			skip "$name: result $i" "no test_resume (CONFIG_HIBERNATION)"
		done
		return
	fi
	echo "$2" >$POWER/image_size
	echo 1 >$POWER/pm_debug_messages
	logged=$(dmesg | wc -l)
	check "$name: the image is written and read back" go_to_sleep disk
	echo 0 >$POWER/pm_debug_messages
	dmesg | tail -n +"$((logged + 1))" |
		sed -n 's/.*hibernation: \(Need to copy\)/# hibernation: \1/p'
	check "$name: this kernel is the one of the image" restored
	at_least "$name: ${3//_/ }, KiB" "$("$3")" "$4"
	intact "$name"
	verify_start 5
	verify_end "$name"
}

need_root
need_commands fio filefrag fallocate findmnt mkswap swapon sha256sum
need_reclaim
need_debugfs
[ -w $POWER/pm_test ] || skip_all "no $POWER/pm_test (CONFIG_PM_DEBUG, CONFIG_SUSPEND)"
wait_for $LENT_AGAIN lent_percent 98
need_hold $(($(sysfs lent_kb) * 3 / 4))
need_test_device
need_disk

# Without deep, mem is freeze by another name; and that one has no levels below
# platform: it would sleep.
levels=()
if offers mem_sleep deep; then
	echo deep >$POWER/mem_sleep
	levels+=("mem freezer" "mem devices" "mem platform" "mem processors" "mem core")
fi
levels+=("freeze freezer" "freeze devices" "freeze platform")
hibernate=
if offers state disk && offers disk test_resume; then
	hibernate=1
fi
tap_plan $((${#levels[@]} + 31))

# Long enough that somebody could notice, and no longer
echo 1 >/sys/module/suspend/parameters/pm_test_delay

# 1. Memory in use
dd if=/dev/urandom of="$disk_dir/cached" bs=1M count=$((CACHE_KB / 1024)) status=none
sync
cached=$(sum)
hold_start pipe 0
diag "the process has $(field "$hold_out" lent) lent pages"
state "in use"
at_least "lent memory in use, KiB" "$(lent_in_use)" $(($(sysfs lent_kb) / 4))

# 2. Suspend, with I/O going on
rounds=0
slept=$(cat $POWER/suspend_stats/success)
end=$((SECONDS + RUNTIME))
verify_start "$RUNTIME"
while [ "$rounds" -eq 0 ] || [ "$SECONDS" -lt "$end" ]; do
	for level in "${levels[@]}"; do
		echo "${level#* }" >$POWER/pm_test
		if [ "$rounds" -eq 0 ]; then
			check "suspend: ${level/ /, to the level of }" go_to_sleep "${level% *}"
		else
			go_to_sleep "${level% *}"
		fi
	done
	rounds=$((rounds + 1))
done
echo none >$POWER/pm_test
diag "suspend: $rounds rounds"
equal "suspend: how often that was had" $(($(cat $POWER/suspend_stats/success) - slept)) \
	$((rounds * ${#levels[@]}))
verify_end "suspend"
intact "suspend"

# 3. Hibernation, with all there is in the image, and with as little as possible, the
# rest being swapped out
if [ -n "$hibernate" ]; then
	swap=$disk_dir/swap
	fallocate -l "${SWAP_MB}M" "$swap"
	chmod 600 "$swap"
	mkswap "$swap" >/dev/null
	swapon "$swap"
	swap_offset >$POWER/resume_offset
	# Looks for an image there, and finds none
	dev=$(findmnt -n -o MAJ:MIN -T "$disk_dir")
	echo "${dev// /}" >$POWER/resume
	echo test_resume >$POWER/disk
fi
hibernation "all in the image" $(($(meminfo MemTotal) * 1024)) \
	    lent_in_use $(($(sysfs lent_kb) / 4))
hibernation "small image" 0 swapped_out $(($(sysfs lent_kb) / 4))

# 4. The process had its memory through all that
let_go
equal "words of the process that changed" "$(field "$hold_out" wrong)" 0

# 5. All of the pool can still be had, works, and is lent again. Without the file
# system, whose journal holds on to pages.
[ -z "$swap" ] || swapoff "$swap"
swap=
disk_release
echo 0 >"$SYSFS/enabled"
check "everything is taken back" wait_for 120 lent_is 0
map_pool "taken back"
echo 1 >"$SYSFS/enabled"
check "98% is lent again" wait_for $LENT_AGAIN lent_percent 98
check_consistent "at the end"
state "at the end"
