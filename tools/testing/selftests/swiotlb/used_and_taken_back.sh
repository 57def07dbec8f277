#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Memory pressure uses the lent memory; I/O takes it back without harm to data;
# after the I/O it is lent again.
#
# rig: cmdline=swiotlb=force,reclaim=256M
# rig: mem=1G
# rig: smp=2
# rig: disk=1G
# rig: flavour=reclaim
# rig: timeout=360
#
# Pressure is anonymous memory that is written all the time, and the page cache
# of a file twice as large as memory. The file has no blocks: its pages are as
# movable as any, and the disk is left to fio, which writes and reads back data
# with checksums in requests of three sizes. A job goes through its file again and
# again, so it is told to issue no request for a block that is still in flight: two
# such writes may reach a disk in any order, and in parts.

. "$(dirname "$0")/swiotlb_lib.sh"

RUNTIME=${SWIOTLB_RUNTIME:-60}
USED_PERCENT=80		# of lent memory, by the pressure
BACK_PERCENT=95		# of (total - floor), lent again
BACK_SECONDS=$((30 * ${SLOWER:-1}))	# if no mapping failed

fio=

cleanup()
{
	[ -z "$fio" ] || kill "$fio" 2>/dev/null
	pressure_stop
	disk_release
}

fio_start()
{
	fio --output="$disk_dir/fio.out" --directory="$disk_dir" --ioengine=libaio \
	    --direct=1 --rw=randrw --time_based --runtime="$RUNTIME" --serialize_overlap=1 \
	    --verify=crc32c --verify_fatal=1 --verify_backlog=64 --verify_state_save=0 \
	    --verify_dump=1 --aux-path="$disk_dir" \
	    --name=small --bs=4k --iodepth=32 --size=32M \
	    --name=medium --bs=64k --iodepth=32 --size=64M \
	    --name=large --bs=256k --iodepth=192 --size=128M >"$disk_dir/fio.err" 2>&1 &
	fio=$!
}

# As a spike would: more segments than are free, so that some must be migrated. A
# disk of the size and speed of this one does not need that many by itself.
spike()
{
	local want=$(($(free_lent_kb) / SEGMENT_KB + 32))

	echo "$want" 2>/dev/null >"$DEBUGFS/swiotlb/take" ||
		diag "not all of $want segments could be taken at once"
}

need_root
need_commands awk stress-ng fio truncate dd cmp
need_reclaim
need_debugfs
need_disk
tap_plan 11

wait_for $LENT_AGAIN lent_percent 98
state "idle"
kills=$(vmstat oom_kill)

# 1. Pressure
pressure_start
check "pressure uses $USED_PERCENT% of the lent memory" wait_for "$USED_SECONDS" lent_used "$USED_PERCENT"
state "pressure"

# 2. I/O under pressure
map_fail=$(cat "$DEBUGFS/swiotlb/io_tlb_map_fail")
take_free=$(vmstat swiotlb_take_free)
take_migrate=$(vmstat swiotlb_take_migrate)
lent_min=$(sysfs lent_kb)
started=$SECONDS
shown=$SECONDS
fio_start
while kill -0 "$fio" 2>/dev/null; do
	lent=$(sysfs lent_kb)
	[ "$lent" -ge "$lent_min" ] || lent_min=$lent
	if [ $((SECONDS - shown)) -ge 10 ]; then
		state "I/O, $((SECONDS - started)) s"
		spike
		shown=$SECONDS
	fi
	sleep 1
done
wait "$fio"
status=$?
fio=
ran=$((SECONDS - started))
ended=$SECONDS
state "I/O done"
diag "least lent $lent_min KiB, bounce buffers ever used at a time" \
     "$(($(cat "$DEBUGFS/swiotlb/io_tlb_used_hiwater") * 2)) KiB"
while read -r line; do
	case $line in
	*err=*|*READ:*|*WRITE:*|*verify*) diag "fio: $line" ;;
	esac
done <"$disk_dir/fio.out"
while read -r line; do diag "fio: $line"; done <"$disk_dir/fio.err"
for dump in "$disk_dir"/*.received; do
	[ -e "$dump" ] || continue
	diag "$(basename "$dump"): pages that are not as written:" \
	     "$(cmp -l "$dump" "${dump%.received}.expected" |
		awk '{ n[int(($1 - 1) / 4096)]++ }
		     END { for (p in n) printf " %d (%d bytes)", p, n[p] }')"
done

equal "status of fio (a verify or an I/O error is not 0)" "$status" 0
equal "jobs without an error" "$(grep -c 'err= 0' "$disk_dir/fio.out")" 3
at_least "seconds of I/O" "$ran" "$RUNTIME"
at_least "segments taken that were free" \
	 $(($(vmstat swiotlb_take_free) - take_free)) 1
at_least "segments taken by migrating what was in them" \
	 $(($(vmstat swiotlb_take_migrate) - take_migrate)) 1
at_least "times in evacuate_ns" "$(hist_sum evacuate_ns)" 1
check "data of the processes and of the file are as they were" pressure_stop
equal "processes killed for lack of memory" $(($(vmstat oom_kill) - kills)) 0

# 3. Idle again
at_most "bounce buffers in use after the I/O, KiB" "$(sysfs used_kb)" "$(sysfs floor_kb)"
[ "$(cat "$DEBUGFS/swiotlb/io_tlb_map_fail")" -eq "$map_fail" ] || BACK_SECONDS=$LENT_AGAIN
check "$BACK_PERCENT% lent within $BACK_SECONDS s" \
	wait_for $((BACK_SECONDS - (SECONDS - ended))) lent_percent "$BACK_PERCENT"
diag "that took $((SECONDS - ended)) s after the last request"
state "idle again"
