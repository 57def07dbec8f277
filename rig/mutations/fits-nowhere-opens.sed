# SPDX-License-Identifier: GPL-2.0
# breaks: Draining, what no segment has room for does not end it
# file: kernel/dma/swiotlb.c
# tests: kunit
s/if (nslots <= IO_TLB_SEGSIZE && swiotlb_reopen(pool, area))/if (swiotlb_reopen(pool, area))/
