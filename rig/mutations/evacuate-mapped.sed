# SPDX-License-Identifier: GPL-2.0
# breaks: Evacuation, a folio that is mapped meanwhile is not taken for pinned
# file: mm/swiotlb_reclaim.c
# tests: kunit
/^static bool folio_is_pinned(/,/^}/ s/(int)GUP_PIN_COUNTING_BIAS/GUP_PIN_COUNTING_BIAS/
