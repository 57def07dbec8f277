# SPDX-License-Identifier: GPL-2.0
# breaks: 3, a segment is owned only when every page of it is
# file: mm/page_alloc.c
# tests: kunit
/^struct page \*swiotlb_take_range(/,/^}/ s/for (high = order; high < NR_PAGE_ORDERS; high++) {/for (high = 0; high < NR_PAGE_ORDERS; high++) {/
