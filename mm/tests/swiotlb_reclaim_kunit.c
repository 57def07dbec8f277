// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of reclaimable swiotlb: the invariants that
 * Documentation/core-api/swiotlb-reclaim.rst lists, on the pool of the running
 * kernel, and the parser of the boot parameter.
 *
 * The policy is paused while a case moves segments itself.
 */
#include <kunit/device.h>
#include <kunit/test.h>
#include <linux/cpumask.h>
#include <linux/dma-direct.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/page-isolation.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/vmstat.h>
#include <trace/events/kmem.h>

#include "../swiotlb_cushion.h"
#include "../swiotlb_reclaim.h"

#define MAP_ERROR	((phys_addr_t)DMA_MAPPING_ERROR)

/* Most mappings a case makes: 64 segments of 4 KiB each */
#define MAX_MAPS	4096

struct context {
	struct io_tlb_pool *pool;
	struct zone *zone;
	struct device *dev;	/* maps */
	struct device *other;	/* maps, too */
	void *buffer;		/* a segment's worth of memory to be bounced */
	phys_addr_t *maps;
	unsigned int nmaps;
	size_t map_size;
};

static struct device *new_device(struct kunit *test, const char *name)
{
	struct device *dev = kunit_device_register(test, name);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dev);
	dev->dma_mask = &dev->coherent_dma_mask;
	dev->coherent_dma_mask = DMA_BIT_MASK(32);
	return dev;
}

static phys_addr_t map(struct context *ctx, struct device *dev, size_t size)
{
	return swiotlb_tbl_map_single(dev, virt_to_phys(ctx->buffer), size, 0,
				      DMA_BIDIRECTIONAL, DMA_ATTR_NO_WARN);
}

static void unmap(struct device *dev, phys_addr_t addr, size_t size)
{
	swiotlb_tbl_unmap_single(dev, addr, size, DMA_BIDIRECTIONAL, 0);
}

/* Map until @max mappings are there or one fails. */
static void map_many(struct context *ctx, size_t size, unsigned int max)
{
	ctx->map_size = size;
	while (ctx->nmaps < max) {
		phys_addr_t addr = map(ctx, ctx->dev, size);

		if (addr == MAP_ERROR)
			break;
		ctx->maps[ctx->nmaps++] = addr;
	}
}

static void unmap_all(struct context *ctx)
{
	while (ctx->nmaps)
		unmap(ctx->dev, ctx->maps[--ctx->nmaps], ctx->map_size);
}

static unsigned int segment_of(struct context *ctx, phys_addr_t addr)
{
	return (addr - ctx->pool->start) >> SWIOTLB_SEGMENT_SHIFT;
}

static phys_addr_t segment_addr(struct context *ctx, unsigned int segment)
{
	return ctx->pool->start + segment * SWIOTLB_SEGMENT_BYTES;
}

static unsigned int total_lent(struct context *ctx)
{
	return bitmap_weight(ctx->pool->lent, swiotlb_nr_segments(ctx->pool));
}

static unsigned int area_of(struct context *ctx, unsigned int segment)
{
	return segment * IO_TLB_SEGSIZE / ctx->pool->area_nslabs;
}

static unsigned int total_draining(struct context *ctx)
{
	struct swiotlb_area_stat stat;
	unsigned int area, sum = 0;

	for (area = 0; area < ctx->pool->nareas; area++) {
		swiotlb_area_stat(ctx->pool, area, &stat);
		sum += stat.draining;
	}
	return sum;
}

/* The first free lent segment at or after @segment is taken, owned, returned. */
static int take_some_segment(struct context *ctx)
{
	unsigned int segment, nr = swiotlb_nr_segments(ctx->pool);

	for_each_set_bit(segment, ctx->pool->lent, nr) {
		if (swiotlb_take_range(swiotlb_segment_pfn(ctx->pool, segment),
				       SWIOTLB_SEGMENT_ORDER)) {
			swiotlb_segment_own(ctx->pool, segment);
			return segment;
		}
	}
	return -1;
}

static bool lend_segment(struct context *ctx, unsigned int segment)
{
	unsigned long pfn = swiotlb_segment_pfn(ctx->pool, segment);

	if (!swiotlb_segment_lend(ctx->pool, segment))
		return false;
	__free_pages(pfn_to_page(pfn), SWIOTLB_SEGMENT_ORDER);
	return true;
}

/* Pages on the free list of the type, counted one by one. */
static unsigned long count_free_list(struct zone *zone)
{
	unsigned long flags, pages = 0;
	struct page *page;
	unsigned int order;

	spin_lock_irqsave(&zone->lock, flags);
	for (order = 0; order < NR_PAGE_ORDERS; order++)
		list_for_each_entry(page,
				    &zone->free_area[order].free_list[MIGRATE_SWIOTLB],
				    buddy_list)
			pages += 1UL << order;
	spin_unlock_irqrestore(&zone->lock, flags);
	return pages;
}

static unsigned long free_counter(struct zone *zone)
{
	return zone_page_state_snapshot(zone, NR_FREE_SWIOTLB_PAGES);
}

#define EXPECT_SOUND(test, ctx) \
	KUNIT_EXPECT_EQ(test, swiotlb_reclaim_check(), 0)

static void pool_is_whole_pageblocks_of_its_type(struct kunit *test)
{
	struct context *ctx = test->priv;
	unsigned long pfn = PHYS_PFN(ctx->pool->start);
	unsigned long end = PHYS_PFN(ctx->pool->end);

	KUNIT_EXPECT_TRUE(test, pageblock_aligned(pfn));
	KUNIT_EXPECT_TRUE(test, pageblock_aligned(end));
	KUNIT_EXPECT_EQ(test, ctx->pool->area_nslabs % IO_TLB_SEGSIZE, 0);
	KUNIT_EXPECT_EQ(test, ctx->pool->area_nslabs * ctx->pool->nareas,
			ctx->pool->nslabs);
	for (; pfn < end; pfn += pageblock_nr_pages) {
		struct page *page = pfn_to_page(pfn);

		KUNIT_EXPECT_EQ(test, (int)get_pageblock_migratetype(page),
				(int)MIGRATE_SWIOTLB);
		KUNIT_EXPECT_PTR_EQ(test, page_zone(page), ctx->zone);
	}
}

static void most_is_lent_and_slots_say_so(struct kunit *test)
{
	struct context *ctx = test->priv;

	KUNIT_EXPECT_GT(test, total_lent(ctx),
			swiotlb_nr_segments(ctx->pool) / 2);
	EXPECT_SOUND(test, ctx);
}

static void owned_segment_is_one_unsplit_block(struct kunit *test)
{
	struct context *ctx = test->priv;
	int segment = take_some_segment(ctx);
	struct page *page;
	unsigned int i;

	KUNIT_ASSERT_GE(test, segment, 0);
	page = pfn_to_page(swiotlb_segment_pfn(ctx->pool, segment));
	KUNIT_EXPECT_EQ(test, page_count(page), 1);
	KUNIT_EXPECT_FALSE(test, PageCompound(page));
	for (i = 0; i < SWIOTLB_SEGMENT_PAGES; i++) {
		KUNIT_EXPECT_FALSE(test, PageBuddy(page + i));
		KUNIT_EXPECT_FALSE(test, PageLRU(page + i));
		if (i)
			KUNIT_EXPECT_EQ(test, page_count(page + i), 0);
	}
	EXPECT_SOUND(test, ctx);
	KUNIT_EXPECT_TRUE(test, lend_segment(ctx, segment));
	EXPECT_SOUND(test, ctx);
}

static void lent_segment_is_one_free_block(struct kunit *test)
{
	struct context *ctx = test->priv;
	int segment = take_some_segment(ctx);
	struct page *page;

	KUNIT_ASSERT_GE(test, segment, 0);
	page = pfn_to_page(swiotlb_segment_pfn(ctx->pool, segment));
	KUNIT_EXPECT_FALSE(test, is_free_buddy_page(page));
	KUNIT_EXPECT_TRUE(test, lend_segment(ctx, segment));
	/* In the buddy at once, nothing of it on a per-CPU list */
	KUNIT_EXPECT_TRUE(test, is_free_buddy_page(page));
	KUNIT_EXPECT_TRUE(test,
			  is_free_buddy_page(page + SWIOTLB_SEGMENT_PAGES - 1));
}

