#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What a pool may have of low memory is not less because a CMA area lies elsewhere.
#
# rig: cmdline=swiotlb=force,reclaim=256M cma=2816M@4G
# rig: mem=6G
# rig: smp=2
# rig: flavour=reclaim
# rig: timeout=120
# rig: arch=x86_64
#
# Of 6 GiB, 3 are below 4 GiB in this machine.

. "$(dirname "$0")/swiotlb_lib.sh"

need_root
need_reclaim
case "$(cat /proc/cmdline)" in
*reclaim=256M*cma=2816M@4G*) ;;
*) skip_all "needs swiotlb=force,reclaim=256M cma=2816M@4G on the command line" ;;
esac
tap_plan 4

dmesg | grep 'cma: \|software IO TLB' | while read -r line; do diag "$line"; done
at_least "CMA memory, KiB" "$(meminfo CmaTotal)" $((2816 * 1024))
equal "total of the pool, KiB" "$(sysfs total_kb)" $((256 * 1024))
equal "lines of the log that say it is smaller" \
	"$(dmesg | grep -c 'reclaim: no room for')" 0
check "98% is lent" wait_for 30 lent_percent 98
