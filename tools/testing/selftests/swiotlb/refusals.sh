#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Where nothing can be lent, one line of the log says why, nothing is lent, and
# bounce buffers are what they are without reclaim. What there is no room for is made
# smaller, and the log says that.
#
# rig: cmdline=swiotlb=noforce,reclaim=256M
# rig: cmdline=swiotlb=reclaim=256M
# rig: cmdline=swiotlb=8192,force,reclaim=8M
# rig: cmdline=swiotlb=force,reclaim=4M
# rig: cmdline=swiotlb=force,reclaim=256M elfcorehdr=16M
# rig: cmdline=swiotlb=force,reclaim=4G
# rig: cmdline=swiotlb=force,reclaim
# rig: cmdline=swiotlb=4194304,force,reclaim
# rig: cmdline=swiotlb=0,force,reclaim
# rig: cmdline=swiotlb=2048,64,force,reclaim=64M
# rig: cmdline=swiotlb=force,reclaim=256M movablecore=192M
# rig: mem=1G
# rig: smp=2
# rig: flavour=reclaim
# rig: modules=lib/test_swiotlb.ko
# rig: timeout=60
#
# elfcorehdr= is what tells a kernel that it runs after a crash of another one, and
# movablecore= has a zone of its own end within what would be the pool.

. "$(dirname "$0")/swiotlb_lib.sh"

STOCK_SLOTS=32768	# 64 MiB, where nothing else is said

# works bounced|directly: two results
works()
{
	local direct=0

	[ "$1" = bounced ] || direct=256
	device count=256 verify=Y
	echo 1 >"$TEST_DEV/run"
	equal "$name: mappings that failed, or came with wrong data" \
		$(($(figure failed) + $(figure data_errors))) 0
	equal "$name: mappings that did not bounce" "$(figure direct)" $direct
}

# slots: of the pool; there is no such file without one
slots()
{
	cat "$DEBUGFS/swiotlb/io_tlb_nslabs" 2>/dev/null || echo 0
}

reclaim_log()
{
	dmesg | sed -n 's/.*software IO TLB: \(reclaim.*\)/\1/p'
}

# refused REASON SLOTS
refused()
{
	tap_plan 8
	reclaim_log | while read -r line; do diag "$line"; done
	equal "$name: lines that say so" \
		"$(reclaim_log | grep -c '^reclaim: \(refused\|cancelled\), .* Nothing.* is lent')" 1
	check "$name: the reason is that $1" grep -q "^reclaim: refused, .*$1" <(reclaim_log)
	check "$name: there is nothing in $SYSFS" test ! -e "$SYSFS"
	equal "$name: segments lent, pages free, pageblocks" \
	      "$(vmstat swiotlb_lend) $(vmstat nr_free_swiotlb) $(swiotlb_blocks)" "0 0 0"
	check "$name: there is no kswiotlbd" test -z "$(pgrep kswiotlbd)"
	equal "$name: slots" "$(slots)" "$2"
	if [ "$2" -eq 0 ]; then
		works directly
	else
		works bounced
	fi
}

# lends LARGEST-PART LINES-THAT-SAY-IT-IS-SMALLER [WHAT-ELSE-THE-LOG-SAYS [SMALLEST-PART]]
lends()
{
	local least=$((1024 * 1024 / ${4:-$(($1 * 3))})) most

	# Unless it is named, the total is 64 times the floor at most
	most=$(($(sysfs floor_kb) * 64))
	[ "$most" -ge "$least" ] || [ "$2" -gt 0 ] || least=$most
	tap_plan $((${3:+1} + 7))
	reclaim_log | while read -r line; do diag "$line"; done
	[ -z "${3:-}" ] || check "$name: the log says '$3'" grep -q "^reclaim: .*$3" <(reclaim_log)
	equal "$name: lines that say it is smaller" \
		"$(reclaim_log | grep -c '^reclaim: no room for [0-9]*K .* using [0-9]*K$')" "$2"
	equal "$name: lines that say nothing is lent" \
		"$(reclaim_log | grep -c 'refused\|cancelled')" 0
	at_most "$name: total, KiB" "$(sysfs total_kb)" $((1024 * 1024 / $1))
	at_least "$name: total, KiB" "$(sysfs total_kb)" "$least"
	check "$name: 98% is lent" wait_for 30 lent_percent 98
	works bounced
}

need_root
need_debugfs
field /proc/vmstat nr_free_swiotlb >/dev/null ||
	skip_all "no nr_free_swiotlb in /proc/vmstat: needs CONFIG_SWIOTLB_RECLAIM"
need_commands pgrep
need_test_device
name=
for word in $(</proc/cmdline); do
	case $word in
	swiotlb=*) name=$word ;;
	elfcorehdr=* | movablecore=*) name="$name $word" ;;
	esac
done
# Some architectures reserve less where there is little memory
[ "$(uname -m)" = x86_64 ] || STOCK_SLOTS=$(slots)

case $name in
swiotlb=noforce,reclaim=256M)
	refused "'noforce' is given" 0 ;;
swiotlb=reclaim=256M)
	# Elsewhere bounce buffers are for small unaligned requests, too
	[ "$(uname -m)" = x86_64 ] || skip_all "$name: bounce buffers are needed here"
	refused "no device here needs bounce buffers" 0 ;;
swiotlb=8192,force,reclaim=8M)
	refused "the total is too small" 8192 ;;
swiotlb=force,reclaim=4M)
	# Elsewhere the floor is smaller, and some of it is lent
	[ "$(uname -m)" = x86_64 ] || skip_all "$name: that is more than the floor here"
	refused "there is not a pageblock to lend" "$STOCK_SLOTS" ;;
*movablecore=*)
	# Halved until it lies in one zone; where a zone ends depends on the kernel
	lends 8 1 "" 128 ;;
*elfcorehdr=*)
	refused "this is a kdump kernel" "$STOCK_SLOTS" ;;
swiotlb=force,reclaim=4G)
	lends 2 1 ;;
swiotlb=force,reclaim)
	lends 4 0 ;;
swiotlb=4194304,force,reclaim)
	# 8 GiB; without reclaim the half is tried, and so on
	refused "the floor is too large" "$(slots)" ;;
swiotlb=0,force,reclaim)
	lends 4 0 "a floor of 0 slots is too small, using a segment" ;;
swiotlb=2048,64,force,reclaim=64M)
	lends 16 0 "no room for 64 areas .* using 16" ;;
*)
	skip_all "needs one of the command lines above" ;;
esac
