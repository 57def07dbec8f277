#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Row 4: each unmap looks up which pool an address is of. Whatever is mapped last is
# unmapped last, so that the middle of all unmaps stands for all of the pools. The
# maps come step by step, so that a pool that grows by allocation may do so.
#
# bench: what=lookup as pools grow
# bench: how=instructions per unmap of 64 KiB, median, while so many MiB are in use; all in steps of 1 MiB from a task
# bench: archs=x86_64 arm64
# bench: icount=1
# bench: mem=3G
# bench: variants=static dynamic reclaim
# bench: timeout=900
# case: - total=600M floor=4M quick=1
# key: unmap_4 instructions unmap, 4 MiB in use
# key: unmap_16 instructions unmap, 16 MiB in use
# key: unmap_64 instructions unmap, 64 MiB in use
# key: unmap_128 instructions unmap, 128 MiB in use
# key: unmap_256 instructions unmap, 256 MiB in use
# key: unmap_512 instructions unmap, 512 MiB in use
# key: worst_512 instructions unmap, 512 MiB in use, 99th percentile
# target: reclaim unmap_16,unmap_64,unmap_128,unmap_256,unmap_512 <= 1.01 x reclaim:unmap_4
# curve: unmap_ MiB in use, instructions per unmap

# shellcheck source=../guest.sh
. /job/guest.sh

ready
for mib in 4 16 64 128 256 512; do
	device size=65536 count=$((mib * 16)) batch=16 pace=20000 ctx=task src_kb=1024
	echo 1 >"$TEST_DEV/run" || cannot "$mib MiB in use"
	figures "$mib MiB"
	# Where some of it could not be mapped the figure is of less
	if [ "$(figure failed)" -eq 0 ]; then
		r "unmap_$mib" "$(figure unmap_p50)"
		[ "$mib" -lt 512 ] || r "worst_$mib" "$(figure unmap_p99)"
	fi
	r "failed_$mib" "$(figure failed)"
done
