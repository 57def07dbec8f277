# SPDX-License-Identifier: GPL-2.0
# breaks: 1, what has been taken back is one unsplit block, with a reference to its first page
# file: mm/page_alloc.c
# tests: kunit
/^static bool swiotlb_prep_taken(/,/^}/ s/set_page_refcounted(page);/for (i = 0; i < 1 << order; i++) set_page_refcounted(page + i);/
