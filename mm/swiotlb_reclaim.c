// SPDX-License-Identifier: GPL-2.0
/*
 * Reclaimable swiotlb: when to lend bounce buffers, when to take them back.
 *
 * A bounce buffer pool that lends is larger than its users need most of the
 * time. Its idle segments (256 KiB) belong to the page allocator, in pageblocks
 * of a type of their own, MIGRATE_SWIOTLB, from which movable pages only are
 * allocated. A mapping that finds no slot takes a free segment from the free
 * list of that type, in whatever context it runs. A thread, kswiotlbd, does
 * what takes longer:
 *
 *  - refill: when the pool runs low on free slots, take more. What is free
 *    first, then by migrating the pages of lent segments elsewhere;
 *  - lend: what has not been needed for a while.
 *
 * It must make progress while every other task waits for a bounce buffer. So
 * it waits for no I/O, for no page lock, and does not reclaim memory to migrate
 * to. The balloon's pages are an exception: its driver asks the host for each, but
 * through no bounce buffer.
 *
 * Locking: reclaim.lock is held by whoever lends, refills or changes a tunable,
 * and serializes them. A segment becomes lent under it only; it becomes owned
 * under it, or by a mapping that has taken its pages. area->lock and zone->lock
 * nest inside, never in one another.
 */

#define pr_fmt(fmt) "software IO TLB: reclaim: " fmt

#include <linux/cpuset.h>
#include <linux/debugfs.h>
#include <linux/error-injection.h>
#include <linux/init.h>
#include <linux/io.h>
#include <linux/jiffies.h>
#include <linux/kobject.h>
#include <linux/kthread.h>
#include <linux/migrate.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/page-isolation.h>
#include <linux/percpu.h>
#include <linux/sched/clock.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/swap.h>
#include <linux/sysfs.h>
#include <linux/vmstat.h>

#include "internal.h"
#include "swiotlb_cushion.h"
#include "swiotlb_reclaim.h"

#define CREATE_TRACE_POINTS
#include <trace/events/swiotlb_reclaim.h>

/*
 * How long after the last take-back nothing is lent. Shorter, and a device
 * that bursts once a second has to take everything back each time; longer, and
 * memory comes back later.
 */
#define LEND_DELAY	(2 * HZ)

/* How often use is sampled while more than the floor is owned, or slots were missed. */
#define SAMPLE_PERIOD	(HZ / 4)

/*
 * The same when no segment has been lent or taken for so long. A ring of network buffers
 * can keep more than the floor owned for days, and a phone should sleep meanwhile. When
 * use grows, mappings wake kswiotlbd.
 */
#define STEADY_PERIOD	(2 * HZ)
#define STEADY_AFTER	(64 * HZ)

/*
 * Samples that are remembered one by one: 4 s. After a spike its memory is lent that
 * much later, unless mappings have failed.
 */
#define PEAK_SAMPLES	16

/*
 * Windows of so many samples that are remembered, too: 64 s. I/O that goes on
 * comes near its peak in many of them, and moves no segment. What was reached in
 * less than PEAK_TIMES of them was a spike, or two: one that lasts across the bounds
 * of two windows, seen half grown in the first of them, and another.
 */
#define PEAK_WINDOWS	16
#define PEAK_TIMES	4

/*
 * The part of the pool that is owned above a quarter more than the recent peak, at
 * least. Free slots are scattered, and a largest request needs a whole segment.
 * Measured with a pool of 256 MiB and I/O that has 18 MiB mapped: with 1/4 MiB
 * instead, two segments were taken a minute after it had begun.
 */
#define HEADROOM_PART	64

/* Passes over a pageblock in which some folio was busy for a moment. */
#define EVACUATE_PASSES	3

/*
 * Pageblocks among which the cheapest is looked for: four times as many as are wanted
 * at most; the next window follows if one does not suffice. A look at a page takes 56
 * instructions (x86-64), dropping it from the page cache 1,300.
 */
#define EVACUATE_WINDOW	32

/*
 * What it costs to empty a page, relative to each other. Clean page cache is
 * dropped, the rest is copied, under the locks of what maps it. What is locked or
 * under I/O will most likely be skipped, and what is on no LRU list is pinned,
 * about to be, or somebody's who cannot let go of it: a single such page outweighs
 * all else there can be in a pageblock.
 */
#define COST_DROP	1
#define COST_COPY	4
#define COST_BUSY	64
#define COST_STUCK	(1U << 20)
#define COST_NEVER	UINT_MAX

/*
 * The part of the pool that is to be lent and free, if there is use for all memory.
 * Measured with a pool of 256 MiB and bursts of 16: with 16 MiB some of them failed
 * where the floor is 1 MiB, as some of what is free is smaller than a segment.
 */
#define CUSHION_PART	12

/*
 * Most segments that are taken at a time because mappings found no slots although
 * the pool owns what it should, so that slots are too scattered for large requests.
 */
#define MISSED_MAX	8

/*
 * Most segments that are evacuated before others get reclaim.lock, and after how long
 * no more are taken or lent. A pageblock takes some milliseconds at most, but on a debug
 * kernel that had all CPUs busy and poisons pages, one segment took a second.
 */
#define GROW_MAX	64
#define HOLD_MAX	(HZ / 4)

/* Pause after a take-back that had no success, doubling up to the maximum. */
#define BACKOFF_MIN	(HZ / 20)
#define BACKOFF_MAX	(2 * HZ)
/*
 * The same for want of memory to migrate to, or while others have isolated too much of
 * it, soon after mappings have failed: kswapd, which has been woken, frees some at once.
 */
#define MISSED_BACKOFF_MAX	(HZ / 10)
/* The same for a pageblock that could not be emptied */
#define BLOCK_BACKOFF_MAX	(60 * HZ)

/* How long an attempt to reclaim that was in vain may hold for others, in jiffies */
#define IN_VAIN_AT_MOST	(4 * HZ)

/* log2 of nanoseconds that histograms distinguish; the last takes the rest */
#define HIST_BUCKETS	32

enum swiotlb_hist { HIST_TAKE_FREE, HIST_EVACUATE, NR_HISTS };

struct swiotlb_hists {
	unsigned long count[NR_HISTS][HIST_BUCKETS];
};

static DEFINE_PER_CPU(struct swiotlb_hists, swiotlb_hists);

/**
 * struct use_history - how many slots were mapped, in an area or in all of them, or
 *			would have been
 * @samples:	The most in each of the last periods.
 * @windows:	The largest of the samples of each of the last windows.
 *
 * Under reclaim.lock.
 */
struct use_history {
	unsigned int samples[PEAK_SAMPLES];
	unsigned int windows[PEAK_WINDOWS];
};

/**
 * struct backoff - when to try again what had no success
 * @pause:	Jiffies for which to pause the next time, zero after a success.
 * @retry:	When it may be tried again, in jiffies, unless @pause is zero.
 *
 * Under reclaim.lock. One for evacuation wherever it is cheapest, one for that to
 * give each area its floor, so that an area which cannot be emptied does not keep
 * others from it, and one for each pageblock: a page may be pinned for as long as a
 * device is in use, so a block that could not be emptied is left for longer each
 * time.
 */
struct backoff {
	unsigned long pause;
	unsigned long retry;
};

/**
 * struct block_cost - what it costs to empty the lent segments of a pageblock
 * @mean:	Of a segment, on average. %COST_NEVER if there is none, or if that was
 *		tried in vain a short time ago.
 * @least:	Of the cheapest segment.
 */
struct block_cost {
	unsigned int mean;
	unsigned int least;
};

/**
 * struct swiotlb_reclaim - all state of the policy
 * @lock:	Held while segments are lent, or taken back other than by maps.
 * @pool:	The pool that lends. Set once.
 * @zone:	The zone all of it lies in. Set once.
 * @task:	kswiotlbd. Set once.
 * @use:	Of each area, and a last one of the pool. Under @lock.
 * @evacuation:	When segments of any area may be evacuated again. Under @lock.
 * @floor_evacuation: The same, for areas below their floor. Under @lock.
 * @blocks:	When each pageblock may be. Under @lock.
 * @costs:	Of the blocks evacuation chooses from. Under @lock.
 * @period:	Number of the current period. Under @lock.
 * @floor:	Segments of each area that are never lent. Under @lock.
 * @low:	Free slots below which the pool is refilled. Under @lock.
 * @refill:	Free slots the pool is refilled to. Under @lock.
 * @cursor:	Pageblock at which the next evacuation begins. Under @lock.
 * @tried:	Pageblocks that were tried in vain, in an attempt that goes on when
 *		@lock has been released. Under @lock.
 * @error:	Why segments could not be had in that attempt, or 0. Under @lock.
 * @hold_end:	When whoever has @lock is to move no more segments, in jiffies. Under
 *		@lock.
 * @cut_short:	That was so. Under @lock.
 * @enabled:	Whether to lend at all. Under @lock.
 * @paused:	A test moves segments itself. Under @lock.
 * @kicked:	kswiotlbd is to look, or is looking. Written without a lock.
 * @more:	Of what was to be taken there is another part. Under @lock.
 * @last_take:	When a segment was last taken or missed, in jiffies. No lock.
 * @last_lend:	When one was last lent, in jiffies. Written under @lock.
 * @map_took:	A mapping has asked for a free segment since kswiotlbd last looked. No
 *		lock.
 * @growing:	Samples after which the pool is still to grow for that. Under @lock.
 * @missed:	Slots of mappings that found no segment to take since kswiotlbd
 *		last looked. No lock.
 * @unserved:	The same, since use was last sampled. Under @lock.
 * @unfilled:	The same, since kswiotlbd last had the time to take segments for them.
 *		Under @lock.
 * @missed_use:	Of the pool, in the periods with any. Under @lock.
 * @last_evacuation: How the last one ended, for the log. No lock.
 * @lost:	Segments that stay lent for ever, when that was last counted. Written under
 *		@lock.
 * @map_failed:	Number of mappings that found no slot.
 */
static struct swiotlb_reclaim {
	struct mutex lock;
	struct io_tlb_pool *pool;
	struct zone *zone;
	struct task_struct *task;
	struct use_history *use;
	struct backoff evacuation;
	struct backoff floor_evacuation;
	struct backoff *blocks;
	struct block_cost costs[EVACUATE_WINDOW];
	unsigned int period;
	unsigned int floor;
	unsigned int low;
	unsigned int refill;
	unsigned int cursor;
	unsigned long *tried;
	int error;
	unsigned long hold_end;
	bool cut_short;
	bool enabled;
	bool paused;
	bool kicked;
	bool more;
	unsigned long last_take;
	unsigned long last_lend;
	bool map_took;
	unsigned int growing;
	const char *last_evacuation;
	unsigned int lost;
	unsigned int missed;
	unsigned int unserved;
	unsigned int unfilled;
	struct use_history missed_use;
	atomic_long_t map_failed;
} reclaim = {
	.lock = __MUTEX_INITIALIZER(reclaim.lock),
	.last_evacuation = "there was none",
	.map_failed = ATOMIC_LONG_INIT(0),
};

/* Count what began at @start, of local_clock(). On another CPU that may be later. */
static void swiotlb_hist_add(enum swiotlb_hist hist, u64 start)
{
	s64 ns = max_t(s64, local_clock() - start, 0);
	unsigned int bucket = min_t(unsigned int, fls64(ns), HIST_BUCKETS - 1);

	this_cpu_inc(swiotlb_hists.count[hist][bucket]);
}

static unsigned int area_segments(void)
{
	return reclaim.pool->area_nslabs / IO_TLB_SEGSIZE;
}

static unsigned int block_segments(void)
{
	return pageblock_nr_pages / SWIOTLB_SEGMENT_PAGES;
}

