#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The guest's side of "make run". Once a second a line
#
#   @ s SECONDS PHASE TOTAL LENT FREE-LENT USED MEM-AVAILABLE TAKE-FREE TAKE-MIGRATE TAKE-FAIL LEND MAP-FAIL
#
# (KiB, then segments, then mappings), and "@ r NAME VALUE" for results. Exits
# with 1 if data differed, an I/O failed, or the memory did not come back.
#
#   IDLE, PRESSURE, IO, BACK   length of the phases in seconds; BACK is a limit

IDLE=${IDLE:-10} PRESSURE=${PRESSURE:-35} IO=${IO:-60} BACK=${BACK:-30}
S=/sys/kernel/mm/swiotlb_reclaim
M=/mnt
D=$M/work
phase=idle
failed=0

result() { echo "@ r $*"; }
complain() { echo "$*"; failed=1; }

[ -d "$S" ] || { echo "this kernel has no $S"; exit 1; }
mount -t ext4 /dev/nvme0n1 $M || { echo "cannot mount the NVMe disk"; exit 1; }
mkdir -p $D
# What we measure with must survive what we do
echo -1000 >/proc/self/oom_score_adj
mortal() { echo 0 >/proc/self/oom_score_adj; exec "$@"; }
# A sleep without a process
exec 8<> <(:)
nap() { read -r -t "$1" -u 8 _ || true; }

page_kb=4
least=0	# free lent memory
sample()
{
	local k v rest line vmstat
	read -r total <$S/total_kb
	read -r lent <$S/lent_kb
	read -r used <$S/used_kb
	map_fail=0
	read -r map_fail 2>/dev/null </sys/kernel/debug/swiotlb/io_tlb_map_fail
	free=0 tfree=0 tmig=0 tfail=0 lend=0
	# All at once: "read" seeks back after each line, in a file whose numbers grow
	mapfile -t vmstat </proc/vmstat
	for line in "${vmstat[@]}"; do
		k=${line% *} v=${line#* }
		case $k in
		nr_free_swiotlb) free=$((v * page_kb)) ;;
		swiotlb_lend) lend=$v ;;
		swiotlb_take_free) tfree=$v ;;
		swiotlb_take_migrate) tmig=$v ;;
		swiotlb_take_fail) tfail=$v ;;
		esac
	done
	while read -r k v rest; do
		[ "$k" != MemAvailable: ] || { avail=$v; break; }
	done </proc/meminfo
	[ "$free" -ge "$least" ] || least=$free
	echo "@ s $((SECONDS - begin)) $phase $total $lent $free $used $avail $tfree $tmig $tfail $lend ${map_fail:-0}"
}

# watch SECONDS [PID]: sample until then, or until the process has ended
watch()
{
	local end=$((SECONDS + $1)) next=$SECONDS
	while [ "$SECONDS" -lt "$end" ]; do
		[ -z "${2:-}" ] || kill -0 "$2" 2>/dev/null || return 0
		if [ "$SECONDS" -ge "$next" ]; then
			sample
			next=$((SECONDS + 1))
		fi
		nap 0.1
	done
}

reader()
{
	echo 0 >/proc/self/oom_score_adj
	while [ ! -e $D/stop ]; do
		for f in "$M"/files/*; do
			[ ! -e $D/stop ] || break
			cat "$f" >/dev/null || { echo "cannot read $f"; : >$D/read-failed; }
		done
	done
}

# Wait for the start-up lending
for ((i = 0; i < 100; i++)); do
	read -r lent <$S/lent_kb
	read -r total <$S/total_kb
	read -r floor <$S/floor_kb
	[ $((lent * 100)) -lt $(((total - floor) * 98)) ] || break
	nap 0.1
done
while read -r k v rest; do
	[ "$k" != MemTotal: ] || mem_total=$v
done </proc/meminfo

SECONDS=0
begin=0
watch "$IDLE"
result idle_lent "$lent"
result pool "$total"
result floor "$floor"

# Memory pressure: anonymous memory that is written all the time, and files
# that are larger than memory, read in a loop.
phase=pressure
rm -rf ${D:?}/*
(mortal stress-ng --quiet --temp-path $D --vm 2 --vm-keep --vm-bytes $((mem_total * 40 / 100))k --timeout 0) &
stress=$!
reader &
reading=$!
least=$lent
watch "$PRESSURE"
result pressure_free_lent "$least"
free0=$tfree mig0=$tmig fail0=$map_fail

# I/O with every block checked, while the pressure goes on. The disk is no faster
# than a phone's, so that requests, and their bounce buffers, pile up.
phase=io
(mortal fio --output=/run/fio.out --directory=$D --ioengine=libaio --direct=1 --rw=randrw \
	--time_based --runtime="$IO" --serialize_overlap=1 \
	--verify=crc32c --verify_fatal=1 --verify_backlog=64 --verify_state_save=0 \
	--name=small --bs=4k --iodepth=32 --size=32M \
	--name=medium --bs=64k --iodepth=64 --size=64M \
	--name=large --bs=256k --iodepth=128 --size=128M >/run/fio.err 2>&1) &
fio=$!
watch $((IO * 4)) $fio
if kill -0 $fio 2>/dev/null; then
	complain "fio was still running after $((IO * 4)) s"
	kill -KILL $fio
fi
wait $fio
status=$?
sample
ended=$SECONDS
: >$D/stop
kill $stress 2>/dev/null
result fio_status $status
if [ "$status" -ne 0 ] || [ "$(grep -c 'err= 0' /run/fio.out)" -ne 3 ]; then
	complain "fio found data that differs, or an I/O failed (status $status):"
	cat /run/fio.err
	grep -iE 'err=|verify|error' /run/fio.out
fi
while read -r line; do
	case $line in
	READ:*|WRITE:*) result fio "$line" ;;
	esac
done </run/fio.out
result io_take_free $((tfree - free0))
result io_take_migrate $((tmig - mig0))
result io_map_fail $((map_fail - fail0))

# Everything comes back
phase=idle-again
back=
while [ $((SECONDS - ended)) -le "$BACK" ]; do
	watch 1
	if [ $((lent * 100)) -ge $(((total - floor) * 95)) ]; then
		back=$((SECONDS - ended))
		break
	fi
done
wait $stress $reading 2>/dev/null
[ ! -e $D/read-failed ] || complain "a file could not be read"
result back "${back:--}"
[ -n "$back" ] || complain "only $((lent * 100 / (total - floor)))% of the memory is lent $BACK s after the I/O"
watch 5
if dmesg | grep -E 'I/O error|critical .* error|EXT4-fs error|nvme.*(timeout|abort)'; then
	complain "the kernel reports failed I/O"
fi
umount $M || complain "cannot unmount the disk"
exit $failed
