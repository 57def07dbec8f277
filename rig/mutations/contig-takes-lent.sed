# SPDX-License-Identifier: GPL-2.0
# breaks: The pageblock type, lent memory is isolated by its own take-back only
# file: mm/page_isolation.c
# tests: kunit
s/return is_migrate_swiotlb(migratetype) ? NULL : page;/return NULL;/
