# SPDX-License-Identifier: GPL-2.0
# breaks: 6, the bit of what the worker has taken is cleared under area->lock, before a slot is found
# file: kernel/dma/swiotlb.c
# tests: torture.sh
s,^#include <linux/debugfs.h>,&\n#include <linux/delay.h>,
/^void swiotlb_segment_own(/,/^}/ s/__swiotlb_segment_own(pool, area, segment);/& set_bit(segment, pool->lent);/
/^void swiotlb_segment_own(/,/^}/ s/spin_unlock_irqrestore(&area->lock, flags);/& msleep(20); clear_bit(segment, pool->lent);/
