#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A process takes all memory there is as fast as it can, until it is killed for it.
# By then movable pages have had all of the cushion, too: what is free is little more
# than the min watermark of the zone, which is for others, and the lists of the CPUs,
# which may have several MiB, have been emptied.
#
# rig: cmdline=swiotlb=force,reclaim=256M
# rig: mem=1G
# rig: smp=2
# rig: flavour=reclaim
# rig: timeout=300
# rig: oom=1

. "$(dirname "$0")/swiotlb_lib.sh"

LENT_PERCENT=98		# of what can be lent, before
FREE_PERCENT=25		# of the cushion, above the min watermark, when it is killed
LISTED_KB=1024		# in the lists of all CPUs: a batch for each may have come since

# zone: free memory, its min watermark, the size and what is in the lists of CPUs, of
# the largest zone that the last report of the out-of-memory killer has, KiB
zone()
{
	dmesg | sed -n '/invoked oom-killer/,$p' |
		sed -n 's/.* free:\([0-9]*\)kB boost:[0-9]*kB min:\([0-9]*\)kB.* managed:\([0-9]*\)kB.* free_pcp:\([0-9]*\)kB.*/\1 \2 \3 \4/p' |
		sort -n -k 3 | tail -n 1
}

need_root
need_commands dd
need_reclaim
tap_plan 5

check "nearly all is lent" wait_for 10 lent_percent "$LENT_PERCENT"
kills=$(vmstat oom_kill)
state "idle"
# More than is free; the kernel refuses more than there is at all
size=$(($(meminfo MemTotal) - 1024))
(
	echo 1000 >/proc/self/oom_score_adj
	exec dd if=/dev/zero of=/dev/null bs=${size}K count=1
) 2>/dev/null
status=$?
equal "status of a process that is killed" "$status" 137
equal "processes killed for lack of memory" $(($(vmstat oom_kill) - kills)) 1
read -r free min size listed < <(zone)
diag "then: free $free min $min KiB, of $size"
at_most "free above the min watermark, KiB" $((free - min)) \
	$(($(sysfs total_kb) * FREE_PERCENT / CUSHION_PART / 100))
at_most "in the lists of CPUs, KiB" "$listed" $LISTED_KB
state "after"
