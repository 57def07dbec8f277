# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the tests of reclaimable bounce buffers share. To be sourced by bash.
#
# Variables of the environment:
#
#   SWIOTLB_DIR      an empty directory on a disk whose requests bounce
#   SWIOTLB_DISK     without SWIOTLB_DIR: a disk with a file system on it, not
#                    mounted (/dev/nvme0n1). Files are made in a directory of
#                    our own and removed again.
#   SWIOTLB_RUNTIME  seconds of disk I/O (60)
#   SLOWER           how many times as long a kernel may take that checks more than
#                    usual (1)
#   TEST_SWIOTLB_KO  where the module test_swiotlb is, if modprobe cannot tell
#   ICOUNT           1: guest time counts instructions (QEMU -icount), so that
#                    times repeat and the tests judge them. The word rig.icount=1
#                    on the kernel command line says the same.

KSFT_SKIP=4

SYSFS=/sys/kernel/mm/swiotlb_reclaim
DEBUGFS=/sys/kernel/debug
TEST_DEV=$DEBUGFS/test_swiotlb
# shellcheck disable=SC2034	# used by the tests
SEGMENT_KB=256
# What part of the pool the cushion is, CUSHION_PART of mm/swiotlb_reclaim.c
# shellcheck disable=SC2034	# used by the tests
CUSHION_PART=12
# Seconds after which nothing is kept any more that mappings missed: 64, and some.
# shellcheck disable=SC2034	# used by the tests
LENT_AGAIN=$((90 * ${SLOWER:-1}))

# ------------------------------------------------------------------- TAP

tap_planned=0
tap_done=0
tap_failed=0

# tap_plan N: begin a test of N results
tap_plan()
{
	tap_planned=$1
	echo "TAP version 13"
	echo "1..$1"
	trap tap_exit EXIT
}

# tap_exit: the status is that of the results; one that is missing is a failure
tap_exit()
{
	local status=$?

	trap - EXIT
	if declare -F cleanup >/dev/null; then
		cleanup
	fi
	if [ "$status" -ne "$KSFT_SKIP" ] && [ "$tap_done" -ne "$tap_planned" ]; then
		echo "Bail out! $tap_done of $tap_planned results, then status $status"
		exit 1
	fi
	[ "$tap_failed" -eq 0 ] || status=1
	exit "$status"
}

skip_all()
{
	trap - EXIT
	echo "TAP version 13"
	echo "1..0 # SKIP $*"
	exit "$KSFT_SKIP"
}

diag()
{
	echo "# $*"
}

# check DESCRIPTION COMMAND...: one result, by the status of the command
check()
{
	local what=$1

	shift
	tap_done=$((tap_done + 1))
	if "$@"; then
		echo "ok $tap_done - $what"
	else
		tap_failed=$((tap_failed + 1))
		echo "not ok $tap_done - $what"
		diag "failed: $*"
	fi
}

# at_least DESCRIPTION VALUE LIMIT, at_most ..., equal ...: results that name both
at_least()
{
	check "$1 ($2, at least $3)" test "$2" -ge "$3"
}

at_most()
{
	check "$1 ($2, at most $3)" test "$2" -le "$3"
}

equal()
{
	check "$1 (${2:-nothing}, expected $3)" test "$2" = "$3"
}

# skip DESCRIPTION REASON: a result that cannot be had here
skip()
{
	tap_done=$((tap_done + 1))
	echo "ok $tap_done - $1 # SKIP $2"
}

# ---------------------------------------------------------- preconditions

need_root()
{
	[ "$(id -u)" -eq 0 ] || skip_all "must be run as root"
}

need_commands()
{
	local c

	for c in "$@"; do
		command -v "$c" >/dev/null || skip_all "$c is not installed"
	done
}

need_debugfs()
{
	[ -d "$DEBUGFS/swiotlb" ] || mount -t debugfs debugfs "$DEBUGFS" 2>/dev/null
	[ -d "$DEBUGFS/swiotlb" ] || skip_all "no debugfs, or no swiotlb"
}

