#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# In the guest, for rig/stress.sh: one class of stress-ng's memory stressors, with
# verification, compaction, and bounced I/O and swap on the same disk beside it.
#
#   CLASS="vm bigheap"   stressors, as many instances of each in turn as there are CPUs
#   SECONDS_EACH=30      for each stressor
#   HOLD=400             MiB that are held meanwhile
#
# Prints "@ r KEY VALUE" lines. Status 0 if no data were wrong.
set -u
# shellcheck source=rig/guest/lent.sh
. /job/lent.sh

DISK=/mnt/disk
TRACING=/sys/kernel/tracing
WORK=$(mktemp -d)	# not on the disk
IO='--ioengine=io_uring --direct=1 --size=16M --verify=crc32c --do_verify=1 --verify_fatal=1
    --serialize_overlap=1 --rw=randwrite'

result() { echo "@ r $1 $2"; }
give_up() { echo "$1"; exit 1; }

mkdir -p "$DISK"
mount -t ext4 /dev/nvme0n1 "$DISK" || give_up "cannot mount the disk"
mkdir "$DISK/stress" "$DISK/fio"
if ! { fallocate -l 512M "$DISK/swap" && chmod 600 "$DISK/swap" &&
       mkswap "$DISK/swap" >/dev/null && swapon "$DISK/swap"; }; then
	give_up "cannot swap to the disk"
fi

# NVMe asks that a mapping which fails be not logged, so stock does not tell of them
# shellcheck disable=SC2016  # $retval is the kernel's
{ echo 'r:rig/map swiotlb_tbl_map_single dma=$retval:u64' >"$TRACING/kprobe_events" &&
  echo 'dma == 0xffffffffffffffff' >"$TRACING/events/rig/map/filter" &&
  echo 1 >"$TRACING/events/rig/map/enable"; } || give_up "cannot count mappings that fail"
grep --line-buffered -o 'map:' "$TRACING/trace_pipe" >"$WORK/failed" &
counter=$!

# Short jobs, so that all that is written is read again before long
io()
{
	local runs=0 bad=0

	while [ ! -e "$WORK/end" ]; do
		# shellcheck disable=SC2086  # options
		fio --directory="$DISK/fio" $IO --name=small --bs=4k --iodepth=16 \
		    --name=large --bs=256k --iodepth=8 >"$WORK/fio" 2>&1 || bad=$((bad + 1))
		[ "$bad" -eq 0 ] || break
		runs=$((runs + 1))
	done
	echo "$runs $bad" >"$WORK/io"
}

compact()
{
	while [ ! -e "$WORK/end" ]; do
		echo 1 >/proc/sys/vm/compact_memory
		sleep 5
	done
}

stressor()
{
	local args=() as=() rc

	case $1 in
	# Of all methods, how far they get depends on how much memory there is
	vm) args=(--vm-bytes 90% --vm-method rand-set) ;;
	bigheap) args=(--bigheap-growth 4M) ;;
	shm) args=(--shm-bytes 16M) ;;
	memfd) args=(--memfd-bytes 64M) ;;
	# As the administrator it has pages of its own go bad, and their data are lost
	madvise) as=(setpriv --bounding-set -sys_admin --inh-caps -sys_admin) ;;
	esac
	# Some advice that is given at random has all memory swapped out, and then figures
	# cannot be compared
	"${as[@]}" stress-ng --metrics --verify --oomable --no-madvise --temp-path "$DISK/stress" \
		  --yaml "$WORK/yaml" --timeout "$SECONDS_EACH" "--$1" "$(nproc)" "${args[@]}" \
		  >"$WORK/stress" 2>&1
	rc=$?
	# 3: not possible here, 4: not there in this version. The rest is a failure; 2
	# is that of a verification, too.
	case $rc in
	0) ;;
	3|4)
		result "bogo_$1" skipped
		return
		;;
	*)
		result "failed_$1" "$rc"
		status=1
		grep -vE ': (info|metrc): ' "$WORK/stress" | head -n 20
		;;
	esac
	result "bogo_$1" "$(awk '$1 == "bogo-ops:" { n += $2 } END { print n + 0 }' "$WORK/yaml" 2>/dev/null)"
	rm -f "$WORK/yaml"
}

status=0
[ "${HOLD:-0}" -eq 0 ] || hold "$HOLD" || exit 1
stalls=$(vmstat 'allocstall_.*')
kills=$(vmstat oom_kill)
io &
io=$!
watch_pool "$WORK/pool" "$WORK/end" &
watch=$!
compact &
compact=$!
for s in $CLASS; do
	stressor "$s"
done
touch "$WORK/end"
wait "$io" "$watch" "$compact"
kill "$counter"
read -r runs bad <"$WORK/io"
read -r mean most _ _ <"$WORK/pool"
result fio_runs "$runs"
result kills $(($(vmstat oom_kill) - kills))
result stalls $(($(vmstat 'allocstall_.*') - stalls))
result failed_maps "$(wc -l <"$WORK/failed")"
result used_mean "$mean"
result used_most "$most"
[ "$bad" -eq 0 ] || { echo "fio found an error:"; cat "$WORK/fio"; }
let_go
swapoff "$DISK/swap"
umount "$DISK"
[ "$status" -eq 0 ] && [ "$bad" -eq 0 ]
