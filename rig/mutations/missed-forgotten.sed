# SPDX-License-Identifier: GPL-2.0
# breaks: section 7, what was missed is owned for a minute
# file: mm/swiotlb_reclaim.c
# tests: kunit
/^static unsigned int pool_target(/,/^}/ s/0U/0/
