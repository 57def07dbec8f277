#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Constant I/O moves no segment: what an area needs is taken in the first seconds,
# and kept while the I/O goes on.
#
# rig: cmdline=swiotlb=force,reclaim=256M
# rig: mem=1G
# rig: smp=2
# rig: disk=1G
# rig: flavour=reclaim
# rig: timeout=180

. "$(dirname "$0")/swiotlb_lib.sh"

SETTLE=10		# the first seconds
RUNTIME=${SWIOTLB_RUNTIME:-60}

fio=

cleanup()
{
	[ -z "$fio" ] || kill "$fio" 2>/dev/null
	disk_release
}

# moved: segments that changed hands since boot, either way
moved()
{
	echo $(($(vmstat swiotlb_lend) + $(vmstat swiotlb_take_free) +
		$(vmstat swiotlb_take_migrate)))
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
fio_run --time_based --runtime=$((SETTLE + RUNTIME + 15)) >"$disk_dir/fio.out" 2>&1 &
fio=$!
sleep "$SETTLE"
state "after $SETTLE s"
start=$(moved)
begun=$SECONDS
while [ $((SECONDS - begun)) -lt "$RUNTIME" ]; do
	sleep 5
	now=$(moved)
	[ "$now" -eq "${last:-$start}" ] ||
		state "$((SECONDS - begun)) s on, $((now - ${last:-$start})) moved"
	last=$now
done
equal "segments moved in $RUNTIME s" "$((last - start))" 0
check "the I/O went on all the time" kill -0 "$fio"

wait "$fio"
status=$?
fio=
equal "status of fio" "$status" 0
grep -E 'READ:|WRITE:' "$disk_dir/fio.out" | while read -r line; do diag "fio: $line"; done
state "end"
