# SPDX-License-Identifier: GPL-2.0
# breaks: 2, area->used is what is mapped and what is lent
# file: kernel/dma/swiotlb.c
# tests: kunit
/^static bool __swiotlb_segment_close(/,/^}/ s/area->used += IO_TLB_SEGSIZE;/area->used += IO_TLB_SEGSIZE - 1;/