static unsigned int nr_blocks(void)
{
	return swiotlb_nr_segments(reclaim.pool) / block_segments();
}

/* Segments of an area that are mapped or can be. */
static unsigned int area_owned(const struct swiotlb_area_stat *stat)
{
	return area_segments() - stat->lent - stat->retired;
}

/*
 * Called by mappings, in whatever context they run.
 */

/**
 * swiotlb_reclaim_wake() - have kswiotlbd look at how much is owned
 *
 * Context: any context but NMI. The caller must hold neither area->lock nor
 * zone->lock.
 */
void swiotlb_reclaim_wake(void)
{
	/* Pairs with kswiotlbd(): it sees what led here, or this its going to sleep */
	smp_mb();
	if (READ_ONCE(reclaim.kicked))
		return;
	WRITE_ONCE(reclaim.kicked, true);
	wake_up_process(reclaim.task);
}

/**
 * swiotlb_reclaim_take_free() - take a free segment for a mapping
 * @pool:	The pool that lends.
 *
 * It does not wait for kswiotlbd, which looks whether others should be owned.
 *
 * Context: any context but NMI. Takes and releases zone->lock; the caller must
 * not hold an area lock.
 * Return: first page of a segment that is still marked lent, for the caller to
 * own, or %NULL if none is free.
 */
struct page *swiotlb_reclaim_take_free(struct io_tlb_pool *pool)
{
	u64 start = local_clock();
	struct page *page;
	phys_addr_t offset;

	page = swiotlb_take_free(reclaim.zone, SWIOTLB_SEGMENT_ORDER);
	if (page) {
		swiotlb_hist_add(HIST_TAKE_FREE, start);
		count_vm_event(SWIOTLB_TAKE_FREE);
		offset = page_to_phys(page) - pool->start;
		trace_swiotlb_take_free(offset >> SWIOTLB_SEGMENT_SHIFT,
					page_to_pfn(page));
	} else {
		count_vm_event(SWIOTLB_TAKE_FAIL);
	}
	WRITE_ONCE(reclaim.last_take, jiffies);
	WRITE_ONCE(reclaim.map_took, true);
	swiotlb_reclaim_wake();
	return page;
}

/**
 * swiotlb_reclaim_missed() - a mapping found neither slots nor a free segment
 * @nslots:	Slots it asked for.
 *
 * Whatever the number of free slots: they may be too scattered. kswiotlbd takes
 * segments for those that follow.
 *
 * Context: any context but NMI. The caller must hold neither area->lock nor
 * zone->lock.
 */
void swiotlb_reclaim_missed(unsigned int nslots)
{
	/* Additions may get lost, one of many is enough */
	WRITE_ONCE(reclaim.missed, READ_ONCE(reclaim.missed) + nslots);
	swiotlb_reclaim_wake();
}

/**
 * swiotlb_reclaim_map_failed() - count a mapping for which there was no slot
 *
 * Context: any.
 */
void swiotlb_reclaim_map_failed(void)
{
	atomic_long_inc(&reclaim.map_failed);
}

/**
 * swiotlb_reclaim_last_evacuation() - how the last evacuation ended
 *
 * Context: any.
 * Return: a string for the log.
 */
const char *swiotlb_reclaim_last_evacuation(void)
{
	return READ_ONCE(reclaim.last_evacuation);
}

/**
 * swiotlb_reclaim_lost() - how many segments stay lent for ever
 *
 * As a page in them has gone bad. Known once the pool wanted more than it could take.
 *
 * Context: any.
 * Return: number of segments.
 */
unsigned int swiotlb_reclaim_lost(void)
{
	return READ_ONCE(reclaim.lost);
}

/*
 * Evacuation: empty lent segments by migration.
 */

/**
 * regular_is_low() - is less regular memory free than a watermark asks for?
 * @folio:	Just allocated, for evacuation.
 * @gfp:	With which.
 * @mark:	The watermark, in pages.
 *
 * The page allocator counts free lent memory as well, which evacuation must not use.
 */
static bool regular_is_low(struct folio *folio, gfp_t gfp, unsigned long mark)
{
	/* Memory of CMA areas is not missed by those who need regular memory */
	if (folio_zone(folio) != reclaim.zone || is_migrate_cma_page(&folio->page))
		return false;
	return !zone_watermark_ok(reclaim.zone, 0, mark, gfp_zone(gfp), 0);
}

/* Whatever type its pageblock has: that being evacuated is isolated */
static bool is_in_pool(struct folio *folio)
{
	phys_addr_t offset = PFN_PHYS(folio_pfn(folio)) - reclaim.pool->start;

	return offset < reclaim.pool->end - reclaim.pool->start;
}

/**
 * evacuate_target() - allocate a folio to migrate to
 * @src:	Folio in a lent segment.
 * @private:	Address of a bool, set if there is not even a single page.
 *
 * kswapd may be woken, but reclaiming here might wait for I/O that waits for a
 * bounce buffer. The allocation does not fall back to lent memory, as
 * swiotlb_reclaim_is_evacuating(); lent pages that wait on a per-CPU list can
 * still turn up. Regular memory below the min watermark is left to those who cannot
 * wait. Asked for what may be lent, the page allocator counts what is free of that, or
 * stops earlier. Asked for what cannot be lent, it knows exactly; but the blocks of that
 * are for others, so it is asked last.
 *
 * Return: a folio as large as @src, or %NULL.
 */
static struct folio *evacuate_target(struct folio *src, unsigned long private)
{
	gfp_t gfp = (GFP_HIGHUSER_MOVABLE & ~__GFP_RECLAIM) | __GFP_NOMEMALLOC |
		    __GFP_KSWAPD_RECLAIM | __GFP_NORETRY | __GFP_NOWARN;
	unsigned int order = folio_order(src);
	int nid = folio_nid(src);
	struct folio *dst;

	if (folio_test_hugetlb(src))
		return NULL;

	dst = __folio_alloc_node(gfp, order, nid);
	if (dst && is_in_pool(dst)) {
		folio_put(dst);
		lru_add_drain_cpu_zone(reclaim.zone);
		dst = __folio_alloc_node(gfp, order, nid);
	}
	if (dst && !is_in_pool(dst)) {
		if (!regular_is_low(dst, gfp, low_wmark_pages(reclaim.zone)))
			return dst;
		wakeup_kswapd(reclaim.zone, gfp, order, gfp_zone(gfp));
		if (!regular_is_low(dst, gfp, min_wmark_pages(reclaim.zone)))
			return dst;
	}
	if (dst)
		folio_put(dst);
	dst = __folio_alloc_node(gfp & ~__GFP_MOVABLE, order, nid);
	if (!dst && !order)
		*(bool *)private = true;
	return dst;
}

/*
 * Drop what is clean page cache. Not of file systems that keep something of
 * their own in a folio, and might wait for I/O to release it: that migrates. So does
 * what is locked, as who has the lock may add something. Who locks a clean folio
 * later has no reason to.
 */
static void drop_clean_cache(struct compact_control *cc)
{
	struct folio *folio, *next;
	LIST_HEAD(keep);

	list_for_each_entry_safe(folio, next, &cc->migratepages, lru)
		/* Other flags may change while it looks at this one */
		if (folio_test_locked(folio) || data_race(folio_has_private(folio)))
			list_move(&folio->lru, &keep);
	reclaim_clean_pages_from_list(cc->zone, &cc->migratepages);
	list_splice(&keep, &cc->migratepages);
}

/*
 * Hugetlb folios are not allocated in lent memory, but may have been before any
 * was lent. Free ones would be replaced by sleeping allocations: leave them.
 */
static bool segment_has_hugetlb(unsigned long pfn)
{
	unsigned long end = pfn + SWIOTLB_SEGMENT_PAGES;

	for (; pfn < end; pfn++)
		if (PageHuge(pfn_to_page(pfn)))
			return true;
	return false;
}

/* evacuate_segment() for what may be isolated under this mask */
static int evacuate_range(unsigned long pfn, unsigned long end, gfp_t gfp_mask)
{
	struct compact_control cc = {
		.order = -1,
		.zone = reclaim.zone,
		.mode = MIGRATE_ASYNC,
		.gfp_mask = gfp_mask,
		.ignore_skip_hint = true,
		.no_set_skip_hint = true,
		.alloc_contig = true,	/* large folios, too */
	};
	bool no_memory = false;
	int ret = 0;

	INIT_LIST_HEAD(&cc.migratepages);
	while (pfn < end && !ret) {
		cc.nr_migratepages = 0;
		ret = isolate_migratepages_range(&cc, pfn, end);
		pfn = cc.migrate_pfn;
		if (!list_empty(&cc.migratepages)) {
			drop_clean_cache(&cc);
			/* Does not say so if it could split a large folio instead */
			if (migrate_pages(&cc.migratepages, evacuate_target,
					  NULL, (unsigned long)&no_memory,
					  cc.mode, MR_CONTIG_RANGE,
					  NULL) == -ENOMEM)
				ret = -ENOMEM;
			if (!list_empty(&cc.migratepages)) {
				putback_movable_pages(&cc.migratepages);
				if (!ret)
					ret = no_memory ? -ENOMEM : -EBUSY;
			}
		}
	}
	return ret;
}

/**
 * evacuate_segment() - migrate all there is in a segment elsewhere
 * @pfn:	First page frame of the segment, in an isolated pageblock.
 *
 * MIGRATE_ASYNC never waits for a folio that is locked or under writeback, so
 * that this thread cannot wait for a task that waits for a bounce buffer. Where
 * a large folio is split for want of a large target, nodes of the file's tree are
 * allocated: from reserves, as in direct compaction, not by reclaim, which would wait
 * for I/O as well, or have a task of the file's memcg killed. And its file system
 * is asked to let go of it, which it may do I/O for, and wait, where I/O is allowed.
 * Clean page cache is dropped rather than copied.
 *
 * Context: process context, may sleep. reclaim.lock is held.
 * Return: 0 if nothing is known to be left, -EBUSY if some folio stayed, -ENOMEM if
 * there is no memory to migrate to, -EAGAIN if others have so many pages isolated
 * that no more should be, or -EINTR if the task is being killed.
 */
static int evacuate_segment(unsigned long pfn)
{
	unsigned long end = pfn + SWIOTLB_SEGMENT_PAGES;
	unsigned int noio, noreclaim;
	int ret;

	if (segment_has_hugetlb(pfn))
		return -EBUSY;

	/*
	 * A large folio may begin in a segment before. Never in another
	 * pageblock, as folios on the LRU are not larger than that.
	 */
	pfn = clamp(page_to_pfn(compound_head(pfn_to_page(pfn))),
		    pageblock_start_pfn(pfn), pfn);

	noio = memalloc_noio_save();
	noreclaim = memalloc_noreclaim_save();
	/* Folios of any file system */
	ret = evacuate_range(pfn, end, GFP_USER);
	/*
	 * Tasks that reclaim have isolated them, and may wait for a bounce buffer.
	 * Anonymous memory alone has a limit that they do not reach.
	 */
	if (ret == -EAGAIN)
		ret = evacuate_range(pfn, end, GFP_NOFS);
	memalloc_noreclaim_restore(noreclaim);
	memalloc_noio_restore(noio);

	return ret;
}

/*
 * The caller has just got reclaim.lock, and has so many jiffies to move segments. At
 * least one is tried.
 */
static void begin_hold(unsigned long max)
{
	lockdep_assert_held(&reclaim.lock);
	reclaim.hold_end = jiffies + max;
	reclaim.cut_short = false;
}

/* What is tried next is tried anew, if that was not cut short. */
static void end_attempt(void)
{
	if (reclaim.cut_short)
		return;
	bitmap_zero(reclaim.tried, nr_blocks());
	reclaim.error = 0;
}

