# SPDX-License-Identifier: GPL-2.0
# breaks: The cushion, attempts that reclaim what is of no use are counted, and others told
# file: mm/swiotlb_reclaim.c
# tests: out_of_memory.sh
/^int swiotlb_attempt_counts(/,/^}/ s/if (!lent)/if (1)/
