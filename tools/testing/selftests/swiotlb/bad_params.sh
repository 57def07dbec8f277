#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What cannot be understood in swiotlb= is named in the log, not dropped in
# silence, and bounce buffers work all the same.
#
# rig: cmdline=swiotlb=force,reclaim=12x,bogus
# rig: mem=1G
# rig: smp=1
# rig: flavour=reclaim
# rig: timeout=60

. "$(dirname "$0")/swiotlb_lib.sh"

# logged WORD: whether a line of the swiotlb in the log quotes it
logged()
{
	dmesg | grep -v 'Command line:\|command line:' | grep -i 'swiotlb\|software IO TLB' |
		grep -q "['\"]$1['\"]"
}

need_root
need_debugfs
field /proc/vmstat nr_free_swiotlb >/dev/null ||
	skip_all "no nr_free_swiotlb in /proc/vmstat: needs CONFIG_SWIOTLB_RECLAIM"
case "$(cat /proc/cmdline)" in
*swiotlb=*reclaim=12x,bogus*) ;;
*) skip_all "needs swiotlb=force,reclaim=12x,bogus on the command line" ;;
esac
tap_plan 3

dmesg | grep -i 'software IO TLB' | while read -r line; do
	diag "$line"
done
check "the log names the size '12x'" logged 12x
check "the log names the keyword 'bogus'" logged bogus
at_least "slots" "$(cat "$DEBUGFS/swiotlb/io_tlb_nslabs")" 1
