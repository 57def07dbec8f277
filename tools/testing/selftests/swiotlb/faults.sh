#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Allocations that fail, lent memory that cannot be taken back, and a worker that is
# late, while a disk does I/O with verification and a device maps in bursts. Data are
# right, and what fails is the mapping and nothing else.
#
# rig: cmdline=swiotlb=force,reclaim=128M
# rig: mem=1G
# rig: smp=2
# rig: disk=512M
# rig: flavour=debug
# rig: modules=lib/test_swiotlb.ko
# rig: timeout=1200
# rig: long=1

. "$(dirname "$0")/swiotlb_lib.sh"

IO_SECONDS=10		# for each fault
MANY=1000000		# faults, more than there can be
BURST_KB=32768		# in mappings of 64 KiB, of the 128 MiB
LATE_SECONDS=3		# that the worker waits for its CPU
ANON_PERCENT=20		# of memory, for the processes beside the page cache

fault=
late=

cleanup()
{
	fault_end
	[ -z "$late" ] || late_end
	verify_stop
	pressure_stop
	hold_stop
	disk_release
}

# fault_start DIRECTORY PERCENT
fault_start()
{
	fault=$DEBUGFS/$1
	echo "$2" >"$fault/probability"
	echo 1 >"$fault/interval"
	echo 0 >"$fault/space"
	echo 0 >"$fault/verbose"
	# Small ones as well, and those that users' memory could be migrated to
	[ ! -e "$fault/min-order" ] || echo 0 >"$fault/min-order"
	[ ! -e "$fault/ignore-gfp-highmem" ] || echo N >"$fault/ignore-gfp-highmem"
	echo $MANY >"$fault/times"
}

# fault_end: set faults to how many there were
fault_end()
{
	faults=0
	[ -n "$fault" ] || return 0
	faults=$((MANY - $(cat "$fault/times")))
	echo 0 >"$fault/probability"
	echo 0 >"$fault/times"
	case $fault in */fail_function) echo >"$fault/inject" ;; esac
	fault=
}

# function_start NAME PERCENT: it returns NULL
function_start()
{
	echo "$1" >"$DEBUGFS/fail_function/inject"
	echo 0 >"$DEBUGFS/fail_function/$1/retval"
	fault_start fail_function "$2"
}

# hog PID SECONDS: do not let go of the CPU, and say whether PID has waited for it, and
# not run, all the while. Starts no program, as that waits.
# shellcheck disable=SC2317  # see late_loop
hog()
{
	local end=$((SECONDS + $2)) runs=() states=() i key value

	for i in 0 1; do
		while read -r key value; do
			case $key in
			State:) states[i]=${value%% *} ;;
			*_ctxt_switches:) runs[i]=$((runs[i] + value)) ;;
			esac
		done <"/proc/$1/status"
		while [ "$i" -eq 0 ] && [ "$SECONDS" -lt "$end" ]; do :; done
	done
	[ "${runs[0]}" -ne "${runs[1]}" ] || [ "${states[*]}" != "R R" ] || echo late
}

# late_loop: the worker runs when its CPU is idle, and that it is not
late_loop()
{
	while [ -e "$disk_dir/late" ]; do
		taskset -c 1 nice -n -15 bash -c "$(declare -f hog); hog $worker $LATE_SECONDS"
	done >"$disk_dir/late.out"
}

late_start()
{
	worker=$(pgrep -x kswiotlbd)
	: >"$disk_dir/late"
	taskset -p -c 1 "$worker" >/dev/null
	chrt -i -p 0 "$worker"
	late_loop &
	late=$!
}

# late_end: set times to how often it was late
late_end()
{
	rm -f "$disk_dir/late"
	wait "$late"
	late=
	chrt -o -p 0 "$worker"
	taskset -p -c 0-1 "$worker" >/dev/null
	times=$(wc -l <"$disk_dir/late.out")
}

# lend_all: what earlier bursts have the pool own for a minute, so that the next one has
# to take it. Some of it may be in use.
lend_all()
{
	echo $((($(owned_kb) - $(sysfs floor_kb)) / SEGMENT_KB)) 2>/dev/null \
		>"$DEBUGFS/swiotlb/lend" || :
}

# sound NAME: after the fault; one result
sound()
{
	echo 1 2>/dev/null >"$TEST_DEV/lent"
	equal "$1: violations of invariants" "$(figure violations)" 0
}

# load NAME: I/O and bursts; three results
load()
{
	local end=$((SECONDS + IO_SECONDS)) bursts=0 errors=0 failed=0

	verify_start "$IO_SECONDS"
	while [ "$SECONDS" -lt "$end" ]; do
		lend_all
		device size=65536 count=$((BURST_KB / 64)) verify=Y hold_ms=20
		# Its own buffers may be hard to come by as well
		if echo 1 2>/dev/null >"$TEST_DEV/run"; then
			bursts=$((bursts + 1))
			errors=$((errors + $(figure data_errors)))
			failed=$((failed + $(figure failed)))
		fi
		sleep 0.2
	done
	verify_end "$1"
	state "$1"
	at_least "$1: bursts" "$bursts" 1
	diag "$1: $failed of $((bursts * BURST_KB / 64)) mappings failed"
	equal "$1: mappings with wrong data" "$errors" 0
}

need_root
need_commands fio stress-ng chrt taskset pgrep cmp
need_reclaim
need_debugfs
need_test_device
for d in fail_page_alloc failslab fail_function; do
	[ -d "$DEBUGFS/$d" ] || skip_all "needs $d: CONFIG_FAULT_INJECTION and its kinds"
done
need_hold $(($(sysfs lent_kb) * 7 / 4))
need_disk
tap_plan $((6 * 5 + 3))

pressure_start
sleep 10

for kind in "page_alloc:fail_page_alloc 20" "slab:failslab 20"; do
	# shellcheck disable=SC2086  # a directory and a number
	fault_start ${kind#*:}
	load "${kind%%:*}"
	fault_end
	at_least "${kind%%:*}: faults" "$faults" 1
	sound "${kind%%:*}"
done
for kind in swiotlb_take_free swiotlb_take_range; do
	function_start "$kind" 50
	load "$kind"
	fault_end
	at_least "$kind: faults" "$faults" 1
	sound "$kind"
done

late_start
load "late worker"
late_end
at_least "late worker: times of $LATE_SECONDS s in which it has not run" "$times" 1
sound "late worker"

# Clean page cache is dropped and goes nowhere: a process has the lent memory
check "data of the processes and of the file are as they were" pressure_stop
echo 1 >/proc/sys/vm/drop_caches
check "evacuate_target: a process has its memory" hold_start pipe 0
function_start evacuate_target 50
load evacuate_target
fault_end
at_least "evacuate_target: faults" "$faults" 1
sound evacuate_target
let_go
equal "evacuate_target: words of the process that changed" "$(field "$hold_out" wrong)" 0
