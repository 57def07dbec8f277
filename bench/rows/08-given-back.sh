#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Row 8: the memory that the large pool does not cost.
#
# bench: what=memory given back
# bench: how=KiB that a process can fault in before the out-of-memory killer comes
# bench: archs=x86_64 arm64
# bench: base=none
# bench: variants=none static dynamic reclaim
# bench: quick_variants=none static reclaim
# bench: quick_archs=x86_64
# bench: reps=3
# bench: quick_reps=1
# bench: oom=1
# case: 256M total=256M floor=1M quick=1
# key: faulted_in KiB memory a process could fault in
# target: reclaim faulted_in >= 0.98 x none

# shellcheck source=../guest.sh
. /job/guest.sh

ready
sleep 2
got=$(faultin) || cannot "faultin"
r faulted_in "$got"
