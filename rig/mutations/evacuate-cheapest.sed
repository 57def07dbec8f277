# SPDX-License-Identifier: GPL-2.0
# breaks: Evacuation, the cheapest pageblock is emptied first
# file: mm/swiotlb_reclaim.c
# tests: kunit
/^static unsigned int cheapest_block(/,/^}/ s/reclaim\.costs\[i\]\.mean < mean \&\&/true \&\&/
