# SPDX-License-Identifier: GPL-2.0
# breaks: The cushion, the cushion counts for no watermark
# file: mm/swiotlb_cushion.h
# tests: kunit
/^static inline unsigned long zone_kept_free(/,/^}/ s/kept = min(.*);/kept = 0;/
