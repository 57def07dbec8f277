# SPDX-License-Identifier: GPL-2.0
# breaks: 6, the bit of what a mapping has taken is cleared under area->lock, before a slot is found
# file: kernel/dma/swiotlb.c
# tests: torture.sh
s,^#include <linux/debugfs.h>,&\n#include <linux/delay.h>,
/^static __always_inline int __swiotlb_search_pool_area(/,/^}/ s/__swiotlb_segment_own(pool, area, taken);/& set_bit(taken, pool->lent);/
/^static __always_inline int __swiotlb_search_pool_area(/,/^}/ s/^\tspin_unlock_irqrestore(&area->lock, flags);/& if (taken >= 0) { mdelay(2); clear_bit(taken, pool->lent); }/
