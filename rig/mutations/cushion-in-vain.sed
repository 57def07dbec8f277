# SPDX-License-Identifier: GPL-2.0
# breaks: The cushion, an attempt that reclaims what is of no use counts for many
# file: mm/swiotlb_reclaim.c
# tests: out_of_memory.sh
/^int swiotlb_attempt_counts(/,/^}/ s/in_vain = true;/in_vain = false;/
