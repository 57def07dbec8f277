#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The guest's part of rig/others.sh: run the tests of /job/others.list that
# OTHERS names, each with its time limit, with marks around what each prints.
# shellcheck disable=SC2317,SC2153  # the functions are commands of that list

others=/run/others
mkdir -p "$others"
if ! mount -n -r /dev/vdc "$others"; then
	echo "no programs on /dev/vdc"
	exit 1
fi
export others

# The cases of all suites as results of one test. They ran at boot.
kunit()
{
	local f suite
	for f in /sys/kernel/debug/kunit/*/results; do
		suite=${f%/*}
		sed -n "s/^    \(ok\|not ok\) \([0-9]*\) /\1 \2 ${suite##*/}: /p" "$f"
	done
}

memory_and_disk()
{
	[ -x "$others/usr/bin/stressapptest" ] || { echo "not built"; return 4; }
	LD_LIBRARY_PATH=$(echo "$others"/usr/lib/*-linux-gnu) "$others/usr/bin/stressapptest" -s 40 -M 1200 -m 2 -C 1 -W \
		-f /mnt/sat1 -f /mnt/sat2
	local status=$?
	rm -f /mnt/sat[12]
	return "$status"
}

# What is written is read back, while more memory is in use than there is. Two requests
# for one block must not be in flight at once.
fio_verify()
{
	local hog status
	stress-ng -q --vm 2 --vm-bytes 1800M --vm-keep --vm-method walk-1d --timeout 400 &
	hog=$!
	fio --name=verify --directory=/mnt --rw=randwrite --bs=64k --size=96m --numjobs=2 \
		--loops=2 --verify=crc32c --verify_fatal=1 --verify_state_save=0 \
		--serialize_overlap=1 --group_reporting "$@"
	status=$?
	kill "$hog" 2>/dev/null
	wait "$hog"
	grep -E '^(pswpin|pswpout|swiotlb_[a-z_]*) ' /proc/vmstat | sed 's/^/# /'
	rm -f /mnt/verify.*
	return "$status"
}
export -f kunit memory_and_disk fio_verify

# compaction_test asks for a shell
[ -e /bin/sh ] || ln -s bash /bin/sh

# File system and swap are on one disk, which bounces
mount -n -t ext4 /dev/nvme0n1 /mnt && dd if=/dev/zero of=/mnt/swap bs=1M count=768 status=none &&
	chmod 600 /mnt/swap && mkswap -q /mnt/swap && swapon /mnt/swap || exit 1

for d in /sys/bus/pci/devices/*; do
	# QEMU's pci-testdev
	[ "$(cat "$d/vendor" "$d/device")" = $'0x1b36\n0x0005' ] || continue
	echo dma_map_benchmark >"$d/driver_override"
	echo "${d##*/}" >/sys/bus/pci/drivers/dma_map_benchmark/bind
done

# Some want to write where they are
cp -r "$others/tests" /mnt/ && cd /mnt/tests || exit 1
while read -r boot name limit command; do
	[[ $OTHERS == *" $name "* && $boot != '#' ]] || continue
	# Memory as the test before has not left it
	sync
	echo 3 >/proc/sys/vm/drop_caches
	pages=0
	if [[ $command == hugepages=* ]]; then
		pages=${command%% *}
		pages=${pages#*=}
		command=${command#* }
	fi
	echo "$pages" >/proc/sys/vm/nr_hugepages
	echo "# rig: $name" >/dev/kmsg
	echo "@ begin $name"
	start=$SECONDS
	if [[ $command == ./* && ! -x ${command%% *} ]]; then
		echo "not built"
		status=4
	else
		timeout -k 10 "$limit" bash -c "$command" </dev/null 2>&1
		status=$?
	fi
	echo
	echo "@ end $name $status $((SECONDS - start))"
done </job/others.list
echo 0 >/proc/sys/vm/nr_hugepages
swapoff /mnt/swap
