#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What it costs to map and unmap 4 KiB while nearly all of the pool is lent.
# The figure is printed, not judged: that takes a stock kernel beside it.
#
# rig: cmdline=swiotlb=force,reclaim=256M
# rig: mem=1G
# rig: smp=1
# rig: icount=1
# rig: flavour=reclaim
# rig: modules=lib/test_swiotlb.ko
# rig: timeout=240

. "$(dirname "$0")/swiotlb_lib.sh"

PAIRS=65536

need_root
need_reclaim
need_test_device
tap_plan 4

wait_for $LENT_AGAIN lent_percent 98
check "98% is lent" lent_percent 98
device count=$PAIRS irqs_off=Y
echo 1 >"$TEST_DEV/loop"
figures "loop"
equal "pairs" "$(figure pairs)" "$PAIRS"
equal "mappings that failed" "$(figure failed)" 0
check "98% is lent afterwards" lent_percent 98
if on_icount; then
	diag "map and unmap of 4 KiB: $(figure ns_per_pair) instructions"
else
	diag "map and unmap of 4 KiB: $(figure ns_per_pair) ns"
fi