/* Pages that wait on a per-CPU list could not be taken back */
static void lent_segment_is_free_at_once(struct kunit *test)
{
	struct context *ctx = test->priv;
	unsigned long before;

	KUNIT_ASSERT_EQ(test, swiotlb_reclaim_take(1), 1);
	before = free_counter(ctx->zone);
	KUNIT_ASSERT_EQ(test, swiotlb_reclaim_lend(1), 1);
	KUNIT_EXPECT_EQ(test, free_counter(ctx->zone),
			before + SWIOTLB_SEGMENT_PAGES);
	EXPECT_SOUND(test, ctx);
}

struct freed {
	struct context *ctx;
	unsigned int segments;
	unsigned int lent;	/* of these, when they are about to be freed */
};

static void note_free(void *data, struct page *page, unsigned int order)
{
	struct freed *freed = data;
	phys_addr_t offset = page_to_phys(page) - freed->ctx->pool->start;

	if (order != SWIOTLB_SEGMENT_ORDER ||
	    offset >= freed->ctx->pool->end - freed->ctx->pool->start)
		return;
	freed->segments++;
	freed->lent += test_bit(offset >> SWIOTLB_SEGMENT_SHIFT,
				freed->ctx->pool->lent);
}

/* Or who gets a page of it would find a bounce buffer there */
static void segment_is_lent_before_its_pages_are_freed(struct kunit *test)
{
	struct context *ctx = test->priv;
	struct freed freed = { .ctx = ctx };
	int err;

	KUNIT_ASSERT_EQ(test, swiotlb_reclaim_take(1), 1);
	err = register_trace_mm_page_free(note_free, &freed);
	KUNIT_EXPECT_EQ(test, swiotlb_reclaim_lend(1), 1);
	if (err)
		kunit_skip(test, "no trace points");
	unregister_trace_mm_page_free(note_free, &freed);
	tracepoint_synchronize_unregister();
	KUNIT_EXPECT_EQ(test, freed.segments, 1);
	KUNIT_EXPECT_EQ(test, freed.lent, 1);
}

static void used_is_mapped_plus_lent(struct kunit *test)
{
	struct context *ctx = test->priv;
	struct swiotlb_area_stat stat;
	unsigned int area, mapped = 0, lent = 0;

	map_many(ctx, SZ_4K, 100);
	KUNIT_EXPECT_EQ(test, ctx->nmaps, 100);
	for (area = 0; area < ctx->pool->nareas; area++) {
		swiotlb_area_stat(ctx->pool, area, &stat);
		KUNIT_EXPECT_EQ(test, stat.mapped + stat.free +
				stat.lent * IO_TLB_SEGSIZE, stat.total);
		mapped += stat.mapped;
		lent += stat.lent;
	}
	KUNIT_EXPECT_GE(test, mapped, 200);
	KUNIT_EXPECT_EQ(test, lent, total_lent(ctx));
	EXPECT_SOUND(test, ctx);
	unmap_all(ctx);
	EXPECT_SOUND(test, ctx);
}

static void mapped_segment_is_not_lent(struct kunit *test)
{
	struct context *ctx = test->priv;
	phys_addr_t addr = map(ctx, ctx->dev, SZ_2K);
	unsigned int segment;

	KUNIT_ASSERT_NE(test, addr, MAP_ERROR);
	segment = segment_of(ctx, addr);
	KUNIT_EXPECT_FALSE(test, swiotlb_segment_lend(ctx->pool, segment));
	KUNIT_EXPECT_FALSE(test, test_bit(segment, ctx->pool->lent));
	EXPECT_SOUND(test, ctx);
	unmap(ctx->dev, addr, SZ_2K);
}

static void draining_segment_gets_no_mapping(struct kunit *test)
{
	struct context *ctx = test->priv;
	phys_addr_t addr = map(ctx, ctx->dev, SZ_2K);
	unsigned int segment, i, in_it = 0, in_area = 0;

	KUNIT_ASSERT_NE(test, addr, MAP_ERROR);
	segment = segment_of(ctx, addr);
	KUNIT_EXPECT_EQ(test, swiotlb_segment_used(ctx->pool, segment), 1);
	swiotlb_segment_drain(ctx->pool, segment);
	KUNIT_EXPECT_EQ(test, total_draining(ctx), 1);
	EXPECT_SOUND(test, ctx);

	/* No mapping while there is room elsewhere in the area */
	map_many(ctx, SZ_2K, IO_TLB_SEGSIZE / 2);
	for (i = 0; i < ctx->nmaps; i++) {
		in_it += segment_of(ctx, ctx->maps[i]) == segment;
		in_area += area_of(ctx, segment_of(ctx, ctx->maps[i])) ==
			   area_of(ctx, segment);
	}
	KUNIT_EXPECT_EQ(test, in_it, 0);
	KUNIT_EXPECT_EQ(test, in_area, ctx->nmaps);
	KUNIT_EXPECT_EQ(test, total_draining(ctx), 1);
	unmap_all(ctx);

	/* What is mapped in it still works, and keeps it from being lent */
	KUNIT_EXPECT_PTR_EQ(test, swiotlb_find_pool(ctx->dev, addr), ctx->pool);
	KUNIT_EXPECT_FALSE(test, swiotlb_segment_lend(ctx->pool, segment));
	unmap(ctx->dev, addr, SZ_2K);
	KUNIT_EXPECT_EQ(test, swiotlb_segment_used(ctx->pool, segment), 0);
	KUNIT_EXPECT_TRUE(test, lend_segment(ctx, segment));
	KUNIT_EXPECT_EQ(test, total_draining(ctx), 0);
	EXPECT_SOUND(test, ctx);
}

static void mapping_opens_draining_segments_before_it_takes_lent_ones(
						struct kunit *test)
{
	struct context *ctx = test->priv;
	unsigned int segment, draining, lent = total_lent(ctx);
	struct swiotlb_area_stat stat;
	phys_addr_t addr;

	/* No open segment is left in any area */
	for (segment = 0; segment < swiotlb_nr_segments(ctx->pool); segment++)
		swiotlb_segment_drain(ctx->pool, segment);
	draining = total_draining(ctx);
	KUNIT_EXPECT_EQ(test, draining, swiotlb_nr_segments(ctx->pool) - lent);
	EXPECT_SOUND(test, ctx);

	addr = map(ctx, ctx->dev, SZ_2K);
	KUNIT_ASSERT_NE(test, addr, MAP_ERROR);
	KUNIT_EXPECT_EQ(test, total_lent(ctx), lent);
	swiotlb_area_stat(ctx->pool, area_of(ctx, segment_of(ctx, addr)), &stat);
	KUNIT_EXPECT_EQ(test, stat.draining, 0);
	EXPECT_SOUND(test, ctx);
	unmap(ctx->dev, addr, SZ_2K);

	for (segment = 0; segment < ctx->pool->nareas; segment++)
		swiotlb_area_reopen(ctx->pool, segment);
	KUNIT_EXPECT_EQ(test, total_draining(ctx), 0);
	EXPECT_SOUND(test, ctx);
}

static void lent_segment_is_not_lent_twice(struct kunit *test)
{
	struct context *ctx = test->priv;
	unsigned int segment = find_first_bit(ctx->pool->lent,
					      swiotlb_nr_segments(ctx->pool));

	KUNIT_ASSERT_LT(test, segment, swiotlb_nr_segments(ctx->pool));
	KUNIT_EXPECT_FALSE(test, swiotlb_segment_lend(ctx->pool, segment));
	EXPECT_SOUND(test, ctx);
}

static void segment_with_one_page_in_use_is_not_taken(struct kunit *test)
{
	struct context *ctx = test->priv;
	int segment = take_some_segment(ctx);
	unsigned long pfn;
	struct page *page;

	KUNIT_ASSERT_GE(test, segment, 0);
	pfn = swiotlb_segment_pfn(ctx->pool, segment);

	/* Lend all of the segment but its last page */
	KUNIT_ASSERT_TRUE(test, swiotlb_segment_lend(ctx->pool, segment));
	split_page(pfn_to_page(pfn), SWIOTLB_SEGMENT_ORDER);
	for (page = pfn_to_page(pfn);
	     page < pfn_to_page(pfn) + SWIOTLB_SEGMENT_PAGES - 1; page++)
		__free_page(page);
	drain_all_pages(ctx->zone);

	KUNIT_EXPECT_NULL(test, swiotlb_take_range(pfn, SWIOTLB_SEGMENT_ORDER));
	KUNIT_EXPECT_TRUE(test, test_bit(segment, ctx->pool->lent));
	EXPECT_SOUND(test, ctx);

	__free_page(page);
	drain_all_pages(ctx->zone);
	KUNIT_EXPECT_NOT_NULL(test,
			      swiotlb_take_range(pfn, SWIOTLB_SEGMENT_ORDER));
	swiotlb_segment_own(ctx->pool, segment);
	EXPECT_SOUND(test, ctx);
	KUNIT_EXPECT_TRUE(test, lend_segment(ctx, segment));
}

