#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# At idle nearly all of the pool is lent, and a process can have that memory.
#
# rig: cmdline=swiotlb=force,reclaim=256M
# rig: mem=1G
# rig: smp=2
# rig: flavour=reclaim
# rig: timeout=300
#
# A process takes memory step by step, each a part of what is free, until nearly
# no lent page is free any more. It stops early when so little memory is left
# (RESERVE_KB) that a step more could end in an OOM kill; then the test has failed.

. "$(dirname "$0")/swiotlb_lib.sh"

LENT_PERCENT=98		# of (total - floor), at idle
USED_PERCENT=95		# of lent memory, by the process
STEP_PART=16		# of free memory
STEP_KB=512		# at least
RESERVE_KB=6144

cleanup()
{
	filler_stop
}

free_again()
{
	[ $(($(free_lent_kb) * 100)) -ge $((before * 90)) ]
}

need_root
need_commands tail head
need_reclaim
tap_plan 7

wait_for 10 lent_percent "$LENT_PERCENT"
state "idle"
at_least "lent at idle, KiB" "$(sysfs lent_kb)" $(($(lendable_kb) * LENT_PERCENT / 100))

sync
echo 3 >/proc/sys/vm/drop_caches
sleep 1
lent=$(sysfs lent_kb)
before=$(free_lent_kb)
kills=$(vmstat oom_kill)
state "caches dropped"

filler_start
while after=$(free_lent_kb) && lent=$(sysfs lent_kb) &&
      [ $((after * 100)) -gt $((lent * (100 - USED_PERCENT))) ] &&
      free=$(meminfo MemFree) && [ "$free" -gt "$RESERVE_KB" ] && kill -0 "$filler" 2>/dev/null; do
	step=$((free / STEP_PART))
	filler_add $((step > STEP_KB ? step : STEP_KB)) 2>/dev/null || break
done
state "filled"
# What kswapd frees afterwards does not count
diag "the process has $(filler_kb) KiB; free lent memory went from $before to $after KiB of $lent"
[ "$(vmstat oom_kill)" -eq "$kills" ] || diag "$(oom_report | grep -E 'invoked|alloc|free:|free_pcp|Killed')"

at_least "lent memory in use, KiB" $((lent - after)) $((lent * USED_PERCENT / 100))
at_least "of it by this process, KiB" $((before - after)) $((lent * (USED_PERCENT - 5) / 100))
at_least "the process has at least as much, KiB" "$(filler_kb)" $((lent * USED_PERCENT / 100))
check "lent memory stays lent while in use" lent_percent "$USED_PERCENT"
equal "processes killed for lack of memory" $(($(vmstat oom_kill) - kills)) 0

filler_stop
check "what was free is free again" wait_for 10 free_again
state "released"
