#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# While a part of the cushion is free, nothing is killed for what cannot be there: the
# kernel has a process's page tables below the min watermark of the zone.
#
# A process takes all memory there is as fast as it can, until it is killed for it.
# By then movable pages have had all of the cushion, too: what is free is little more
# than the min watermark of the zone, which is for others, and the lists of the CPUs,
# which may have several MiB, have been emptied.
#
# Nor does a process live on that has the kernel allocate page tables without end, while
# another has the page cache it reads in lent memory: what is reclaimed there is progress
# for no page table.
#
# rig: cmdline=swiotlb=force,reclaim=256M
# rig: mem=1G
# rig: smp=2
# rig: flavour=reclaim
# rig: disk=512M
# rig: timeout=600
# rig: oom=1

. "$(dirname "$0")/swiotlb_lib.sh"

LENT_PERCENT=98		# of what can be lent, before
CUSHION_PERCENT=75	# of the cushion, free when page tables are needed
STEP_KB=512		# of what the process takes until then, as less is free
RESERVE_PERCENT=40	# of the min watermark: the kernel may have half
FREE_PERCENT=25		# of the cushion, above the min watermark, when it is killed
FULL_PERCENT=85		# of the regular memory, page tables without end have when it is full
FULL_S=$((120 * ${SLOWER:-1}))	# until then
ENDLESS_S=$((60 * ${SLOWER:-1}))	# and then until the process is killed: it has half of what is
				# below the min watermark first
DECOYS=12		# processes to be killed instead of ours: of three all were, at times, and then the test
LISTED_KB=1024		# in the lists of all CPUs: a batch for each may have come since

cleanup()
{
	unmovable_stop
	filler_stop
	reader_stop
	decoys_stop
	disk_release
}

# reader_start: a process reads a file again and again, which fits into memory only
# together with what is lent. The file has no blocks, so it is read fast.
reader=
reader_start()
{
	truncate -s "$(($(sysfs total_kb) + $(watermark_kb high)))K" "$disk_dir/file"
	while [ -e "$disk_dir/file" ]; do
		cat "$disk_dir/file" >/dev/null
	done &
	reader=$!
}

reader_stop()
{
	[ -n "$reader" ] || return 0
	rm -f "$disk_dir/file"
	wait "$reader"
	reader=
}

# decoys_start: processes to be killed instead of ours. A process counts as gone before its
# page tables are free, and until they are others may be killed, too, lending or not.
decoys=()
decoys_start()
{
	local i

	for ((i = 0; i < DECOYS; i++)); do
		(
			echo 999 >/proc/self/oom_score_adj
			exec sleep 1000
		) &
		decoys+=($!)
	done
}

decoys_stop()
{
	[ "${#decoys[@]}" -eq 0 ] || kill "${decoys[@]}" 2>/dev/null
	decoys=()
}

is_gone() { ! kill -0 "$1" 2>/dev/null; }

# full_or_gone KIB PID: there are so many page tables, or the process is gone
full_or_gone() { [ "$(meminfo PageTables)" -ge "$1" ] || is_gone "$2"; }

# zone: free memory, its min watermark, the size and what is in the lists of CPUs, of
# the largest zone that the last report of the out-of-memory killer has, KiB
zone()
{
	oom_report |
		sed -n 's/.* free:\([0-9]*\)kB boost:[0-9]*kB min:\([0-9]*\)kB.* managed:\([0-9]*\)kB.* free_pcp:\([0-9]*\)kB.*/\1 \2 \3 \4/p' |
		sort -n -k 3 | tail -n 1
}

need_root
need_commands dd
need_reclaim
need_disk
tap_plan 12

check "nearly all is lent" wait_for 10 lent_percent "$LENT_PERCENT"
kills=$(vmstat oom_kill)
state "idle"

cushion=$(($(sysfs total_kb) / CUSHION_PART))
tables=$(($(watermark_kb min) * RESERVE_PERCENT / 100))
filler_start
while free=$(free_lent_kb) && [ "$free" -gt $((cushion * CUSHION_PERCENT / 100)) ] &&
      kill -0 "$filler" 2>/dev/null; do
	step=$(((free - cushion / 2) / 8))
	filler_add $((step > STEP_KB ? step : STEP_KB)) 2>/dev/null || break
done
state "filled"
check "a process with $tables KiB of page tables" unmovable_start "$tables" 0 0 /
state "page tables allocated"
at_least "page tables, KiB" "$(meminfo PageTables)" "$tables"
equal "processes killed for page tables" $(($(vmstat oom_kill) - kills)) 0
at_least "free lent memory all the time, KiB" "$(free_lent_kb)" 1
unmovable_stop
filler_stop
wait_for 10 lent_percent "$LENT_PERCENT"
kills=$(vmstat oom_kill)

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

wait_for 10 lent_percent "$LENT_PERCENT"
kills=$(vmstat oom_kill)
full=$(($(free_regular_kb) * FULL_PERCENT / 100))
decoys_start
reader_start
(
	echo 1000 >/proc/self/oom_score_adj
	exec "$(dirname "$0")/unmovable" "$size" 0 0 / <>/dev/zero
) >/dev/null 2>&1 &
endless=$!
start=$SECONDS
wait_for "$FULL_S" full_or_gone "$full" "$endless"
diag "PageTables $(meminfo PageTables) KiB after $((SECONDS - start)) s"
start=$SECONDS
check "it is gone in $ENDLESS_S s" wait_for "$ENDLESS_S" is_gone "$endless"
diag "after $((SECONDS - start)) s"
state "page tables without end"
diag "PageTables $(meminfo PageTables) KiB"
reader_stop
kill -9 "$endless" 2>/dev/null
wait "$endless"
equal "status of a process with page tables without end" "$?" 137
at_least "processes killed for lack of memory" $(($(vmstat oom_kill) - kills)) 1
