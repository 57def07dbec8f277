# SPDX-License-Identifier: GPL-2.0
# breaks: Refill, steady I/O moves no segment
# file: mm/swiotlb_reclaim.c
# tests: kunit
/^static void grow(/,/^}/ s/if (!want)/if (true)/