static void lookup_finds_live_mapping_only(struct kunit *test)
{
	struct context *ctx = test->priv;
	unsigned int lent = find_first_bit(ctx->pool->lent,
					   swiotlb_nr_segments(ctx->pool));
	phys_addr_t addr = map(ctx, ctx->dev, SZ_8K);

	KUNIT_ASSERT_NE(test, addr, MAP_ERROR);
	KUNIT_EXPECT_PTR_EQ(test, swiotlb_find_pool(ctx->dev, addr), ctx->pool);
	KUNIT_EXPECT_PTR_EQ(test, swiotlb_find_pool(ctx->dev, addr + SZ_8K - 1),
			    ctx->pool);
	/* ordinary memory, inside the pool and outside */
	KUNIT_EXPECT_NULL(test, swiotlb_find_pool(ctx->dev,
						  segment_addr(ctx, lent)));
	KUNIT_EXPECT_NULL(test, swiotlb_find_pool(ctx->dev,
						  virt_to_phys(ctx->buffer)));
	unmap(ctx->dev, addr, SZ_8K);
	KUNIT_EXPECT_NULL(test, swiotlb_find_pool(ctx->dev, addr));
}

static void lookup_follows_segment_state(struct kunit *test)
{
	struct context *ctx = test->priv;
	phys_addr_t addr;
	unsigned int nr;
	int segment;

	/* Fill what is owned, so that the next mapping needs a taken segment */
	map_many(ctx, SZ_4K, MAX_MAPS - 1);
	nr = ctx->nmaps;
	KUNIT_ASSERT_GT(test, nr, 0);
	addr = ctx->maps[nr - 1];
	segment = segment_of(ctx, addr);
	KUNIT_EXPECT_PTR_EQ(test, swiotlb_find_pool(ctx->dev, addr), ctx->pool);
	EXPECT_SOUND(test, ctx);
	unmap_all(ctx);
	KUNIT_EXPECT_TRUE(test, lend_segment(ctx, segment));
	KUNIT_EXPECT_NULL(test, swiotlb_find_pool(ctx->dev, addr));
	EXPECT_SOUND(test, ctx);
}

static void device_that_never_bounced_has_no_bounce_buffer(struct kunit *test)
{
	struct context *ctx = test->priv;
	struct device *fresh = new_device(test, "swiotlb-fresh");
	phys_addr_t addr = map(ctx, ctx->dev, SZ_4K);

	KUNIT_ASSERT_NE(test, addr, MAP_ERROR);
	KUNIT_EXPECT_NULL(test, swiotlb_find_pool(fresh, addr));
	unmap(ctx->dev, addr, SZ_4K);
	kunit_device_unregister(test, fresh);
}

/*
 * A device maps a lent page directly, and keeps the address for too long: the
 * page is freed, its segment taken back, and mapped by another.
 */
