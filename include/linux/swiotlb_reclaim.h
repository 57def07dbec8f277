/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reclaimable swiotlb: idle bounce buffers lent to movable page allocations.
 *
 * What the page allocator and the DMA mapping code need to know on their fast
 * paths. The mechanism is described in Documentation/core-api/swiotlb-reclaim.rst.
 */
#ifndef _LINUX_SWIOTLB_RECLAIM_H
#define _LINUX_SWIOTLB_RECLAIM_H

#include <linux/compiler.h>
#include <linux/types.h>

struct task_struct;

#ifdef CONFIG_SWIOTLB_RECLAIM

#include <linux/jump_label.h>

DECLARE_STATIC_KEY_FALSE(swiotlb_reclaim_key);
extern struct task_struct *swiotlb_reclaim_task;

/**
 * swiotlb_reclaim_enabled() - has any bounce buffer ever been lent?
 *
 * Return: %true from shortly before the first segment is lent, for ever.
 * Costs a no-op instruction until then.
 */
static __always_inline bool swiotlb_reclaim_enabled(void)
{
	return static_branch_unlikely(&swiotlb_reclaim_key);
}

/**
 * swiotlb_reclaim_is_evacuating() - does a task empty lent memory just now?
 * @task:	Task that allocates pages, current.
 */
static inline bool swiotlb_reclaim_is_evacuating(const struct task_struct *task)
{
	return task == READ_ONCE(swiotlb_reclaim_task);
}

#else /* !CONFIG_SWIOTLB_RECLAIM */

static __always_inline bool swiotlb_reclaim_enabled(void)
{
	return false;
}

static inline bool swiotlb_reclaim_is_evacuating(const struct task_struct *task)
{
	return false;
}

#endif /* CONFIG_SWIOTLB_RECLAIM */

#endif /* _LINUX_SWIOTLB_RECLAIM_H */
