#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Page cache that is read and reclaimed all the time fills lent memory, and nothing else
# comes of it: kswapd frees what is used next, and no segment is lent or taken back.
#
# rig: cmdline=swiotlb=force,reclaim=256M
# rig: mem=1G
# rig: smp=2
# rig: disk=3G
# rig: flavour=reclaim
# rig: timeout=1200
# rig: minutes=10
# rig: long=1
#
# MINUTES says for how long (10), of which the first does not count. The disk bounces.

. "$(dirname "$0")/swiotlb_lib.sh"

MINUTES=${MINUTES:-10}
CACHE_PERCENT=85	# of lent memory, in use after the first minute. A twelfth is to stay free.
COUNTERS="pgscan_kswapd pgsteal_kswapd pgscan_direct pgmigrate_success swiotlb_lend
	  swiotlb_take_free swiotlb_take_migrate swiotlb_take_fail"

reader=

cleanup()
{
	[ -z "$disk_dir" ] || rm -f "$disk_dir/go"
	[ -z "$reader" ] || wait "$reader"
	disk_release
}

# read_all: the file, again and again; each time is noted
read_all()
{
	while [ -e "$disk_dir/go" ]; do
		dd if="$disk_dir/file" of=/dev/null bs=1M status=none || return
		echo >>"$disk_dir/times"
	done
}

counters()
{
	local c

	for c in $COUNTERS; do
		printf ' %s %s' "$c" "$(vmstat "$c")"
	done
}

need_root
need_commands dd
need_reclaim
need_debugfs
need_disk
[[ $MINUTES =~ ^([2-9]|[1-9][0-9]+)$ ]] || skip_all "MINUTES=$MINUTES is not two or more"
tap_plan 6

file_mb=$(($(meminfo MemTotal) * 2 / 1024))
dd if=/dev/zero of="$disk_dir/file" bs=1M count="$file_mb" conv=fsync status=none
: >"$disk_dir/times"
: >"$disk_dir/go"
read_all &
reader=$!
used=0
samples=0
for ((minute = 0; minute <= MINUTES; minute++)); do
	for ((second = 0; minute && second < 60; second++)); do
		sleep 1
		[ "$minute" -gt 1 ] || continue
		used=$((used + $(lent_in_use) * 100 / $(sysfs lent_kb)))
		samples=$((samples + 1))
	done
	diag "$minute min, read $(wc -l <"$disk_dir/times") times:$(counters)"
	if [ "$minute" -eq 1 ]; then
		before=$(segments_moved)
		scanned=$(vmstat pgscan_kswapd)
		stolen=$(vmstat pgsteal_kswapd)
		stalls=$(vmstat pgscan_direct)
	fi
done
equal "segments that were lent or taken after the first minute" "$(segments_moved)" "$before"
at_least "lent memory in use, percent" $((used / samples)) "$CACHE_PERCENT"
scanned=$(($(vmstat pgscan_kswapd) - scanned))
stolen=$(($(vmstat pgsteal_kswapd) - stolen))
at_least "pages that kswapd reclaimed meanwhile" "$stolen" $((file_mb * 1024 / PAGE_KB / 4))
# It looks at few that it does not reclaim
at_most "and looked at" "$scanned" $((stolen * 2))
at_most "pages that tasks had to look at themselves" \
	$(($(vmstat pgscan_direct) - stalls)) $((stolen / 100))
check "the reader is well" kill -0 "$reader"
