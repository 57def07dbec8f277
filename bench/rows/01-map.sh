#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Row 1: what a mapping costs that finds a free slot. The smallest stock pool has as
# many free slots as ours has when 98% of it is lent.
#
# bench: what=bounced map + unmap of 4 KiB and 64 KiB
# bench: how=instructions per pair; 98% of the pool is lent; *none* has as many free slots
# bench: archs=x86_64 arm64
# bench: icount=1
# bench: base=none
# bench: quick_variants=none static dynamic off reclaim
# case: 64M total=64M floor=1280K quick=1
# case: 512M total=512M floor=10M mem=2G
# key: pair_4k instructions map + unmap of 4 KiB
# key: pair_64k instructions map + unmap of 64 KiB
# target: reclaim pair_4k,pair_64k <= 1.005 x none
# target: reclaim+dynamic pair_4k,pair_64k <= 1.005 x dynamic

# shellcheck source=../guest.sh
. /job/guest.sh

ready
for _ in 1 2; do
	r pair_4k "$(thousandths "$(loop count=32768)")"
	r pair_64k "$(thousandths "$(loop size=65536 count=4096)")"
done
