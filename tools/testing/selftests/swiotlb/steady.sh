#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Constant I/O moves no segment after the first seconds.
#
# rig: cmdline=swiotlb=force,reclaim=256M
# rig: mem=1G
# rig: smp=2
# rig: disk=512M
# rig: flavour=reclaim
# rig: timeout=180
# rig: long=1

. "$(dirname "$0")/swiotlb_lib.sh"

SETTLE=10		# seconds
CONSTANT=60

fio=

cleanup()
{
	[ -z "$fio" ] || kill "$fio" 2>/dev/null
	disk_release
}

moved()
{
	echo $(($(vmstat swiotlb_lend) + $(vmstat swiotlb_take_free) +
		$(vmstat swiotlb_take_migrate)))
}

need_root
need_commands fio
need_reclaim
need_debugfs
need_disk
tap_plan 3

wait_for 10 lent_percent 98
fio --output="$disk_dir/fio.out" --directory="$disk_dir" --ioengine=libaio --direct=1 \
    --rw=randrw --time_based --runtime=$((SETTLE + CONSTANT + 10)) \
    --name=small --bs=4k --iodepth=32 --size=32M \
    --name=large --bs=128k --iodepth=64 --size=128M >"$disk_dir/fio.err" 2>&1 &
fio=$!
started=$SECONDS
sleep "$SETTLE"
before=$(moved)
state "settled"
while [ $((SECONDS - started)) -lt $((SETTLE + CONSTANT)) ]; do
	sleep 10
	state "$((SECONDS - started)) s"
done
equal "segments moved in $CONSTANT s of constant I/O" $(($(moved) - before)) 0
check "the I/O went on" kill -0 "$fio"
wait "$fio"
equal "status of fio" "$?" 0
fio=
