#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Row 10: what the applications of a bounced disk see while memory is short.
#
# bench: what=fio over bounced NVMe under memory pressure
# bench: how=random reads and writes of 4, 64 and 256 KiB, 32 in flight, for 20 s each, while processes write to 40% of memory and a file of twice the memory is read
# bench: archs=x86_64
# bench: variants=static dynamic reclaim
# bench: reps=3
# bench: disk=1G
# bench: oom=1
# case: 256M total=256M floor=4M
# key: bw_4 KiB/s 4 KiB, read and written
# key: bw_64 KiB/s 64 KiB, read and written
# key: bw_256 KiB/s 256 KiB, read and written
# key: p99_4 us 4 KiB, 99th percentile of the latency of a read
# key: p99_64 us 64 KiB, 99th percentile of the latency of a read
# key: p99_256 us 256 KiB, 99th percentile of the latency of a read
# target: reclaim bw_4,bw_64,bw_256 >= 0.98 x static
# target: reclaim p99_4,p99_64,p99_256 <= 1.02 x static
# cause: Not found for certain. *dynamic*, which lends nothing and has as much memory for others as ours, loses as much to *static*, so it is not the lending: the pressure is a share of the memory that there is, and with more of it takes more of the two CPUs.

# shellcheck source=../guest.sh
. /job/guest.sh

ready
disk_dir=
need_disk
pressure_start
trap 'pressure_stop; disk_release' EXIT
sleep 10
for kib in 4 64 256; do
	line=$(fio --minimal --directory="$disk_dir" --ioengine=libaio --direct=1 --rw=randrw \
		--time_based --runtime=20 --name=bench --bs=${kib}k --iodepth=32 --size=64M) ||
		cannot "fio, $kib KiB: $line"
	IFS=';' read -ra fields <<<"$line"
	r "bw_$kib" $((fields[6] + fields[47]))
	for f in "${fields[@]}"; do
		if [[ $f == 99.000000%=* ]]; then
			r "p99_$kib" "${f#*=}"
			break
		fi
	done
	! lends || state "after $kib KiB: maps failed $(cat "$DEBUGFS/swiotlb/io_tlb_map_fail")"
done
exit 0