/* Has reclaim.lock been held for so long that others should have it? */
static bool hold_is_over(void)
{
	return time_after(jiffies, reclaim.hold_end);
}

/* Would the next segment fare the same, whatever is in it? */
static bool is_final(int error)
{
	return error == -EAGAIN || error == -EINTR;
}

/*
 * Is somebody doing DMA to it, or about to? A pin of a small folio counts as many
 * references, so that many mappings look like one; those are known.
 */
static bool folio_is_pinned(struct folio *folio, unsigned long flags)
{
	int mapcount;

	if (flags & BIT(PG_head))
		return atomic_read(&folio->_pincount) > 0;
	/* First, as both may grow meanwhile. Of what is no folio any more it is a type */
	mapcount = atomic_read(&folio->_mapcount) + 1;
	if (page_mapcount_is_type(mapcount))
		return false;
	return folio_ref_count(folio) - mapcount >= (int)GUP_PIN_COUNTING_BIAS;
}

/*
 * What it costs to empty a page of @folio. The caller need not have a reference, which
 * would cost more than all of this, and keep others from splitting or migrating it. So
 * it may become something else meanwhile, and flags are read as bits: who asks for
 * them by name has to know that it is no tail page.
 */
static unsigned int folio_cost(struct folio *folio)
{
	unsigned long flags = READ_ONCE(folio->flags);

	/*
	 * On no LRU list, but can be migrated: those of zsmalloc, and of the balloon,
	 * which is told the host, and waited for, so other memory comes first.
	 */
	if (__folio_test_movable(folio))
		return PageOffline(&folio->page) ? COST_BUSY : COST_COPY;
	if (!(flags & BIT(PG_lru)) || folio_is_pinned(folio, flags))
		return COST_STUCK;
	if (flags & (BIT(PG_locked) | BIT(PG_writeback)))
		return COST_BUSY;
	if (flags & (BIT(PG_swapbacked) | BIT(PG_dirty) | BIT(PG_private)))
		return COST_COPY;
	return COST_DROP;
}

/*
 * What it costs to empty a page and those after it of the same folio or free
 * block, of which there are @left in the segment. Sets @pages to their number.
 */
static unsigned int page_cost(struct page *page, unsigned long left,
			      unsigned long *pages)
{
	struct folio *folio = page_folio(page);
	unsigned int order, cost = 0;
	unsigned long before = 0;

	if (folio_ref_count(folio)) {
		cost = folio_cost(folio);
		/* Freed just then, it was on no list any more */
		if (cost == COST_STUCK && !folio_ref_count(folio))
			cost = 0;
		order = compound_order(&folio->page);
		before = folio_page_idx(folio, page);
	} else {
		order = PageBuddy(page) ? buddy_order_unsafe(page) : 0;
	}

	/* Either may be any number, as what it is may have changed */
	*pages = 1;
	if (order <= MAX_PAGE_ORDER && before < 1UL << order)
		*pages = min((1UL << order) - before, left);
	return cost * *pages;
}

/* What it costs to empty a lent segment. Without any lock, so an estimate. */
static unsigned int segment_cost(unsigned int segment)
{
	unsigned long pfn = swiotlb_segment_pfn(reclaim.pool, segment);
	unsigned long end = pfn + SWIOTLB_SEGMENT_PAGES, pages;
	unsigned int cost = 0;

	for (; pfn < end; pfn += pages)
		cost += data_race(page_cost(pfn_to_page(pfn), end - pfn, &pages));
	return cost;
}

/* Make the slots of a segment available whose pages have just been taken. */
static void own_segment(unsigned int segment, enum vm_event_item event)
{
	swiotlb_segment_own(reclaim.pool, segment);
	count_vm_event(event);
}

/* Take a lent segment if all of it is free. */
static bool take_segment(unsigned int segment, enum vm_event_item event)
{
	unsigned long pfn = swiotlb_segment_pfn(reclaim.pool, segment);

	if (!swiotlb_take_range(pfn, SWIOTLB_SEGMENT_ORDER))
		return false;
	if (event == SWIOTLB_TAKE_FREE)
		trace_swiotlb_take_free(segment, pfn);
	own_segment(segment, event);
	return true;
}

/**
 * evacuate_pass() - empty lent segments of an isolated pageblock and take them
 * @first:	First segment to take.
 * @last:	One past the last.
 * @want:	How many segments are wanted.
 * @error:	Receives why a segment could not be had, or 0: the last, or -ENOMEM.
 * @again:	Receives whether another pass may have more: of what was busy for a
 *		moment, or what others have freed, parked on their CPU.
 *
 * What turns out free is taken even if something was busy.
 *
 * Context: process context, may sleep. reclaim.lock is held.
 * Return: number of segments taken.
 */
static unsigned int evacuate_pass(unsigned int first, unsigned int last,
				  unsigned int want, int *error, bool *again)
{
	struct io_tlb_pool *pool = reclaim.pool;
	unsigned int segment, taken = 0;
	unsigned long pfn;
	int ret;

	*error = 0;
	*again = false;
	for (segment = first; segment < last && taken < want; segment++) {
		if (!test_bit(segment, pool->lent))
			continue;
		pfn = swiotlb_segment_pfn(pool, segment);
		/* Migrating the rest would be in vain */
		ret = -EBUSY;
		if (segment_cost(segment) < COST_STUCK) {
			ret = evacuate_segment(pfn);
			if (take_segment(segment, SWIOTLB_TAKE_MIGRATE)) {
				taken++;
				if (hold_is_over())
					break;
				continue;
			}
			*again |= !ret || ret == -EBUSY;
		}
		/* A mapping may have taken it before the block was isolated */
		if (!test_bit(segment, pool->lent))
			continue;
		/* A lack of memory is not the block's fault, and stays the reason */
		if (*error != -ENOMEM || is_final(ret))
			*error = ret ?: -EBUSY;
		trace_swiotlb_evacuate_busy(pfn, ret ?: -EBUSY);
		/* Without memory to migrate to, the next may be clean page cache */
		if (is_final(ret)) {
			*again = false;
			break;
		}
	}
	return taken;
}

/**
 * evacuate_block() - take lent segments of a pageblock back by migration
 * @first:	First segment of the pageblock to take.
 * @last:	One past the last.
 * @want:	How many segments are wanted.
 * @error:	Receives why a segment could not be had, or 0: the last, or -ENOMEM.
 *
 * The pageblock is isolated, so that what has been migrated away is not allocated
 * again, but for pages that lists of CPUs had before.
 *
 * Context: process context, may sleep. reclaim.lock is held.
 * Return: number of segments taken.
 */
static unsigned int evacuate_block(unsigned int first, unsigned int last,
				   unsigned int want, int *error)
{
	unsigned int pass, taken = 0;
	u64 since = local_clock();
	unsigned long start, end;
	bool again = true;

	start = pageblock_start_pfn(swiotlb_segment_pfn(reclaim.pool, first));
	end = start + pageblock_nr_pages;
	trace_swiotlb_evacuate_start(start, want);

	*error = start_isolate_page_range(start, end, MIGRATE_SWIOTLB, 0,
					  GFP_KERNEL);
	if (*error) {
		trace_swiotlb_evacuate_busy(start, *error);
		goto out;
	}
	for (pass = 0; pass < EVACUATE_PASSES && again && taken < want; pass++) {
		/* Takes the locks of all CPUs' lists, so not in any case */
		if (pass)
			drain_all_pages(reclaim.zone);
		taken += evacuate_pass(first, last, want - taken, error, &again);
		if (hold_is_over())
			break;
	}
	undo_isolate_page_range(start, end, MIGRATE_SWIOTLB);
	swiotlb_hist_add(HIST_EVACUATE, since);
out:
	trace_swiotlb_evacuate_finish(start, want, taken);
	return taken;
}

static const char *error_text(int error)
{
	switch (error) {
	case 0:
		return "nothing more is lent";
	case -ENOMEM:
		return "no memory to migrate to";
	case -EAGAIN:
		return "others have isolated too many pages";
	case -EINTR:
		return "it was interrupted";
	default:
		return "lent pages are busy or pinned";
	}
}

/* Take free segments in [first, last), while there is time. Returns how many. */
static unsigned int take_free_segments(unsigned int first, unsigned int last,
				       unsigned int want)
{
	unsigned int segment = first, taken = 0;

	for (; taken < want && !reclaim.cut_short; segment++) {
		segment = find_next_bit(reclaim.pool->lent, last, segment);
		if (segment >= last)
			break;
		if (take_segment(segment, SWIOTLB_TAKE_FREE)) {
			taken++;
			reclaim.cut_short = hold_is_over();
		}
		cond_resched();
	}
	return taken;
}

/* First segment of a pageblock */
static unsigned int start_of(unsigned int block)
{
	return block * block_segments();
}

static bool may_try(const struct backoff *backoff)
{
	return !backoff->pause || time_after_eq(jiffies, backoff->retry);
}

/*
 * Nothing was had: pause, and for twice as long the next time, up to @max. What was
 * in vain long ago says nothing any more.
 */
static void back_off(struct backoff *backoff, unsigned long max)
{
	if (time_after(jiffies, backoff->retry + max))
		backoff->pause = 0;
	backoff->pause = clamp(backoff->pause * 2, BACKOFF_MIN, max);
	backoff->retry = jiffies + backoff->pause;
}

/* Jiffies until it may be tried again */
static long pause_left(const struct backoff *backoff)
{
	return may_try(backoff) ? 0 : backoff->retry - jiffies;
}

/*
 * What a segment costs that is had by emptying the lent ones in [first, last),
 * which is within a pageblock.
 */
static struct block_cost block_cost(unsigned int first, unsigned int last)
{
	struct block_cost cost = { COST_NEVER, COST_NEVER };
	unsigned int segment, one, lent = 0;
	u64 sum = 0;

	if (test_bit(first / block_segments(), reclaim.tried) ||
	    !may_try(&reclaim.blocks[first / block_segments()]))
		return cost;

	for (segment = first; segment < last; segment++) {
		if (!test_bit(segment, reclaim.pool->lent))
			continue;
		one = segment_cost(segment);
		cost.least = min(cost.least, one);
		sum += one;
		lent++;
	}
	if (lent)
		cost.mean = div_u64(sum, lent);
	return cost;
}

/* The cheapest of @nr blocks with a segment that costs at most @limit, or @nr. */
static unsigned int cheapest_block(unsigned int nr, unsigned int limit)
{
	unsigned int i, mean = COST_NEVER, best = nr;

	for (i = 0; i < nr; i++) {
		if (reclaim.costs[i].mean < mean &&
		    reclaim.costs[i].least <= limit) {
			mean = reclaim.costs[i].mean;
			best = i;
		}
	}
	return best;
}

/*
 * Leave a block alone that yielded nothing: for long if something in it is stuck,
 * or just until what was busy at the moment can be expected not to be any more.
 */
static void note_block(unsigned int block, unsigned int cost, bool failed)
{
	/* The cost is an average over segments */
	bool stuck = cost >= COST_STUCK / block_segments();

	if (failed)
		back_off(&reclaim.blocks[block],
			 stuck ? BLOCK_BACKOFF_MAX : BACKOFF_MAX);
	else
		reclaim.blocks[block].pause = 0;
}

/**
 * evacuate_window() - empty the cheapest of some pageblocks
 * @block:	First pageblock.
 * @nr:		Number of pageblocks, at most EVACUATE_WINDOW.
 * @first:	First segment to take.
 * @last:	One past the last.
 * @want:	How many segments are wanted.
 * @error:	On entry, why segments could not be had before, or 0. Receives
 *		the same for this call.
 *
 * Without memory to migrate to, blocks full of clean page cache can still be had.
 * Some segment is tried, however long that takes.
 *
 * Context: process context, may sleep. reclaim.lock is held.
 * Return: number of segments taken.
 */
