# SPDX-License-Identifier: GPL-2.0
# breaks: Evacuation, a segment with a page that cannot be moved is not isolated
# file: mm/swiotlb_reclaim.c
# tests: kunit
/^static unsigned int evacuate_window(/,/^}/ s/if (cost\.least < COST_STUCK)/if (true)/
