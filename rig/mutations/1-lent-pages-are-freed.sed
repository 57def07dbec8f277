# SPDX-License-Identifier: GPL-2.0
# breaks: 1, the pages of a lent segment are the page allocator's: those of one in 61 are nobody's
# file: mm/swiotlb_reclaim.c
# tests: torture.sh
s/^\t__free_pages(pfn_to_page(pfn), SWIOTLB_SEGMENT_ORDER);/\tif (segment % 61)\n\t&/
