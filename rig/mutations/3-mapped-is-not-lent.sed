# SPDX-License-Identifier: GPL-2.0
# breaks: 3, a segment is lent only when all of its slots are free
# file: kernel/dma/swiotlb.c
# tests: kunit
/^static bool __swiotlb_segment_close(/,/^}/ s/if (slots->list != IO_TLB_SEGSIZE)/if (!slots[IO_TLB_SEGSIZE - 1].list)/
