# SPDX-License-Identifier: GPL-2.0
# breaks: Setting up, the pool is made smaller until it lies in one zone
# file: kernel/dma/swiotlb.c
# tests: refusals.sh
/^static bool __init swiotlb_in_one_zone(/,/^}/ s/zone_spans_pfn(&zones\[i\], last))/true)/
