/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reclaimable swiotlb: what the page allocator (mm/page_alloc.c), the bounce
 * buffer allocator (kernel/dma/swiotlb.c) and the policy that moves memory
 * between the two (mm/swiotlb_reclaim.c) say to each other.
 */
#ifndef _MM_SWIOTLB_RECLAIM_H
#define _MM_SWIOTLB_RECLAIM_H

#include <linux/export.h>
#include <linux/kconfig.h>
#include <linux/swiotlb.h>
#include <linux/swiotlb_reclaim.h>

/* The unit of lending, IO_TLB_SEGSIZE slots: order 6 with pages of 4 KiB */
#define SWIOTLB_SEGMENT_SHIFT	(IO_TLB_SHIFT + const_ilog2(IO_TLB_SEGSIZE))
#define SWIOTLB_SEGMENT_BYTES	(1UL << SWIOTLB_SEGMENT_SHIFT)
#define SWIOTLB_SEGMENT_ORDER	(SWIOTLB_SEGMENT_SHIFT > PAGE_SHIFT ? \
				 SWIOTLB_SEGMENT_SHIFT - PAGE_SHIFT : 0)
#define SWIOTLB_SEGMENT_PAGES	(1UL << SWIOTLB_SEGMENT_ORDER)

struct alloc_context;
struct page;
struct zone;

/*
 * A snapshot of one area, taken under its lock. @lent, @draining and @retired
 * count segments, the others slots. Those that are free in a draining segment count
 * as free.
 */
struct swiotlb_area_stat {
	unsigned int total;
	unsigned int mapped;
	unsigned int free;
	unsigned int lent;
	unsigned int draining;
	unsigned int retired;
};

/**
 * struct swiotlb_param - what the boot parameter swiotlb= says
 * @slots:	Number of slots, rounded up to segments.
 * @areas:	Number of areas.
 * @has_slots:	%true if a number of slots was given.
 * @has_areas:	%true if a number of areas was given.
 * @force:	Bounce all DMA.
 * @noforce:	Never bounce.
 * @reclaim:	Overallocate the pool, and lend what is idle.
 * @reclaim_bytes: Size of the overallocated pool, zero for the default.
 */
struct swiotlb_param {
	unsigned long slots;
	unsigned int areas;
	bool has_slots;
	bool has_areas;
	bool force;
	bool noforce;
	bool reclaim;
	u64 reclaim_bytes;
};

void swiotlb_parse_param(char *str, struct swiotlb_param *param);

/*
 * How much an attempt to reclaim counts that did not help an allocation, in sixteenths.
 * Where next to nothing of what can be reclaimed is lent memory, others were faster, and
 * there are more attempts to come; but there may be less to reclaim than it seems. One
 * that can only have reclaimed lent memory is enough for part of the reserves.
 */
#define LENT_LOOPS_FEW		1
#define LENT_LOOPS_ONE		16
#define LENT_LOOPS_IN_VAIN	(30 * LENT_LOOPS_ONE)

/* Where less than that part of what can be reclaimed is lent memory, it is next to nothing. */
#define LENT_SHARE		16

/* After as many as stock kernels allow without progress it gets part of the reserves. */
#define LENT_LOOPS_RESERVES	(MAX_RECLAIM_RETRIES * LENT_LOOPS_ONE)

/*
 * And then somebody is killed for it: after four more in vain, or more others than one
 * fails that is the first to ask for what it has reclaimed. These others take seconds,
 * with the pauses between them, as does a process that was killed to free its page tables.
 */
#define LENT_LOOPS_MAX		(5 * LENT_LOOPS_IN_VAIN - 1)

#ifdef CONFIG_SWIOTLB_RECLAIM

/* mm/page_alloc.c and mm/mm_init.c: the buddy allocator's side */
struct page *swiotlb_take_free(struct zone *zone, unsigned int order);
struct page *swiotlb_take_range(unsigned long pfn, unsigned int order);
void swiotlb_init_pageblock(struct page *page);

/* kernel/dma/swiotlb.c: the slots' side */
const char *swiotlb_reclaim_why_not(unsigned int flags,
		int (*remap)(void *tlb, unsigned long nslabs));
