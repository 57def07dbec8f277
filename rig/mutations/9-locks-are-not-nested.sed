# SPDX-License-Identifier: GPL-2.0
# breaks: 9, area->lock and zone->lock are never held together
# file: kernel/dma/swiotlb.c
# tests: torture.sh
# flavour: debug
/^void swiotlb_segment_own(/,/^}/ s/__swiotlb_segment_own(pool, area, segment);/spin_lock(\&page_zone(pfn_to_page(swiotlb_segment_pfn(pool, segment)))->lock); & spin_unlock(\&page_zone(pfn_to_page(swiotlb_segment_pfn(pool, segment)))->lock);/
