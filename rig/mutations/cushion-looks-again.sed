# SPDX-License-Identifier: GPL-2.0
# breaks: The cushion, the lists are not walked again for each page of a batch
# file: mm/swiotlb_cushion.c
# tests: kunit
/^bool zone_leaves_whole_segments(/,/^}/ s/if (wanted >= swiotlb_looked_for && /if (0 \&\& /
