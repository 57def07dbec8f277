# SPDX-License-Identifier: GPL-2.0
# breaks: 1, every slot of a lent segment has a list of zero
# file: kernel/dma/swiotlb.c
# tests: kunit
/^static bool __swiotlb_segment_close(/,/^}/ s/slots\[i\]\.list = 0;/slots[i].list = i ? 0 : 1;/
