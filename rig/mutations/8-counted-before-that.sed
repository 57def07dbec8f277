# SPDX-License-Identifier: GPL-2.0
# breaks: 8, watermarks and reserves are set up again after the pool's pages are managed, not before
# file: mm/swiotlb_reclaim.c
# tests: interface.sh
/^static int __init swiotlb_reclaim_init(/,/^}/ s/init_per_zone_wmark_min();/;/
/^static int __init swiotlb_reclaim_init(/,/^}/ s/^\tfor (pfn = start; pfn < end; pfn += pageblock_nr_pages)$/\treclaim.zone->swiotlb_cushion = (end - start) \/ CUSHION_PART; init_per_zone_wmark_min();\n&/