static unsigned int evacuate_window(unsigned int block, unsigned int nr,
				    unsigned int first, unsigned int last,
				    unsigned int want, int *error)
{
	unsigned int i, limit, had, taken = 0;
	struct block_cost cost;
	int err;

	for (i = 0; i < nr; i++) {
		reclaim.costs[i] = block_cost(max(first, start_of(block + i)),
					      min(last, start_of(block + i + 1)));
		cond_resched();
	}

	while (taken < want && !is_final(*error)) {
		limit = *error == -ENOMEM ?
			SWIOTLB_SEGMENT_PAGES * COST_DROP : COST_NEVER;
		i = cheapest_block(nr, limit);
		if (i == nr)
			break;
		cost = reclaim.costs[i];
		reclaim.costs[i].mean = COST_NEVER;
		err = -EBUSY;
		had = 0;
		if (cost.least < COST_STUCK)
			had = evacuate_block(max(first, start_of(block + i)),
					     min(last, start_of(block + i + 1)),
					     want - taken, &err);
		if (!had)
			__set_bit(block + i, reclaim.tried);
		taken += had;
		if (err != -ENOMEM && !is_final(err))
			note_block(block + i, cost.mean, err && !had);
		if (err && (*error != -ENOMEM || is_final(err)))
			*error = err;
		reclaim.cut_short = hold_is_over() && !is_final(*error);
		if (reclaim.cut_short)
			break;
		cond_resched();
	}
	return taken;
}

/* May any block be evacuated that has segments in [first, last)? */
static bool evacuation_is_due(unsigned int first, unsigned int last)
{
	unsigned int segment = first;

	for (;;) {
		segment = find_next_bit(reclaim.pool->lent, last, segment);
		if (segment >= last)
			return false;
		if (may_try(&reclaim.blocks[segment / block_segments()]))
			return true;
		segment = ALIGN(segment + 1, block_segments());
	}
}

/**
 * evacuate_segments() - take lent segments back by migration
 * @first:	First segment to take.
 * @last:	One past the last.
 * @want:	How many segments are wanted.
 * @error:	On entry, why segments could not be had before, or 0. Receives why
 *		not all of them could be had.
 *
 * Pageblocks are looked at from where the last evacuation ended, so that all of
 * them get their turn, and the cheapest in a window are emptied. When reclaim.lock
 * has been held for long, the rest is for the next call: each that is tried in vain
 * may take a while.
 *
 * Context: process context, may sleep. reclaim.lock is held.
 * Return: number of segments taken.
 */
static unsigned int evacuate_segments(unsigned int first, unsigned int last,
				      unsigned int want, int *error)
{
	unsigned int begin = first / block_segments();
	unsigned int end = DIV_ROUND_UP(last, block_segments());
	unsigned int left = end - begin, taken = 0, nr;
	unsigned int block = reclaim.cursor;

	if (block < begin || block >= end)
		block = begin;
	/* Near the end there would be little to choose from */
	block = min(block, end - min(left, EVACUATE_WINDOW));

	/* Once per batch: it makes all CPUs give up their LRU batches */
	lru_cache_disable();
	/*
	 * This one gives up its free pages, too. Not for each block: there are those by
	 * then that it has for more targets, and would have to get again.
	 */
	lru_add_drain_cpu_zone(reclaim.zone);
	WRITE_ONCE(swiotlb_reclaim_task, current);
	do {
		nr = min3(left, end - block, EVACUATE_WINDOW);
		taken += evacuate_window(block, nr, first, last, want - taken,
					 error);
		left -= nr;
		block = block + nr < end ? block + nr : begin;
	} while (taken < want && left && !is_final(*error) && !reclaim.cut_short);
	WRITE_ONCE(swiotlb_reclaim_task, NULL);
	lru_cache_enable();
	reclaim.cursor = block;

	/* All that is left was tried in vain a short time ago */
	if (taken < want && !*error)
		*error = -EBUSY;
	return taken;
}

static unsigned int max_of(const unsigned int *values, unsigned int nr)
{
	unsigned int max = 0;

	while (nr--)
		max = max(max, values[nr]);
	return max;
}

/* Has a mapping found no slot in the last PEAK_SAMPLES periods, or since? */
static bool missed_of_late(void)
{
	return reclaim.unserved || max_of(reclaim.missed_use.samples, PEAK_SAMPLES);
}

/* A page that has gone bad must not be anybody's again. */
static bool segment_has_hwpoison(unsigned long pfn)
{
	unsigned long end = pfn + SWIOTLB_SEGMENT_PAGES;

	for (; IS_ENABLED(CONFIG_MEMORY_FAILURE) && pfn < end; pfn++)
		if (PageHWPoison(pfn_to_page(pfn)))
			return true;
	return false;
}

/* Lent segments with such a page */
static unsigned int count_lost(void)
{
	unsigned int segment, lost = 0;

	if (!IS_ENABLED(CONFIG_MEMORY_FAILURE) || !atomic_long_read(&num_poisoned_pages))
		return 0;
	for_each_set_bit(segment, reclaim.pool->lent,
			 swiotlb_nr_segments(reclaim.pool)) {
		lost += segment_has_hwpoison(swiotlb_segment_pfn(reclaim.pool, segment));
		cond_resched();
	}
	return lost;
}

/**
 * take_segments() - take segments of a range back, free ones first
 * @first:	First segment of the range.
 * @last:	One past the last.
 * @want:	How many segments are wanted.
 * @backoff:	Whether to evacuate now, or %NULL to do so in any case.
 *
 * Context: process context, may sleep. reclaim.lock is held.
 * Return: number of segments taken.
 */
static unsigned int take_segments(unsigned int first, unsigned int last,
				  unsigned int want, struct backoff *backoff)
{
	unsigned int taken = take_free_segments(first, last, want);
	unsigned int evacuated = 0;
	int error = reclaim.error;

	if (taken >= want || reclaim.cut_short)
		return taken;
	if (backoff && (!may_try(backoff) || !evacuation_is_due(first, last)))
		return taken;

	if (find_next_bit(reclaim.pool->lent, last, first) < last)
		evacuated = evacuate_segments(first, last, want - taken, &error);
	taken += evacuated;
	if (backoff && evacuated)
		backoff->pause = 0;
	if (taken < want && reclaim.cut_short) {
		reclaim.error = error;
		return taken;
	}
	if (taken < want) {
		count_vm_events(SWIOTLB_TAKE_FAIL, want - taken);
		WRITE_ONCE(reclaim.lost, count_lost());
	}
	WRITE_ONCE(reclaim.last_evacuation,
		   taken < want ? error_text(error) : "had all it wanted");
	if (backoff && !evacuated)
		back_off(backoff, missed_of_late() &&
			 (error == -ENOMEM || error == -EAGAIN) ?
			 MISSED_BACKOFF_MAX : BACKOFF_MAX);
	return taken;
}

/*
 * Give an idle segment to the page allocator, or to nobody if it has a bad page.
 * Returns whether it is not owned any more.
 */
static bool lend_segment(unsigned int segment)
{
	struct io_tlb_pool *pool = reclaim.pool;
	unsigned long pfn = swiotlb_segment_pfn(pool, segment);

	if (segment_has_hwpoison(pfn)) {
		if (!swiotlb_segment_retire(pool, segment))
			return false;
		pr_warn("segment %u is retired, a page of it has gone bad\n",
			segment);
		return true;
	}
	if (!swiotlb_segment_lend(pool, segment))
		return false;
	count_vm_event(SWIOTLB_LEND);
	trace_swiotlb_lend(segment, pfn);
	/* Too large for the per-CPU lists, so free at once, in one block */
	__free_pages(pfn_to_page(pfn), SWIOTLB_SEGMENT_ORDER);
	return true;
}

/* Lend up to @want idle segments of an area, the last ones first, while there is time. */
static unsigned int lend_area(unsigned int area, unsigned int want)
{
	unsigned int first = area * area_segments();
	unsigned int segment = first + area_segments();
	unsigned int lent = 0;

	while (lent < want && !reclaim.cut_short && segment-- > first) {
		if (!test_bit(segment, reclaim.pool->lent) &&
		    lend_segment(segment)) {
			lent++;
			WRITE_ONCE(reclaim.last_lend, jiffies);
			reclaim.cut_short = hold_is_over();
		}
		cond_resched();
	}
	return lent;
}

/* What is reached again and again: the lowest of the PEAK_TIMES highest windows */
static unsigned int usual_peak(const struct use_history *use)
{
	unsigned int highest[PEAK_TIMES] = {};
	unsigned int i, k;

	for (i = 0; i < PEAK_WINDOWS; i++) {
		unsigned int peak = use->windows[i];

		for (k = 0; k < PEAK_TIMES; k++)
			if (peak > highest[k])
				swap(peak, highest[k]);
	}
	return highest[PEAK_TIMES - 1];
}

/*
 * Is at least a quarter mapped of what usually was? Then an area that is less used
 * than it was will be again: tasks move from one CPU to another, and with them
 * their mappings from one area to another.
 */
static bool use_goes_on(void)
{
	const struct use_history *all = &reclaim.use[reclaim.pool->nareas];

	return max_of(all->samples, PEAK_SAMPLES) >= usual_peak(all) / 4;
}

/* Slots that should be owned for a peak: a quarter more, plus @free */
static unsigned int with_headroom(unsigned int peak, unsigned int free)
{
	return peak ? peak + peak / 4 + free : 0;
}

/* The same for the recent peak */
static unsigned int slots_for(const struct use_history *use, bool goes_on,
			      unsigned int free)
{
	unsigned int peak = max_of(use->samples, PEAK_SAMPLES);

	if (goes_on)
		peak = max(peak, usual_peak(use));
	return with_headroom(peak, free);
}

/*
 * How many segments an area should own: its floor, or what was used of late. More
 * than that is of no use to its CPU.
 */
static unsigned int area_target(unsigned int area, bool goes_on)
{
	unsigned int slots = slots_for(&reclaim.use[area], goes_on, 0);

	return max(reclaim.floor, DIV_ROUND_UP(slots, IO_TLB_SEGSIZE));
}

/*
 * Slots that are to be free at the pool's peak: as many as do not have it refilled,
 * and have room for large requests.
 */
static unsigned int pool_headroom(void)
{
	return max(reclaim.low, reclaim.pool->nslabs / HEADROOM_PART);
}

/*
 * How many segments the pool should own. Mappings that find an area full use
 * another, so this may be less than the areas should.
 */
static unsigned int pool_target(bool goes_on)
{
	unsigned int nareas = reclaim.pool->nareas;
	unsigned int slots = slots_for(&reclaim.use[nareas], goes_on,
				       pool_headroom());

	return max(reclaim.floor * nareas,
		   DIV_ROUND_UP(slots, IO_TLB_SEGSIZE));
}

/*
 * How many segments the pool does not lend if it owns them. For as long as windows
 * remember that mappings found no slots, their peak counts, even if it was a spike:
 * when the next comes, what has been lent meanwhile may be in use.
 */
static unsigned int pool_keeps(bool goes_on)
{
	const struct use_history *all = &reclaim.use[reclaim.pool->nareas];
	unsigned int slots = 0;

	if (max_of(reclaim.missed_use.windows, PEAK_WINDOWS))
		slots = with_headroom(max_of(all->windows, PEAK_WINDOWS),
				      pool_headroom());
	return max(pool_target(goes_on), DIV_ROUND_UP(slots, IO_TLB_SEGSIZE));
}

