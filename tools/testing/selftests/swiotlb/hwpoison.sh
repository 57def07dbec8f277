#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A page that goes bad retires its segment for good, whether the page was lent and
# free, lent and in use, or not lent: no bounce buffer is ever in the segment again, it
# is not lent again, and it is counted. What was in a lent page and can be saved is.
#
# rig: cmdline=swiotlb=force,reclaim=256M
# rig: mem=1G
# rig: smp=2
# rig: disk=64M
# rig: flavour=reclaim
# rig: modules=lib/test_swiotlb.ko
# rig: timeout=480

. "$(dirname "$0")/swiotlb_lib.sh"

FILE_MB=32
HOLD_KB=32768
TAKE=8			# segments, to have one that is not lent and not of the floor
MEMORY=/sys/devices/system/memory

bad=()
floor=()
floor_kb=

cleanup()
{
	echo 0 >"$TEST_DEV/ring"
	echo 1 >"$SYSFS/enabled"
	[ -z "$floor_kb" ] || echo "$floor_kb" >"$SYSFS/floor_kb"
	hold_stop
	unmovable_stop
	disk_release
}

# segment_of PFN
segment_of()
{
	echo $((($1 - first / (PAGE_KB * 1024)) / (SEGMENT_KB / PAGE_KB)))
}

# pick KIND [EXCEPT]: set pfn to a page of that kind, in a segment that has no bad page
# yet, and is not in the list EXCEPT
pick()
{
	while read -r pfn; do
		[[ " ${bad[*]} ${2:-} " == *" $(segment_of "$pfn") "* ]] || return 0
	done < <("$(dirname "$0")/pool_pages" "$first" "$last" "$1")
	pfn=
	return 1
}

# list_owned: set floor to the segments that are owned; fails where others look as if
# they were, as pages do that a process which has ended is about to free
# shellcheck disable=SC2317	# called by wait_for
list_owned()
{
	floor=()
	while read -r pfn; do
		floor+=("$(segment_of "$pfn")")
	done < <("$(dirname "$0")/pool_pages" "$first" "$last" owned)
	[ $((${#floor[@]} * SEGMENT_KB)) -eq "$(owned_kb)" ]
}

# gone_bad hard | soft: the page $pfn has; hard is now, soft is soon
gone_bad()
{
	[ -n "$pfn" ] || return 1
	bad+=("$(segment_of "$pfn")")
	diag "page frame $pfn, segment ${bad[-1]}"
	echo $((pfn * PAGE_KB * 1024)) >"$MEMORY/$1_offline_page"
}

# all_zero FILE: whether it has FILE_MB of zeros
all_zero()
{
	[ "$(tr '\0' z <"$1" | tr -d -c z | wc -c)" -eq $((FILE_MB << 20)) ]
}

slots()
{
	cat "$DEBUGFS/swiotlb/io_tlb_$1"
}

# fits MAPPINGS: whether so many of 4 KiB can be mapped at a time
fits()
{
	echo "$1" 2>/dev/null >"$TEST_DEV/ring"
}

# fits_just KIB: whether bounce buffers of KIB can be had, and no more
fits_just()
{
	fits $(($1 / 4)) && ! fits $(($1 / 4 + 1))
}

need_root
need_reclaim
need_test_device
need_program pool_pages
need_program unmovable
[ -e "$MEMORY/hard_offline_page" ] || skip_all "no CONFIG_MEMORY_FAILURE"
need_disk
wait_for $LENT_AGAIN lent_percent 98
need_hold "$HOLD_KB"
[ "$(slots retired)" -eq 0 ] || skip_all "a page of the pool is bad already"
tap_plan $((2 + 3 + 3 + 3 + 2 * 4 + 2))

# 1. Lent, of a file that is on the disk as well
unmovable_start $(($(free_regular_kb) - $(free_lent_kb) / 2)) 0 0 / || diag "no page tables"
truncate -s "${FILE_MB}M" "$disk_dir/file"
cat "$disk_dir/file" >/dev/null
pick cache
check "a lent page of clean page cache goes bad" gone_bad hard
equal "slots of retired segments" "$(slots retired)" 128
check "the file can be read and has what it had" all_zero "$disk_dir/file"

# 2. Lent, of a process
other_kb=0
hold pipe 0
diag "a process: $(tr '\n' ' ' <"$hold_out")"
pick anon
check "a lent page of a process is about to" gone_bad soft
equal "slots of retired segments" "$(slots retired)" 256
let_go
equal "words that changed" "$(field "$hold_out" wrong)" 0
unmovable_stop
rm "$disk_dir/file"
disk_release

# 3. Not lent, and then it would be
wait_for $LENT_AGAIN list_owned || diag "${#floor[@]} segments look owned"
# Lent again only when there is a bad page, however long that takes
floor_kb=$(sysfs floor_kb)
# More than is owned, which may be more than the floor
raised=$(($(owned_kb) + TAKE * SEGMENT_KB))
echo "$raised" >"$SYSFS/floor_kb"
wait_for $LENT_AGAIN owns_at_least "$raised"
wait_for $LENT_AGAIN pick owned "${floor[*]}"
# The kernel cannot do anything about it, and says so
gone_bad hard 2>/dev/null
check "a page that is not lent has gone bad" test -n "$pfn"
equal "slots of retired segments" "$(slots retired)" 384
echo "$floor_kb" >"$SYSFS/floor_kb"
# shellcheck disable=SC2016	# not for us to expand
retired='dmesg | grep -q "segment ${bad[-1]} is retired"'
# Where reading the file took long, what was mapped for it is kept for a while
check "its segment is retired rather than lent" wait_for $LENT_AGAIN eval "$retired"

# 4. Lent and free
pick free
check "a lent page that is free goes bad" gone_bad hard
equal "slots of retired segments" "$(slots retired)" 512

# 5. Everything is taken back and lent again, twice
lent_bad=$((3 * SEGMENT_KB))
for round in first second; do
	wait_for $LENT_AGAIN lent_is $(($(lendable_kb) - SEGMENT_KB))
	equal "$round time: lent, KiB" "$(sysfs lent_kb)" $(($(lendable_kb) - SEGMENT_KB))
	echo 0 >"$SYSFS/enabled"
	wait_for $LENT_AGAIN lent_is "$lent_bad"
	state "switched off"
	equal "$round time: lent that cannot be taken back, KiB" "$(sysfs lent_kb)" "$lent_bad"
	equal "$round time: bounce buffers in use, KiB" "$(sysfs used_kb)" 0
	check "$round time: all but the bad segments can be mapped, and no more" \
		fits_just $(($(sysfs total_kb) - ${#bad[@]} * SEGMENT_KB))
	echo 0 >"$TEST_DEV/ring"
	echo 1 >"$SYSFS/enabled"
done
wait_for $LENT_AGAIN lent_is $(($(lendable_kb) - SEGMENT_KB))
pool_pages
equal "bad pages on no free list" "${pool_pages[hwpoison]}" "${#bad[@]}"
equal "slots of retired segments" "$(slots retired)" 512
diag "$(grep HardwareCorrupted /proc/meminfo | tr -s ' ')"
