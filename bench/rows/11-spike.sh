#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Row 11: a burst of 128 MiB, and all of it unmapped again. How long until the memory
# is the page allocator's again, and what is still held a minute later.
#
# bench: what=return after a spike
# bench: how=128 MiB mapped in 64 KiB maps, in steps of 1 MiB from hard irq, held for 0.5 s and unmapped; seconds until 95% of what has no live mapping is lent, MiB held 60 s later that are more than before
# bench: archs=x86_64 arm64
# bench: quick_archs=x86_64
# bench: variants=dynamic reclaim reclaim+dynamic
# bench: quick_variants=dynamic reclaim
# bench: reps=3
# bench: quick_reps=1
# bench: base=dynamic
# case: 256M total=256M floor=4M quick=1
# key: seconds s until lent
# key: held MiB still held after 60 s
# key: failed maps failed
# target: reclaim,reclaim+dynamic seconds <= 10

# shellcheck source=../guest.sh
. /job/guest.sh

# What bounces now and what could: what the page allocator does not have
held_kb()
{
	if lends; then
		owned_kb
	else
		echo $(($(cat "$DEBUGFS/swiotlb/io_tlb_nslabs") * 2))
	fi
}

ready
before=$(held_kb)
device size=65536 count=2048 batch=16 pace=2000 src_kb=1024 hold_ms=500
echo 1 >"$TEST_DEV/run" || cannot "the spike"
ended=${EPOCHREALTIME/./}
figures "spike"
r failed "$(figure failed)"
if lends; then
	wait_for 60 lent_percent 95
	! lent_percent 95 || r seconds "$(thousandths $(((${EPOCHREALTIME/./} - ended) / 1000)))"
fi
while [ $((${EPOCHREALTIME/./} - ended)) -lt 60000000 ]; do
	sleep 1
done
r held $((($(held_kb) - before) / 1024))
