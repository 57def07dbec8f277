#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The guest's part of rig/others.sh: run the tests of /job/others.list that
# OTHERS names, each with its time limit, with marks around what each prints. Says
# last how much of the lent memory was used.
#
#   HOLD="680:0 160:2"   MiB that are held meanwhile, of the node of that CPU
#
# shellcheck disable=SC2317,SC2153  # the functions are commands of that list
# shellcheck source=rig/guest/lent.sh
. /job/lent.sh

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
	LD_LIBRARY_PATH=$(echo "$others"/usr/lib/*-linux-gnu) "$others/usr/bin/stressapptest" -s 40 -M 400 -m 2 -C 1 -W \
		-f /mnt/sat1 -f /mnt/sat2
	local status=$?
	rm -f /mnt/sat[12]
	return "$status"
}

# What is written is read back, while more memory is in use than there is: a process has
# all and 192 MiB more, and looks at it again 5 s after it has seen all of it. Two
# requests for one block must not be in flight at once.
fio_verify()
{
	local hog size i status was before
	was=$(vmstat pswpout)
	size=$(($(meminfo MemAvailable) / 1024 + 192))
	stress-ng -q --oomable --no-madvise --verify --vm 1 --vm-bytes "${size}M" --vm-keep --vm-hang 5 --vm-method rand-set \
		--timeout 600 &
	hog=$!
	for ((i = 0; i < 90; i++)); do
		before=$(vmstat pswpout)
		if [ "$before" -ge $((was + 8192)) ] || ! kill -0 "$hog" 2>/dev/null; then
			break
		fi
		sleep 1
	done
	echo "# of a process of $size MiB $(((before - was) / 256)) MiB were swapped out in $i s"
	if [ "$before" -lt $((was + 8192)) ]; then
		echo "less than 32 MiB were swapped out before fio: memory is not short"
		kill "$hog"
		wait "$hog"
		return 1
	fi
	fio --name=verify --directory=/mnt --rw=randwrite --bs=64k --size=96m --numjobs=2 \
		--loops=2 --verify=crc32c --verify_fatal=1 --verify_state_save=0 \
		--serialize_overlap=1 --group_reporting "$@"
	status=$?
	echo "# $((($(vmstat pswpout) - before) / 256)) MiB were swapped out while fio ran"
	if ! kill "$hog" 2>/dev/null; then
		echo "the process that has all memory ended before fio did"
		status=1
	fi
	wait "$hog" || { echo "the process that has all memory ended with status $?"; status=1; }
	grep -E '^(pswpin|pswpout|oom_kill|swiotlb_[a-z_]*) ' /proc/vmstat | sed 's/^/# /'
	rm -f /mnt/verify.*
	return "$status"
}
export -f kunit memory_and_disk fio_verify vmstat meminfo

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

sync
echo 3 >/proc/sys/vm/drop_caches
for h in ${HOLD:-}; do
	hold "${h%:*}" "${h#*:}" || exit 1
done
watch_pool /run/used /run/end &
watch=$!
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
touch /run/end
wait "$watch"
[ ! -e "$POOL/lent_kb" ] || echo "@ lent $(cat /run/used)"
let_go
swapoff /mnt/swap
