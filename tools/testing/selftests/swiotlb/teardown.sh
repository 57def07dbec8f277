#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A pool that has begun to lend cannot be torn down: what is lent is not its to free.
# The KUnit suite swiotlb_exit tries, at the end of boot; here is what it left.
#
# rig: cmdline=swiotlb=reclaim=256M kunit.enable=1 kunit.filter_glob=swiotlb_exit
# rig: mem=5G
# rig: smp=2
# rig: flavour=reclaim
# rig: timeout=120
#
# More memory than 32 bits reach, so that there is a pool without 'force', with which
# none is ever torn down.

. "$(dirname "$0")/swiotlb_lib.sh"

RESULTS=$DEBUGFS/kunit/swiotlb_exit/results

need_root
[ -d "$SYSFS" ] || skip_all "no $SYSFS: needs CONFIG_SWIOTLB_RECLAIM and swiotlb=reclaim"
need_debugfs
[ -e "$RESULTS" ] || skip_all "needs CONFIG_SWIOTLB_RECLAIM_KUNIT_TEST=y, CONFIG_KUNIT_DEBUGFS and kunit.enable=1"
! grep -q '# SKIP' "$RESULTS" || skip_all "$(sed -n 's/.*# SKIP //p' "$RESULTS" | head -n 1)"
tap_plan 5

grep -v '^#' "$RESULTS" | while read -r line; do diag "$line"; done
equal "cases that passed" "$(grep -c '^ok' "$RESULTS")" 1
equal "lines in the log that say it is not torn down" \
	"$(dmesg | grep -c 'software IO TLB: not torn down, as it lends its memory')" 1
equal "lines in the log that say it is" "$(dmesg | grep -c 'tearing down default memory pool')" 0
at_least "size of the pool, KiB" "$(sysfs total_kb)" 1
check "98% of the pool is lent" wait_for 30 lent_percent 98