# need_reclaim: the kernel can lend bounce buffers and was asked to
need_reclaim()
{
	[ -d "$SYSFS" ] || skip_all "no $SYSFS: needs CONFIG_SWIOTLB_RECLAIM and swiotlb=reclaim"
	[ "$(sysfs total_kb)" -gt 0 ] || skip_all "there is nothing to lend: see the kernel log"
}

# need_test_device: the module, loaded
need_test_device()
{
	local ko

	need_debugfs
	[ ! -d "$TEST_DEV" ] || return 0
	modprobe test_swiotlb 2>/dev/null
	for ko in "${TEST_SWIOTLB_KO:-}" "$(dirname "$0")/test_swiotlb.ko" \
		  "$(dirname "$0")/../../../../lib/test_swiotlb.ko"; do
		[ -d "$TEST_DEV" ] && break
		[ ! -f "$ko" ] || insmod "$ko"
	done
	[ -d "$TEST_DEV" ] || skip_all "no module test_swiotlb (CONFIG_TEST_SWIOTLB)"
}

# on_icount: whether times are counts of instructions
on_icount()
{
	[ "${ICOUNT:-}" != 1 ] || return 0
	case " $(cat /proc/cmdline) " in
	*" rig.icount=1 "*) return 0 ;;
	esac
	return 1
}

# --------------------------------------------------------------- looking

sysfs()
{
	local value

	read -r value <"$SYSFS/$1" && echo "$value"
}

# field FILE NAME: the second column of the line that begins with NAME. The file is
# read in one go: "read" would seek back after each line, into a text that has
# changed by then.
field()
{
	local -a lines
	local line

	mapfile -t lines <"$1"
	for line in "${lines[@]}"; do
		if [[ $line =~ ^"$2"[[:space:]]+([^[:space:]]+) ]]; then
			echo "${BASH_REMATCH[1]}"
			return 0
		fi
	done
	return 1
}

PAGE_KB=$(field /proc/self/smaps KernelPageSize:)

vmstat()
{
	field /proc/vmstat "$1" || echo 0
}

meminfo()
{
	field /proc/meminfo "$1:" || echo 0
}

free_lent_kb()
{
	echo $(($(vmstat nr_free_swiotlb) * PAGE_KB))
}

# hist_sum FILE: how many times this histogram in debugfs has
hist_sum()
{
	awk '{ sum += $2 } END { print sum + 0 }' "$DEBUGFS/swiotlb/$1"
}

# lent_used PERCENT: whether somebody has as much of the lent memory
lent_used()
{
	local lent

	lent=$(sysfs lent_kb)
	[ "$lent" -gt 0 ] && [ $(($(free_lent_kb) * 100)) -le $((lent * (100 - $1))) ]
}

# lent_in_use: KiB of lent memory that somebody has
lent_in_use()
{
	echo $(($(sysfs lent_kb) - $(free_lent_kb)))
}

# segments_moved: how many changed hands since boot, either way
segments_moved()
{
	echo $(($(vmstat swiotlb_lend) + $(vmstat swiotlb_take_free) +
		$(vmstat swiotlb_take_migrate)))
}

# lendable_kb: all that may be lent
lendable_kb()
{
	echo $(($(sysfs total_kb) - $(sysfs floor_kb)))
}

# lent_percent PERCENT: whether at least so much of it is lent
lent_percent()
{
	[ $(($(sysfs lent_kb) * 100)) -ge $(($(lendable_kb) * $1)) ]
}

# wait_for SECONDS COMMAND...: whether it succeeds within that time
wait_for()
{
	local end=$((SECONDS + $1))

	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.2
	done
}

# owned_kb: what can be mapped, or is
owned_kb()
{
	echo $(($(sysfs total_kb) - $(sysfs lent_kb)))
}

owns_at_least()
{
	[ "$(owned_kb)" -ge "$1" ]
}

lent_is()
{
	[ "$(sysfs lent_kb)" -eq "$1" ]
}

nothing_used()
{
	[ "$(sysfs used_kb)" -eq 0 ]
}

block_kb()
{
	# Each node says it, and all the same
	echo $(($(sed -n 's/^Pages per block: *//p' /proc/pagetypeinfo | head -n 1) * PAGE_KB))
}

