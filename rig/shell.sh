#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A root shell in the guest: stress-ng, fio, the selftests in /job/selftests and
# an ext4 file system on NVMe, which bounces.
#
#   ARCH FLAVOUR MEM SMP CMDLINE MODULES QEMU_EXTRA MONITOR   as for rig/boot.sh
#   DISK=image   instead of a fresh one
set -euo pipefail
. "$(dirname "$0")/lib.sh"

ARCH=${ARCH:-x86_64}
FLAVOUR=${FLAVOUR:-reclaim}
check_arch
check_flavour
need_root
take_lock
need_packages $(packages_guest)
disk=${DISK:-}
if [ -z "$disk" ]; then
	disk=$BUILD/guest/shell.img
	mkdir -p "$BUILD/guest"
	rm -f "$disk"
	truncate -s 2G "$disk"
	mkfs.ext4 -q -F "$disk"
fi
case $FLAVOUR in
reclaim*|debug|kcsan|rt) default='swiotlb=force,reclaim=256M' ;;
*) default='swiotlb=force' ;;
esac
export INTERACTIVE=1 ARCH FLAVOUR DISK=$disk CMDLINE=${CMDLINE:-$default} MEM=${MEM:-1G} SMP=${SMP:-2}
"$ROOT/rig/boot.sh"
