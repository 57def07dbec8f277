# SPDX-License-Identifier: GPL-2.0
# breaks: The cushion, a page of it can be had however short regular memory is
# file: mm/swiotlb_cushion.c
# tests: kunit out_of_memory.sh
/^bool cushion_has_page/,/^}/s/zone_free_swiotlb(zone) &&/0 \&\&/