/* Add a sample; the one it takes the place of, and that of a window, are gone. */
static void add_sample(struct use_history *use, unsigned int period,
		       unsigned int slots)
{
	unsigned int sample = period % PEAK_SAMPLES;
	unsigned int window = period / PEAK_SAMPLES % PEAK_WINDOWS;

	use->samples[sample] = slots;
	if (!sample)
		use->windows[window] = 0;
	use->windows[window] = max(use->windows[window], slots);
}

/*
 * Sample use after @periods. Those without a sample have none of their own: when
 * in all that time the peak was cannot be told, so it counts as just now.
 *
 * What could not be mapped would have been used as well, or there would be as little
 * the next time. A mapping is tried again, and counted again, any number of times,
 * so this at most doubles what was mapped, or makes it a segment.
 */
static void sample_use(unsigned long periods)
{
	unsigned int nareas = reclaim.pool->nareas;
	unsigned int area, slots, missed = 0, sum = 0;

	/* More would only have what is forgotten forgotten again */
	periods = min_t(unsigned long, periods,
			PEAK_SAMPLES * (PEAK_WINDOWS + 1));
	for (; periods > 1; periods--) {
		reclaim.period++;
		for (area = 0; area <= nareas; area++)
			add_sample(&reclaim.use[area], reclaim.period, 0);
		add_sample(&reclaim.missed_use, reclaim.period, 0);
	}

	reclaim.period++;
	for (area = 0; area < nareas; area++) {
		slots = swiotlb_area_peak(reclaim.pool, area);
		add_sample(&reclaim.use[area], reclaim.period, slots);
		sum += slots;
	}
	if (reclaim.unserved) {
		sum += min(max(sum, IO_TLB_SEGSIZE), reclaim.unserved);
		reclaim.unserved = 0;
		missed = sum;
	}
	add_sample(&reclaim.missed_use, reclaim.period, missed);
	add_sample(&reclaim.use[nareas], reclaim.period, sum);
}

/* Free slots of an area without those of draining segments. */
static unsigned int usable_slots(unsigned int area,
				 const struct swiotlb_area_stat *stat)
{
	unsigned int segment = area * area_segments();
	unsigned int end = segment + area_segments();
	unsigned int unusable = 0;

	for (; stat->draining && segment < end; segment++)
		if (test_bit(segment, reclaim.pool->closed) &&
		    !test_bit(segment, reclaim.pool->lent))
			unusable += IO_TLB_SEGSIZE -
				    swiotlb_segment_used(reclaim.pool, segment);
	/* More may have become free since */
	return stat->free - min(stat->free, unusable);
}

/**
 * drain_area() - have segments that are in use empty
 * @area:	Index of the area.
 * @want:	How many more of its segments are to drain.
 *
 * Slots are allocated from one end of the area to the other, so that a few long
 * lived mappings would keep all segments from being lent. Those with the fewest
 * used slots are closed: what is mapped next does not go there.
 *
 * Context: process context, may sleep. reclaim.lock is held.
 */
static void drain_area(unsigned int area, unsigned int want)
{
	unsigned int first = area * area_segments();
	unsigned int last = first + area_segments();
	unsigned short count[IO_TLB_SEGSIZE + 1] = {};
	unsigned int segment, limit, used;

	for (segment = first; segment < last; segment++) {
		if (!test_bit(segment, reclaim.pool->closed))
			count[swiotlb_segment_used(reclaim.pool, segment)]++;
		cond_resched();
	}

	/* Below this number of used slots all drain, at it as many as it takes */
	for (limit = 0; limit < IO_TLB_SEGSIZE; limit++) {
		if (want <= count[limit])
			break;
		want -= count[limit];
	}
	for (segment = first; segment < last; segment++) {
		if (test_bit(segment, reclaim.pool->closed))
			continue;
		used = swiotlb_segment_used(reclaim.pool, segment);
		if (used > limit || (used == limit && !want))
			continue;
		if (used == limit)
			want--;
		swiotlb_segment_drain(reclaim.pool, segment);
		cond_resched();
	}
}

/* Have @want segments of an area drain, others than those that do if need be. */
static void set_draining(unsigned int area, unsigned int want)
{
	struct swiotlb_area_stat stat;

	swiotlb_area_stat(reclaim.pool, area, &stat);
	if (stat.draining > want) {
		/* Choose again, or too few would be left for mappings */
		swiotlb_area_reopen(reclaim.pool, area);
		stat.draining = 0;
	}
	if (stat.draining < want)
		drain_area(area, want - stat.draining);
}

/* Segments that an area owns and need not, at most @limit */
static unsigned int area_surplus(unsigned int area, bool goes_on,
				 unsigned int limit)
{
	unsigned int owned, target = area_target(area, goes_on);
	struct swiotlb_area_stat stat;

	swiotlb_area_stat(reclaim.pool, area, &stat);
	owned = area_owned(&stat);
	return min(limit, owned > target ? owned - target : 0);
}

/**
 * shrink_pool() - lend what the pool does not need
 * @owned:	Segments it owns.
 *
 * What is idle is lent at once, wherever it is. As many segments as are still too
 * many then drain, and are lent by one of the next calls. An area that owns no
 * more than it should keeps that, even if another has less.
 *
 * Context: process context, may sleep. reclaim.lock is held.
 */
static void shrink_pool(unsigned int owned)
{
	unsigned int nareas = reclaim.pool->nareas;
	bool goes_on = use_goes_on();
	unsigned int keeps = pool_keeps(goes_on);
	unsigned int surplus = owned > keeps ? owned - keeps : 0;
	unsigned int area, want;

	for (area = 0; area < nareas && surplus; area++) {
		want = area_surplus(area, goes_on, surplus);
		surplus -= lend_area(area, want);
	}
	/* What is idle comes first */
	if (reclaim.cut_short)
		return;
	for (area = 0; area < nareas; area++) {
		want = area_surplus(area, goes_on, surplus);
		surplus -= want;
		set_draining(area, want);
	}
}

/*
 * Take segments as take_segments() does, but no more than GROW_MAX, so that others
 * get reclaim.lock before the rest. Returns how many of those could not be had.
 */
static unsigned int take_part(unsigned int first, unsigned int last,
			      unsigned int want, struct backoff *backoff)
{
	unsigned int part = min(want, GROW_MAX);
	unsigned int taken = take_segments(first, last, part, backoff);

	if (taken)
		WRITE_ONCE(reclaim.last_take, jiffies);
	if (taken == part && part < want)
		reclaim.more = true;
	return part - taken;
}

/*
 * Take segments for areas that own less than their floor, as it may have been
 * raised. Returns how many could not be had: that is not urgent.
 */
static unsigned int refill_floor(void)
{
	unsigned int area, first, owned, missing = 0;
	struct swiotlb_area_stat stat;

	for (area = 0; area < reclaim.pool->nareas; area++) {
		swiotlb_area_stat(reclaim.pool, area, &stat);
		owned = area_owned(&stat);
		if (owned >= reclaim.floor || !stat.lent)
			continue;
		first = area * area_segments();
		missing += take_part(first, first + area_segments(),
				     reclaim.floor - owned,
				     &reclaim.floor_evacuation);
	}
	return missing;
}

/**
 * refill() - take segments, as the pool is low on free slots
 * @want:	How many, by migration if need be.
 * @owned:	Segments the pool owns.
 *
 * If use has grown, it will again. So areas that use all they own get what they
 * should own, too, as long as that is free and not more than the pool should own.
 *
 * Context: process context, may sleep. reclaim.lock is held.
 * Return: number of segments that were wanted now and not had.
 */
static unsigned int refill(unsigned int want, unsigned int owned)
{
	unsigned int nr = swiotlb_nr_segments(reclaim.pool);
	unsigned int area, first, target, taken = 0, most = want;
	struct swiotlb_area_stat stat;
	bool goes_on = use_goes_on();

	target = pool_target(goes_on);
	if (target > owned)
		most = max(most, target - owned);

	for (area = 0; area < reclaim.pool->nareas; area++) {
		first = area * area_segments();
		swiotlb_area_stat(reclaim.pool, area, &stat);
		owned = area_owned(&stat);
		target = area_target(area, goes_on);
		if (owned < target)
			taken += take_free_segments(first,
						    first + area_segments(),
						    min(target - owned,
							most - taken));
	}
	if (taken)
		WRITE_ONCE(reclaim.last_take, jiffies);
	if (taken >= want)
		return 0;
	return take_part(0, nr, want - taken, &reclaim.evacuation);
}

/**
 * struct pool_state - a sum over areas that change meanwhile, so not a snapshot
 * @owned:	Segments.
 * @lent:	Segments.
 * @draining:	Segments.
 * @usable:	Free slots without those of draining segments.
 */
struct pool_state {
	unsigned int owned;
	unsigned int lent;
	unsigned int draining;
	unsigned int usable;
};

static void look_at_pool(struct pool_state *state)
{
	struct swiotlb_area_stat stat;
	unsigned int area;

	memset(state, 0, sizeof(*state));
	for (area = 0; area < reclaim.pool->nareas; area++) {
		swiotlb_area_stat(reclaim.pool, area, &stat);
		state->owned += area_owned(&stat);
		state->lent += stat.lent;
		state->draining += stat.draining;
		state->usable += usable_slots(area, &stat);
	}
}

/* Has it been, of late? */
static bool area_is_used(unsigned int area)
{
	return max_of(reclaim.use[area].samples, PEAK_SAMPLES);
}

/*
 * Take what the pool should own, for the areas that are used, but not more than half
 * of what is free: that is for mappings. Others get reclaim.lock before there is more.
 */
static void grow(void)
{
	unsigned int nr = swiotlb_nr_segments(reclaim.pool);
	unsigned int area, first, part, want, used = 0, taken = 0;
	unsigned int target = pool_target(use_goes_on());
	struct pool_state state;

	look_at_pool(&state);
	want = zone_page_state(reclaim.zone, NR_FREE_SWIOTLB_PAGES) /
	       SWIOTLB_SEGMENT_PAGES / 2;
	want = min3(want, target - min(target, state.owned), GROW_MAX);
	if (!want)
		return;

	for (area = 0; area < reclaim.pool->nareas; area++)
		used += area_is_used(area);
	for (area = 0; area < reclaim.pool->nareas; area++) {
		if (!area_is_used(area))
			continue;
		first = area * area_segments();
		part = min(DIV_ROUND_UP(want, used), want - taken);
		taken += take_free_segments(first, first + area_segments(), part);
	}
	taken += take_free_segments(0, nr, want - taken);
	if (taken)
		WRITE_ONCE(reclaim.last_take, jiffies);
}

/**
 * serve_takes() - let the pool grow, as mappings have taken segments themselves
 * @sampled:	Whether use has just been sampled.
 *
 * They need whole segments. Where slots are scattered they would take one now and then
 * for a minute although the pool is not low.
 *
 * Context: process context, may sleep. reclaim.lock is held.
 */
static void serve_takes(bool sampled)
{
	/* What is mapped may be counted after that, and so be in the next sample only */
	if (xchg(&reclaim.map_took, false))
		reclaim.growing = 2;
	if (!sampled || !reclaim.growing)
		return;
	grow();
	if (!reclaim.cut_short)
		reclaim.growing--;
}

/**
 * serve_missed() - take segments, as mappings have found no slots
 * @missed:	Slots that were not found since this last had the time.
 *
 * Whole segments, as slots may be free and too scattered. If use was more than is
 * owned, the pool grows to what it should own, by migration if need be: what was
 * missed now will be again. That is done a part at a time, so that others get
 * reclaim.lock, and what is urgent is seen.
 *
 * Context: process context, may sleep. reclaim.lock is held.
 * Return: number of segments that were wanted now and not had.
 */
