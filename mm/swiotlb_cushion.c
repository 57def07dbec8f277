// SPDX-License-Identifier: GPL-2.0
/*
 * Reclaimable swiotlb: which movable allocations use lent bounce buffers, and when.
 *
 * The rules are described in Documentation/core-api/swiotlb-reclaim.rst, "The
 * cushion". All of this is asked by mm/page_alloc.c, and out of line there, for the
 * sake of allocations that find regular memory.
 */

#include <linux/cpuset.h>
#include <linux/gfp.h>
#include <linux/math.h>
#include <linux/mmzone.h>
#include <linux/swap.h>
#include <linux/swiotlb_reclaim.h>

#include "internal.h"
#include "swiotlb_cushion.h"
#include "swiotlb_reclaim.h"

/* Switched on once, before the first bounce buffer is lent. */
DEFINE_STATIC_KEY_FALSE(swiotlb_reclaim_key);
EXPORT_SYMBOL_FOR_TEST_SWIOTLB(swiotlb_reclaim_key);

/*
 * The task that evacuates lent memory just now. What it migrates must not end
 * up in lent memory again. Only ever compared with current, so that a value of
 * somebody else's making does no harm.
 */
struct task_struct *swiotlb_reclaim_task;

/* Is so much free regular memory what movable allocations leave to others? */
static bool zone_regular_is_scarce(struct zone *zone, unsigned long regular)
{
	return regular < zone->_watermark[WMARK_MIN] + zone_unmovable_reserve(zone) +
			 zone_movable_reserve(zone);
}

/* Is so much more lent memory free than the cushion that one more page may be used? */
static bool zone_spares_lent(struct zone *zone)
{
	return zone_free_swiotlb(zone) > zone_swiotlb_cushion(zone);
}

/* May an allocation use the cushion, when so much regular memory is free? */
static bool zone_cushion_is_due(struct zone *zone, unsigned int order,
				unsigned int alloc_flags, unsigned long regular)
{
	return may_use_cushion(order, alloc_flags) &&
	       zone_regular_is_scarce(zone, regular);
}

/*
 * What zone_leaves_whole_segments() last did not find: so many pages in whole segments
 * when so many lent ones were free, or ULONG_MAX if it found what it looked for. The pool
 * is in one zone, under whose lock these are written.
 */
static unsigned long swiotlb_looked_for;
static unsigned long swiotlb_looked_at = ULONG_MAX;

/* Are about as many free now? An eighth of the cushion more, or fewer, is worth a look. */
static bool zone_looked_in_vain(struct zone *zone)
{
	return abs_diff(zone_free_swiotlb(zone), READ_ONCE(swiotlb_looked_at)) <=
	       zone_swiotlb_cushion(zone) / 8;
}

/**
 * zone_leaves_whole_segments() - would an allocation leave the cushion in one piece?
 * @zone:	The zone of the pool.
 * @order:	Of the allocation, more than a page.
 *
 * Otherwise it could take whole segments while pieces make up for them. Single pages
 * need not ask: they are had from the smallest block, so there are no pieces when they
 * split a segment. The lists are walked as far as the cushion goes, but not again for
 * each page of a batch, or each huge page that is tried.
 *
 * Context: any. zone->lock is held.
 * Return: %true if the cushion is left in whole segments.
 */
bool zone_leaves_whole_segments(struct zone *zone, unsigned int order)
{
	unsigned long wanted = zone_swiotlb_cushion(zone) +
			       max(1UL << order, SWIOTLB_SEGMENT_PAGES);
	unsigned long left = wanted;
	struct list_head *block;
	unsigned int o;

	for (o = order; o < SWIOTLB_SEGMENT_ORDER; o++)
		if (!free_area_empty(&zone->free_area[o], MIGRATE_SWIOTLB))
			return true;
	if (wanted >= swiotlb_looked_for && zone_looked_in_vain(zone))
		return false;

	for (o = NR_PAGE_ORDERS; o-- > SWIOTLB_SEGMENT_ORDER; ) {
		list_for_each(block, &zone->free_area[o].free_list[MIGRATE_SWIOTLB]) {
			if (left <= 1UL << o) {
				WRITE_ONCE(swiotlb_looked_at, ULONG_MAX);
				return true;
			}
			left -= 1UL << o;
		}
	}
	swiotlb_looked_for = wanted;
	WRITE_ONCE(swiotlb_looked_at, zone_free_swiotlb(zone));
	return false;
}

/**
 * zone_spares_lent_block() - zone_leaves_whole_segments() for watermark checks
 * @zone:	The zone of the pool.
 * @area:	A free list of it that has lent blocks.
 *
 * No lock is held, so this may be wrong; but not for long, or who is told that there is
 * a block, and gets none, would try again and again.
 *
 * Context: any.
 * Return: %true if an allocation of more than a page may have a block of the list.
 */
