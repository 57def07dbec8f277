# SPDX-License-Identifier: GPL-2.0
# breaks: Evacuation, others get reclaim.lock although much is tried in vain
# file: mm/swiotlb_reclaim.c
# tests: kunit
/^static bool hold_is_over(/,/^}/ s/time_after(jiffies, reclaim\.hold_end)/false/
