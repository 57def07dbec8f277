#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Processes that hold on to pages. A pin for a long time moves the page out of lent
# memory first. One for a short time keeps its page, and only the segment it is in,
# from being taken back. Whatever is moved keeps its contents, and does not go to
# other lent memory. Huge pages are moved, too. Never is more than one pageblock
# isolated.
#
# rig: cmdline=swiotlb=force,reclaim=256M
# rig: mem=1G
# rig: smp=2
# rig: flavour=reclaim
# rig: timeout=600
# rig: long=1
#
# A segment of 64 pages is free of held ones with a probability of (1 - p)^64: 53%
# at 1%, and 4% at 5%. What is had is judged against those that are free.

. "$(dirname "$0")/swiotlb_lib.sh"

TRACING=/sys/kernel/tracing
EVENTS=$TRACING/events/swiotlb_reclaim
RATE_PERCENT=80		# of the segments without a held page, to be had
LEFT_KB=81920		# ordinary memory left free, more than the watermarks

cleanup()
{
	hold_stop
	trace_events 0
}

# take_all: take back what there is, and set taken to how many segments that was
take_all()
{
	local before after

	before=$(sysfs lent_kb)
	echo "$((before / SEGMENT_KB))" 2>/dev/null >"$DEBUGFS/swiotlb/take"
	after=$(sysfs lent_kb)
	taken=$(((before - after) / SEGMENT_KB))
	lent_before=$((before / SEGMENT_KB))
}

# trace_events 0|1: have pageblocks that are emptied traced, from begin to end
trace_events()
{
	echo "$1" >"$EVENTS/swiotlb_evacuate_start/enable"
	echo "$1" >"$EVENTS/swiotlb_evacuate_finish/enable"
}

# at_a_time: how many pageblocks were, in the trace, and how many at most at a time
at_a_time()
{
	awk '/swiotlb_evacuate_start:/ { nr++; if (++now > most) most = now }
	     /swiotlb_evacuate_finish:/ { now-- }
	     END { print nr + 0, most + 0 }' "$TRACING/trace"
}

give_back()
{
	wait_for $LENT_AGAIN lent_percent 98
}

# round NAME PERMILLE FREE-PERCENT
round()
{
	give_back
	hold pipe "$2"
	diag "$1: $(tr '\n' ' ' <"$hold_out")"
	take_all
	diag "$1: $taken of $lent_before segments taken back, $3% have no held page"
	at_least "$1: segments taken back" "$((taken * 100))" \
		 "$((lent_before * $3 * RATE_PERCENT / 100))"
	let_go
	moved "$1"
}

# moved NAME: three results about what was moved
moved()
{
	at_least "$1: pages that were moved" "$(field "$hold_out" moved)" 1
	equal "$1: of these, to lent memory" "$(field "$hold_out" moved_to_lent)" 0
	equal "$1: words that changed" "$(field "$hold_out" wrong)" 0
}

need_root
need_reclaim
need_debugfs
[ -d "$EVENTS" ] || mount -t tracefs tracefs "$TRACING" 2>/dev/null
[ -d "$EVENTS" ] || skip_all "no trace events"
thp=/sys/kernel/mm/transparent_hugepage
[ -d "$thp" ] || skip_all "no transparent huge pages"
give_back
need_hold $(($(sysfs lent_kb) * 7 / 4))
tap_plan 27

# 1. A long time
hold io_uring
lent=$(field "$hold_out" lent)
diag "io_uring: $(tr '\n' ' ' <"$hold_out")"
at_least "io_uring: KiB of lent memory the process had" \
	$((${lent:-0} * PAGE_KB)) $(($(sysfs lent_kb) / 2))
equal "io_uring: lent pages it has pinned" "$(field "$hold_out" held)" 0
let_go
equal "io_uring: words that changed" "$(field "$hold_out" wrong)" 0

# 2. Mapped so often that the count of references could be one of pins
give_back
hold mapped
take_all
let_go
diag "mapped: $(tr '\n' ' ' <"$hold_out")"
at_least "mapped: lent pages that are mapped often" "$(field "$hold_out" mapped)" 1
equal "mapped: of these, not moved" "$(field "$hold_out" stayed)" 0

# 3. A short time
echo >"$TRACING/trace"
trace_events 1
round "nothing held" 0 100
trace_events 0
read -r nr most < <(at_a_time)
at_least "pageblocks that were isolated" "$nr" 1
equal "and at a time" "$most" 1
round "1% held" 10 53
round "5% held" 50 4

# 4. Pages of lent memory are free, and ordinary memory is short: any other allocation
# would take the former.
give_back
hold sparse
diag "sparse: $(tr '\n' ' ' <"$hold_out")"
filler_start
filler_add $(($(free_regular_kb) - LEFT_KB))
state "sparse"
take_all
state "sparse, $taken of $lent_before segments taken back"
filler_stop
let_go
moved "sparse"

# 5. Huge pages
echo madvise >"$thp/enabled"
give_back
hold thp
huge=$(field "/proc/$hold_pid/smaps_rollup" AnonHugePages:)
diag "huge pages: $huge KiB, $(tr '\n' ' ' <"$hold_out")"
at_least "KiB of huge pages the process had" "$huge" $((size_kb / 2))
take_all
diag "huge pages: $taken of $lent_before segments taken back"
at_least "huge pages: segments taken back" $((taken * 100)) $((lent_before * RATE_PERCENT))
let_go
moved "huge pages"
