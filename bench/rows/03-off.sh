#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Row 3: what everybody pays who does not use it, and what the page allocator pays
# where it is used. A single page comes from the list of the CPU, as does a huge
# one; of a batch most come from the zone.
#
# bench: what=*off*: map + unmap; page alloc + free of order 0 and 9, *off* and *on*
# bench: how=instructions per pair; pages one by one, and in batches of 1,024 (order 0) and 32 (order 9)
# bench: archs=x86_64 arm64
# bench: icount=1
# bench: reps=3
# bench: quick_reps=1
# bench: quick_variants=static off reclaim
# case: 64M total=64M floor=1M quick=1
# key: pair_4k instructions bounced map + unmap of 4 KiB
# key: page_0 instructions movable page, order 0
# key: page_9 instructions movable page, order 9
# key: batch_0 instructions movable pages, order 0, in batches
# key: batch_9 instructions movable pages, order 9, in batches
# key: kernel_0 instructions unmovable page, order 0
# key: kernel_batch_0 instructions unmovable pages, order 0, in batches
# target: off pair_4k <= 2 + static
# target: off page_0,page_9,batch_0,batch_9,kernel_0,kernel_batch_0 <= 1.001 x static
# target: reclaim page_0,page_9,batch_0,batch_9,kernel_0,kernel_batch_0 <= 1.005 x static
# cause: One more type of pageblocks makes struct free_area and struct zone larger, and the index of either takes other instructions; the static key is one wherever it is asked, and the quick check of the watermark adds one number. When on, the exact check, which all but single pages pass, leaves out the cushion, and where a batch is filled free regular memory is compared with free lent memory.

# shellcheck source=../guest.sh
. /job/guest.sh

ready
for _ in 1 2; do
	r pair_4k "$(thousandths "$(loop count=32768)")"
	r page_0 "$(thousandths "$(bench pages)")"
	r page_9 "$(thousandths "$(bench pages order=9)")"
	r batch_0 "$(thousandths "$(bench pages count=65536 batch=1024)")"
	r batch_9 "$(thousandths "$(bench pages count=1024 order=9 batch=32)")"
	r kernel_0 "$(thousandths "$(bench pages movable=N)")"
	r kernel_batch_0 "$(thousandths "$(bench pages movable=N count=65536 batch=1024)")"
done
