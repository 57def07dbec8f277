#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Row 2: what everybody pays whose DMA does not bounce. An address inside the pool is
# that of a lent page, which only we can have.
#
# bench: what=map + unmap that does not bounce
# bench: how=instructions per pair; a device that reaches all memory
# bench: archs=x86_64 arm64
# bench: icount=1
# bench: mem=4G
# bench: quick_variants=static off reclaim
# case: 64M total=64M floor=1M force=0 quick=1
# key: outside instructions address outside the pool
# key: lent instructions address of a lent page
# target: off,reclaim outside <= 2 + static
# target: reclaim lent <= 12 + static:outside
# target: reclaim+dynamic outside <= 2 + dynamic
# target: reclaim+dynamic lent <= 12 + dynamic:outside
# cause: An address inside the pool has a call that looks at the bit of its segment. Two instructions of it are for pools that never lend and have no such bits.

# shellcheck source=../guest.sh
. /job/guest.sh

ready
for _ in 1 2; do
	r outside "$(thousandths "$(bench direct)")"
	! lends || r lent "$(thousandths "$(bench lent)")"
done
