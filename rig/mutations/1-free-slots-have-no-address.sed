# SPDX-License-Identifier: GPL-2.0
# breaks: 1, a slot that is free or lent has no original address
# file: kernel/dma/swiotlb.c
# tests: kunit
/^static void swiotlb_release_slots(/,/^}/ s/slot->orig_addr = INVALID_PHYS_ADDR;/;/
