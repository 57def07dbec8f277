# SPDX-License-Identifier: GPL-2.0
# breaks: Lending back, what was missed is owned for a minute
# file: mm/swiotlb_reclaim.c
# tests: kunit
/^static unsigned int pool_keeps(/,/^}/ s/max_of(reclaim\.missed_use\.windows, PEAK_WINDOWS)/0/
