#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Row 9: files that are read again and again, ever more of them. As long as all fit
# into memory they come from there.
#
# bench: what=a read set that grows through memory size
# bench: how=MiB per second of the second reading of so many MiB of files, from a disk of 60 MB/s; guest of 1 GiB, total 256 MiB
# bench: archs=x86_64
# bench: variants=none static dynamic reclaim
# bench: disk=files
# bench: disk_bps=60000000
# bench: reps=3
# bench: timeout=1800
# case: - total=256M floor=4M
# key: rate_384 MiB/s 384 MiB of files
# key: rate_512 MiB/s 512 MiB of files
# key: rate_576 MiB/s 576 MiB of files
# key: rate_640 MiB/s 640 MiB of files
# key: rate_704 MiB/s 704 MiB of files
# key: rate_768 MiB/s 768 MiB of files
# key: rate_832 MiB/s 832 MiB of files
# key: rate_896 MiB/s 896 MiB of files
# key: rate_1024 MiB/s 1024 MiB of files
# target: reclaim rate_704,rate_768,rate_832 >= 1.3 x static
# curve: rate_ MiB of files, MiB per second

# shellcheck source=../guest.sh
. /job/guest.sh

mnt=/mnt
ready
mount -t ext4 -o ro,noatime /dev/nvme0n1 $mnt || cannot "mount"

read_set()
{
	local i

	for ((i = 0; i < $1 / 64; i++)); do
		dd if=$mnt/files/$i of=/dev/null bs=1M status=none
	done
}

for mib in 384 512 576 640 704 768 832 896 1024; do
	read_set $mib
	start=${EPOCHREALTIME/./}
	read_set $mib
	r rate_$mib "$(thousandths $((mib * 1000000000 / (${EPOCHREALTIME/./} - start))))"
done
umount $mnt