static unsigned int serve_missed(unsigned int missed)
{
	unsigned int nr = swiotlb_nr_segments(reclaim.pool);
	unsigned int now, want, taken, target = 0;
	struct pool_state state;

	if (!missed && !missed_of_late())
		return 0;
	look_at_pool(&state);
	if (missed_of_late())
		target = pool_target(use_goes_on());
	now = min(DIV_ROUND_UP(missed, IO_TLB_SEGSIZE), MISSED_MAX);
	want = now;
	if (target > state.owned)
		want = max(want, target - state.owned);
	want = min3(want, GROW_MAX, state.lent);
	/* Not had, too, if nothing is lent: each of many mappings would wake us */
	if (!want)
		return now;
	taken = take_segments(0, nr, want, &reclaim.evacuation);
	/* There may be more to do */
	if (taken == GROW_MAX)
		reclaim.more = true;
	return now - min(now, taken);
}

/*
 * Set when each area wakes this thread again. What is free and is more than low
 * is shared out among the areas, and the first that has used its share asks. So
 * the nearer the pool is to being low, the sooner it is looked at.
 */
static void set_wake(const struct pool_state *state)
{
	unsigned int nareas = reclaim.pool->nareas;
	unsigned int share = state->usable > reclaim.low ?
			     (state->usable - reclaim.low) / nareas : 0;
	struct swiotlb_area_stat stat;
	unsigned int area, free;

	for (area = 0; area < nareas; area++) {
		swiotlb_area_stat(reclaim.pool, area, &stat);
		free = stat.free - min(stat.free, share);
		/* Never, if there is nothing to take */
		swiotlb_area_set_wake(reclaim.pool, area,
				      state->lent ? free : 0);
	}
}

/**
 * balance() - refill and lend, once
 * @sampled:	When use was last sampled, in jiffies. Updated.
 * @again:	Set to %true if this is to be called again without being woken, for use
 *		to be sampled: there is more than the floor to lend, or less of it than
 *		there should be, or slots were missed.
 *
 * Context: process context, may sleep. Takes reclaim.lock.
 * Return: number of segments that were wanted and not had.
 */
static unsigned int balance(unsigned long *sampled, bool *again)
{
	unsigned int area, want, missed, missing = 0, floor_missing = 0;
	struct pool_state state;
	unsigned long periods;
	bool quiet;

	mutex_lock(&reclaim.lock);
	missed = min(xchg(&reclaim.missed, 0), reclaim.pool->nslabs);
	reclaim.unserved = min(reclaim.unserved + missed, reclaim.pool->nslabs);
	reclaim.unfilled = min(reclaim.unfilled + missed, reclaim.pool->nslabs);
	quiet = time_after(jiffies, READ_ONCE(reclaim.last_take) + LEND_DELAY);
	periods = (jiffies - *sampled) / SAMPLE_PERIOD;
	if (periods) {
		*sampled += periods * SAMPLE_PERIOD;
		sample_use(periods);
	}
	if (reclaim.paused)
		goto out;
	begin_hold(HOLD_MAX);

	/* What drains is nearer than what is lent */
	look_at_pool(&state);
	if (state.draining && (!reclaim.enabled || state.usable < reclaim.low)) {
		for (area = 0; area < reclaim.pool->nareas; area++)
			swiotlb_area_reopen(reclaim.pool, area);
		look_at_pool(&state);
	}

	if (!reclaim.enabled) {
		missing = refill(state.lent, state.owned);
	} else if (state.usable < reclaim.low) {
		want = DIV_ROUND_UP(reclaim.refill - state.usable,
				    IO_TLB_SEGSIZE);
		missing = refill(min(state.lent, want), state.owned);
	} else if (quiet) {
		shrink_pool(state.owned);
	}
	if (reclaim.enabled) {
		serve_takes(periods);
		floor_missing = refill_floor();
	}
	missing += serve_missed(reclaim.unfilled);
	if (!reclaim.cut_short)
		reclaim.unfilled = 0;
	if (reclaim.cut_short || reclaim.more) {
		/* What is missing is not known yet */
		WRITE_ONCE(reclaim.kicked, true);
		missing = 0;
	}
	reclaim.more = false;
	end_attempt();

	look_at_pool(&state);
	set_wake(&state);
	if (reclaim.enabled &&
	    (state.owned > reclaim.floor * reclaim.pool->nareas ||
	     floor_missing || missed_of_late()))
		*again = true;
out:
	mutex_unlock(&reclaim.lock);
	return missing;
}

/* In how many jiffies use is to be sampled again */
static long next_sample(void)
{
	bool steady = time_after(jiffies, READ_ONCE(reclaim.last_take) + STEADY_AFTER) &&
		      time_after(jiffies, READ_ONCE(reclaim.last_lend) + STEADY_AFTER);

	return steady ? STEADY_PERIOD : SAMPLE_PERIOD;
}

static int kswiotlbd(void *unused)
{
	unsigned long sampled = jiffies;

	for (;;) {
		long timeout = MAX_SCHEDULE_TIMEOUT;
		bool again = false;

		/*
		 * Before the counters are read, so that no later kick is lost. Pairs
		 * with swiotlb_reclaim_wake().
		 */
		WRITE_ONCE(reclaim.kicked, false);
		smp_mb();

		cond_resched();
		if (balance(&sampled, &again)) {
			/*
			 * Deaf for a moment, or each mapping would start the
			 * same again. Kicks meanwhile are made up for after
			 * the timeout at the latest.
			 */
			WRITE_ONCE(reclaim.kicked, true);
			schedule_timeout_idle(BACKOFF_MIN);
			WRITE_ONCE(reclaim.kicked, false);
			/* As above: an earlier miss is seen, a later one wakes */
			smp_mb();
			if (READ_ONCE(reclaim.missed))
				WRITE_ONCE(reclaim.kicked, true);
			/* What cannot be had for long is not worth waking up for */
			timeout = max(pause_left(&reclaim.evacuation), next_sample());
		}
		if (again)
			timeout = min(timeout, next_sample());
		set_current_state(TASK_IDLE);
		if (!READ_ONCE(reclaim.kicked))
			schedule_timeout(timeout);
		__set_current_state(TASK_RUNNING);
	}
	return 0;
}

/**
 * take_all() - take segments even if that was in vain a short time ago
 * @want:	How many.
 *
 * A part at a time, so that others get reclaim.lock. It ends when all that is left
 * was tried in vain, when somebody switches lending on or off, or after the part in
 * which the task has got a signal: with much in use it may take minutes.
 *
 * Context: process context, may sleep. reclaim.lock is held, but not all the time.
 * Return: number of segments taken.
 */
static unsigned int take_all(unsigned int want)
{
	unsigned int nr = swiotlb_nr_segments(reclaim.pool);
	unsigned int part, had, taken = 0, vain = 0;
	bool enabled = reclaim.enabled;

	memset(reclaim.blocks, 0, nr_blocks() * sizeof(*reclaim.blocks));
	reclaim.cut_short = false;
	end_attempt();
	do {
		part = min3(want - taken, GROW_MAX,
			    bitmap_weight(reclaim.pool->lent, nr));
		if (!part)
			break;
		begin_hold(HOLD_MAX);
		had = take_segments(0, nr, part, NULL);
		taken += had;
		WRITE_ONCE(reclaim.last_take, jiffies);
		/* kswiotlbd may begin anew in between, but not for ever */
		if (had < part &&
		    (!reclaim.cut_short || (!had && ++vain == nr_blocks())))
			break;

		mutex_unlock(&reclaim.lock);
		cond_resched();
		mutex_lock(&reclaim.lock);
	} while (reclaim.enabled == enabled && !signal_pending(current));
	reclaim.cut_short = false;
	end_attempt();
	return taken;
}

/* Lend up to @want idle segments, wherever they are, but not the floor of an area. */
static unsigned int lend_segments(unsigned int want)
{
	unsigned int area, owned, lent = 0;
	struct swiotlb_area_stat stat;

	begin_hold(MAX_JIFFY_OFFSET);
	for (area = 0; area < reclaim.pool->nareas && lent < want; area++) {
		swiotlb_area_stat(reclaim.pool, area, &stat);
		owned = area_owned(&stat);
		if (owned > reclaim.floor)
			lent += lend_area(area, min(owned - reclaim.floor,
						    want - lent));
	}
	return lent;
}

/**
 * swiotlb_reclaim_lend() - lend idle segments whatever the policy says
 * @segments:	How many.
 *
 * For tests. The floor of each area stays.
 *
 * Context: process context, may sleep.
 * Return: number of segments lent.
 */
unsigned int swiotlb_reclaim_lend(unsigned int segments)
{
	unsigned int lent;

	if (!reclaim.pool)
		return 0;

	mutex_lock(&reclaim.lock);
	lent = lend_segments(segments);
	mutex_unlock(&reclaim.lock);
	/* It sets when areas ask for more */
	swiotlb_reclaim_wake();
	return lent;
}
EXPORT_SYMBOL_FOR_TEST_SWIOTLB(swiotlb_reclaim_lend);

/**
 * swiotlb_reclaim_take() - take segments back whatever the policy says
 * @segments:	How many.
 *
 * For tests. kswiotlbd lends them again after a while.
 *
 * Context: process context, may sleep.
 * Return: number of segments taken.
 */
unsigned int swiotlb_reclaim_take(unsigned int segments)
{
	unsigned int taken;

	if (!reclaim.pool)
		return 0;

	mutex_lock(&reclaim.lock);
	taken = take_all(segments);
	mutex_unlock(&reclaim.lock);
	swiotlb_reclaim_wake();
	return taken;
}
EXPORT_SYMBOL_FOR_TEST_SWIOTLB(swiotlb_reclaim_take);

#if IS_ENABLED(CONFIG_SWIOTLB_RECLAIM_KUNIT_TEST)
void swiotlb_reclaim_pause(void)
{
	mutex_lock(&reclaim.lock);
	reclaim.paused = true;
	mutex_unlock(&reclaim.lock);
}

void swiotlb_reclaim_resume(void)
{
	mutex_lock(&reclaim.lock);
	reclaim.paused = false;
	mutex_unlock(&reclaim.lock);
	swiotlb_reclaim_wake();
}
#endif

#if SWIOTLB_RECLAIM_CHECKS

/**
 * swiotlb_reclaim_take_at() - take the segment of an address back
 * @addr:	In it.
 *
 * For tests. Pages that are in use are migrated, whatever else is free.
 *
 * Context: process context, may sleep.
 * Return: number of segments taken, at most one.
 */
unsigned int swiotlb_reclaim_take_at(phys_addr_t addr)
{
	unsigned int segment, taken;

	if (!reclaim.pool || addr < reclaim.pool->start || addr >= reclaim.pool->end)
		return 0;

	segment = (addr - reclaim.pool->start) >> SWIOTLB_SEGMENT_SHIFT;
	mutex_lock(&reclaim.lock);
	begin_hold(HOLD_MAX);
	memset(&reclaim.blocks[segment / block_segments()], 0,
	       sizeof(*reclaim.blocks));
	end_attempt();
	taken = take_segments(segment, segment + 1, 1, NULL);
	reclaim.cut_short = false;
	end_attempt();
	mutex_unlock(&reclaim.lock);
	swiotlb_reclaim_wake();
	return taken;
}
EXPORT_SYMBOL_FOR_TEST_SWIOTLB(swiotlb_reclaim_take_at);

/*
 * Times that the count of free pages may be wrong: what a CPU has counted by itself
 * is nowhere for a moment while it is added to the zone's.
 */
#define CHECK_TRIES	10

