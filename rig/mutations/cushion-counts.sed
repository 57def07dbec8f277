# SPDX-License-Identifier: GPL-2.0
# breaks: The cushion, the cushion counts for no watermark
# file: mm/page_alloc.c
# tests: kunit
/^static inline long __zone_watermark_unusable_free(/,/^}/ s/!may_use_cushion(order, alloc_flags)/false/
