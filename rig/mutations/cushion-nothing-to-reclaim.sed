# SPDX-License-Identifier: GPL-2.0
# breaks: The cushion, the cushion is for who finds nothing to reclaim
# file: mm/swiotlb_cushion.c
# tests: lent_at_idle.sh
/^bool cushion_is_all_there_is(/,/^}/ s/return reclaimable < cushion;/return false;/
