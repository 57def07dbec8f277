# SPDX-License-Identifier: GPL-2.0
# breaks: The cushion, attempts that reclaim what is of no use are counted
# file: mm/swiotlb_reclaim.c
# tests: out_of_memory.sh
/^int swiotlb_attempt_counts(/,/^}/ s/return in_vain ? LENT_LOOPS_IN_VAIN : 1;/return 0;/
