# SPDX-License-Identifier: GPL-2.0
# breaks: The cushion, nothing is killed for page tables while lent memory is free
# file: mm/swiotlb_cushion.c
# tests: out_of_memory.sh
/^void swiotlb_last_resort/,/^}/s/|= ALLOC_MIN_RESERVE;/|= 0;/
