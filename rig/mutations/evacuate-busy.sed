# SPDX-License-Identifier: GPL-2.0
# breaks: Evacuation, nothing under I/O is chosen
# file: mm/swiotlb_reclaim.c
# tests: kunit
/^static unsigned int folio_cost(/,/^}/ s/BIT(PG_locked) | BIT(PG_writeback)/BIT(PG_locked)/
