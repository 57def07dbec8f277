# SPDX-License-Identifier: GPL-2.0
# breaks: 2, what is owned again does not count as used any more
# file: kernel/dma/swiotlb.c
# tests: kunit
/^static void __swiotlb_segment_own(/,/^}/ s/area->used -= IO_TLB_SEGSIZE;/;/
