# SPDX-License-Identifier: GPL-2.0
# breaks: Evacuation, nothing under I/O is chosen
# file: mm/swiotlb_reclaim.c
# tests: kunit
/^static unsigned int folio_cost(/,/^}/ s/folio_test_locked(folio) || folio_test_writeback(folio)/folio_test_locked(folio)/
