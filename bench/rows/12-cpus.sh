#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Row 12: whether more CPUs map and unmap more. Instructions do not depend on the
# number of CPUs; for those see row 1, which has a small and a large pool.
#
# bench: what=growth of cost: 1, 2, 4, 8 vCPUs that map at the same time
# bench: how=map + unmap of 4 KiB, thousands of pairs per second of all threads, 1 thread per vCPU in a guest of 8; the rate of N threads in percent of that of one
# bench: archs=x86_64 arm64
# bench: quick_archs=x86_64
# bench: variants=static dynamic off reclaim reclaim+dynamic
# bench: quick_variants=static dynamic reclaim
# bench: smp=8
# bench: mem=3G
# bench: reps=5
# bench: quick_reps=1
# case: 64M total=64M floor=4M quick=1
# case: quarter total=512M floor=4M
# key: rate_1 pairs/ms 1 thread
# key: rate_2 pairs/ms 2 threads
# key: rate_4 pairs/ms 4 threads
# key: rate_8 pairs/ms 8 threads
# key: scale_2 % 2 threads, of the rate of one
# key: scale_4 % 4 threads, of the rate of one
# key: scale_8 % 8 threads, of the rate of one
# target: off,reclaim scale_2,scale_4,scale_8 >= 0.97 x static
# target: reclaim+dynamic scale_2,scale_4,scale_8 >= 0.97 x dynamic
# curve: rate_ threads, thousands of pairs per second
# cause: With two CPUs for all of them no rate can grow beyond twice that of one thread, and what is faster alone has less to gain: ours maps more than *static* at any number of threads.
# note: "No worse slope" is judged as at least 97% of stock's, as times differ from one run to the next.

# shellcheck source=../guest.sh
. /job/guest.sh

ready
for n in 1 2 4 8; do
	bench parallel cpus=$n ms=1500 >/dev/null
	[ "$(bench_figure failed)" -eq 0 ] || cannot "$(bench_figure failed) maps failed, $n threads"
	rate=$(($(bench_figure pairs) * 1000000000 / $(bench_figure ns)))
	[ $n -gt 1 ] || one=$rate
	r rate_$n "$(thousandths "$rate")"
	[ $n -eq 1 ] || r scale_$n "$(thousandths $((rate * 100000 / one)))"
done
