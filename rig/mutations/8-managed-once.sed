# SPDX-License-Identifier: GPL-2.0
# breaks: 8, pages are counted as managed once, when the pool is converted
# file: mm/mm_init.c
# tests: kunit
/^void __init swiotlb_init_pageblock(/,/^}/ s/adjust_managed_page_count(page, pageblock_nr_pages);/adjust_managed_page_count(page, 2 * pageblock_nr_pages);/
