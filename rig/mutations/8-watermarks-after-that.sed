# SPDX-License-Identifier: GPL-2.0
# breaks: 8, watermarks and reserves are set up again when the pool's pages are managed
# file: mm/swiotlb_reclaim.c
# tests: kunit
/^static int __init swiotlb_reclaim_init(/,/^}/ s/init_per_zone_wmark_min();/;/
