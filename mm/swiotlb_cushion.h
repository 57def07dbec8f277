/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reclaimable swiotlb: which movable allocations use lent bounce buffers, and when.
 *
 * What is free of lent memory is also what a mapping in interrupt context can take.
 * So a part of it, the cushion, is left free for as long as there is anything else.
 * What the page allocator asks on its fast paths is here, the rest in
 * mm/swiotlb_cushion.c. ALLOC_CMA allows the use of lent memory as well as of CMA
 * areas, ALLOC_CUSHION that of the cushion.
 *
 * Where nothing can be lent all of this is what the page allocator did without it.
 */
#ifndef _MM_SWIOTLB_CUSHION_H
#define _MM_SWIOTLB_CUSHION_H

#include <linux/mmzone.h>
#include <linux/swiotlb_reclaim.h>
#include <linux/vmstat.h>

#include "internal.h"

/* mm/swiotlb_cushion.c; of use only if swiotlb_reclaim_enabled() */
bool zone_lent_first(struct zone *zone, unsigned int order, unsigned int alloc_flags,
		     unsigned long regular);
bool zone_yields_lent(struct zone *zone, unsigned int order, unsigned int alloc_flags,
		      bool last);
bool zone_leaves_whole_segments(struct zone *zone, unsigned int order);
bool zone_spares_lent_block(struct zone *zone, struct free_area *area);
bool zone_has_lent_block(struct zone *zone, unsigned int order, unsigned int alloc_flags);
bool zone_ends_batch_here(struct zone *zone, unsigned int alloc_flags);
bool cushion_has_page(struct zone *zone, unsigned int order, unsigned int alloc_flags);
unsigned long zone_pages_to_reclaim(struct zone *zone);
bool cushion_is_all_there_is(struct alloc_context *ac);
void swiotlb_last_resort(gfp_t gfp_mask, unsigned int order,
			 struct alloc_context *ac, unsigned int *alloc_flags,
			 bool drain);

#ifdef CONFIG_SWIOTLB_RECLAIM

/* Free pages of lent bounce buffers */
static inline unsigned long zone_free_swiotlb(struct zone *zone)
{
	return READ_ONCE(zone->nr_free_swiotlb);
}

/* The same and those of CMA areas: what only movable allocations can use */
static inline unsigned long zone_free_movable_only(struct zone *zone)
{
	return READ_ONCE(zone->nr_free_movable_only);
}

/*
 * Of lent pages, how many movable allocations leave free, the cushion: for mappings
 * that cannot wait, so in whole segments if possible
 */
static inline unsigned long zone_swiotlb_cushion(struct zone *zone)
{
	return zone->swiotlb_cushion;
}

#else

static inline unsigned long zone_free_swiotlb(struct zone *zone) { return 0; }
static inline unsigned long zone_free_movable_only(struct zone *zone)
{
	return zone_page_state(zone, NR_FREE_CMA_PAGES);
}
static inline unsigned long zone_swiotlb_cushion(struct zone *zone) { return 0; }

#endif /* CONFIG_SWIOTLB_RECLAIM */

/*
 * The cushion is for who cannot get anything else, see __alloc_pages_slowpath(). Huge
 * pages use nothing of it in any case: they have something to fall back to.
 */
static inline bool may_use_cushion(unsigned int order, unsigned int alloc_flags)
{
	return (alloc_flags & ALLOC_CUSHION) && order <= PAGE_ALLOC_COSTLY_ORDER;
}

/* Is there a lent block in @area, of @order or larger, that may be used? */
static inline bool free_area_has_swiotlb(struct zone *zone, struct free_area *area,
					 unsigned int order, unsigned int alloc_flags)
{
#ifdef CONFIG_SWIOTLB_RECLAIM
	return (alloc_flags & ALLOC_CMA) && !free_area_empty(area, MIGRATE_SWIOTLB) &&
	       (may_use_cushion(order, alloc_flags) || zone_spares_lent_block(zone, area));
#else
	return false;
#endif
}

/* Free pages the zone keeps from movable allocations, which can use higher zones */
static inline unsigned long zone_movable_reserve(struct zone *zone)
{
	return zone->lowmem_reserve[ZONE_MOVABLE];
}

/*
 * Free pages above the min watermark that movable allocations leave to page tables and
 * the like, which have no others. While the watermark is boosted these reclaim, as ever:
 * that is not worth the cushion.
 */
static inline unsigned long zone_unmovable_reserve(struct zone *zone)
{
	/* One is set before the other */
	unsigned long min = READ_ONCE(zone->_watermark[WMARK_MIN]);
	unsigned long low = max(READ_ONCE(zone->_watermark[WMARK_LOW]), min);

	return zone_swiotlb_cushion(zone) ? (low - min) / 8 : 0;
}

