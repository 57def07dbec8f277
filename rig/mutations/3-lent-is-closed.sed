# SPDX-License-Identifier: GPL-2.0
# breaks: 3, the search jumps over a lent segment
# file: kernel/dma/swiotlb.c
# tests: kunit
/^static bool __swiotlb_segment_close(/,/^}/ s/if (test_and_set_bit(segment, pool->closed))/if (0)/
