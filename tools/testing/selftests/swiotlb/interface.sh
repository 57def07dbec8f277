#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The files, counters and trace points by which lending is seen and set: their
# names, their units, that they agree with each other, and that nonsense
# written to them is refused.
#
# rig: cmdline=swiotlb=force,reclaim=256M
# rig: mem=1G
# rig: smp=2
# rig: flavour=reclaim
# rig: timeout=240

. "$(dirname "$0")/swiotlb_lib.sh"

TRACING=/sys/kernel/tracing
NR=4			# segments to take and lend by hand
RESERVE_PART=32		# of reserves, that the kernel frees of its own: the pool is a quarter

# mode FILE MODE
mode()
{
	[ "$(stat -c %a "$1" 2>/dev/null)" = "$2" ]
}

number()
{
	case $1 in
	''|*[!0-9]*) return 1 ;;
	esac
}

# refused FILE VALUE: a write that must fail with EINVAL and change nothing
refused()
{
	local before after error

	before=$(cat "$1")
	if error=$(LC_ALL=C; { printf '%s' "$2" >"$1"; } 2>&1); then
		diag "$1 accepted '$2'"
		return 1
	fi
	case $error in
	*"Invalid argument"*) ;;
	*)
		diag "$error"
		return 1 ;;
	esac
	after=$(cat "$1")
	[ "$before" = "$after" ]
}

# set_and_back FILE VALUE: a write that must be seen, and is undone
set_and_back()
{
	local before after

	before=$(cat "$1")
	echo "$2" >"$1" || return 1
	after=$(cat "$1")
	echo "$before" >"$1" || return 1
	[ "$after" = "$2" ] && [ "$(cat "$1")" = "$before" ]
}

has_type()
{
	swiotlb_blocks >/dev/null
}

same_lent()
{
	[ $(($(cat "$DEBUGFS/swiotlb/io_tlb_lent") * 2)) -eq "$(sysfs lent_kb)" ]
}

# marks: watermarks of all zones, in pages, in one line
marks()
{
	awk '$1 == "boost" { boost = $2 }
	     $1 ~ /^(min|low|high)$/ { printf "%d ", $2 - boost }' /proc/zoneinfo
}

# agree MARKS MARKS: whether each is nearly the same
agree()
{
	awk -v before="$1" -v after="$2" -v part=$RESERVE_PART 'BEGIN {
		n = split(before, old)
		bad = !n || split(after, new) != n
		for (i = 1; i <= n; i++)
			if (old[i] - new[i] > new[i] / part || new[i] - old[i] > old[i] / part)
				bad++
		exit bad > 0
	}'
}

# reserve: the most that a zone below another keeps from allocations that could use both
reserve()
{
	tr -d '(),' </proc/zoneinfo | awk '$1 == "protection:" {
		for (i = 2; i <= NF; i++)
			most = $i > most ? $i : most
	} END { print most + 0 }'
}

# set_up_again FILE: have the kernel do what FILE is for
set_up_again()
{
	local value

	value=$(cat "/proc/sys/vm/$1")
	echo "$value" >"/proc/sys/vm/$1"
}

need_root
need_reclaim
need_debugfs
[ -d "$TRACING/events" ] || mount -t tracefs tracefs "$TRACING" 2>/dev/null

events=(swiotlb_lend swiotlb_take_free swiotlb_evacuate_start
	swiotlb_evacuate_finish swiotlb_evacuate_busy)
counters=(nr_free_swiotlb swiotlb_lend swiotlb_take_free swiotlb_take_migrate swiotlb_take_fail)
# Small enough to leave something to lend, and not what it is now
floor=$(($(sysfs floor_kb) + 4096))
floors=(' ' 0 x 12x -1 1.5 0x 99999999999999999999 $(($(sysfs total_kb) + 1)))
enables=(' ' maybe 2 -1)
tap_plan $((5 + 3 + 2 + ${#floors[@]} + ${#enables[@]} + ${#counters[@]} + 5 + 5 + ${#events[@]}))

# 1. sysfs
wait_for $LENT_AGAIN lent_percent 98
state "idle"
for f in total_kb lent_kb used_kb; do
	check "$f is read-only" mode "$SYSFS/$f" 444
done
for f in floor_kb enabled; do
	check "$f can be written by root" mode "$SYSFS/$f" 644
done
equal "total, KiB" "$(sysfs total_kb)" $((256 * 1024))
at_least "lent, KiB" "$(sysfs lent_kb)" $(($(lendable_kb) * 98 / 100))
at_most "lent and floor, KiB" $(($(sysfs lent_kb) + $(sysfs floor_kb))) "$(sysfs total_kb)"
equal "enabled" "$(sysfs enabled)" 1
check "floor_kb can be set" set_and_back "$SYSFS/floor_kb" "$floor"
for value in "${floors[@]}"; do
	check "floor_kb refuses '$value'" refused "$SYSFS/floor_kb" "$value"
done
for value in "${enables[@]}"; do
	check "enabled refuses '$value'" refused "$SYSFS/enabled" "$value"
done

# 2. /proc; the floor that was set and undone has moved segments
wait_for $LENT_AGAIN lent_percent 98
for f in "${counters[@]}"; do
	check "/proc/vmstat has $f" number "$(field /proc/vmstat "$f")"
done
at_most "free lent memory, KiB" "$(free_lent_kb)" "$(sysfs lent_kb)"
check "/proc/pagetypeinfo has the type Swiotlb" has_type
block_kb=$(block_kb)
equal "memory of that type, KiB" $(($(swiotlb_blocks) * block_kb)) "$(sysfs total_kb)"
marks=$(marks)
reserve=$(reserve)
set_up_again watermark_scale_factor
# Memory of the kernel's own start has been freed since
check "watermarks count it" agree "$marks" "$(marks)"
set_up_again lowmem_reserve_ratio
at_most "and so do reserves, pages" "$(reserve)" $((reserve + reserve / RESERVE_PART))

# 3. debugfs
check "io_tlb_lent counts slots" number "$(cat "$DEBUGFS/swiotlb/io_tlb_lent")"
check "io_tlb_lent agrees with lent_kb" wait_for 10 same_lent
taken=$(($(vmstat swiotlb_take_free) + $(vmstat swiotlb_take_migrate)))
lent=$(vmstat swiotlb_lend)
before=$(sysfs lent_kb)
echo $NR >"$DEBUGFS/swiotlb/take"
after=$(sysfs lent_kb)
# What the kernel has lent on its own meanwhile does not count
after=$((after - ($(vmstat swiotlb_lend) - lent) * SEGMENT_KB))
diag "take $NR: lent $before KiB, then $after KiB"
at_least "take takes segments" \
	 $(($(vmstat swiotlb_take_free) + $(vmstat swiotlb_take_migrate) - taken)) $NR
at_most "which are no longer lent, KiB" "$after" $((before - NR * SEGMENT_KB))
echo $NR >"$DEBUGFS/swiotlb/lend"
diag "lend $NR: lent $(sysfs lent_kb) KiB"
at_least "lend lends segments" $(($(vmstat swiotlb_lend) - lent)) $NR

# 4. Trace points
for f in "${events[@]}"; do
	check "event swiotlb_reclaim:$f" test -e "$TRACING/events/swiotlb_reclaim/$f/format"
done
