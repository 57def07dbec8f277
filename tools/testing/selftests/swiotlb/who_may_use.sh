#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Lent memory is for movable pages only. Pins for a long time move pages out of it
# first. What cannot be moved, what can only be reclaimed, huge pages of a persistent
# pool and CMA areas never have it, and compaction does not fill it.
#
# rig: cmdline=swiotlb=force,reclaim=256M cma=16M
# rig: mem=1G
# rig: smp=2
# rig: flavour=reclaim
# rig: timeout=300
#
# While less regular memory is free than lent one, all who may have lent memory get it
# first. So there is a process that uses up regular memory: for page tables, which must
# not be in lent memory themselves.

. "$(dirname "$0")/swiotlb_lib.sh"

HOLD_KB=40960
HOLD_PERCENT=25		# of it that is lent, before it is pinned
PIPES=768		# of 64 KiB
FILES=20000		# some KiB of slab each
HUGE_PAGES=32		# of 2 MiB, or what the default is
CMA_KB=8192
SLACK_PAGES=512		# on their way to a free list or to the LRU lists

FRAGMENTS=200		# files of 1 MiB, half of which are deleted again

HUGE=/proc/sys/vm/nr_hugepages
PCP=/proc/sys/vm/percpu_pagelist_high_fraction
CMA=$DEBUGFS/cma

files=
cma=

cleanup()
{
	echo "$pcp" >"$PCP"
	[ -z "$cma" ] || echo "$cma_pages" >"$cma/free"
	echo 0 2>/dev/null >"$HUGE"
	hold_stop
	unmovable_stop
	[ -z "$files" ] || { umount "$files" && rmdir "$files"; }
}

# pinned HOW FILE: what pins this way does not pin lent pages
pinned()
{
	if [ ! -e "$2" ]; then
		for what in "lent memory it had" "pages pinned" "words"; do
			skip "$1: $what" "there is no $2"
		done
		return
	fi
	hold "$1"
	diag "$1: $(tr '\n' ' ' <"$hold_out")"
	at_least "$1: KiB of lent memory the process had" \
		 $(($(field "$hold_out" lent) * PAGE_KB)) $((HOLD_KB * HOLD_PERCENT / 100))
	equal "$1: lent pages it has pinned" "$(field "$hold_out" held)" 0
	let_go
	equal "$1: words that changed" "$(field "$hold_out" wrong)" 0
}

# only_movable WHEN: nobody else uses a page of the pool. Most of what the kernel
# allocates is not marked, but so many pages can be: those that are not lent, and
# those on per-CPU lists.
only_movable()
{
	local owned waiting

	owned=$((($(sysfs total_kb) - $(sysfs lent_kb)) / PAGE_KB))
	waiting=$(($(sed -n 's/^ *count: *//p' /proc/zoneinfo | paste -s -d +)))
	pool_pages
	diag "$1: regular memory free $(free_regular_kb) KiB; pages of the pool:" \
	     "$(for kind in "${!pool_pages[@]}"; do echo "$kind ${pool_pages[$kind]}"; done | paste -s -d ,)"
	equal "$1: pages of page tables in the pool" "${pool_pages[pgtable]}" 0
	equal "$1: pages of slab in the pool" "${pool_pages[slab]}" 0
	equal "$1: pages of hugetlb in the pool" "${pool_pages[hugetlb]}" 0
	at_most "$1: pages of the pool that nobody is known to have" "${pool_pages[none]}" \
		$((owned + waiting + SLACK_PAGES))
}

used_lent_kb()
{
	echo $(($(sysfs lent_kb) - $(free_lent_kb)))
}

need_root
need_commands paste split
need_reclaim
need_debugfs
need_program pool_pages
need_program unmovable
wait_for $LENT_AGAIN lent_percent 98
need_hold "$HOLD_KB"
pool_pages
[ -n "${pool_pages[free]:-}" ] || skip_all "no /proc/kpageflags"
files=$(mktemp -d)
mount -t tmpfs -o size=80% who_may_use "$files" || skip_all "no tmpfs"
blocks=$(swiotlb_blocks)
tap_plan $((3 + 2 + 4 + 3 * 3 + 1 + 4 + 2 + 4 + 2))