/* A block of the free list must be within the pool, and all of it lent. */
static bool block_is_lent(struct page *page, unsigned int order)
{
	unsigned long pfn = page_to_pfn(page), end = pfn + (1UL << order);
	phys_addr_t offset;

	for (; pfn < end; pfn += SWIOTLB_SEGMENT_PAGES) {
		offset = PFN_PHYS(pfn) - reclaim.pool->start;
		if (offset >= reclaim.pool->end - reclaim.pool->start ||
		    !test_bit(offset >> SWIOTLB_SEGMENT_SHIFT,
			      reclaim.pool->lent))
			return false;
	}
	return true;
}

/* Free pages of the pool, whatever list they are on. Caller holds zone->lock. */
static unsigned long free_pages_of_pool(void)
{
	unsigned long pfn = PHYS_PFN(reclaim.pool->start);
	unsigned long end = PHYS_PFN(reclaim.pool->end), sum = 0, pages;

	/* No free block reaches beyond the pool: blocks of its type merge with no other */
	for (; pfn < end; pfn += pages) {
		pages = 1;
		if (PageBuddy(pfn_to_page(pfn))) {
			pages <<= buddy_order(pfn_to_page(pfn));
			sum += pages;
		}
	}
	return sum;
}

/*
 * Check the free list of lent memory: that all on it is lent, that all that is free
 * is on it, and that it is counted right. No pageblock is isolated, as that is done
 * under reclaim.lock.
 */
static unsigned int check_free_list(void)
{
	unsigned long flags, listed, free, counted;
	struct zone *zone = reclaim.zone;
	unsigned int order, bad, tries;
	struct page *page;

	lockdep_assert_held(&reclaim.lock);
	for (tries = 0; tries < CHECK_TRIES; tries++) {
		bad = 0;
		listed = 0;
		spin_lock_irqsave(&zone->lock, flags);
		for (order = 0; order < NR_PAGE_ORDERS; order++) {
			list_for_each_entry(page,
					    &zone->free_area[order].free_list[MIGRATE_SWIOTLB],
					    buddy_list) {
				bad += !block_is_lent(page, order);
				listed += 1UL << order;
			}
		}
		free = free_pages_of_pool();
		counted = zone_page_state_snapshot(zone, NR_FREE_SWIOTLB_PAGES);
		spin_unlock_irqrestore(&zone->lock, flags);
		if (bad || listed != free || listed == counted)
			break;
		schedule_timeout_idle(1);
	}
	if (bad || listed != free || listed != counted)
		pr_err_ratelimited("%lu pages are free, %lu listed, %lu counted; %u blocks of the list are not lent\n",
				   free, listed, counted, bad);
	return bad + (listed != free) + (listed != counted);
}

/* Every pageblock of the pool keeps its type for ever, but while it is evacuated. */
static unsigned int check_pageblocks(void)
{
	unsigned long pfn = PHYS_PFN(reclaim.pool->start);
	unsigned long end = PHYS_PFN(reclaim.pool->end);
	unsigned int bad = 0;

	for (; pfn < end; pfn += pageblock_nr_pages) {
		struct page *page = pfn_to_page(pfn);

		if (is_migrate_swiotlb_page(page))
			continue;
		pr_err_ratelimited("the pageblock of pfn %#lx has type %d\n", pfn,
				   (int)get_pageblock_migratetype(page));
		bad++;
	}
	return bad;
}

/**
 * swiotlb_reclaim_check() - check all invariants of the pool that lends
 *
 * Those of swiotlb_check_segments(), and that the pages of what is owned are ours,
 * that what is free is lent, and that each pageblock has its type. What is wrong
 * goes to the log.
 *
 * Context: process context, may sleep. Takes reclaim.lock.
 * Return: number of violations.
 */
unsigned int swiotlb_reclaim_check(void)
{
	unsigned int segment, nr, bad, pages, tries;

	if (!reclaim.pool)
		return 0;

	mutex_lock(&reclaim.lock);
	bad = swiotlb_check_segments(reclaim.pool);
	nr = swiotlb_nr_segments(reclaim.pool);
	for (segment = 0; segment < nr; segment++) {
		for (tries = 0; tries < CHECK_TRIES; tries++) {
			pages = swiotlb_check_pages(reclaim.pool, segment);
			if (!pages)
				break;
			schedule_timeout_idle(1);
		}
		if (pages)
			pr_err_ratelimited("segment %u is owned, but %u of its pages are in use or free\n",
					   segment, pages);
		bad += pages;
		cond_resched();
	}
	bad += check_pageblocks();
	bad += check_free_list();
	mutex_unlock(&reclaim.lock);
	return bad;
}
EXPORT_SYMBOL_FOR_TEST_SWIOTLB(swiotlb_reclaim_check);

#endif /* SWIOTLB_RECLAIM_CHECKS */

/* Sum of the statistics of all areas but @retired; of areas that change, not a snapshot. */
static void pool_stat(struct swiotlb_area_stat *sum)
{
	struct swiotlb_area_stat stat;
	unsigned int area;

	memset(sum, 0, sizeof(*sum));
	for (area = 0; area < reclaim.pool->nareas; area++) {
		swiotlb_area_stat(reclaim.pool, area, &stat);
		sum->total += stat.total;
		sum->mapped += stat.mapped;
		sum->free += stat.free;
		sum->lent += stat.lent;
		sum->draining += stat.draining;
	}
}

/* Until when attempts to reclaim are taken to be in vain, as one has been, in jiffies */
static unsigned long in_vain_until = INITIAL_JIFFIES;

/*
 * An attempt to reclaim has been in vain. That holds for as long as it took to find out
 * again since it held last: where reclaim is slow, that is most of the time otherwise,
 * and there is a page for each sixteen attempts. For a tenth of a second at least, and if
 * it has been longer than IN_VAIN_AT_MOST. Without a lock: of two who find out at once,
 * either may say how long.
 */
static void was_in_vain(void)
{
	unsigned long now = jiffies, until = READ_ONCE(in_vain_until), took = HZ / 10;

	if (time_after(now, until) && now - until <= IN_VAIN_AT_MOST)
		took = max(took, now - until);
	if (time_after(now + took, until))
		WRITE_ONCE(in_vain_until, now + took);
}

/**
 * swiotlb_attempts_in_vain() - has an attempt to reclaim been in vain just now?
 *
 * If so, others without ALLOC_CMA have part of the reserves before they try the same. It
 * is for a tenth of a second or as long as was_in_vain() has set, after which somebody
 * has to try again.
 *
 * Context: any.
 * Return: %true if so.
 */
bool swiotlb_attempts_in_vain(void)
{
	return time_before(jiffies, READ_ONCE(in_vain_until));
}

/**
 * swiotlb_attempt_counts() - how much does an attempt to reclaim count that did not help?
 * @gfp_mask:	Of the allocation.
 * @order:	Of the allocation.
 * @ac:		Its zones.
 * @alloc_flags: Of the allocation, without ALLOC_CMA: it cannot use lent memory.
 * @loops:	What the attempts before have counted.
 *
 * An attempt is in vain if the allocation would fail even if everything is reclaimed but
 * what is used of lent memory. That others may fill as fast as it is dropped, and each
 * time there has been progress. For who has part of the reserves hardly any attempt is,
 * so who has been killed has time to go: 700 MiB of page tables take seconds.
 *
 * A guess: not all that is used there need be reclaimable, nor all that is in the lists
 * and in caches of objects. So it decides how many attempts there are, and not whether
 * there is another. And what sixteen attempts have shown holds for others, whatever the
 * guess was.
 *
 * Context: process context. Takes and releases area locks.
 * Return: LENT_LOOPS_IN_VAIN if it was in vain, LENT_LOOPS_FEW if not and next to nothing
 * of what can be reclaimed is lent memory, or LENT_LOOPS_ONE. 0 if nothing is lent of the
 * zones that the allocation may use, so that it reclaims as ever.
 */
int swiotlb_attempt_counts(gfp_t gfp_mask, unsigned int order,
			   struct alloc_context *ac, unsigned int alloc_flags,
			   int loops)
{
	/* Are these zones all that others may use, too? */
	bool all = ac->highest_zoneidx >= ZONE_NORMAL && !ac->nodemask &&
		   !(gfp_mask & __GFP_THISNODE);
	unsigned long pages, reclaimable = 0, used = 0;
	bool lent = false, in_vain = true;
	struct swiotlb_area_stat sum;
	struct zoneref *z;
	struct zone *zone;
	int counts;

	pool_stat(&sum);
	for_each_zone_zonelist_nodemask(zone, z, ac->zonelist, ac->highest_zoneidx,
					ac->nodemask) {
		if (cpusets_enabled() && (alloc_flags & ALLOC_CPUSET) &&
		    !__cpuset_zone_allowed(zone, gfp_mask)) {
			all = false;
			continue;
		}
		pages = zone_pages_to_reclaim(zone);
		reclaimable += pages;
		if (zone == reclaim.zone) {
			lent = sum.lent;
			used = sum.lent * SWIOTLB_SEGMENT_PAGES;
			used -= min(used, zone_free_swiotlb(zone));
			pages -= min(pages, used);
			/* Once, as it is counted for nodes only */
			pages += node_page_state_pages(zone->zone_pgdat, NR_SLAB_RECLAIMABLE_B);
		}
		pages += zone_page_state_snapshot(zone, NR_FREE_PAGES);
		/* In pieces, that is for compaction */
		if (__zone_watermark_ok(zone, 0, min_wmark_pages(zone) + (1UL << order),
					ac->highest_zoneidx, alloc_flags, pages))
			in_vain = false;
	}
	if (!lent)
		return 0;
	if (!in_vain && used < reclaimable / LENT_SHARE)
		return LENT_LOOPS_FEW;
	counts = in_vain ? LENT_LOOPS_IN_VAIN : LENT_LOOPS_ONE;
	if (all && (in_vain || (loops < LENT_LOOPS_RESERVES &&
				loops + counts >= LENT_LOOPS_RESERVES)))
		was_in_vain();
	return counts;
}

static unsigned long slots_to_kb(unsigned long slots)
{
	return slots << IO_TLB_SHIFT >> 10;
}

/*
 * Set the floor, in segments of each area, and what follows from it. The pool is
 * low when half of its floor is left, or less than a largest request needs.
 */
static void set_floor(unsigned int segments)
{
	unsigned int slots = segments * reclaim.pool->nareas * IO_TLB_SEGSIZE;

	lockdep_assert_held(&reclaim.lock);
	reclaim.floor = segments;
	reclaim.low = max(slots / 2, IO_TLB_SEGSIZE);
	reclaim.refill = max(slots, reclaim.low + IO_TLB_SEGSIZE);
}

#ifdef CONFIG_SYSFS

#define RECLAIM_ATTR_RO(_name) \
	static struct kobj_attribute _name##_attr = __ATTR_RO(_name)
#define RECLAIM_ATTR_RW(_name) \
	static struct kobj_attribute _name##_attr = __ATTR_RW(_name)

static ssize_t total_kb_show(struct kobject *kobj, struct kobj_attribute *attr,
			     char *buf)
{
	return sysfs_emit(buf, "%lu\n", slots_to_kb(reclaim.pool->nslabs));
}
RECLAIM_ATTR_RO(total_kb);

static ssize_t lent_kb_show(struct kobject *kobj, struct kobj_attribute *attr,
			    char *buf)
{
	struct swiotlb_area_stat sum;

	pool_stat(&sum);
	return sysfs_emit(buf, "%lu\n", slots_to_kb(sum.lent * IO_TLB_SEGSIZE));
}
RECLAIM_ATTR_RO(lent_kb);

static ssize_t used_kb_show(struct kobject *kobj, struct kobj_attribute *attr,
			    char *buf)
{
	struct swiotlb_area_stat sum;

	pool_stat(&sum);
	return sysfs_emit(buf, "%lu\n", slots_to_kb(sum.mapped));
}
RECLAIM_ATTR_RO(used_kb);

