# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the rows share in the guest. To be sourced; the environment says what it is:
# BENCH_VARIANT, BENCH_CASE, BENCH_TOTAL_KB, BENCH_FLOOR_KB, and BENCH_QUICK.

# shellcheck source=../tools/testing/selftests/swiotlb/swiotlb_lib.sh
. /job/selftests/swiotlb_lib.sh

BENCH_DEV=$DEBUGFS/bench_swiotlb

# r KEY VALUE: a figure
r()
{
	echo "@ r $1 $2"
}

# cannot WHY: a measurement that could not be made
cannot()
{
	echo "cannot measure: $*"
	exit 1
}

lends()
{
	[ -d "$SYSFS" ] && [ "$(sysfs total_kb)" -gt 0 ]
}

# yardstick: how long this machine takes for always the same, in milliseconds
yardstick()
{
	local i start=${EPOCHREALTIME/./}

	for ((i = 0; i < 100000; i++)); do :; done
	r yardstick $(((${EPOCHREALTIME/./} - start) / 1000))
}

# ready: whatever lends its memory has done so
ready()
{
	on_icount || yardstick
	case $BENCH_VARIANT in
	reclaim*) lends || cannot "the kernel refused: $(dmesg | grep 'reclaim:')" ;;
	esac
	! lends || wait_for 60 lent_percent 98 || cannot "not lent: $(state now)"
}

# loop SETTING=VALUE...: map and unmap one buffer, again and again; picoseconds a pair
loop()
{
	device irqs_off=Y "$@"
	echo 1 >"$TEST_DEV/loop" || cannot "loop $*"
	[ "$(figure failed)" -eq 0 ] || cannot "$(figure failed) maps failed, loop $*"
	figure ps_per_pair
}

# bench RUN SETTING=VALUE...: what bench_swiotlb does; picoseconds a pair
bench()
{
	local run=$1 setting

	shift
	for setting in count=16384 size=4096 order=0 batch=1 movable=Y cpus=1 ms=1000 "$@"; do
		echo "${setting#*=}" >"$BENCH_DEV/${setting%%=*}" || cannot "$setting"
	done
	echo 1 >"$BENCH_DEV/$run" || cannot "$run $*"
	bench_figure ps_per_pair
}

bench_figure()
{
	local line

	while read -r line; do
		[ "${line%%=*}" != "$1" ] || echo "${line#*=}"
	done <"$BENCH_DEV/result"
}

# thousandths N: as a decimal fraction. Where time counts instructions a
# nanosecond is one, and the devices count in picoseconds.
thousandths()
{
	printf '%d.%03d\n' $(($1 / 1000)) $(($1 % 1000))
}

# fill_cache: a file that is all holes fills the page cache, and needs no disk
fill_cache()
{
	local mib=$(($(meminfo MemTotal) * 3 / 2048))

	truncate -s "${mib}M" /holes
	dd if=/holes of=/dev/null bs=1M status=none
}

# burst_of_takes: figures of a burst of small maps, apart for those that took a segment
burst_of_takes()
{
	local taken nr rest
	local -a times

	taken=$(vmstat swiotlb_take_free)
	device count=4096 src_kb=1024
	echo 1 >"$TEST_DEV/run" || cannot "burst"
	taken=$(($(vmstat swiotlb_take_free) - taken))
	figures "burst, $taken segments taken"
	# In order, the slowest last
	mapfile -t times <"$TEST_DEV/times"
	nr=${#times[@]}
	[ "$taken" -lt "$nr" ] || cannot "more segments taken than maps"
	rest=$((nr - taken))
	r plain_p50 "${times[rest / 2]}"
	r plain_p99 "${times[rest * 99 / 100]}"
	if [ "$taken" -gt 0 ]; then
		r take_p50 "${times[rest + taken / 2]}"
		r take_p99 "${times[rest + taken * 99 / 100]}"
		r take_max "${times[nr - 1]}"
	fi
	r p99 "${times[nr * 99 / 100]}"
	r max "${times[nr - 1]}"
	r failed "$(figure failed)"
}
