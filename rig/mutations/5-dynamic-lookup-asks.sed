# SPDX-License-Identifier: GPL-2.0
# breaks: 5, with SWIOTLB_DYNAMIC, too, the lookup asks for the segment's state and the slot's owner
# file: kernel/dma/swiotlb.c
# tests: kunit
# flavour: reclaim-dynamic
/^struct io_tlb_pool \*__swiotlb_find_pool(/,/^}/ s/if (swiotlb_reclaim_enabled() &&/if (false \&\&/