/* What each floor_kb is rounded up to: a segment for each area */
static unsigned long floor_unit_kb(void)
{
	return reclaim.pool->nareas * SWIOTLB_SEGMENT_BYTES >> 10;
}

static ssize_t floor_kb_show(struct kobject *kobj, struct kobj_attribute *attr,
			     char *buf)
{
	return sysfs_emit(buf, "%lu\n",
			  READ_ONCE(reclaim.floor) * floor_unit_kb());
}

static ssize_t floor_kb_store(struct kobject *kobj, struct kobj_attribute *attr,
			      const char *buf, size_t count)
{
	unsigned long kb;
	int ret;

	ret = kstrtoul(buf, 10, &kb);
	if (ret)
		return -EINVAL;
	if (!kb || kb > slots_to_kb(reclaim.pool->nslabs))
		return -EINVAL;

	mutex_lock(&reclaim.lock);
	set_floor(DIV_ROUND_UP(kb, floor_unit_kb()));
	mutex_unlock(&reclaim.lock);
	swiotlb_reclaim_wake();
	return count;
}
RECLAIM_ATTR_RW(floor_kb);

static ssize_t enabled_show(struct kobject *kobj, struct kobj_attribute *attr,
			    char *buf)
{
	return sysfs_emit(buf, "%d\n", READ_ONCE(reclaim.enabled));
}

/*
 * Switched off, one attempt is made here, and kswiotlbd goes on in its time. A signal
 * ends the attempt; where its handler has system calls restarted there is another.
 */
static ssize_t enabled_store(struct kobject *kobj, struct kobj_attribute *attr,
			     const char *buf, size_t count)
{
	struct swiotlb_area_stat sum;
	unsigned int value;
	ssize_t ret = count;

	if (kstrtouint(buf, 10, &value) || value > 1)
		return -EINVAL;

	mutex_lock(&reclaim.lock);
	reclaim.enabled = value;
	if (!value)
		take_all(swiotlb_nr_segments(reclaim.pool));
	if (!reclaim.enabled) {
		pool_stat(&sum);
		if (sum.lent && signal_pending(current))
			ret = -ERESTARTSYS;
		else if (sum.lent)
			pr_info("switched off, but %lu KiB could not be taken back yet: %s\n",
				slots_to_kb(sum.lent * IO_TLB_SEGSIZE),
				READ_ONCE(reclaim.last_evacuation));
	}
	mutex_unlock(&reclaim.lock);
	swiotlb_reclaim_wake();
	return ret;
}
RECLAIM_ATTR_RW(enabled);

static struct attribute *reclaim_attrs[] = {
	&total_kb_attr.attr,
	&lent_kb_attr.attr,
	&used_kb_attr.attr,
	&floor_kb_attr.attr,
	&enabled_attr.attr,
	NULL,
};

static const struct attribute_group reclaim_attr_group = {
	.name = "swiotlb_reclaim",
	.attrs = reclaim_attrs,
};

static void __init reclaim_sysfs_init(void)
{
	if (sysfs_create_group(mm_kobj, &reclaim_attr_group))
		pr_warn("cannot create sysfs files\n");
}

#else
static inline void reclaim_sysfs_init(void) { }
#endif /* CONFIG_SYSFS */

#ifdef CONFIG_DEBUG_FS

static int io_tlb_lent_get(void *data, u64 *val)
{
	struct swiotlb_area_stat sum;

	pool_stat(&sum);
	*val = sum.lent * IO_TLB_SEGSIZE;
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(io_tlb_lent_fops, io_tlb_lent_get, NULL, "%llu\n");

static int io_tlb_draining_get(void *data, u64 *val)
{
	struct swiotlb_area_stat sum;

	pool_stat(&sum);
	*val = sum.draining * IO_TLB_SEGSIZE;
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(io_tlb_draining_fops, io_tlb_draining_get, NULL,
			 "%llu\n");

/* Segments that have a bad page: never lent again, and never taken back */
static int io_tlb_retired_get(void *data, u64 *val)
{
	unsigned int segment, nr = swiotlb_nr_segments(reclaim.pool);

	*val = 0;
	for (segment = 0; segment < nr; segment++) {
		if (segment_has_hwpoison(swiotlb_segment_pfn(reclaim.pool,
							     segment)))
			*val += IO_TLB_SEGSIZE;
		cond_resched();
	}
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(io_tlb_retired_fops, io_tlb_retired_get, NULL,
			 "%llu\n");

static int io_tlb_map_fail_get(void *data, u64 *val)
{
	*val = atomic_long_read(&reclaim.map_failed);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(io_tlb_map_fail_fops, io_tlb_map_fail_get, NULL,
			 "%llu\n");

/* -EBUSY says that not all of @val segments were moved. */
static int lend_set(void *data, u64 val)
{
	if (!val || val > swiotlb_nr_segments(reclaim.pool))
		return -EINVAL;
	return swiotlb_reclaim_lend(val) < val ? -EBUSY : 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(lend_fops, NULL, lend_set, "%llu\n");

static int take_set(void *data, u64 val)
{
	if (!val || val > swiotlb_nr_segments(reclaim.pool))
		return -EINVAL;
	return swiotlb_reclaim_take(val) < val ? -EBUSY : 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(take_fops, NULL, take_set, "%llu\n");

/* A line for each power of two: from this many ns on, and how often. */
static int hist_show(struct seq_file *m, enum swiotlb_hist hist)
{
	unsigned int bucket;
	unsigned long sum;
	int cpu;

	for (bucket = 0; bucket < HIST_BUCKETS; bucket++) {
		sum = 0;
		for_each_possible_cpu(cpu)
			sum += per_cpu(swiotlb_hists, cpu).count[hist][bucket];
		if (sum)
			seq_printf(m, "%lu %lu\n",
				   bucket ? 1UL << (bucket - 1) : 0, sum);
	}
	return 0;
}

static int take_free_ns_show(struct seq_file *m, void *v)
{
	return hist_show(m, HIST_TAKE_FREE);
}
DEFINE_SHOW_ATTRIBUTE(take_free_ns);

static int evacuate_ns_show(struct seq_file *m, void *v)
{
	return hist_show(m, HIST_EVACUATE);
}
DEFINE_SHOW_ATTRIBUTE(evacuate_ns);

/* After swiotlb.c has created the directory */
static int __init reclaim_debugfs_init(void)
{
	struct dentry *dir;

	if (!reclaim.pool)
		return 0;
	dir = debugfs_lookup("swiotlb", NULL);
	if (!dir)
		return 0;
	debugfs_create_file("io_tlb_lent", 0400, dir, NULL, &io_tlb_lent_fops);
	debugfs_create_file("io_tlb_draining", 0400, dir, NULL,
			    &io_tlb_draining_fops);
	debugfs_create_file("io_tlb_retired", 0400, dir, NULL,
			    &io_tlb_retired_fops);
	debugfs_create_file("io_tlb_map_fail", 0400, dir, NULL,
			    &io_tlb_map_fail_fops);
	debugfs_create_file("lend", 0200, dir, NULL, &lend_fops);
	debugfs_create_file("take", 0200, dir, NULL, &take_fops);
	debugfs_create_file("take_free_ns", 0400, dir, NULL,
			    &take_free_ns_fops);
	debugfs_create_file("evacuate_ns", 0400, dir, NULL, &evacuate_ns_fops);
	dput(dir);
	return 0;
}
late_initcall_sync(reclaim_debugfs_init);

#endif /* CONFIG_DEBUG_FS */

/* Can this pageblock be made an ordinary one, of @zone? */
static bool __init pageblock_convertible(unsigned long pfn, struct zone *zone)
{
	unsigned long last = pfn + pageblock_nr_pages - 1;
	unsigned long i;

	if (!pfn_valid(pfn) || !pfn_valid(last) ||
	    page_zone(pfn_to_page(pfn)) != zone ||
	    page_zone(pfn_to_page(last)) != zone)
		return false;
	for (i = 0; i < pageblock_nr_pages; i++)
		if (!PageReserved(pfn_to_page(pfn) + i))
			return false;
	return true;
}

/*
 * Make the pool's pageblocks ordinary ones of their own type, and lend all but
 * the floor. At device_initcall, as pci_iommu_init() may tear the pool down at
 * rootfs_initcall. Bounce buffers may be in use by now; what they are in is
 * lent later.
 */
static int __init swiotlb_reclaim_init(void)
{
	unsigned long start, end, pfn, floor;
	struct io_tlb_pool *pool;
	unsigned int lent;
	struct task_struct *task;
	phys_addr_t last;

	static_assert(MIGRATE_TYPES <= 1 << PB_migratetype_bits);

	pool = swiotlb_reclaim_pool(&floor);
	if (!pool)
		return 0;

	start = PHYS_PFN(pool->start);
	end = PHYS_PFN(pool->end);
	reclaim.zone = page_zone(pfn_to_page(start));
	for (pfn = start; pfn < end; pfn += pageblock_nr_pages) {
		if (!pageblock_convertible(pfn, reclaim.zone)) {
			swiotlb_reclaim_cancel("its memory is not reserved or not in one zone");
			return 0;
		}
	}

	reclaim.use = kcalloc(pool->nareas + 1, sizeof(*reclaim.use),
			      GFP_KERNEL);
	reclaim.blocks = kvcalloc((end - start) / pageblock_nr_pages,
				  sizeof(*reclaim.blocks), GFP_KERNEL);
	reclaim.tried = bitmap_zalloc((end - start) / pageblock_nr_pages,
				      GFP_KERNEL);
	task = kthread_create(kswiotlbd, NULL, "kswiotlbd");
	if (!reclaim.use || !reclaim.blocks || !reclaim.tried || IS_ERR(task)) {
		if (!IS_ERR(task))
			kthread_stop(task);
		bitmap_free(reclaim.tried);
		kvfree(reclaim.blocks);
		kfree(reclaim.use);
		swiotlb_reclaim_cancel("there is no memory for its thread");
		return 0;
	}

	for (pfn = start; pfn < end; pfn += pageblock_nr_pages)
		swiotlb_init_pageblock(pfn_to_page(pfn));
	reclaim.zone->swiotlb_cushion = (end - start) / CUSHION_PART;
	/* The zone has grown and got a cushion: watermarks, lowmem reserve, thresholds */
	init_per_zone_wmark_min();

	reclaim.task = task;
	reclaim.last_take = jiffies;
	reclaim.pool = pool;
	static_branch_enable(&swiotlb_reclaim_key);

	mutex_lock(&reclaim.lock);
	reclaim.enabled = true;
	set_floor(DIV_ROUND_UP(floor, pool->nareas * SWIOTLB_SEGMENT_BYTES));
	lent = lend_segments(swiotlb_nr_segments(pool));
	mutex_unlock(&reclaim.lock);

	last = pool->end - 1;
	pr_info("[mem %pa-%pa] %lu of %lu KiB lent, floor %lu KiB, %u areas, zone %s\n",
		&pool->start, &last, lent * SWIOTLB_SEGMENT_BYTES >> 10,
		slots_to_kb(pool->nslabs),
		reclaim.floor * pool->nareas * SWIOTLB_SEGMENT_BYTES >> 10,
		pool->nareas, reclaim.zone->name);

	reclaim_sysfs_init();
	swiotlb_reclaim_wake();
	return 0;
}
device_initcall(swiotlb_reclaim_init);

/* A fault in these is memory that cannot be had. */
ALLOW_ERROR_INJECTION(swiotlb_take_free, NULL);
ALLOW_ERROR_INJECTION(swiotlb_take_range, NULL);
ALLOW_ERROR_INJECTION(evacuate_target, NULL);

#ifdef CONFIG_SWIOTLB_RECLAIM_KUNIT_TEST
#include "tests/swiotlb_policy_kunit.h"
#endif
