# SPDX-License-Identifier: GPL-2.0
# breaks: 7, compaction does not empty lent memory
# file: mm/compaction.c
# tests: who_may_use.sh
/^static bool suitable_migration_source(/,/^}/ {
	/is_migrate_swiotlb_page(page)/ {
		n
		s/return false/return true/
	}
}
