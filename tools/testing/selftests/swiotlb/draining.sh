#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Long lived mappings, as a network card's receive ring has, do not keep the
# memory of a spike: what they are scattered over is emptied and lent. What cannot
# be, because they do not move, is reported.
#
# rig: cmdline=swiotlb=force,reclaim=256M
# rig: mem=1G
# rig: smp=1
# rig: flavour=reclaim
# rig: modules=lib/test_swiotlb.ko
# rig: timeout=240
#
# The spike and the ring are mapped together, then all but the ring is unmapped, so
# that each segment of the spike holds a few buffers of the ring. All of that on one
# CPU, as each has an area of its own.

. "$(dirname "$0")/swiotlb_lib.sh"

RING=2048		# mappings of 4 KiB
SPIKE=16384		# mappings of 4 KiB, a multiple of that
BACK_PERCENT=95		# of what has no live mapping, lent again
BACK_SECONDS=$((10 * ${SLOWER:-1}))
STILL_SECONDS=$BACK_SECONDS
# What takes that long to be mapped may be there in four of the last 16 times four seconds,
# and so is kept until these are over
[ "${SLOWER:-1}" -eq 1 ] || STILL_SECONDS=$((BACK_SECONDS + 64))

traffic=

cleanup()
{
	[ -z "$traffic" ] || kill "$traffic" 2>/dev/null
	echo 0 >"$TEST_DEV/ring"
}

# spike: returns when all of it is unmapped again, and only the ring is left
spike()
{
	echo 0 >"$TEST_DEV/ring"
	echo $((SPIKE + RING)) >"$TEST_DEV/ring" &&
		echo $((SPIKE / RING + 1)) >"$TEST_DEV/thin"
}

held_kb()
{
	echo $(($(cat "$DEBUGFS/swiotlb/io_tlb_draining") * 2))
}

given_back()
{
	[ $(($(sysfs lent_kb) * 100)) -ge \
	  $((($(sysfs total_kb) - $(sysfs used_kb)) * BACK_PERCENT)) ]
}

# accounted: whether what is owned is in use, head-room, or held
accounted()
{
	local owned

	owned=$(($(sysfs total_kb) - $(sysfs lent_kb)))
	# The head-room is a quarter of what is used and a 64th of the pool, and what an
	# area is refilled to
	[ $((owned - $(held_kb))) -le $(($(sysfs used_kb) * 5 / 4 + $(sysfs total_kb) / 64 +
					 2 * $(sysfs floor_kb))) ]
}

need_root
need_commands taskset
need_reclaim
need_test_device
taskset -p 1 $$ >/dev/null || skip_all "cannot stay on one CPU"
tap_plan 10

wait_for $LENT_AGAIN lent_percent 98
failures=$(cat "$DEBUGFS/swiotlb/io_tlb_map_fail")

# 1. A ring that turns
check "the spike is mapped" spike
equal "bounce buffers the ring has, KiB" "$(sysfs used_kb)" $((RING * 4))
state "after the spike"
# A pipe nobody writes to: to wait for it takes no process, which on a slow machine
# lasts longer than the pause
exec {never}<> <(:)
while ! read -r -t 0.05 -u "$never"; do
	echo 128 >"$TEST_DEV/turn"
done &
traffic=$!
started=$SECONDS
check "$BACK_PERCENT% of what has no live mapping lent within $BACK_SECONDS s" \
	wait_for "$BACK_SECONDS" given_back
diag "that took $((SECONDS - started)) s, held $(held_kb) KiB"
state "ring turns"
kill "$traffic"
wait "$traffic" 2>/dev/null
traffic=

# 2. One that does not
started=$SECONDS
check "the spike is mapped" spike
diag "that took $((SECONDS - started)) s"
state "after the spike"
wait_for "$STILL_SECONDS" accounted
check "all that is owned is in use, head-room or reported as held" accounted
at_least "memory held by mappings that do not move, KiB" "$(held_kb)" \
	 $((SPIKE * 4 / 4))
state "ring stands still, held $(held_kb) KiB"

# 3. What is held is not lost
device count=$SPIKE
echo 1 >"$TEST_DEV/run"
equal "mappings that failed while segments drained" "$(figure failed)" 0
equal "mappings that failed" \
	$(($(cat "$DEBUGFS/swiotlb/io_tlb_map_fail") - failures)) 0
echo 0 >"$TEST_DEV/ring"
equal "bounce buffers in use at the end, KiB" "$(sysfs used_kb)" 0
check "$BACK_PERCENT% lent again without the ring" \
	wait_for "$BACK_SECONDS" lent_percent "$BACK_PERCENT"
