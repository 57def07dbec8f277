# SPDX-License-Identifier: GPL-2.0
# breaks: 3, a segment is owned only when every page of it is
# file: mm/page_alloc.c
# tests: kunit
/^static struct page \*swiotlb_free_block(/,/^}/ s/for (high = order; high < NR_PAGE_ORDERS; high++) {/for (high = 0; high < NR_PAGE_ORDERS; high++) {/