static void stale_unmap_is_refused(struct kunit *test)
{
	struct context *ctx = test->priv;
	int segment = take_some_segment(ctx);
	char *bounce, *buffer = ctx->buffer;
	phys_addr_t stale, mine;
	unsigned int i;

	/* The stale device must have bounced before, or it is refused anyway */
	mine = map(ctx, ctx->other, SZ_4K);
	KUNIT_ASSERT_NE(test, mine, MAP_ERROR);
	unmap(ctx->other, mine, SZ_4K);

	/* Lent, and not free: somebody's memory, which does not bounce */
	KUNIT_ASSERT_GE(test, segment, 0);
	KUNIT_ASSERT_TRUE(test, swiotlb_segment_lend(ctx->pool, segment));
	stale = segment_addr(ctx, segment);
	bounce = phys_to_virt(stale);
	memset(bounce, 0x3c, SWIOTLB_SEGMENT_BYTES);
	KUNIT_EXPECT_NULL(test, swiotlb_find_pool(ctx->other, stale));
	swiotlb_sync_single_for_cpu(ctx->other, stale, SZ_4K,
				    DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_NULL(test, memchr_inv(bounce, 0x3c, SWIOTLB_SEGMENT_BYTES));
	__free_pages(virt_to_page(bounce), SWIOTLB_SEGMENT_ORDER);

	/* All that is free, this segment among it */
	map_many(ctx, SWIOTLB_SEGMENT_BYTES, MAX_MAPS - 1);
	for (i = 0; i < ctx->nmaps && ctx->maps[i] != stale; i++)
		;
	KUNIT_ASSERT_LT(test, i, ctx->nmaps);
	swap(ctx->maps[i], ctx->maps[ctx->nmaps - 1]);
	memset(bounce, 0x5a, SWIOTLB_SEGMENT_BYTES);
	memset(buffer, 0xa5, SWIOTLB_SEGMENT_BYTES);

	KUNIT_EXPECT_NULL(test, swiotlb_find_pool(ctx->other, stale));
	swiotlb_sync_single_for_cpu(ctx->other, stale, SZ_4K,
				    DMA_BIDIRECTIONAL);
	swiotlb_sync_single_for_device(ctx->other, stale, SZ_4K,
				       DMA_BIDIRECTIONAL);
	unmap(ctx->other, stale, SZ_4K);

	/* Nothing was copied either way, and the slots are still mapped */
	KUNIT_EXPECT_NULL(test, memchr_inv(bounce, 0x5a, SWIOTLB_SEGMENT_BYTES));
	KUNIT_EXPECT_NULL(test, memchr_inv(buffer, 0xa5, SWIOTLB_SEGMENT_BYTES));
	KUNIT_EXPECT_PTR_EQ(test, swiotlb_find_pool(ctx->dev, stale),
			    ctx->pool);
	EXPECT_SOUND(test, ctx);
	unmap(ctx->dev, ctx->maps[--ctx->nmaps], SWIOTLB_SEGMENT_BYTES);
	KUNIT_EXPECT_NULL(test, memchr_inv(buffer, 0x5a, SWIOTLB_SEGMENT_BYTES));
	unmap_all(ctx);
}

static void unmapping_twice_is_refused(struct kunit *test)
{
	struct context *ctx = test->priv;
	phys_addr_t addr = map(ctx, ctx->dev, SZ_4K);

	KUNIT_ASSERT_NE(test, addr, MAP_ERROR);
	unmap(ctx->dev, addr, SZ_4K);
	EXPECT_SOUND(test, ctx);
	unmap(ctx->dev, addr, SZ_4K);
	EXPECT_SOUND(test, ctx);
}

static void mapping_takes_free_segments_with_interrupts_off(struct kunit *test)
{
	struct context *ctx = test->priv;
	unsigned int lent = total_lent(ctx);
	unsigned long flags, failed = 0;
	unsigned int i, owned;

	/* There, spinlocks sleep, and nobody maps with interrupts off */
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		kunit_skip(test, "PREEMPT_RT");
	owned = swiotlb_nr_segments(ctx->pool) - lent;
	KUNIT_ASSERT_GT(test, lent, 8);

	ctx->map_size = SWIOTLB_SEGMENT_BYTES;
	local_irq_save(flags);
	for (i = 0; i < owned + 8; i++) {
		phys_addr_t addr = map(ctx, ctx->dev, SWIOTLB_SEGMENT_BYTES);

		if (addr == MAP_ERROR)
			failed++;
		else
			ctx->maps[ctx->nmaps++] = addr;
	}
	local_irq_restore(flags);

	KUNIT_EXPECT_EQ(test, failed, 0);
	KUNIT_EXPECT_LE(test, total_lent(ctx), lent - 8);
	EXPECT_SOUND(test, ctx);
	unmap_all(ctx);
	EXPECT_SOUND(test, ctx);
}

static void mapping_uses_all_there_is_then_fails(struct kunit *test)
{
	struct context *ctx = test->priv;

	if (IS_ENABLED(CONFIG_SWIOTLB_DYNAMIC))
		kunit_skip(test, "a transient pool serves what does not fit");
	/* The pool may be larger than what a case can map */
	if (swiotlb_nr_segments(ctx->pool) >= MAX_MAPS)
		kunit_skip(test, "the pool is too large");
	map_many(ctx, SWIOTLB_SEGMENT_BYTES, MAX_MAPS);
	KUNIT_EXPECT_EQ(test, map(ctx, ctx->dev, SZ_2K), MAP_ERROR);
	KUNIT_EXPECT_EQ(test, take_some_segment(ctx), -1);
	EXPECT_SOUND(test, ctx);
	unmap_all(ctx);
	EXPECT_SOUND(test, ctx);
}

/* As an IOMMU asks for it, for a device that is not trusted */
static void largest_mapping_with_an_offset_takes_a_segment(struct kunit *test)
{
	struct context *ctx = test->priv;
	unsigned int owned = swiotlb_nr_segments(ctx->pool) - total_lent(ctx);
	phys_addr_t addr;

	ctx->dev->dma_parms = kunit_kzalloc(test, sizeof(*ctx->dev->dma_parms),
					    GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ctx->dev->dma_parms);
	dma_set_min_align_mask(ctx->dev, SZ_4K - 1);

	ctx->map_size = SWIOTLB_SEGMENT_BYTES - SZ_4K;
	while (ctx->nmaps < owned + 2) {
		addr = swiotlb_tbl_map_single(ctx->dev,
					      virt_to_phys(ctx->buffer) + SZ_1K,
					      ctx->map_size, SZ_4K - 1,
					      DMA_BIDIRECTIONAL, DMA_ATTR_NO_WARN);
		KUNIT_EXPECT_NE(test, addr, MAP_ERROR);
		if (addr == MAP_ERROR)
			break;
		KUNIT_EXPECT_EQ(test, addr & (SZ_4K - 1), SZ_1K);
		ctx->maps[ctx->nmaps++] = addr;
	}
	EXPECT_SOUND(test, ctx);
	unmap_all(ctx);
	ctx->dev->dma_parms = NULL;
}

/* A driver may ask for it again and again */
static void request_that_fits_nowhere_costs_nothing(struct kunit *test)
{
	struct context *ctx = test->priv;
	unsigned int segment, draining, lent = total_lent(ctx);
	phys_addr_t addr;

	for (segment = 0; segment < swiotlb_nr_segments(ctx->pool); segment++)
		swiotlb_segment_drain(ctx->pool, segment);
	draining = total_draining(ctx);
	KUNIT_EXPECT_GT(test, draining, 0);

	/* Larger than a segment */
	addr = map(ctx, ctx->dev, SWIOTLB_SEGMENT_BYTES + SZ_2K);
	KUNIT_EXPECT_EQ(test, addr, MAP_ERROR);
	KUNIT_EXPECT_EQ(test, total_draining(ctx), draining);

	/* Keeps an offset, so each place for it is across a boundary */
	ctx->dev->dma_parms = kunit_kzalloc(test, sizeof(*ctx->dev->dma_parms),
					    GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ctx->dev->dma_parms);
	dma_set_min_align_mask(ctx->dev, SZ_4K - 1);
	dma_set_seg_boundary(ctx->dev, SZ_64K - 1);
	addr = swiotlb_tbl_map_single(ctx->dev, virt_to_phys(ctx->buffer) + SZ_2K,
				      SZ_64K, 0, DMA_BIDIRECTIONAL, DMA_ATTR_NO_WARN);
	KUNIT_EXPECT_EQ(test, addr, MAP_ERROR);
	ctx->dev->dma_parms = NULL;
	KUNIT_EXPECT_EQ(test, total_lent(ctx), lent);

	for (segment = 0; segment < ctx->pool->nareas; segment++)
		swiotlb_area_reopen(ctx->pool, segment);
	EXPECT_SOUND(test, ctx);
}

static void data_is_bounced_through_taken_segments(struct kunit *test)
{
	struct context *ctx = test->priv;
	unsigned char *buffer = ctx->buffer, *bounce;
	unsigned int i;

	memset(buffer, 0x11, SZ_4K);
	map_many(ctx, SZ_4K, MAX_MAPS);
	KUNIT_ASSERT_GT(test, ctx->nmaps, 16);
	for (i = 0; i < ctx->nmaps; i++) {
		bounce = phys_to_virt(ctx->maps[i]);
		KUNIT_EXPECT_NULL(test, memchr_inv(bounce, 0x11, SZ_4K));
		memset(bounce, i, SZ_4K);
	}
	while (ctx->nmaps) {
		unmap(ctx->dev, ctx->maps[--ctx->nmaps], SZ_4K);
		KUNIT_EXPECT_NULL(test, memchr_inv(buffer, ctx->nmaps & 0xff,
						   SZ_4K));
	}
	EXPECT_SOUND(test, ctx);
}

/* Neither for CMA nor for a gigantic page, though all of it can be moved */
static void contiguous_range_is_not_allocated_in_the_pool(struct kunit *test)
{
	struct context *ctx = test->priv;
	unsigned long start = PHYS_PFN(ctx->pool->end) - pageblock_nr_pages;
	unsigned long end = start + pageblock_nr_pages;
	static const unsigned int types[] = {
		MIGRATE_MOVABLE,
#ifdef CONFIG_CMA
		MIGRATE_CMA,
#endif
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		KUNIT_EXPECT_EQ(test, alloc_contig_range(start, end, types[i],
							 GFP_KERNEL | __GFP_NOWARN),
				-EBUSY);
		KUNIT_EXPECT_EQ(test, get_pageblock_migratetype(pfn_to_page(start)),
				MIGRATE_SWIOTLB);
	}
	EXPECT_SOUND(test, ctx);
}

/* As one that is being evacuated, while somebody looks for a gigantic page */
static void isolated_pageblock_keeps_its_type(struct kunit *test)
{
	struct context *ctx = test->priv;
	unsigned long start = PHYS_PFN(ctx->pool->start);
	unsigned long end = start + pageblock_nr_pages;
	struct page *page = pfn_to_page(start);

	KUNIT_ASSERT_EQ(test, start_isolate_page_range(start, end, MIGRATE_SWIOTLB,
						       0, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, alloc_contig_range(start, end, MIGRATE_MOVABLE,
						 GFP_KERNEL | __GFP_NOWARN), -EBUSY);
	KUNIT_EXPECT_EQ(test, get_pageblock_migratetype(page), MIGRATE_ISOLATE);
	undo_isolate_page_range(start, end, MIGRATE_SWIOTLB);
	KUNIT_EXPECT_EQ(test, get_pageblock_migratetype(page), MIGRATE_SWIOTLB);
	EXPECT_SOUND(test, ctx);
}

/* Boot memory that was never handed over is reserved, all other is managed */
static void pages_are_managed_once(struct kunit *test)
{
	struct context *ctx = test->priv;
	unsigned long pfn, managed = 0;

	for (pfn = ctx->zone->zone_start_pfn; pfn < zone_end_pfn(ctx->zone);
	     pfn++) {
		struct page *page = pfn_to_online_page(pfn);

		if (page && page_zone(page) == ctx->zone && !PageReserved(page))
			managed++;
		cond_resched();
	}
	KUNIT_EXPECT_EQ(test, managed, zone_managed_pages(ctx->zone));
}

static void free_counter_is_the_free_list(struct kunit *test)
{
	struct context *ctx = test->priv;
	unsigned long before = free_counter(ctx->zone);
	int segment;

	KUNIT_EXPECT_EQ(test, before, count_free_list(ctx->zone));
	segment = take_some_segment(ctx);
	KUNIT_ASSERT_GE(test, segment, 0);
	KUNIT_EXPECT_EQ(test, free_counter(ctx->zone),
			before - SWIOTLB_SEGMENT_PAGES);
	KUNIT_EXPECT_EQ(test, free_counter(ctx->zone),
			count_free_list(ctx->zone));
	KUNIT_EXPECT_TRUE(test, lend_segment(ctx, segment));
	KUNIT_EXPECT_EQ(test, free_counter(ctx->zone), before);
	KUNIT_EXPECT_EQ(test, before, count_free_list(ctx->zone));
}

static void only_movable_allocations_use_lent_memory(struct kunit *test)
{
	struct context *ctx = test->priv;
	unsigned int i, movable = 0, other = 0;
	LIST_HEAD(pages);
	struct page *page, *next;

	for (i = 0; i < 2 * MAX_MAPS; i++) {
		page = alloc_page(i & 1 ? GFP_KERNEL | GFP_DMA32 :
				  GFP_KERNEL | __GFP_MOVABLE | GFP_DMA32);
		if (!page)
			break;
		if (is_migrate_swiotlb_page(page)) {
			if (i & 1)
				other++;
			else
				movable++;
		}
		list_add(&page->lru, &pages);
	}
	list_for_each_entry_safe(page, next, &pages, lru)
		__free_page(page);
	drain_all_pages(ctx->zone);

	KUNIT_EXPECT_EQ(test, other, 0);
	kunit_info(test, "%u of %u movable pages were lent ones", movable, i / 2);
	EXPECT_SOUND(test, ctx);
}

/* The last case, as the segment is lost until the next boot. */
static void segment_with_a_bad_page_is_retired(struct kunit *test)
{
	struct context *ctx = test->priv;
	int segment = take_some_segment(ctx);
	struct page *page;

	KUNIT_ASSERT_GE(test, segment, 0);
	KUNIT_EXPECT_TRUE(test, swiotlb_segment_retire(ctx->pool, segment));
	EXPECT_SOUND(test, ctx);

	/* Neither the page allocator's nor any mapping's */
	page = pfn_to_page(swiotlb_segment_pfn(ctx->pool, segment));
	KUNIT_EXPECT_FALSE(test, lend_segment(ctx, segment));
	KUNIT_EXPECT_FALSE(test, test_bit(segment, ctx->pool->lent));
	KUNIT_EXPECT_FALSE(test, is_free_buddy_page(page));
	swiotlb_segment_drain(ctx->pool, segment);
	KUNIT_EXPECT_EQ(test, total_draining(ctx), 0);
	swiotlb_area_reopen(ctx->pool, area_of(ctx, segment));
	KUNIT_EXPECT_TRUE(test, test_bit(segment, ctx->pool->closed));
	KUNIT_EXPECT_EQ(test, swiotlb_segment_used(ctx->pool, segment),
			IO_TLB_SEGSIZE);
	/* Nearly all there is, but nothing for SWIOTLB_DYNAMIC to serve */
	map_many(ctx, SWIOTLB_SEGMENT_BYTES,
		 min(swiotlb_nr_segments(ctx->pool) - 8, MAX_MAPS));
	while (ctx->nmaps) {
		ctx->nmaps--;
		KUNIT_EXPECT_NE(test, segment,
				segment_of(ctx, ctx->maps[ctx->nmaps]));
		unmap(ctx->dev, ctx->maps[ctx->nmaps], ctx->map_size);
	}
	EXPECT_SOUND(test, ctx);
}

/*
 * A zone of nobody's, with watermarks of 100 and 180, a cushion, and so many free lent
 * pages. All free lists are empty.
 */
static struct zone *zone_with_cushion(struct kunit *test, unsigned long cushion,
				      unsigned long lent)
{
	struct zone *zone = kunit_kzalloc(test, sizeof(*zone), GFP_KERNEL);
	unsigned int order, mt;

	KUNIT_ASSERT_NOT_NULL(test, zone);
	zone->_watermark[WMARK_MIN] = 100;
	zone->_watermark[WMARK_LOW] = 180;
	zone->swiotlb_cushion = cushion;
	zone->nr_free_swiotlb = lent;
	zone->nr_free_movable_only = lent;
	for (order = 0; order < NR_PAGE_ORDERS; order++)
		for (mt = 0; mt < MIGRATE_TYPES; mt++)
			INIT_LIST_HEAD(&zone->free_area[order].free_list[mt]);
	return zone;
}

/*
 * May an allocation with @alloc_flags be made of @zone down to the min watermark, when
 * @regular pages are free beside those of lent memory?
 */
static bool watermark_ok(struct zone *zone, unsigned int order,
			 unsigned int alloc_flags, unsigned long regular)
{
	return __zone_watermark_ok(zone, order, zone->_watermark[WMARK_MIN], 0,
				   alloc_flags, regular + zone->nr_free_swiotlb);
}

/* May it have a page of the cushion, with so many @regular pages free? */
static bool cushion_has_page_at(struct zone *zone, unsigned int order,
				unsigned int alloc_flags, unsigned long regular)
{
	atomic_long_set(&zone->vm_stat[NR_FREE_PAGES], regular + zone->nr_free_swiotlb);
	return cushion_has_page(zone, order, alloc_flags);
}

static void cushion_is_for_who_has_nothing_else(struct kunit *test)
{
	const unsigned int cma = ALLOC_CMA, cushion = ALLOC_CMA | ALLOC_CUSHION;
	struct zone *zone = zone_with_cushion(test, 1024, 1024);
	struct list_head block;

	/* Single pages: an eighth of 180 - 100 is left to what is not movable */
	KUNIT_EXPECT_FALSE(test, watermark_ok(zone, 0, cma, 110));
	KUNIT_EXPECT_TRUE(test, watermark_ok(zone, 0, cma, 111));
	KUNIT_EXPECT_TRUE(test, watermark_ok(zone, 0, cushion, 0));
	KUNIT_EXPECT_FALSE(test, watermark_ok(zone, 0, cma | ALLOC_WMARK_LOW, 100));
	KUNIT_EXPECT_TRUE(test, watermark_ok(zone, 0, cma | ALLOC_WMARK_LOW, 101));
	KUNIT_EXPECT_FALSE(test, watermark_ok(zone, 0, 0, 100));
	KUNIT_EXPECT_TRUE(test, watermark_ok(zone, 0, 0, 101));
	KUNIT_EXPECT_FALSE(test, watermark_ok(zone, 0, ALLOC_CUSHION, 100));

	/* What is more than the cushion is for all of them */
	zone->nr_free_swiotlb += 50;
	zone->nr_free_movable_only += 50;
	KUNIT_EXPECT_FALSE(test, watermark_ok(zone, 0, cma, 60));
	KUNIT_EXPECT_TRUE(test, watermark_ok(zone, 0, cma, 61));

	/* Regular memory is in single pages, so these need a lent block */
	list_add(&block, &zone->free_area[MAX_PAGE_ORDER].free_list[MIGRATE_SWIOTLB]);
	zone->free_area[MAX_PAGE_ORDER].nr_free = 1;
	KUNIT_EXPECT_TRUE(test, watermark_ok(zone, 1, cma, 5000));
	KUNIT_EXPECT_TRUE(test, watermark_ok(zone, PAGE_ALLOC_COSTLY_ORDER + 1,
					     cma, 5000));
	zone->nr_free_swiotlb = zone->swiotlb_cushion;
	zone->nr_free_movable_only = zone->nr_free_swiotlb;
	KUNIT_EXPECT_FALSE(test, watermark_ok(zone, 1, cma, 5000));
	KUNIT_EXPECT_TRUE(test, watermark_ok(zone, 1, cushion, 5000));
	KUNIT_EXPECT_FALSE(test, watermark_ok(zone, PAGE_ALLOC_COSTLY_ORDER + 1,
					      cushion, 5000));
	KUNIT_EXPECT_FALSE(test, watermark_ok(zone, 1, 0, 5000));

	/*
	 * A page of the cushion, even if others have got far below the watermark: not for
	 * them, not for checks that count no lent memory, and only if it will be that
	 */
	zone->nr_free_swiotlb = 1;
	zone->nr_free_movable_only = 1;
	KUNIT_EXPECT_TRUE(test, cushion_has_page_at(zone, 0, cushion, 0));
	KUNIT_EXPECT_TRUE(test, cushion_has_page_at(zone, 0, cushion, 109));
	KUNIT_EXPECT_FALSE(test, cushion_has_page_at(zone, 0, cushion, 110));
	KUNIT_EXPECT_FALSE(test, watermark_ok(zone, 0, cushion, 0));
	KUNIT_EXPECT_FALSE(test, cushion_has_page_at(zone, 1, cushion, 0));
	KUNIT_EXPECT_FALSE(test, cushion_has_page_at(zone, 0, cma, 0));
	KUNIT_EXPECT_FALSE(test, cushion_has_page_at(zone, 0, ALLOC_CUSHION, 0));
	zone->nr_free_swiotlb = 0;
	zone->nr_free_movable_only = 0;
	KUNIT_EXPECT_FALSE(test, cushion_has_page_at(zone, 0, cushion, 0));

	/* A zone without the pool */
	zone->swiotlb_cushion = 0;
	zone->nr_free_swiotlb = 0;
	zone->nr_free_movable_only = 0;
	KUNIT_EXPECT_FALSE(test, watermark_ok(zone, 0, cma, 100));
	KUNIT_EXPECT_TRUE(test, watermark_ok(zone, 0, cma, 101));
}

/* Quick checks of the watermark rely on it */
static void zones_keep_at_most_what_they_say(struct kunit *test)
{
	const unsigned int cma = ALLOC_CMA;
	struct zone *zone;

	for_each_populated_zone(zone) {
		KUNIT_EXPECT_EQ(test, zone_kept_free_at_most(zone, 0), 0);
		KUNIT_EXPECT_EQ(test, !zone_kept_free_at_most(zone, cma),
				!zone_swiotlb_cushion(zone));
		KUNIT_EXPECT_GE(test, zone_kept_free_at_most(zone, cma),
				zone_swiotlb_cushion(zone) + zone_unmovable_reserve(zone));
		KUNIT_EXPECT_GE(test, zone_kept_free_at_most(zone, cma),
				zone_kept_free(zone, 0, cma));
	}
}

static void lent_pieces_are_no_larger_block(struct kunit *test)
{
	const unsigned int cma = ALLOC_CMA, cushion = ALLOC_CMA | ALLOC_CUSHION;
	struct zone *zone = zone_with_cushion(test, 1024, 5000);
	struct list_head regular, piece, block;

	list_add(&regular, &zone->free_area[MAX_PAGE_ORDER].free_list[MIGRATE_MOVABLE]);
	zone->free_area[MAX_PAGE_ORDER].nr_free = 1;
	list_add(&piece, &zone->free_area[2].free_list[MIGRATE_SWIOTLB]);
	zone->free_area[2].nr_free = 1;

	/* Whatever is lent, as much regular memory is left as without: 7 pages and the mark */
	KUNIT_EXPECT_FALSE(test, watermark_ok(zone, 3, cma, 117));
	KUNIT_EXPECT_TRUE(test, watermark_ok(zone, 3, cma, 118));
	KUNIT_EXPECT_FALSE(test, watermark_ok(zone, 3, cushion, 107));
	KUNIT_EXPECT_TRUE(test, watermark_ok(zone, 3, cushion, 108));

	/* There is one that is large enough, or a larger one */
	KUNIT_EXPECT_TRUE(test, watermark_ok(zone, 2, cma, 0));
	KUNIT_EXPECT_TRUE(test, watermark_ok(zone, 1, cma, 0));
	list_add(&block, &zone->free_area[MAX_PAGE_ORDER].free_list[MIGRATE_SWIOTLB]);
	KUNIT_EXPECT_TRUE(test, watermark_ok(zone, 3, cma, 0));
	KUNIT_EXPECT_TRUE(test, watermark_ok(zone, MAX_PAGE_ORDER, cma, 0));

	/* Who cannot use lent memory does not count it */
	KUNIT_EXPECT_FALSE(test, watermark_ok(zone, 3, 0, 107));
	KUNIT_EXPECT_TRUE(test, watermark_ok(zone, 3, 0, 108));
}

static void larger_allocations_leave_whole_segments(struct kunit *test)
{
	const unsigned int seg = SWIOTLB_SEGMENT_ORDER;
	struct zone *zone = kunit_kzalloc(test, sizeof(*zone), GFP_KERNEL);
	struct list_head whole[4], pair, piece;
	unsigned int order, i;

	KUNIT_ASSERT_NOT_NULL(test, zone);
	for (order = 0; order < NR_PAGE_ORDERS; order++)
		INIT_LIST_HEAD(&zone->free_area[order].free_list[MIGRATE_SWIOTLB]);
	zone->swiotlb_cushion = 3 * SWIOTLB_SEGMENT_PAGES;
	zone->nr_free_swiotlb = 100 * SWIOTLB_SEGMENT_PAGES;

	/* Much is free, but no more than the cushion of it in whole segments */
	for (i = 0; i < 3; i++)
		list_add(&whole[i], &zone->free_area[seg].free_list[MIGRATE_SWIOTLB]);
	KUNIT_EXPECT_FALSE(test, zone_leaves_whole_segments(zone, 1));

	/* Nor do watermark checks promise one, until more is free, or less */
	KUNIT_EXPECT_TRUE(test, zone_spares_lent_block(zone, &zone->free_area[seg - 1]));
	KUNIT_EXPECT_FALSE(test, zone_spares_lent_block(zone, &zone->free_area[seg]));
	zone->nr_free_swiotlb += zone->swiotlb_cushion / 8;
	KUNIT_EXPECT_FALSE(test, zone_spares_lent_block(zone, &zone->free_area[seg]));
	zone->nr_free_swiotlb++;
	KUNIT_EXPECT_TRUE(test, zone_spares_lent_block(zone, &zone->free_area[seg]));
	zone->nr_free_swiotlb -= zone->swiotlb_cushion / 8 * 2 + 1;
	KUNIT_EXPECT_FALSE(test, zone_spares_lent_block(zone, &zone->free_area[seg]));
	zone->nr_free_swiotlb--;
	KUNIT_EXPECT_TRUE(test, zone_spares_lent_block(zone, &zone->free_area[seg]));

	/* One more can be split, or used, but not what is as large as two */
	list_add(&whole[3], &zone->free_area[seg].free_list[MIGRATE_SWIOTLB]);
	KUNIT_EXPECT_TRUE(test, zone_leaves_whole_segments(zone, 1));
	KUNIT_EXPECT_TRUE(test, zone_leaves_whole_segments(zone, seg));
	KUNIT_EXPECT_FALSE(test, zone_leaves_whole_segments(zone, seg + 1));

	/* The lists are not walked again for as much before more is free */
	list_add(&pair, &zone->free_area[seg + 1].free_list[MIGRATE_SWIOTLB]);
	KUNIT_EXPECT_FALSE(test, zone_leaves_whole_segments(zone, seg + 1));
	KUNIT_EXPECT_FALSE(test, zone_leaves_whole_segments(zone, seg + 2));
	KUNIT_EXPECT_FALSE(test, zone_spares_lent_block(zone, &zone->free_area[seg]));
	zone->nr_free_swiotlb += 2 * SWIOTLB_SEGMENT_PAGES;
	KUNIT_EXPECT_TRUE(test, zone_leaves_whole_segments(zone, seg + 1));

	/* For less they are */
	KUNIT_EXPECT_FALSE(test, zone_leaves_whole_segments(zone, seg + 3));
	KUNIT_EXPECT_TRUE(test, zone_leaves_whole_segments(zone, 1));

	/* What is taken of a piece is no segment's */
	list_del(&pair);
	list_del(&whole[3]);
	zone->nr_free_swiotlb -= 3 * SWIOTLB_SEGMENT_PAGES;
	list_add(&piece, &zone->free_area[seg - 1].free_list[MIGRATE_SWIOTLB]);
	KUNIT_EXPECT_TRUE(test, zone_leaves_whole_segments(zone, 1));
	KUNIT_EXPECT_FALSE(test, zone_leaves_whole_segments(zone, seg));

	/* Leave no advice that is about this zone: there is one for all */
	list_add(&whole[3], &zone->free_area[seg].free_list[MIGRATE_SWIOTLB]);
	zone->nr_free_swiotlb += SWIOTLB_SEGMENT_PAGES;
	KUNIT_EXPECT_TRUE(test, zone_leaves_whole_segments(zone, seg));
}

/* What all zones of an allocation have to reclaim, in pages */
static unsigned long to_reclaim(struct alloc_context *ac)
{
	unsigned long pages = 0;
	struct zoneref *z;
	struct zone *zone;

	for_each_zone_zonelist_nodemask(zone, z, ac->zonelist, ac->highest_zoneidx,
					ac->nodemask)
		pages += zone_pages_to_reclaim(zone);
	return pages;
}

/* Pages of lent memory that are not free */
static unsigned long lent_in_use(struct context *ctx)
{
	return total_lent(ctx) * SWIOTLB_SEGMENT_PAGES - free_counter(ctx->zone);
}

static int attempt_counts(struct alloc_context *ac, unsigned int order)
{
	/* For a node: nothing is passed on to other allocations */
	return swiotlb_attempt_counts(GFP_KERNEL | __GFP_THISNODE, order, ac,
				      ALLOC_WMARK_MIN, 0);
}

static void attempts_count_by_what_may_be_reclaimed(struct kunit *test)
{
	struct context *ctx = test->priv;
	struct alloc_context ac = {
		.zonelist = node_zonelist(zone_to_nid(ctx->zone), GFP_KERNEL),
		.highest_zoneidx = gfp_zone(GFP_KERNEL),
	};
	unsigned long files = (lent_in_use(ctx) + 8 * SWIOTLB_SEGMENT_PAGES) * LENT_SHARE;
	struct page *page, *next;
	LIST_HEAD(pages);

	/* So that there is something to reclaim, and nearly nothing of it lent */
	mod_zone_page_state(ctx->zone, NR_ZONE_INACTIVE_FILE, files);
	KUNIT_EXPECT_EQ(test, attempt_counts(&ac, 0), LENT_LOOPS_FEW);

	/* Taken and not owned is as good as used */
	while (lent_in_use(ctx) < to_reclaim(&ac) / LENT_SHARE) {
		KUNIT_EXPECT_EQ(test, attempt_counts(&ac, 0), LENT_LOOPS_FEW);
		page = swiotlb_take_free(ctx->zone, SWIOTLB_SEGMENT_ORDER);
		if (!page)
			break;
		list_add(&page->lru, &pages);
	}
	KUNIT_EXPECT_GE(test, lent_in_use(ctx), to_reclaim(&ac) / LENT_SHARE);
	KUNIT_EXPECT_EQ(test, attempt_counts(&ac, 0), LENT_LOOPS_ONE);

	/* There will never be as much, whatever is reclaimed and however little is lent */
	KUNIT_EXPECT_EQ(test, attempt_counts(&ac, 30), LENT_LOOPS_IN_VAIN);
	list_for_each_entry_safe(page, next, &pages, lru)
		__free_pages(page, SWIOTLB_SEGMENT_ORDER);
	KUNIT_EXPECT_EQ(test, attempt_counts(&ac, 30), LENT_LOOPS_IN_VAIN);

	/* Nothing is lent of the zones below */
	if (zone_idx(ctx->zone)) {
		ac.highest_zoneidx = zone_idx(ctx->zone) - 1;
		KUNIT_EXPECT_EQ(test, attempt_counts(&ac, 30), 0);
	}
	mod_zone_page_state(ctx->zone, NR_ZONE_INACTIVE_FILE, -(long)files);
	EXPECT_SOUND(test, ctx);
}

/*
 * What is mapped without padding, from the middle of a slot to the first bytes of
 * another: the size is negative there. A sync of a part must find the right bytes.
 */
static void part_of_an_unaligned_buffer_is_synced(struct kunit *test)
{
	struct context *ctx = test->priv;
	const size_t offset = SZ_1K, size = 1100, part = size - SZ_1K - 10;
	unsigned char *buffer = ctx->buffer, *bounce;
	phys_addr_t addr;

	ctx->dev->dma_parms = kunit_kzalloc(test, sizeof(*ctx->dev->dma_parms),
					    GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ctx->dev->dma_parms);
	dma_set_min_align_mask(ctx->dev, SZ_4K - 1);

	memset(buffer, 0x22, SZ_4K);
	addr = swiotlb_tbl_map_single(ctx->dev, virt_to_phys(buffer + offset),
				      size, 0, DMA_BIDIRECTIONAL, 0);
	KUNIT_ASSERT_NE(test, addr, MAP_ERROR);
	KUNIT_EXPECT_EQ(test, addr & (SZ_4K - 1),
			virt_to_phys(buffer + offset) & (SZ_4K - 1));
	bounce = phys_to_virt(addr);
	memset(bounce, 0x33, size);
	swiotlb_sync_single_for_cpu(ctx->dev, addr + SZ_1K + 10, part,
				    DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_NULL(test, memchr_inv(buffer, 0x22, offset + SZ_1K + 10));
	KUNIT_EXPECT_NULL(test, memchr_inv(buffer + offset + SZ_1K + 10, 0x33,
					   part));
	KUNIT_EXPECT_NULL(test, memchr_inv(buffer + offset + size, 0x22,
					   SZ_4K - offset - size));
	unmap(ctx->dev, addr, size);
	KUNIT_EXPECT_NULL(test, memchr_inv(buffer + offset, 0x33, size));
	KUNIT_EXPECT_NULL(test, memchr_inv(buffer + offset + size, 0x22,
					   SZ_4K - offset - size));
	ctx->dev->dma_parms = NULL;
	EXPECT_SOUND(test, ctx);
}

static int swiotlb_reclaim_test_init(struct kunit *test)
{
	struct io_tlb_pool *pool;
	struct context *ctx;
	unsigned int area;

	ctx = kunit_kzalloc(test, sizeof(*ctx), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ctx);
	test->priv = ctx;
	ctx->dev = new_device(test, "swiotlb-one");
	ctx->other = new_device(test, "swiotlb-two");

	pool = &ctx->dev->dma_io_tlb_mem->defpool;
	if (!pool->lent || !swiotlb_reclaim_enabled())
		kunit_skip(test, "not booted with swiotlb=reclaim");
	ctx->pool = pool;
	ctx->zone = page_zone(pfn_to_page(PHYS_PFN(pool->start)));
	ctx->maps = kunit_kcalloc(test, MAX_MAPS, sizeof(*ctx->maps),
				  GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ctx->maps);
	ctx->buffer = kunit_kzalloc(test, SWIOTLB_SEGMENT_BYTES, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ctx->buffer);

	/* Mappings prefer the area of the CPU they are made on: always the same */
	set_cpus_allowed_ptr(current, cpumask_of(raw_smp_processor_id()));

	swiotlb_reclaim_pause();
	for (area = 0; area < pool->nareas; area++)
		swiotlb_area_reopen(pool, area);
	/* What the case before has missed may have been taken since */
	swiotlb_reclaim_lend(swiotlb_nr_segments(pool));
	return 0;
}

static void swiotlb_reclaim_test_exit(struct kunit *test)
{
	struct context *ctx = test->priv;

	if (!ctx || !ctx->pool)
		return;
	unmap_all(ctx);
	swiotlb_reclaim_resume();
}

static struct kunit_case swiotlb_reclaim_cases[] = {
	KUNIT_CASE(pool_is_whole_pageblocks_of_its_type),
	KUNIT_CASE(most_is_lent_and_slots_say_so),
	KUNIT_CASE(owned_segment_is_one_unsplit_block),
	KUNIT_CASE(lent_segment_is_one_free_block),
	KUNIT_CASE(lent_segment_is_free_at_once),
	KUNIT_CASE(segment_is_lent_before_its_pages_are_freed),
	KUNIT_CASE(used_is_mapped_plus_lent),
	KUNIT_CASE(mapped_segment_is_not_lent),
	KUNIT_CASE(draining_segment_gets_no_mapping),
	KUNIT_CASE(mapping_opens_draining_segments_before_it_takes_lent_ones),
	KUNIT_CASE(lent_segment_is_not_lent_twice),
	KUNIT_CASE(segment_with_one_page_in_use_is_not_taken),
	KUNIT_CASE(lookup_finds_live_mapping_only),
	KUNIT_CASE(lookup_follows_segment_state),
	KUNIT_CASE(device_that_never_bounced_has_no_bounce_buffer),
	KUNIT_CASE(stale_unmap_is_refused),
	KUNIT_CASE(unmapping_twice_is_refused),
	KUNIT_CASE(mapping_takes_free_segments_with_interrupts_off),
	KUNIT_CASE(mapping_uses_all_there_is_then_fails),
	KUNIT_CASE(largest_mapping_with_an_offset_takes_a_segment),
	KUNIT_CASE(request_that_fits_nowhere_costs_nothing),
	KUNIT_CASE(data_is_bounced_through_taken_segments),
	KUNIT_CASE(contiguous_range_is_not_allocated_in_the_pool),
	KUNIT_CASE(isolated_pageblock_keeps_its_type),
	KUNIT_CASE(pages_are_managed_once),
	KUNIT_CASE(free_counter_is_the_free_list),
	KUNIT_CASE(only_movable_allocations_use_lent_memory),
	KUNIT_CASE(cushion_is_for_who_has_nothing_else),
	KUNIT_CASE(zones_keep_at_most_what_they_say),
	KUNIT_CASE(lent_pieces_are_no_larger_block),
	KUNIT_CASE(larger_allocations_leave_whole_segments),
	KUNIT_CASE(attempts_count_by_what_may_be_reclaimed),
	KUNIT_CASE(part_of_an_unaligned_buffer_is_synced),
	KUNIT_CASE(segment_with_a_bad_page_is_retired),
	{}
};

static struct kunit_suite swiotlb_reclaim_suite = {
	.name = "swiotlb_reclaim",
	.init = swiotlb_reclaim_test_init,
	.exit = swiotlb_reclaim_test_exit,
	.test_cases = swiotlb_reclaim_cases,
};
kunit_test_suite(swiotlb_reclaim_suite);

/*
 * The parser, which is discarded after boot.
 */

static struct swiotlb_param __init parse(const char *value)
{
	struct swiotlb_param param = {};
	char buffer[64];

	strscpy(buffer, value);
	swiotlb_parse_param(buffer, &param);
	return param;
}

static void __init numbers_mean_slots_and_areas(struct kunit *test)
{
	struct swiotlb_param param = parse("1000,3");

	KUNIT_EXPECT_TRUE(test, param.has_slots);
	KUNIT_EXPECT_EQ(test, param.slots, 1024);
	KUNIT_EXPECT_TRUE(test, param.has_areas);
	KUNIT_EXPECT_EQ(test, param.areas, 3);
	KUNIT_EXPECT_FALSE(test, param.force || param.noforce || param.reclaim);

	param = parse(",4");
	KUNIT_EXPECT_FALSE(test, param.has_slots);
	KUNIT_EXPECT_EQ(test, param.areas, 4);

	param = parse("0x400");
	KUNIT_EXPECT_EQ(test, param.slots, 1024);
	KUNIT_EXPECT_FALSE(test, param.has_areas);
}

static void __init keywords_come_in_any_order(struct kunit *test)
{
	static const char * const values[] __initconst = {
		"2048,2,force,reclaim=64M", "2048,2,reclaim=64M,force",
	};
	struct swiotlb_param param;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(values); i++) {
		param = parse(values[i]);
		KUNIT_EXPECT_EQ(test, param.slots, 2048);
		KUNIT_EXPECT_EQ(test, param.areas, 2);
		KUNIT_EXPECT_TRUE(test, param.force);
		KUNIT_EXPECT_TRUE(test, param.reclaim);
		KUNIT_EXPECT_EQ(test, param.reclaim_bytes, SZ_64M);
	}

	param = parse("force");
	KUNIT_EXPECT_TRUE(test, param.force);
	KUNIT_EXPECT_FALSE(test, param.has_slots || param.reclaim);
	/* Numbers come before keywords, or they might mean anything */
	param = parse("force,4096");
	KUNIT_EXPECT_TRUE(test, param.force);
	KUNIT_EXPECT_FALSE(test, param.has_slots || param.has_areas);
	param = parse("reclaim,noforce");
	KUNIT_EXPECT_TRUE(test, param.noforce);
	KUNIT_EXPECT_TRUE(test, param.reclaim);
	KUNIT_EXPECT_EQ(test, param.reclaim_bytes, 0);
	param = parse("reclaim=1g");
	KUNIT_EXPECT_EQ(test, param.reclaim_bytes, SZ_1G);
	param = parse("reclaim=8192K");
	KUNIT_EXPECT_EQ(test, param.reclaim_bytes, SZ_8M);
}

static void __init nonsense_is_left_out(struct kunit *test)
{
	struct swiotlb_param param;

	param = parse("fast,force");
	KUNIT_EXPECT_TRUE(test, param.force);
	KUNIT_EXPECT_FALSE(test, param.has_slots || param.noforce);
	param = parse("reclaimed");
	KUNIT_EXPECT_FALSE(test, param.reclaim);
	param = parse("reclaim=lots,force");
	KUNIT_EXPECT_TRUE(test, param.reclaim);
	KUNIT_EXPECT_TRUE(test, param.force);
	KUNIT_EXPECT_EQ(test, param.reclaim_bytes, 0);
	param = parse("reclaim=12x");
	KUNIT_EXPECT_EQ(test, param.reclaim_bytes, 0);
	param = parse("reclaim=-5M");
	KUNIT_EXPECT_EQ(test, param.reclaim_bytes, 0);
	param = parse("reclaim=");
	KUNIT_EXPECT_EQ(test, param.reclaim_bytes, 0);
	param = parse("512k");
	KUNIT_EXPECT_EQ(test, param.slots, 512);
	param = parse("18014398509481984");	/* bytes would be zero, and a multiple of 2^64 */
	KUNIT_EXPECT_FALSE(test, param.has_slots);
	param = parse("18446744073709552640,18446744073709551618");	/* 2^64 + 1024, + 2 */
	KUNIT_EXPECT_FALSE(test, param.has_slots || param.has_areas);
	param = parse("1024,4294967298,force");		/* 2^32 + 2 */
	KUNIT_EXPECT_EQ(test, param.slots, 1024);
	KUNIT_EXPECT_FALSE(test, param.has_areas);
	KUNIT_EXPECT_TRUE(test, param.force);
	param = parse("reclaim=18446744073776660480");	/* 2^64 + 64M: all that can be had */
	KUNIT_EXPECT_EQ(test, param.reclaim_bytes, U64_MAX);
	param = parse("reclaim=17179869185G");		/* 2^64 + 1G */
	KUNIT_EXPECT_EQ(test, param.reclaim_bytes, U64_MAX);
	param = parse("reclaim=16E");			/* 2^64 */
	KUNIT_EXPECT_EQ(test, param.reclaim_bytes, U64_MAX);
	param = parse("reclaim=96M");
	KUNIT_EXPECT_EQ(test, param.reclaim_bytes, 96 * SZ_1M);
	param = parse("1024,2,77");
	KUNIT_EXPECT_EQ(test, param.slots, 1024);
	KUNIT_EXPECT_EQ(test, param.areas, 2);
	param = parse("");
	KUNIT_EXPECT_FALSE(test, param.has_slots || param.has_areas ||
			   param.force || param.noforce || param.reclaim);
}

static struct kunit_case __refdata swiotlb_param_cases[] = {
	KUNIT_CASE(numbers_mean_slots_and_areas),
	KUNIT_CASE(keywords_come_in_any_order),
	KUNIT_CASE(nonsense_is_left_out),
	{}
};

static struct kunit_suite swiotlb_param_suite = {
	.name = "swiotlb_param",
	.test_cases = swiotlb_param_cases,
};

/*
 * When to lend and teardown, which are discarded after boot, too.
 */

static int __init remap_nothing(void *tlb, unsigned long nslabs)
{
	return 0;
}

static void __init pool_that_somebody_else_sets_up_is_never_lent(struct kunit *test)
{
	unsigned long floor;

	KUNIT_EXPECT_NOT_NULL(test, swiotlb_reclaim_why_not(SWIOTLB_ANY, NULL));
	KUNIT_EXPECT_NOT_NULL(test, swiotlb_reclaim_why_not(SWIOTLB_FORCE, NULL));
	KUNIT_EXPECT_NOT_NULL(test, swiotlb_reclaim_why_not(0, remap_nothing));
	if (swiotlb_reclaim_pool(&floor))
		KUNIT_EXPECT_NULL(test, swiotlb_reclaim_why_not(0, NULL));
}

static void __init pool_that_lends_is_not_torn_down(struct kunit *test)
{
	struct io_tlb_pool *pool;
	struct swiotlb_area_stat stat;
	struct device *dev = new_device(test, "swiotlb-exit");
	unsigned long nslabs, floor;

	pool = swiotlb_reclaim_pool(&floor);
	if (!pool || !swiotlb_reclaim_enabled())
		kunit_skip(test, "nothing is lent");
	if (is_swiotlb_force_bounce(dev))
		kunit_skip(test, "with 'force' no pool is torn down");
	nslabs = pool->nslabs;

	swiotlb_exit();
	KUNIT_EXPECT_TRUE(test, is_swiotlb_allocated());
	KUNIT_ASSERT_EQ(test, pool->nslabs, nslabs);
	swiotlb_area_stat(pool, 0, &stat);
	KUNIT_EXPECT_GT(test, stat.lent, 0);
}

static struct kunit_case __refdata swiotlb_exit_cases[] = {
	KUNIT_CASE(pool_that_somebody_else_sets_up_is_never_lent),
	KUNIT_CASE(pool_that_lends_is_not_torn_down),
	{}
};

static struct kunit_suite swiotlb_exit_suite = {
	.name = "swiotlb_exit",
	.test_cases = swiotlb_exit_cases,
};
kunit_test_init_section_suites(&swiotlb_param_suite, &swiotlb_exit_suite);

MODULE_DESCRIPTION("KUnit tests of reclaimable swiotlb");
MODULE_LICENSE("GPL");
