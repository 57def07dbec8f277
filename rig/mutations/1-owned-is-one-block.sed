# SPDX-License-Identifier: GPL-2.0
# breaks: 1, what is lent is one block and goes to the buddy allocator's list at once
# file: mm/swiotlb_reclaim.c
# tests: kunit
/^static bool lend_segment(/,/^}/ s/__free_pages(pfn_to_page(pfn), SWIOTLB_SEGMENT_ORDER);/for (int i = 0; i < SWIOTLB_SEGMENT_PAGES; i++) { init_page_count(pfn_to_page(pfn + i)); __free_page(pfn_to_page(pfn + i)); }/
