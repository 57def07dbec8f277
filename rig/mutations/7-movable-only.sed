# SPDX-License-Identifier: GPL-2.0
# breaks: 7, only movable allocations take from the list of the type
# file: mm/page_alloc.c
# tests: kunit
/^static inline unsigned int gfp_to_alloc_flags_cma(/,/^}/ s/gfp_migratetype(gfp_mask) == MIGRATE_MOVABLE/gfp_migratetype(gfp_mask) != MIGRATE_HIGHATOMIC/
