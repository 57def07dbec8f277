#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Constant I/O moves no segment: what it needs is taken in the first seconds, and
# kept while it goes on. The disk is slower than the processors, so that as many
# requests as fio allows are on their way all the time. Where the machine is so busy
# that the I/O comes and goes, nothing is to be seen.
#
# rig: cmdline=swiotlb=force,reclaim=256M
# rig: mem=1G
# rig: smp=2
# rig: disk=1G
# rig: disk_bps=64000000
# rig: flavour=reclaim
# rig: timeout=300
# rig: long=1

. "$(dirname "$0")/swiotlb_lib.sh"

SETTLE=15		# the first seconds
RUNTIME=${SWIOTLB_RUNTIME:-60}

fio=

cleanup()
{
	[ -z "$fio" ] || kill "$fio" 2>/dev/null
	disk_release
}

# sectors: what the disk has moved since boot, in 512 bytes
sectors()
{
	local -a n

	read -ra n <"/sys/class/block/$(basename "$(df --output=source "$disk_dir" | tail -n 1)")/stat"
	echo $((n[2] + n[6]))
}

# fio_run OPTION...
fio_run()
{
	exec fio --directory="$disk_dir" --ioengine=libaio --direct=1 --rw=randrw "$@" \
		 --name=small --bs=4k --iodepth=32 --size=32M \
		 --name=medium --bs=64k --iodepth=32 --size=64M \
		 --name=large --bs=256k --iodepth=64 --size=128M
}

need_root
need_commands fio
need_reclaim
need_debugfs
need_disk
tap_plan 3

wait_for 10 lent_percent 98
state "idle"
# Buffered writes lay the files out, once
(fio_run --create_only=1) >/dev/null
state "files laid out"
fio_run --time_based --runtime=$((SETTLE + RUNTIME + 45)) >"$disk_dir/fio.out" 2>&1 &
fio=$!
sleep "$SETTLE"
state "after $SETTLE s"
start=$(segments_moved)
begun=$SECONDS
slowest=
fastest=0
before=$(sectors)
while [ $((SECONDS - begun)) -lt "$RUNTIME" ]; do
	last=$SECONDS
	sleep 5
	now=$(sectors)
	rate=$(((now - before) / (SECONDS - last)))
	before=$now
	[ "$rate" -ge "${slowest:-$rate}" ] || slowest=$rate
	slowest=${slowest:-$rate}
	[ "$rate" -le "$fastest" ] || fastest=$rate
	[ "$(segments_moved)" -eq "$start" ] || state "$((SECONDS - begun)) s on"
done
end=$(segments_moved)
diag "$((slowest / 2)) to $((fastest / 2)) KiB/s in 5 s"
if [ "$slowest" -lt $((fastest / 2)) ]; then
	skip "segments moved in $RUNTIME s" "the I/O was not constant, $((end - start)) moved"
else
	equal "segments moved in $RUNTIME s" "$((end - start))" 0
fi
check "the I/O went on all the time" kill -0 "$fio"

wait "$fio"
status=$?
fio=
equal "status of fio" "$status" 0
grep -E 'READ:|WRITE:' "$disk_dir/fio.out" | while read -r line; do diag "fio: $line"; done
state "end"