# swiotlb_blocks: pageblocks of type Swiotlb; fails if there is no such type
swiotlb_blocks()
{
	local line word column=-1 i sum=0 in=
	local -a words

	while read -r line; do
		read -ra words <<<"$line"
		if [[ $line == "Number of blocks type "* ]]; then
			in=1
			i=0
			# "Node 0, zone DMA32" are four words as well
			for word in "${words[@]}"; do
				[ "$word" != Swiotlb ] || column=$i
				i=$((i + 1))
			done
		elif [[ $line == "Node "* ]]; then
			if [ -n "$in" ] && [ "$column" -ge 0 ]; then
				sum=$((sum + words[column]))
			fi
		else
			in=
		fi
	done </proc/pagetypeinfo
	echo "$sum"
	[ "$column" -ge 0 ]
}

# listed_blocks: how many blocks of each order are on the free lists of type Swiotlb, a
# line for each zone
listed_blocks()
{
	local line

	while read -r line; do
		[[ ! $line =~ type\ +Swiotlb\ +(.*) ]] || echo "${BASH_REMATCH[1]}"
	done </proc/pagetypeinfo
}

# listed_kb: memory on the free lists of type Swiotlb
listed_kb()
{
	local order sum=0
	local -a words

	while read -ra words; do
		for order in "${!words[@]}"; do
			# A long list is not counted to its end: ">100000"
			sum=$((sum + (${words[order]#>} << order)))
		done
	done < <(listed_blocks)
	echo $((sum * PAGE_KB))
}

# consistent: whether all there is to see of the pool fits together. Memory may be
# allocated, freed or lent between one look and the next, so use check_consistent.
consistent()
{
	local total lent slots used free listed blocks

	total=$(sysfs total_kb)
	lent=$(sysfs lent_kb)
	slots=$(cat "$DEBUGFS/swiotlb/io_tlb_lent")
	used=$(sysfs used_kb)
	free=$(free_lent_kb)
	listed=$(listed_kb)
	blocks=$(swiotlb_blocks)
	seen="total $total lent $lent used $used KiB, lent slots $slots, free lent"
	seen+=" $free KiB, listed $listed KiB, pageblocks $blocks"
	[ "$((slots * 2))" -eq "$lent" ] && [ "$((lent + used))" -le "$total" ] &&
		[ "$free" -le "$lent" ] && [ "$listed" -eq "$free" ] &&
		[ "$((blocks * $(block_kb)))" -eq "$total" ]
}

# check_consistent NAME
check_consistent()
{
	local agrees=true

	wait_for 10 consistent || agrees=false
	check "$1: what is seen of the pool fits together ($seen)" "$agrees"
}

state()
{
	diag "$*: total $(sysfs total_kb) lent $(sysfs lent_kb)" \
	     "free lent $(free_lent_kb) used $(sysfs used_kb) KiB," \
	     "MemFree $(meminfo MemFree) MemAvailable $(meminfo MemAvailable) KiB," \
	     "lend $(vmstat swiotlb_lend) take_free $(vmstat swiotlb_take_free)" \
	     "take_migrate $(vmstat swiotlb_take_migrate)" \
	     "take_fail $(vmstat swiotlb_take_fail)"
}

# need_bounds: set first and last to the bounds of the pool, as the kernel logs them
need_bounds()
{
	local bounds

	bounds=$(dmesg | sed -n 's/.*IO TLB: reclaim: \[mem \(0x[0-9a-f]*\)-\(0x[0-9a-f]*\)\].*/\1 \2/p')
	[ -n "$bounds" ] || skip_all "the kernel log does not say where the pool is"
	read -r first last <<<"$bounds"
}

# need_program NAME: it was built, beside the tests
need_program()
{
	[ -x "$(dirname "$0")/$1" ] || skip_all "$1 is not built"
}

# pool_pages: what the pages of the pool are used for, into the array of this name
# shellcheck disable=SC2034	# used by the tests
declare -A pool_pages
# shellcheck disable=SC2034
pool_pages()
{
	local kind nr

	while read -r kind nr; do
		pool_pages[$kind]=$nr
	done < <("$(dirname "$0")/pool_pages" "$first" "$last")
}

# apart FIRST LAST: whether the pool and these addresses do not overlap
apart()
{
	[ $(($2)) -lt $((first)) ] || [ $(($1)) -gt $((last)) ]
}

# free_regular_kb: what is free and neither lent nor of a CMA area
free_regular_kb()
{
	echo $(($(meminfo MemFree) - $(free_lent_kb) - $(meminfo CmaFree)))
}

# oom_report: what the kernel said when it last had to kill something
oom_report()
{
	dmesg | sed -n '/invoked oom-killer/h; /invoked oom-killer/!H; ${ x; p }'
}

# watermark_kb NAME: the sum of the zones' min, low or high watermarks
watermark_kb()
{
	local key value sum=0

	while read -r key value; do
		[ "$key" != "$1" ] || sum=$((sum + value))
	done < <(grep -E "^ +$1 +[0-9]" /proc/zoneinfo)
	echo $((sum * PAGE_KB))
}

# ------------------------------------------------------- the test device

# device KEY=VALUE...: settings of the test device; the rest is as after loading
device()
{
	local setting

	for setting in size=4096 count=64 batch=0 pace=200 ctx=hardirq dir=to_device \
		       hold_ms=0 src_kb=16384 verify=N warn=N irqs_off=N "$@"; do
		echo "${setting#*=}" >"$TEST_DEV/${setting%%=*}" || return 1
	done
}

# figure KEY: of its last run
figure()
{
	local line

	while read -r line; do
		if [ "${line%%=*}" = "$1" ]; then
			echo "${line#*=}"
			return 0
		fi
	done <"$TEST_DEV/result"
	return 1
}

# figures WORDS...: all of them as one diagnostic line
figures()
{
	local -a all

	mapfile -t all <"$TEST_DEV/result"
	diag "$*: ${all[*]}"
}

# map_pool NAME: map all of a pool of which nothing is lent, with data; four results
map_pool()
{
	wait_for 10 nothing_used
	device size=$((SEGMENT_KB * 1024)) count=$(($(sysfs total_kb) / SEGMENT_KB)) \
	       batch=16 pace=100 ctx=task verify=Y
	echo 1 >"$TEST_DEV/run"
	figures "$1"
	equal "$1: mappings of the whole pool" "$(figure maps)" \
	      $(($(sysfs total_kb) / SEGMENT_KB))
	equal "$1: of them failed" "$(figure failed)" 0
	equal "$1: of them did not bounce" "$(figure direct)" 0
	equal "$1: wrong words in them" "$(figure data_errors)" 0
}

# ------------------------------------------------------------ a process
#
# tail -n 1 keeps in its own memory all that comes without a line feed. Fed by
# us step by step it is a process that faults in just as much as we want.

filler=

filler_start()
{
	exec {filler_fd}> >(exec tail -n 1 >/dev/null)
	filler=$!
	# If we go too far, this one is to be killed and not the test
	echo 1000 >"/proc/$filler/oom_score_adj"
}

# filler_add KIB
filler_add()
{
	head -c "$(($1 * 1024))" /dev/zero >&"$filler_fd"
}

filler_kb()
{
	field "/proc/$filler/status" RssAnon: 2>/dev/null || echo 0
}

filler_stop()
{
	[ -n "$filler" ] || return 0
	kill "$filler" 2>/dev/null
	exec {filler_fd}>&-
	wait "$filler" 2>/dev/null
	filler=
}

# ------------------------------------------------------ memory pressure
#
# A file of twice the memory is read again and again, from the disk of need_disk,
# while processes change anonymous memory.

ANON_PERCENT=40		# of MemTotal; 0: none of that
RANDOM_READS=		# 1: a page at a time, anywhere in the file
COMPARE_AGO=2		# in chunks of 64 MiB
# Until lent memory is in use. A slow kernel reads slowly, too.
# shellcheck disable=SC2034	# used by the tests
USED_SECONDS=$((120 * ${SLOWER:-1}))
stress=
reader=

# read_file: and compare a MiB of what was read a while ago, and may have been migrated since,
# with what is in a file without blocks
read_file()
{
	local i=0 pass=0 chunks=$((file_mb / 64)) ago

	while [ -e "$disk_dir/go" ]; do
		dd if="$disk_dir/file" of=/dev/null bs=1M count=64 \
		   skip=$((i * 64)) status=none || return
		ago=$(((i + chunks - COMPARE_AGO) % chunks))
		dd if="$disk_dir/file" bs=1M count=1 skip=$((ago * 64 + pass % 64)) status=none |
			cmp -n $((1 << 20)) - /dev/zero || return
		i=$(((i + 1) % chunks))
		[ "$i" -gt 0 ] || pass=$((pass + 1))
	done
}

pressure_start()
{
	local mem

	mem=$(meminfo MemTotal)
	file_mb=$((mem * 2 / 1024))
	truncate -s "${file_mb}M" "$disk_dir/file"
	: >"$disk_dir/go"
	if [ "$ANON_PERCENT" -gt 0 ]; then
		stress-ng --quiet --temp-path "$disk_dir" --vm 2 --vm-keep --verify \
			  --vm-bytes "$((mem * ANON_PERCENT / 100))k" --timeout 0 &
		stress=$!
	fi
	if [ -n "$RANDOM_READS" ]; then
		fio --name=read --filename="$disk_dir/file" --rw=randread --bs=4k \
		    --ioengine=psync --invalidate=0 --fadvise_hint=random \
		    --time_based --runtime=1d >/dev/null 2>&1 &
	else
		read_file &
	fi
	reader=$!
}

# pressure_stop: for cleanup, too. Status 0 if the processes and what compared the file
# found their data as they were.
pressure_stop()
{
	local status=0

	[ -z "$disk_dir" ] || rm -f "$disk_dir/go"
	if [ -n "$RANDOM_READS" ] && [ -n "$reader" ]; then
		kill "$reader" 2>/dev/null
		wait "$reader"
	elif [ -n "$reader" ]; then
		wait "$reader" || status=1
	fi
	reader=
	if [ -n "$stress" ]; then
		kill "$stress" 2>/dev/null
		wait "$stress" 2>/dev/null || status=1
	fi
	stress=
	return "$status"
}

# ------------------------------------------- a process with lent memory

hold_pid=
hold_out=

# need_hold KIB: a process with KIB of memory can be had that has lent memory, too.
# From when there is as much free of both on, movable pages are lent ones in turn.
need_hold()
{
	need_program hold_lent
	need_bounds
	size_kb=$1
	other_kb=$(($(meminfo MemAvailable) - 2 * $(sysfs lent_kb)))
	[ "$other_kb" -gt 0 ] || skip_all "less memory than three times the pool"
}

# hold_start ARGUMENT...: returns when it has its memory. Somebody else has the
# regular memory (other_kb) first, so that it gets the lent one, and gives that back
# then, so that there is somewhere to move to.
hold_start()
{
	[ -n "$hold_out" ] || hold_out=$(mktemp)
	: >"$hold_out"
	if [ "$other_kb" -gt 0 ]; then
		filler_start
		filler_add "$other_kb"
	fi
	exec {hold_fd}> >(exec "$(dirname "$0")/hold_lent" "$first" "$last" "$size_kb" "$@" >"$hold_out" 2>&1)
	hold_pid=$!
	wait_for 60 grep -q "^lent" "$hold_out"
	filler_stop
}

# hold_pages: have it hold what it is to
hold_pages()
{
	echo >&"$hold_fd"
	wait_for 60 grep -q "^held" "$hold_out"
}

# hold ARGUMENT...: start it, return when it holds its pages
hold()
{
	hold_start "$@" && hold_pages
}

# let_go: have it check its memory and end
let_go()
{
	exec {hold_fd}>&-
	wait_for 60 grep -q "^wrong" "$hold_out"
	hold_pid=
}

# hold_stop: for cleanup
hold_stop()
{
	filler_stop
	[ -z "$hold_pid" ] || kill "$hold_pid" 2>/dev/null
	[ -z "$hold_out" ] || rm -f "$hold_out"
}

# ----------------------------------------- memory that cannot be moved

unmovable=

# unmovable_start KIB PIPES FILES DIRECTORY: the kernel allocates KIB of page tables,
# 64 KiB for each of the pipes, and inodes on a tmpfs at DIRECTORY
unmovable_start()
{
	local answer='' out

	out=$(mktemp)
	exec {unmovable_fd}> >(exec "$(dirname "$0")/unmovable" "$@" >"$out" 2>&1)
	unmovable=$!
	wait_for 300 grep -q . "$out"
	read -r answer <"$out"
	rm -f "$out"
	[ "$answer" = ready ] || diag "unmovable: $answer"
	[ "$answer" = ready ]
}

unmovable_stop()
{
	[ -n "$unmovable" ] || return 0
	exec {unmovable_fd}>&-
	wait "$unmovable"
	unmovable=
}

# --------------------------------------------- the machine we are a guest of

# have_monitor: whether QEMU can be asked by monitor_ask
have_monitor()
{
	local port name answer

	for port in /sys/class/virtio-ports/*; do
		[ -r "$port/name" ] || continue
		read -r name <"$port/name"
		[ "$name" = rig.monitor ] || continue
		exec {monitor_fd}<>"/dev/${port##*/}"
		read -r -t 10 answer <&"$monitor_fd"
		monitor_ask qmp_capabilities '{}' && return
	done
	return 1
}

# monitor_ask COMMAND ARGUMENTS: a command of QMP, and whether it succeeded
monitor_ask()
{
	local answer

	echo "{\"execute\": \"$1\", \"arguments\": $2}" >&"$monitor_fd"
	while read -r -t 10 answer <&"$monitor_fd"; do
		case $answer in
		*'"return"'*) return 0 ;;
		*'"error"'*) diag "QEMU: $answer"; return 1 ;;
		esac
	done
	return 1
}

# ---------------------------------------------------------------- a disk

disk_dir=
disk_mount=

# need_disk: set disk_dir to an empty directory on a file system that bounces
need_disk()
{
	local disk=${SWIOTLB_DISK:-/dev/nvme0n1}

	if [ -n "${SWIOTLB_DIR:-}" ]; then
		disk_dir=$(mktemp -d "$SWIOTLB_DIR/swiotlb.XXXXXX") ||
			skip_all "cannot write to $SWIOTLB_DIR"
		return
	fi
	[ -b "$disk" ] || skip_all "no disk $disk: set SWIOTLB_DISK or SWIOTLB_DIR"
	! grep -q "^$disk" /proc/mounts ||
		skip_all "$disk or a part of it is mounted: set SWIOTLB_DISK or SWIOTLB_DIR"
	disk_mount=$(mktemp -d)
	if ! mount "$disk" "$disk_mount"; then
		rmdir "$disk_mount"
		disk_mount=
		skip_all "no file system to mount on $disk"
	fi
	disk_dir=$(mktemp -d "$disk_mount/swiotlb.XXXXXX") || {
		disk_release
		skip_all "cannot write to $disk"
	}
}

disk_release()
{
	[ -z "$disk_dir" ] || rm -rf "$disk_dir"
	disk_dir=
	if [ -n "$disk_mount" ]; then
		umount "$disk_mount" && rmdir "$disk_mount"
		disk_mount=
	fi
}

fio_pid=

# verify_start SECONDS: write to the disk and read back, with checksums
verify_start()
{
	fio --output="$disk_dir/fio.out" --directory="$disk_dir" --ioengine=libaio \
	    --direct=1 --rw=randrw --time_based --runtime="$1" --serialize_overlap=1 \
	    --verify=crc32c --verify_fatal=1 --verify_backlog=64 --verify_state_save=0 \
	    --name=small --bs=4k --iodepth=16 --size=16M \
	    --name=large --bs=256k --iodepth=32 --size=32M >"$disk_dir/fio.err" 2>&1 &
	fio_pid=$!
}

# verify_end NAME: wait for it; one result
verify_end()
{
	local status line

	wait "$fio_pid"
	status=$?
	fio_pid=
	while read -r line; do
		case $line in
		*READ:*|*WRITE:*|*verify*|fio:*) diag "$line" ;;
		esac
	done < <(cat "$disk_dir/fio.out" "$disk_dir/fio.err")
	equal "$1: status of fio (a verify or an I/O error is not 0)" "$status" 0
}

verify_stop()
{
	[ -z "$fio_pid" ] || kill "$fio_pid" 2>/dev/null
}