bool zone_spares_lent_block(struct zone *zone, struct free_area *area)
{
	if (!zone_spares_lent(zone))
		return false;
	return area < &zone->free_area[SWIOTLB_SEGMENT_ORDER] || !zone_looked_in_vain(zone);
}

/**
 * zone_has_lent_block() - is there a lent block that an allocation may have?
 * @zone:	Any zone.
 * @order:	Of the allocation.
 * @alloc_flags: Of the allocation.
 *
 * For watermark checks. No lock is held, see zone_spares_lent_block().
 *
 * Context: any.
 * Return: %true if so.
 */
bool zone_has_lent_block(struct zone *zone, unsigned int order, unsigned int alloc_flags)
{
	unsigned int o;

	for (o = order; o < NR_PAGE_ORDERS; o++)
		if (free_area_has_swiotlb(zone, &zone->free_area[o], order, alloc_flags))
			return true;
	return false;
}

/**
 * cushion_has_page() - is there a page of the cushion for this allocation?
 * @zone:	Any zone.
 * @order:	Of the allocation.
 * @alloc_flags: Of the allocation.
 *
 * Then it gets that, or one of a CMA area or of its CPU's list, and takes nothing more of
 * what others can use, whatever the watermarks say. Not for checks of them by who would
 * not allocate next.
 *
 * Context: any.
 * Return: %true if so.
 */
bool cushion_has_page(struct zone *zone, unsigned int order, unsigned int alloc_flags)
{
	return !order && (alloc_flags & ALLOC_CMA) && zone_free_swiotlb(zone) &&
	       zone_cushion_is_due(zone, order, alloc_flags, zone_free_regular(zone)) &&
	       !swiotlb_reclaim_is_evacuating(current);
}

/**
 * zone_ends_batch_here() - would another page of a batch be one that is left to others?
 * @zone:	Any zone.
 * @alloc_flags: Of the allocation.
 *
 * For a batch of pages the watermark is checked once. No more of them, where they would
 * be those that the check leaves to page tables and the like. For single pages
 * there is other memory while there is more than the cushion of what only movable pages
 * can use, and for who may use the cushion until all of that is used. Nor do those that
 * may have some of what is below the min watermark have more of it than they asked for.
 *
 * Context: any. zone->lock is held.
 * Return: %true if the batch is to end.
 */
bool zone_ends_batch_here(struct zone *zone, unsigned int alloc_flags)
{
	unsigned long regular = zone_free_regular(zone), left = zone_swiotlb_cushion(zone);

	if ((alloc_flags & ALLOC_MIN_RESERVE) && regular < zone->_watermark[WMARK_MIN])
		return true;
	if (!(alloc_flags & ALLOC_CMA) || !left)
		return false;
	if (alloc_flags & ALLOC_CUSHION)
		left = 0;
	return zone_free_movable_only(zone) <= left && zone_regular_is_scarce(zone, regular);
}

/**
 * zone_yields_lent() - may an allocation have a block of lent memory?
 * @zone:	Any zone.
 * @order:	Of the allocation.
 * @alloc_flags: Of the allocation, with ALLOC_CMA.
 * @last:	There is no more regular memory. Only then is the cushion for those that
 *		need no watermark: zram stores what is reclaimed as one of them.
 *
 * Context: any. zone->lock is held.
 * Return: %true if so. There need not be a block that is large enough.
 */
bool zone_yields_lent(struct zone *zone, unsigned int order, unsigned int alloc_flags,
		      bool last)
{
	if (swiotlb_reclaim_is_evacuating(current))
		return false;
	if (zone_spares_lent(zone) && (!order || zone_leaves_whole_segments(zone, order)))
		return true;
	if (last && (alloc_flags & ALLOC_NO_WATERMARKS))
		alloc_flags |= ALLOC_CUSHION;
	if (last && may_use_cushion(order, alloc_flags))
		return true;
	return zone_cushion_is_due(zone, order, alloc_flags, zone_free_regular(zone));
}

/**
 * zone_lent_first() - is memory only movable pages can use to be used first?
 * @zone:	Any zone.
 * @order:	Of the allocation.
 * @alloc_flags: Of the allocation, with ALLOC_CMA.
 * @regular:	Free pages of the zone that are for all.
 *
 * CMA areas and lent bounce buffers come first when over half of the zone's free memory
 * is there. One sum: at 40% CMA, 40% lent and 20% regular, two tests for a half each
 * would never fire.
 *
 * What is lent and more than the cushion also comes before kswapd has to work, and so do
 * CMA areas beside it. Left until they are half of what is free, these would be used in
 * one go with lent memory, and lie together with it in the LRU lists. kswapd, looking for
 * regular memory, would free all of that when it comes upon it.
 *
 * Who may use the cushion does when little regular memory is left above the watermark
 * that page tables need, or they could not be allocated any more while lent memory is
 * still free.
 *
 * Context: any. zone->lock is held. The caller has found that less than half of what is
 * free is regular memory, or that kswapd has or will have work to do.
 * Return: %true if so.
 */
