# SPDX-License-Identifier: GPL-2.0
# breaks: Evacuation, an attempt goes on where it was cut short
# file: mm/swiotlb_reclaim.c
# tests: kunit
/^static unsigned int evacuate_window(/,/^}/ s/__set_bit(block + i, reclaim\.tried);/;/
