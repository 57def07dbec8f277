#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Swap on a disk that bounces, more memory in use than there is, and a device that
# holds more than the whole floor and bursts on top of it: nobody waits for ever, no
# process is killed for lack of memory, no data are wrong.
#
# rig: cmdline=swiotlb=force,reclaim=128M
# rig: mem=512M
# rig: smp=2
# rig: disk=3G
# rig: flavour=reclaim
# rig: modules=lib/test_swiotlb.ko
# rig: timeout=2700
# rig: minutes=30
# rig: long=1
#
# MINUTES says how long (30). To free memory is to swap, that takes a bounce
# buffer, and to have one may take that memory is freed: here that circle would close.
# Bursts find no slot from time to time, which is counted and not judged.

. "$(dirname "$0")/swiotlb_lib.sh"

MINUTES=${MINUTES:-30}
OVER_KB=655360		# more anonymous memory than there is
SWAP_MB=2048
BURST=8192		# mappings of 4 KiB
SAMPLE=30		# seconds from one state line to the next
WINDOW=2		# samples in which all that counts must have gone on
END_SECONDS=300		# for the processes to end

swap=
stress=
workers=()
counts=$(mktemp -d)

cleanup()
{
	stop_workers
	[ -z "$stress" ] || kill "$stress" 2>/dev/null
	[ ! -e "$TEST_DEV/ring" ] || echo 0 >"$TEST_DEV/ring"
	[ -z "$swap" ] || swapoff "$swap"
	disk_release
	rm -rf "$counts"
}

# count NAME [NUMBER]: add to what "so_far NAME" says
count()
{
	echo $(($(so_far "$1") + ${2:-1})) >"$counts/$1.new"
	mv "$counts/$1.new" "$counts/$1"
}

so_far()
{
	local n=0

	[ ! -e "$counts/$1" ] || read -r n <"$counts/$1"
	echo "$n"
}

# Files that are written, and read back from the disk
files()
{
	local want

	while [ -e "$counts/go" ]; do
		dd if=/dev/urandom of="$disk_dir/file" bs=64k count=16 conv=fsync status=none ||
			count file_errors
		want=$(sha256sum <"$disk_dir/file")
		[ "$(dd if="$disk_dir/file" bs=64k iflag=direct status=none | sha256sum)" = "$want" ] ||
			count file_errors
		count files
	done
}

# Bursts of the device
bursts()
{
	while [ -e "$counts/go" ]; do
		if ! echo 1 >"$TEST_DEV/run"; then
			count burst_errors
			sleep 1
			continue
		fi
		count burst_errors "$(figure data_errors)"
		count maps_failed "$(figure failed)"
		count bursts
		sleep 0.2
	done
}

stop_workers()
{
	rm -f "$counts/go"
	[ "${#workers[@]}" -eq 0 ] || wait "${workers[@]}" 2>/dev/null
	workers=()
}

swapped()
{
	echo $(($(vmstat pswpin) + $(vmstat pswpout)))
}

ended()
{
	! kill -0 "$stress" 2>/dev/null
}

# least NAME VALUE: how much VALUE has grown since WINDOW samples ago, at least
declare -A least_of=() history=()
least()
{
	local -a values
	local grown

	read -ra values <<<"${history[$1]:-} $2"
	if [ "${#values[@]}" -gt "$WINDOW" ]; then
		grown=$(($2 - values[0]))
		[ "$grown" -ge "${least_of[$1]:-$((grown + 1))}" ] || least_of[$1]=$grown
		values=("${values[@]:1}")
	fi
	history[$1]=${values[*]}
}

need_root
need_commands stress-ng dd sha256sum fallocate mkswap swapon
need_reclaim
need_test_device
wait_for $LENT_AGAIN lent_percent 98
need_disk
[[ $MINUTES =~ ^[1-9][0-9]*$ ]] || skip_all "MINUTES=$MINUTES is no number"
tap_plan 14

swap=$disk_dir/swap
fallocate -l "${SWAP_MB}M" "$swap"
chmod 600 "$swap"
mkswap "$swap" >/dev/null
swapon "$swap"
kills=$(vmstat oom_kill)

# 1. The device: a ring larger than the floor, and bursts
ring=$(($(sysfs floor_kb) * 3 / 8))
echo $ring >"$TEST_DEV/ring"
at_least "bounce buffers the ring holds, KiB" "$(sysfs used_kb)" $((ring * 4))
at_least "that is more than the floor, KiB" $((ring * 4)) $(($(sysfs floor_kb) + 1))
device count=$BURST batch=64 hold_ms=100 src_kb=1024 verify=Y
state "before"

# 2. The memory
: >"$counts/go"
bytes=$(($(meminfo MemAvailable) + OVER_KB))
stress-ng --quiet --temp-path "$disk_dir" --vm 2 --vm-keep --vm-bytes "${bytes}k" \
	  --vm-method rand-set --verify --timeout "$((MINUTES * 60))" >"$counts/stress" 2>&1 &
stress=$!
files &
workers+=("$!")
bursts &
workers+=("$!")

# 3. Look
started=$SECONDS
late=0
rest_kb=$(free_lent_kb)
while ! ended && [ $((SECONDS - started)) -lt $((MINUTES * 60)) ]; do
	before=$SECONDS
	sleep $SAMPLE
	[ $((SECONDS - before - SAMPLE)) -le "$late" ] || late=$((SECONDS - before - SAMPLE))
	least swapped "$(swapped)"
	least files "$(so_far files)"
	least bursts "$(so_far bursts)"
	free=$(free_lent_kb)
	[ "$free" -ge "$rest_kb" ] || rest_kb=$free
	state "$((SECONDS - started)) s"
	diag "$((SECONDS - started)) s: swapped $(swapped) pages, files $(so_far files)," \
	     "bursts $(so_far bursts), mappings failed $(so_far maps_failed) of" \
	     "$(($(so_far bursts) * BURST)), SwapFree $(meminfo SwapFree) KiB"
done
check "stress-ng ends" wait_for "$END_SECONDS" ended
wait "$stress"
status=$?
stress=
stop_workers
while read -r line; do diag "stress-ng: $line"; done <"$counts/stress"

at_least "seconds" $((SECONDS - started)) $((MINUTES * 60))
diag "a sleep of $SAMPLE s took at most $late s more; lent memory free at least $rest_kb KiB"
equal "status of stress-ng (wrong memory is not 0)" "$status" 0
equal "lines that say it has checked nothing" \
      "$(grep -c "bogo-op counters are zero" "$counts/stress")" 0
at_least "pages swapped in any $((SAMPLE * WINDOW)) s" "${least_of[swapped]:-0}" 1
at_least "files written and read back in any $((SAMPLE * WINDOW)) s" "${least_of[files]:-0}" 1
at_least "bursts in any $((SAMPLE * WINDOW)) s" "${least_of[bursts]:-0}" 1
equal "files that are wrong" "$(so_far file_errors)" 0
equal "words of mappings that are wrong" "$(so_far burst_errors)" 0
equal "processes killed for lack of memory" $(($(vmstat oom_kill) - kills)) 0
equal "tasks that hung" "$(dmesg | grep -c 'blocked for more than')" 0
echo 0 >"$TEST_DEV/ring"
check "98% is lent again" wait_for $LENT_AGAIN lent_percent 98
state "at the end"
