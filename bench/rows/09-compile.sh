#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Row 9, too: a compiler in a small guest, ever more of it at a time. As long as all of
# them fit into memory none waits for the disk.
#
# bench: what=a parallel compile in a small guest
# bench: how=files of the kernel compiled in a minute, 12 files and so many compilers at a time, after one pass that is not counted; guest of 512 MiB with swap, total 128 MiB, a disk of 60 MB/s
# bench: archs=x86_64
# bench: variants=none static dynamic reclaim
# bench: disk=compiler
# bench: disk_bps=60000000
# bench: mem=512M
# bench: reps=2
# bench: timeout=3600
# case: - total=128M floor=4M
# key: jobs_1 1/min 1 compiler
# key: jobs_2 1/min 2 compilers
# key: jobs_3 1/min 3 compilers
# key: jobs_4 1/min 4 compilers
# key: jobs_6 1/min 6 compilers
# target: reclaim jobs_3,jobs_4 >= 1.3 x static
# curve: jobs_ compilers at a time, files a minute

# shellcheck source=../guest.sh
. /job/guest.sh

mnt=/mnt
swap=$mnt/swap
ready
mount -t ext4 -o noatime /dev/nvme0n1 $mnt || cannot "mount"
fallocate -l 512M $swap
chmod 600 $swap
mkswap $swap >/dev/null
swapon $swap || cannot "swap"

# Of the kernel's flags those that its inline assembly needs
flags=(-fpreprocessed -O1 -w -std=gnu11 -fshort-wchar -fno-strict-aliasing -fno-pie
       -mcmodel=kernel -mno-red-zone -mno-sse)

# pass JOBS: all files, so many at a time
pass()
{
	(cd $mnt/source && ls) |
		xargs -P "$1" -I {} chroot $mnt /compiler/cc1 -quiet "${flags[@]}" -o /dev/null "/source/{}" ||
		cannot "a compiler failed, $1 at a time"
}

files=$(find $mnt/source -type f | wc -l)
pass 2
for jobs in 1 2 3 4 6; do
	start=${EPOCHREALTIME/./}
	pass "$jobs"
	r "jobs_$jobs" "$(thousandths $((files * 60000000000 / (${EPOCHREALTIME/./} - start))))"
done
swapoff $swap
umount $mnt
