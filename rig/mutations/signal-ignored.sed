# SPDX-License-Identifier: GPL-2.0
# breaks: The worker, a signal ends the wait for what is taken back
# file: mm/swiotlb_reclaim.c
# tests: kunit
/^static unsigned int take_all(/,/^}/ s/ && !signal_pending(current)//
