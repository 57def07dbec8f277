# SPDX-License-Identifier: GPL-2.0
# breaks: Refill, a mapping that failed is seen at once
# file: mm/swiotlb_reclaim.c
# tests: kunit
/^static bool missed_of_late(/,/^}/ s/reclaim.unserved ||/false ||/