# Per-CPU lists as short as can be, as nobody asks what type of memory they have
pcp=$(cat "$PCP")
echo 1000000 >"$PCP"

# 1. What cannot be moved, or only be reclaimed. The page tables come first, then as
# much regular memory is free as three quarters of what is lent.
echo 3 >/proc/sys/vm/drop_caches
state "before"
tables_kb=$(($(free_regular_kb) - $(free_lent_kb) * 3 / 4))
slab=$(meminfo Slab)
check "$tables_kb KiB of page tables, $PIPES pipes, $FILES inodes" \
	unmovable_start "$tables_kb" "$PIPES" "$FILES" "$files"
diag "page tables $(meminfo PageTables) KiB, slab $slab then $(meminfo Slab) KiB"
check "less regular memory is free than lent" test "$(free_regular_kb)" -lt "$(free_lent_kb)"
only_movable "unmovable"
other_kb=0

# 2. Pins for a long time
pinned gup "$DEBUGFS/gup_test"
pinned gup_fast "$DEBUGFS/gup_test"
pinned udmabuf /dev/udmabuf

# 3. Huge pages of a persistent pool
if [ -e "$HUGE" ]; then
	echo "$HUGE_PAGES" >"$HUGE"
	at_least "huge pages" "$(cat "$HUGE")" 1
	only_movable "hugetlb"
else
	for what in "huge pages" "page tables" "slab" "hugetlb" "others"; do
		skip "hugetlb: $what" "there is no $HUGE"
	done
fi

# 4. CMA
cma_pages=$((CMA_KB / PAGE_KB))
for area in "$CMA"/*; do
	[ ! -e "$area/alloc" ] || [ "$(cat "$area/count")" -lt "$cma_pages" ] || cma=$area
done
if [ -n "$cma" ]; then
	cma_free=$(meminfo CmaFree)
	echo "$cma_pages" >"$cma/alloc"
	diag "CMA memory free: $cma_free KiB, then $(meminfo CmaFree) KiB"
	at_least "pages of the CMA area in use" "$(cat "$cma/used")" "$cma_pages"
	from=$(($(cat "$cma/base_pfn") * PAGE_KB * 1024))
	check "the CMA area and the pool are apart" \
		apart "$from" $((from + $(cat "$cma/count") * PAGE_KB * 1024 - 1))
	only_movable "CMA"
else
	for what in "pages" "area" "page tables" "slab" "hugetlb" "others"; do
		skip "CMA: $what" "there is no CMA area of $CMA_KB KiB, or no CONFIG_CMA_DEBUGFS"
	done
fi

# 5. Compaction. Blocks that are free as a whole it never fills, so none of them is.
echo 0 2>/dev/null >"$HUGE"
head -c "${FRAGMENTS}M" /dev/zero | split -d -a 3 -b 1M - "$files/fragment."
rm "$files"/fragment.*[02468]
used=$(used_lent_kb)
moved=$(vmstat compact_isolated)
echo 1 >/proc/sys/vm/compact_memory
moved=$(($(vmstat compact_isolated) - moved))
diag "lent memory in use: $used KiB, then $(used_lent_kb) KiB, pages isolated: $moved"
at_least "compaction: lent memory in use before, KiB" "$used" $((FRAGMENTS * 1024 / 8))
at_least "compaction: pages isolated" "$moved" $((FRAGMENTS * 8))
at_most "compaction: lent memory in use, KiB" "$(used_lent_kb)" $((used + SLACK_PAGES * PAGE_KB))

# 6. All of it is where it was
equal "pageblocks of the type" "$(swiotlb_blocks)" "$blocks"
check "all of them lent" lent_percent 98