struct io_tlb_pool *swiotlb_reclaim_pool(unsigned long *floor);
void swiotlb_reclaim_cancel(const char *why);
bool swiotlb_segment_lend(struct io_tlb_pool *pool, unsigned int segment);
void swiotlb_segment_own(struct io_tlb_pool *pool, unsigned int segment);
bool swiotlb_segment_retire(struct io_tlb_pool *pool, unsigned int segment);
void swiotlb_segment_drain(struct io_tlb_pool *pool, unsigned int segment);
unsigned int swiotlb_segment_used(struct io_tlb_pool *pool, unsigned int segment);
void swiotlb_area_reopen(struct io_tlb_pool *pool, unsigned int area);
void swiotlb_area_set_wake(struct io_tlb_pool *pool, unsigned int area,
			   unsigned int free);
unsigned int swiotlb_area_peak(struct io_tlb_pool *pool, unsigned int area);
void swiotlb_area_stat(struct io_tlb_pool *pool, unsigned int area,
		       struct swiotlb_area_stat *stat);

/* mm/swiotlb_reclaim.c: the policy's side */
struct page *swiotlb_reclaim_take_free(struct io_tlb_pool *pool);
void swiotlb_reclaim_missed(unsigned int nslots);
void swiotlb_reclaim_wake(void);
void swiotlb_reclaim_map_failed(void);
const char *swiotlb_reclaim_last_evacuation(void);
unsigned int swiotlb_reclaim_lost(void);
unsigned int swiotlb_reclaim_lend(unsigned int segments);
unsigned int swiotlb_reclaim_take(unsigned int segments);
int swiotlb_attempt_counts(gfp_t gfp_mask, unsigned int order,
			   struct alloc_context *ac, unsigned int alloc_flags,
			   int loops);
bool swiotlb_attempts_in_vain(void);

/* For tests: keep the policy from moving segments, move one, and look at all of them */
void swiotlb_reclaim_pause(void);
void swiotlb_reclaim_resume(void);
unsigned int swiotlb_check_segments(struct io_tlb_pool *pool);
unsigned int swiotlb_check_pages(struct io_tlb_pool *pool, unsigned int segment);
unsigned int swiotlb_reclaim_take_at(phys_addr_t addr);
unsigned int swiotlb_reclaim_check(void);

/* Whether there are any */
#define SWIOTLB_RECLAIM_CHECKS	(IS_ENABLED(CONFIG_SWIOTLB_RECLAIM_KUNIT_TEST) || \
				 IS_ENABLED(CONFIG_TEST_SWIOTLB))

static inline unsigned int swiotlb_nr_segments(const struct io_tlb_pool *pool)
{
	return pool->nslabs / IO_TLB_SEGSIZE;
}

static inline unsigned long swiotlb_segment_pfn(const struct io_tlb_pool *pool,
						unsigned int segment)
{
	return PHYS_PFN(pool->start + segment * SWIOTLB_SEGMENT_BYTES);
}

#else /* !CONFIG_SWIOTLB_RECLAIM */

static inline void swiotlb_reclaim_cancel(const char *why) { }
static inline void swiotlb_reclaim_wake(void) { }
static inline void swiotlb_reclaim_map_failed(void) { }
static inline const char *swiotlb_reclaim_last_evacuation(void) { return ""; }
static inline int swiotlb_attempt_counts(gfp_t gfp_mask, unsigned int order,
		struct alloc_context *ac, unsigned int alloc_flags, int loops)
{
	return 0;
}
static inline bool swiotlb_attempts_in_vain(void) { return false; }

#endif /* CONFIG_SWIOTLB_RECLAIM */

/*
 * The module lib/test_swiotlb.c lends and takes back itself, and unmaps what the
 * DMA API would not let it. Nothing else may use these.
 */
#if defined(CONFIG_SWIOTLB_RECLAIM) && IS_ENABLED(CONFIG_TEST_SWIOTLB)
#define EXPORT_SYMBOL_FOR_TEST_SWIOTLB(symbol)	EXPORT_SYMBOL_GPL(symbol)
#else
#define EXPORT_SYMBOL_FOR_TEST_SWIOTLB(symbol)
#endif

#endif /* _MM_SWIOTLB_RECLAIM_H */
