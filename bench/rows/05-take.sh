#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Row 5: what the map pays that takes a segment back. A burst of small buffers takes
# one for each 64 of them; as many of the slowest maps as segments were taken are
# those that took one.
#
# bench: what=a 4 KiB map in hard irq that first takes a segment free
# bench: how=instructions per map; at once 4,096 of them while 98% of the pool is lent
# bench: archs=x86_64 arm64
# bench: icount=1
# bench: variants=static dynamic reclaim reclaim+dynamic
# bench: quick_variants=static dynamic reclaim
# case: init_on_alloc=0 total=64M floor=1M cmdline=init_on_alloc=0 quick=1
# case: init_on_alloc=1 total=64M floor=1M cmdline=init_on_alloc=1
# key: plain_p50 instructions a map that takes none, median
# key: take_p50 instructions a map that takes a segment, median
# key: take_p99 instructions a map that takes a segment, 99th percentile
# key: take_max instructions a map that takes a segment, maximum
# key: max instructions any map, maximum
# key: failed maps failed
# target: reclaim,reclaim+dynamic take_p50,take_p99,take_max <= 2 x reclaim:plain_p50
# target: reclaim,reclaim+dynamic max <= 0.02 x dynamic

# shellcheck source=../guest.sh
. /job/guest.sh

ready
burst_of_takes
