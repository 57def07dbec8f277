# SPDX-License-Identifier: GPL-2.0
# breaks: The cushion, an attempt counts less where little that can be reclaimed is lent
# file: mm/swiotlb_reclaim.c
# tests: kunit
/^int swiotlb_attempt_counts(/,/^}/ s/if (!in_vain && used < reclaimable/if (0 \&\& used < reclaimable/
