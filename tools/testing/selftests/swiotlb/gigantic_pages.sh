#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Gigantic pages are put together from whatever can be moved away, but never from lent
# memory: an attempt leaves it as it was.
#
# rig: cmdline=swiotlb=force,reclaim=512M
# rig: mem=2800M
# rig: smp=2
# rig: flavour=reclaim
# rig: qemu-x86_64=-machine max-ram-below-4g=2300M
# rig: timeout=240
#
# On x86-64 they have 1 GiB, and the kernel looks for ranges that nothing is reserved
# in. With memory up to 2300 MiB and some more above 4 GiB, for what the kernel needs
# itself, the one from 1 to 2 GiB is like that, and the pool begins in it.

. "$(dirname "$0")/swiotlb_lib.sh"

HUGEPAGES=/sys/kernel/mm/hugepages
MAX_ORDER_KB=4096	# what the page allocator has in one piece

cleanup()
{
	local dir

	for dir in "${gigantic[@]}"; do
		echo 0 >"$dir/nr_hugepages"
	done
}

size_kb()
{
	local name=${1##*/hugepages-}

	echo "${name%kB}"
}

# candidate KIB: whether some range of that size and alignment has memory of the pool
# and no byte that is no memory
candidate()
{
	local bytes=$(($1 * 1024)) from ram to

	for ((from = first / bytes * bytes; from <= last; from += bytes)); do
		while read -r ram to; do
			[ $((16#$ram)) -gt "$from" ] || [ $((16#$to)) -lt $((from + bytes - 1)) ] ||
				return 0
		done < <(sed -n 's/^\([0-9a-f]*\)-\([0-9a-f]*\) : System RAM$/\1 \2/p' /proc/iomem)
	done
	return 1
}

# more_than_there_is DIR: ask for them one by one until there is none any more
more_than_there_is()
{
	local before

	while before=$(cat "$1/nr_hugepages"); do
		echo $((before + 1)) >"$1/nr_hugepages"
		[ "$(cat "$1/nr_hugepages")" -gt "$before" ] || break
		# Leave something to run on
		[ "$(free_regular_kb)" -gt $(($(meminfo MemTotal) / 4)) ] || break
	done
}

need_root
need_reclaim
need_debugfs
need_program pool_pages
need_bounds
gigantic=()
for dir in "$HUGEPAGES"/hugepages-*; do
	[ -e "$dir" ] && [ "$(size_kb "$dir")" -gt "$MAX_ORDER_KB" ] && candidate "$(size_kb "$dir")" &&
		gigantic+=("$dir")
done
[ "${#gigantic[@]}" -gt 0 ] || skip_all "no gigantic pages, or the pool is where none can be"
wait_for $LENT_AGAIN lent_percent 98
blocks=$(swiotlb_blocks)
tap_plan $((4 * ${#gigantic[@]}))

for dir in "${gigantic[@]}"; do
	kb=$(size_kb "$dir")
	state "before"
	more_than_there_is "$dir"
	pool_pages
	diag "pages of $kb KiB: $(cat "$dir/nr_hugepages"), pool $first-$last"
	equal "$kb KiB: pages of hugetlb in the pool" "${pool_pages[hugetlb]}" 0
	equal "$kb KiB: pageblocks of the type" "$(swiotlb_blocks)" "$blocks"
	check "$kb KiB: all of them lent" lent_percent 98
	echo 0 >"$dir/nr_hugepages"
	equal "$kb KiB: pages left" "$(cat "$dir/nr_hugepages")" 0
done
