#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Row 13: what a large pool costs at boot, in time and in memory that describes it.
# Up to the first driver a boot waits for nothing that the host does, and so repeats.
#
# bench: what=boot time and metadata of overallocation
# bench: how=instructions until the first driver of a device (x86-64: since the kernel has a clock; arm64: since reset); by then all that can be lent is; KiB per MiB of pool by which memory is less, from the difference of the two sizes
# bench: archs=x86_64 arm64
# bench: icount=1
# bench: mem=2G
# bench: base=none
# bench: reps=2
# bench: quick_reps=1
# bench: quick_archs=x86_64
# bench: variants=none static reclaim
# case: 64M total=64M floor=1M quick=1
# case: 256M total=256M floor=1M quick=1
# key: boot instructions of boot
# key: metadata KiB/MiB memory that describes the pool
# target: reclaim boot <= 1.01 x none
# target: reclaim metadata <= 8

# shellcheck source=../guest.sh
. /job/guest.sh

# stamp PATTERN: when the first such line was logged, in microseconds
stamp()
{
	local at

	at=$(dmesg | sed -n "/$1/{s/^\\[ *\\([0-9]*\\)\\.\\([0-9]*\\)\\].*/\\1\\2/p;q}")
	[ -n "$at" ] || cannot "no line '$1' in the log"
	echo $((10#$at))
}

before=0
driver='Serial: 8250'
if [ "$RIG_ARCH" = arm64 ]; then
	driver='virtio_blk virtio0: .* queues'
	# The log's clock starts late there
	reset=$(dmesg | sed -n 's/.*bench_swiotlb: \([0-9]*\) ns since reset/\1/p')
	before=$((reset / 1000 - $(stamp 'ns since reset')))
fi
driver=$(stamp "$driver")
r boot $(((driver + before) * 1000))
ready
# What a pool holds back is not the cost of describing it; a stock one is not lent
pool=0
case $BENCH_VARIANT in
reclaim) r pool_kb "$BENCH_TOTAL_KB" ;;
static)
	pool=$(($(cat "$DEBUGFS/swiotlb/io_tlb_nslabs") * 2))
	r pool_kb "$pool" ;;
esac
r memory_kb $(($(meminfo MemTotal) + pool))
