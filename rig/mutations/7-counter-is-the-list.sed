# SPDX-License-Identifier: GPL-2.0
# breaks: 7, NR_FREE_SWIOTLB_PAGES is what is on the free lists of the type
# file: mm/page_alloc.c
# tests: kunit
/^static inline void account_freepages(/,/^}/ s/NR_FREE_SWIOTLB_PAGES, nr_pages/NR_FREE_SWIOTLB_PAGES, nr_pages + (nr_pages == 1)/