bool zone_lent_first(struct zone *zone, unsigned int order, unsigned int alloc_flags,
		     unsigned long regular)
{
	unsigned long free_cma = zone_page_state(zone, NR_FREE_CMA_PAGES);

	if (zone_free_swiotlb(zone) && !swiotlb_reclaim_is_evacuating(current) &&
	    (zone_spares_lent(zone) ||
	     zone_cushion_is_due(zone, order, alloc_flags, regular)))
		return true;
	if (zone_swiotlb_cushion(zone) && zone_regular_is_below_high(zone, regular))
		return free_cma > 0;
	return free_cma > regular;
}

/**
 * zone_pages_to_reclaim() - how many pages may be reclaimed at most
 * @zone:	Any zone.
 *
 * Unlike zone_reclaimable_pages(), what is free is none. Each CPU may have some that are
 * not counted yet.
 *
 * Context: any.
 * Return: pages of files and, if there is swap, of processes that are on LRU lists.
 */
unsigned long zone_pages_to_reclaim(struct zone *zone)
{
	unsigned long pages;

	pages = zone_page_state(zone, NR_ZONE_INACTIVE_FILE) +
		zone_page_state(zone, NR_ZONE_ACTIVE_FILE);

	if (get_nr_swap_pages() > 0)
		pages += zone_page_state(zone, NR_ZONE_INACTIVE_ANON) +
			 zone_page_state(zone, NR_ZONE_ACTIVE_ANON);
	return pages;
}

/**
 * cushion_is_all_there_is() - would an allocation find next to nothing to reclaim?
 * @ac:		Its zones.
 *
 * The cushion is for mappings that cannot wait, so movable allocations reclaim as if it
 * did not exist. Not if there is less than that to reclaim: they would have taken the
 * regular memory that others need by then.
 *
 * Context: any.
 * Return: %true if so.
 */
bool cushion_is_all_there_is(struct alloc_context *ac)
{
	unsigned long reclaimable = 0, cushion = 0;
	struct zoneref *z;
	struct zone *zone;

	for_each_zone_zonelist_nodemask(zone, z, ac->zonelist, ac->highest_zoneidx,
					ac->nodemask) {
		cushion += zone_swiotlb_cushion(zone);
		reclaimable += zone_pages_to_reclaim(zone);
	}
	return reclaimable < cushion;
}

/**
 * swiotlb_last_resort() - what an allocation is given before something is killed for it
 * @gfp_mask:	Of the allocation.
 * @order:	Of the allocation.
 * @ac:		Its zones.
 * @alloc_flags: Receives ALLOC_MIN_RESERVE, maybe.
 * @drain:	Empty the lists of all CPUs, too.
 *
 * Movable allocations use the cushion then, and no more of what CPUs keep in their lists.
 * Others might be killed for want of that. Nor is anything to be killed while lent memory
 * is free. A movable page can be had of that in any case. Others, who would have that
 * done or wait for somebody else who does, may have half of what is below the min
 * watermark, as __GFP_HIGH may. Not if there never is anything killed for them, nor for
 * lent memory of zones that they may not use.
 *
 * Context: process context, may sleep.
 */
void swiotlb_last_resort(gfp_t gfp_mask, unsigned int order,
			 struct alloc_context *ac, unsigned int *alloc_flags,
			 bool drain)
{
	struct zoneref *z;
	struct zone *zone;

	if (drain)
		drain_all_pages(NULL);
	if ((!order && (*alloc_flags & ALLOC_CMA)) || (current->flags & PF_DUMPCORE) ||
	    (gfp_mask & (__GFP_RETRY_MAYFAIL | __GFP_THISNODE | __GFP_NOMEMALLOC)) ||
	    ac->highest_zoneidx < ZONE_NORMAL)
		return;
	for_each_zone_zonelist_nodemask(zone, z, ac->zonelist, ac->highest_zoneidx,
					ac->nodemask) {
		if (cpusets_enabled() && (*alloc_flags & ALLOC_CPUSET) &&
		    !__cpuset_zone_allowed(zone, gfp_mask))
			continue;
		if (zone_free_swiotlb(zone))
			*alloc_flags |= ALLOC_MIN_RESERVE;
	}
}