/*
 * How many free pages, regular and lent, a movable allocation leaves to others: the
 * cushion, and unless kswapd is yet to be woken those for page tables and the like
 */
static inline unsigned long zone_kept_free(struct zone *zone, unsigned int order,
					   unsigned int alloc_flags)
{
	unsigned long kept;

	if (!swiotlb_reclaim_enabled() || !(alloc_flags & ALLOC_CMA) ||
	    may_use_cushion(order, alloc_flags))
		return 0;
	kept = min(zone_free_swiotlb(zone), zone_swiotlb_cushion(zone));
	if (!(alloc_flags & ALLOC_WMARK_LOW))
		kept += zone_unmovable_reserve(zone);
	return kept;
}

/*
 * Not less than that, so that quick checks need not ask for more. One instruction, on or
 * off, where a static key would have the compiler rearrange what all allocations pass.
 * Read like the watermark it is added to: who changes both does not stop allocations.
 */
static inline unsigned long zone_kept_free_at_most(struct zone *zone,
						   unsigned int alloc_flags)
{
#ifdef CONFIG_SWIOTLB_RECLAIM
	return alloc_flags & ALLOC_CMA ? data_race(zone->swiotlb_kept) : 0;
#else
	return 0;
#endif
}

/* To be called when the watermarks, or the cushion, have changed. zone->lock is held. */
static inline void zone_set_kept_free_at_most(struct zone *zone)
{
#ifdef CONFIG_SWIOTLB_RECLAIM
	WRITE_ONCE(zone->swiotlb_kept,
		   zone_swiotlb_cushion(zone) + zone_unmovable_reserve(zone));
#endif
}

/*
 * Does a watermark check that finds so many pages above the mark owe them to lent memory,
 * of which there is no block for the allocation? What it would get is regular memory, of
 * which there is not enough.
 */
static inline bool zone_counts_lent_pieces(struct zone *zone, unsigned int order,
					   unsigned int alloc_flags, unsigned long above)
{
	unsigned long counted = zone_free_swiotlb(zone);

	if (likely(above > counted))
		return false;
	if (!may_use_cushion(order, alloc_flags))
		counted -= min(counted, zone_swiotlb_cushion(zone));
	return above <= counted && !zone_has_lent_block(zone, order, alloc_flags);
}

/* Free pages for all but atomic allocations, whatever their type */
static inline unsigned long zone_free_regular(struct zone *zone)
{
	unsigned long free = zone_page_state(zone, NR_FREE_PAGES);

	return free - min(free, zone_free_movable_only(zone) +
				READ_ONCE(zone->nr_free_highatomic));
}

/* Has kswapd work to do with so much free regular memory, or will have some soon? */
static inline bool zone_regular_is_below_high(struct zone *zone, unsigned long regular)
{
	return regular < high_wmark_pages(zone) + zone_movable_reserve(zone);
}

/* Is memory only movable pages can use to be used before regular memory? */
static __always_inline bool zone_movable_only_first(struct zone *zone,
						    unsigned int order,
						    unsigned int alloc_flags)
{
	unsigned long movable_only, regular;

	if (!swiotlb_reclaim_enabled())
		return IS_ENABLED(CONFIG_CMA) &&
		       zone_page_state(zone, NR_FREE_CMA_PAGES) >
		       zone_page_state(zone, NR_FREE_PAGES) / 2;

	movable_only = zone_free_movable_only(zone);
	regular = zone_free_regular(zone);
	if (likely(regular >= movable_only && !zone_regular_is_below_high(zone, regular)))
		return false;
	return zone_lent_first(zone, order, alloc_flags, regular);
}

/* Would another page of a batch be one that is left to others? */
static __always_inline bool zone_ends_batch(struct zone *zone, unsigned int alloc_flags)
{
	return swiotlb_reclaim_enabled() && test_bit(ZONE_BELOW_HIGH, &zone->flags) &&
	       zone_ends_batch_here(zone, alloc_flags);
}

/* Is it worth to try again, now with the cushion? Not more than once. */
static inline bool begin_to_use_cushion(unsigned int order, unsigned int *alloc_flags)
{
	if (!swiotlb_reclaim_enabled() || order > PAGE_ALLOC_COSTLY_ORDER ||
	    !(*alloc_flags & ALLOC_CMA) || (*alloc_flags & ALLOC_CUSHION))
		return false;
	*alloc_flags |= ALLOC_CUSHION;
	return true;
}

#endif /* _MM_SWIOTLB_CUSHION_H */
