#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# In the guest, for rig/stress.sh: one class of stress-ng's memory stressors, with
# verification, compaction and bounced I/O beside it.
#
#   CLASS="vm bigheap"   stressors, two instances of each in turn
#   SECONDS_EACH=30      for each stressor
#
# Prints "@ r KEY VALUE" lines.
set -u

DISK=/mnt/disk
CPUS=$(nproc)
POOL=/sys/kernel/mm/swiotlb_reclaim

# vmstat REGEXP: the sum of these counters
vmstat() { awk -v re="^($1)\$" '$1 ~ re { n += $2 } END { print n + 0 }' /proc/vmstat; }
result() { echo "@ r $1 $2"; }
value() { cat "$1" 2>/dev/null || echo 0; }

mkdir -p "$DISK"
mount -t ext4 /dev/nvme0n1 "$DISK" || { echo "cannot mount the disk"; exit 1; }
mkdir "$DISK/stress" "$DISK/fio"
if ! { fallocate -l 512M "$DISK/swap" && chmod 600 "$DISK/swap" && mkswap -q "$DISK/swap" && swapon "$DISK/swap"; }; then
	echo "cannot swap to the disk"
	exit 1
fi

stalls=$(vmstat 'allocstall_.*')
kills=$(vmstat oom_kill)

# Fresh starts of a short job, so that everything written is read again
io()
{
	local status=0
	while [ ! -e /run/io-end ]; do
		fio --name=io --directory="$DISK/fio" --size=32M --rw=randrw --bs=4k-256k --ioengine=io_uring \
			--iodepth=8 --direct=1 --verify=crc32c --do_verify=1 --serialize_overlap=1 \
			--verify_fatal=1 >/run/fio.out 2>&1 || { status=1; cp /run/fio.out /run/fio.bad; }
		io_runs=$((io_runs + 1))
		[ "$status" -eq 0 ] || break
	done
	echo "$io_runs $status" >/run/io
}

# The most that was lent and used, and the most that was in lent memory and not free
watch_pool()
{
	local lent free used=0 n=0 sum=0
	while [ ! -e /run/io-end ]; do
		lent=$(value $POOL/lent_kb)
		free=$(($(vmstat nr_free_swiotlb) * $(getconf PAGE_SIZE) / 1024))
		sum=$((sum + lent - free))
		used=$((lent - free > used ? lent - free : used))
		n=$((n + 1))
		sleep 1
	done
	echo "$((n ? sum / n : 0)) $used" >/run/pool
}

compact()
{
	while [ ! -e /run/io-end ]; do
		echo 1 >/proc/sys/vm/compact_memory
		sleep 5
	done
}

io_runs=0
io &
watch_pool &
compact &
status=0
for s in $CLASS; do
	args=()
	case $s in
	vm) args=(--vm-bytes 90% --vm-method all) ;;
	bigheap) args=(--bigheap-growth 4M) ;;
	shm) args=(--shm-bytes 16M) ;;
	memfd) args=(--memfd-bytes 64M) ;;
	esac
	stress-ng --quiet --temp-path "$DISK/stress" --verify --oomable --yaml /run/yaml --timeout "$SECONDS_EACH" \
		--"$s" "$CPUS" "${args[@]}" >/run/stress.out 2>&1
	rc=$?
	# 0 done, 3 not possible here, 4 not implemented here
	case $rc in
	0) ;;
	3|4) result skipped "$s" ;;
	*) status=1; echo "stress-ng $s: status $rc"; tail -n 5 /run/stress.out ;;
	esac
	n=$(awk '/bogo-ops:/ { n += $2 } END { print n + 0 }' /run/yaml 2>/dev/null)
	result "bogo_$s" "${n:-0}"
	rm -f /run/yaml
done
touch /run/io-end
wait
read -r runs fio_status </run/io
read -r mean most </run/pool
result io_runs "$runs"
result io_bad "$fio_status"
result oom_kills $(($(vmstat oom_kill) - kills))
result stalls $(($(vmstat 'allocstall_.*') - stalls))
result buffer_full "$(dmesg | grep -c 'swiotlb buffer is full')"
result lent_used_mean "$mean"
result lent_used_most "$most"
[ ! -e /run/fio.bad ] || cat /run/fio.bad
swapoff "$DISK/swap"
umount "$DISK"
[ "$status" -eq 0 ] && [ "$fio_status" -eq 0 ]
