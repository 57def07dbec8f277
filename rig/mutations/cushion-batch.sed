# SPDX-License-Identifier: GPL-2.0
# breaks: The cushion, a batch of movable pages ends where page tables need the rest
# file: mm/page_alloc.c
# tests: out_of_memory.sh
s/if (i && zone_ends_batch(zone, alloc_flags))/if (0 \&\& zone_ends_batch(zone, alloc_flags))/
