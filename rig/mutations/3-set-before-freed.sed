# SPDX-License-Identifier: GPL-2.0
# breaks: 3, the bit of a segment is set before its pages are freed
# file: mm/swiotlb_reclaim.c
# tests: kunit
/^static bool lend_segment(/,/^}/ s/count_vm_event(SWIOTLB_LEND);/& clear_bit(segment, pool->lent);/
/^static bool lend_segment(/,/^}/ s/__free_pages(pfn_to_page(pfn), SWIOTLB_SEGMENT_ORDER);/& set_bit(segment, pool->lent);/
