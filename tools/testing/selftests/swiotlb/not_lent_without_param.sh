#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A kernel that can lend bounce buffers but was not asked to does not.
#
# rig: cmdline=swiotlb=force
# rig: mem=1G
# rig: smp=2
# rig: flavour=reclaim
# rig: timeout=60

. "$(dirname "$0")/swiotlb_lib.sh"

need_root
need_debugfs
field /proc/vmstat nr_free_swiotlb >/dev/null ||
	skip_all "no nr_free_swiotlb in /proc/vmstat: needs CONFIG_SWIOTLB_RECLAIM"
case "$(cat /proc/cmdline)" in
*swiotlb=*reclaim*) skip_all "booted with swiotlb=reclaim" ;;
esac
tap_plan 5

total=0
if [ -e "$SYSFS/total_kb" ]; then
	total=$(sysfs total_kb)
fi
equal "pool to lend, KiB" "$total" 0
equal "free lent pages" "$(vmstat nr_free_swiotlb)" 0
equal "segments lent since boot" "$(vmstat swiotlb_lend)" 0
equal "pageblocks of type Swiotlb" "$(swiotlb_blocks)" 0
at_least "slots that bounce as ever" "$(cat "$DEBUGFS/swiotlb/io_tlb_nslabs")" 1
