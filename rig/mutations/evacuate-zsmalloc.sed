# SPDX-License-Identifier: GPL-2.0
# breaks: Evacuation, pages that are movable and on no LRU list are evacuated
# file: mm/swiotlb_reclaim.c
# tests: zram.sh
/^static unsigned int folio_cost(/,/^}/ s/if (__folio_test_movable(folio))/if (false)/
