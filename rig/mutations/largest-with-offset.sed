# SPDX-License-Identifier: GPL-2.0
# breaks: Taking free memory in a mapping, a request that fits an empty segment takes one
# file: kernel/dma/swiotlb.c
# tests: kunit
/^static noinline int swiotlb_search_taken(/,/^}/ s/~alloc_align_mask) >> IO_TLB_SHIFT/~0U) >> IO_TLB_SHIFT/
