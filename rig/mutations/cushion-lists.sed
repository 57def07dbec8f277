# SPDX-License-Identifier: GPL-2.0
# breaks: The cushion, the lists of CPUs are emptied before anything is killed
# file: mm/swiotlb_cushion.c
# tests: out_of_memory.sh
/^void swiotlb_last_resort/,/^}/s/drain_all_pages(NULL);/;/
