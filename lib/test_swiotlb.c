// SPDX-License-Identifier: GPL-2.0
/*
 * A device on command, for tests of the software IO TLB
 *
 * The module registers a platform device with a 32-bit DMA mask and lets user
 * space map and unmap buffers for it, in the context, the number and the pace
 * that a test asks for. Boot with swiotlb=force, or on a machine with memory
 * that 32 bits do not reach, and the mappings bounce. It needs nothing but
 * exported symbols, so it runs on any kernel; what is marked [R] needs one with
 * CONFIG_SWIOTLB_RECLAIM, and a pool that lends.
 *
 * Files in <debugfs>/test_swiotlb/ (numbers unless said otherwise):
 *
 *   size      bytes per mapping, a multiple of 8                 4096
 *   count     mappings per burst, or pairs per loop              64
 *   batch     mappings per step; 0: all of them at once          0
 *   pace      time from one step to the next, microseconds       200
 *   ctx       hardirq, softirq or task                           hardirq
 *   dir       to_device, from_device or bidirectional            to_device
 *   hold_ms   time between the last map and the first unmap      0
 *   src_kb    memory for source buffers, see below               16384
 *   verify    Y: check all data on both sides                    N
 *   warn      Y: let a map that fails write to the log           N
 *   irqs_off  Y: the loop runs with interrupts disabled          N
 *   run       write anything: do one burst, return when done
 *   loop      write anything: map and unmap one buffer count times
 *   ring      write n: keep n buffers of 4 KiB mapped, as the receive ring of a
 *             network card does, until another number is written
 *   turn      write n: unmap and map again n buffers of the ring, the oldest first
 *   thin      write n: unmap all buffers of the ring but each n-th, which leaves the
 *             others scattered over all the memory that the ring had
 *   result    figures of the last run, one key=value a line
 *   histogram times of the last burst: from how many nanoseconds on, number of
 *             maps, number of unmaps
 *   times     of each map of the last burst, the shortest first, one a line
 *   lent      [R] write n: direct DMA to n pages of lent memory
 *   torture   [R] write n: n seconds of anything, by all CPUs
 *   torture_* [R] settings and figures of that, see there
 *
 * A burst maps count buffers, keeps them all mapped for hold_ms, and unmaps
 * them, in steps of the same size and pace and in the same context. A mapping
 * that fails is counted, it does not end the burst.
 *
 * Each mapping has a source buffer of its own as long as all of them fit into
 * src_kb; beyond that the mappings take turns on those that fit. The bounce
 * buffers always differ. With DMA_API_DEBUG the debugging code objects to one
 * buffer being mapped twice for a device that writes, so that is refused.
 *
 * For direct DMA, there is a second device, which reaches all memory and bounces
 * nothing, not even with swiotlb=force. It maps pages that lie inside the pool, as
 * they are lent, and must get their own addresses; no unmap and no sync may take
 * them for bounce buffers.
 *
 * Times are those of the dma_map_single() or dma_unmap_single() call alone, in
 * nanoseconds. What the clock itself takes is contained in them and reported
 * as clock.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/completion.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/dma-direct.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/file.h>
#include <linux/gfp.h>
#include <linux/hrtimer.h>
#include <linux/io.h>
#include <linux/kthread.h>
#include <linux/limits.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/shmem_fs.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string_helpers.h>
#include <linux/swiotlb.h>

#ifdef CONFIG_SWIOTLB_RECLAIM
#include "../mm/swiotlb_reclaim.h"
#endif

/* Limits that keep every run short enough for a watchdog */
#define COUNT_MAX	262144U
#define BYTES_MAX	SZ_1G
#define WAIT_MAX_MS	30000U
/* The longest stretch of pairs with interrupts off */
#define LOOP_ROUND	512U
/* log2 of nanoseconds that the histogram distinguishes; the last takes the rest */
#define HIST_BUCKETS	32

enum { CTX_HARDIRQ, CTX_SOFTIRQ, CTX_TASK };

static const char * const ctx_names[] = {
	[CTX_HARDIRQ]	= "hardirq",
	[CTX_SOFTIRQ]	= "softirq",
	[CTX_TASK]	= "task",
};

static const char * const dir_names[] = {
	[DMA_BIDIRECTIONAL]	= "bidirectional",
	[DMA_TO_DEVICE]		= "to_device",
	[DMA_FROM_DEVICE]	= "from_device",
};

/* A debugfs file that takes one of a few words */
struct choice {
	const char * const *names;
	unsigned int nr;
	unsigned int value;
};

static struct choice ctx_choice = {
	.names = ctx_names, .nr = ARRAY_SIZE(ctx_names), .value = CTX_HARDIRQ,
};

static struct choice dir_choice = {
	.names = dir_names, .nr = ARRAY_SIZE(dir_names), .value = DMA_TO_DEVICE,
};

struct params {
	u32 size;
	u32 count;
	u32 batch;
	u32 pace;
	u32 hold_ms;
	u32 src_kb;
	bool verify;
	bool warn;
	bool irqs_off;
	unsigned int ctx;
	enum dma_data_direction dir;
};

/* What the files say; a run works on a copy */
static struct params settings = {
	.size	= SZ_4K,
	.count	= 64,
	.pace	= 200,
	.src_kb	= SZ_16M / SZ_1K,
};

/**
 * struct mapping - one buffer mapped for the device
 * @dma:	Address given to the device, DMA_MAPPING_ERROR if the map failed.
 * @map_ns:	Time of the map, also if it failed.
 * @unmap_ns:	Time of the unmap.
 */
struct mapping {
	dma_addr_t dma;
	u32 map_ns;
	u32 unmap_ns;
};

/**
 * struct burst - state of a run
 * @p:		Settings, fixed for the run.
 * @maps:	One for each buffer, @p.count of them.
 * @src:	Source buffers, of @p.size bytes each.
 * @nr_src:	Number of source buffers.
 * @gen:	Makes the data of this run differ from that of any other.
 * @unmapping:	Which half of the burst is being done.
 * @next:	Index of the next mapping to do.
 * @direct:	Mappings that did not bounce.
 * @verified:	Bytes compared.
 * @errors:	Words of 8 bytes that were not as expected.
 * @timer:	Drives the steps in interrupt context.
 * @done:	Completed by @timer after the last step.
 *
 * One context at a time works on this: the task that runs the burst starts the
 * timer and then does nothing but wait for it.
 */
struct burst {
	struct params p;
	struct mapping *maps;
	void **src;
	u32 nr_src;
	u64 gen;
	bool unmapping;
	u32 next;
	u32 direct;
	u64 verified;
	u64 errors;
	struct hrtimer timer;
	struct completion done;
};

struct spread {
	u32 min, p50, p99, p999, max, max_at;
};

enum result_kind { RESULT_NONE, RESULT_BURST, RESULT_LOOP, RESULT_LENT };

/* Figures of the last run */
static struct {
	enum result_kind kind;
	u32 maps, failed, direct;
	struct spread map, unmap;
	u32 failed_max;
	u32 clock;
	u64 total_ns;
	u64 verified, errors;
	u32 pairs;
	u64 ps_per_pair, best_ps_per_pair;
	u32 lent, bounced, violations;
	u32 map_hist[HIST_BUCKETS], unmap_hist[HIST_BUCKETS];
	u32 *map_times;			/* of the maps that did not fail, sorted */
} result;

static DEFINE_MUTEX(run_lock);		/* one run at a time; protects result */
static struct platform_device *test_pdev;
static struct dentry *test_dir;
static u64 generation;

static struct device *test_dev(void)
{
	return &test_pdev->dev;
}

/* Register a device that is given physical addresses but for a fixed translation */
static struct platform_device *new_device(const char *name, int id, u64 mask)
{
	struct platform_device *pdev;
	int ret;

	pdev = platform_device_register_simple(name, id, NULL, 0);
	if (IS_ERR(pdev))
		return pdev;

	ret = dma_coerce_mask_and_coherent(&pdev->dev, mask);
	if (!ret && device_iommu_mapped(&pdev->dev))
		ret = -ENODEV;
	if (ret) {
		pr_err("no direct mapping with addresses up to %#llx: %d\n", mask, ret);
		platform_device_unregister(pdev);
		return ERR_PTR(ret);
	}

#if defined(CONFIG_ARCH_HAS_SYNC_DMA_FOR_DEVICE) || \
	defined(CONFIG_ARCH_HAS_SYNC_DMA_FOR_CPU) || \
	defined(CONFIG_ARCH_HAS_SYNC_DMA_FOR_CPU_ALL)
	/* The CPU plays the device, and the CPU sees its own caches. */
	pdev->dev.dma_coherent = true;
#endif
	return pdev;
}

/* ------------------------------------------------------------------ data */

/* A value that depends on where the word is and on which mapping it is for */
static u64 pattern(const u64 *word, u64 gen)
{
	return (uintptr_t)word ^ (gen * 0x9e3779b97f4a7c15ULL);
}

/* Generation of mapping @i: no two mappings of any run share one */
static u64 map_gen(const struct burst *b, u32 i)
{
	return b->gen * COUNT_MAX + i + 1;
}

static void *map_src(const struct burst *b, u32 i)
{
	return b->src[i % b->nr_src];
}

/*
 * The device's view of a mapping. The device has no IOMMU (new_device()
 * made sure), so the DMA address is the physical one but for a fixed translation.
 */
static void *device_view(const struct mapping *map)
{
	return phys_to_virt(dma_to_phys(test_dev(), map->dma));
}

static void fill(u64 *to, const u64 *src, u32 size, u64 gen, u64 flip)
{
	u32 i;

	for (i = 0; i < size / sizeof(u64); i++)
		WRITE_ONCE(to[i], pattern(src + i, gen) ^ flip);
}

/**
 * check() - compare a buffer with what was written for a mapping
 * @b:		The run, which counts the result.
 * @i:		Index of the mapping.
 * @at:		The side of the mapping to look at.
 * @flip:	0 for what the CPU wrote, ~0 for what the device wrote.
 * @what:	For the message, which check this is.
 */
static void check(struct burst *b, u32 i, const u64 *at, u64 flip,
		  const char *what)
{
	const u64 *src = map_src(b, i);
	u64 gen = map_gen(b, i), want, got;
	u32 bad = 0, first = 0, w;
	u64 first_got = 0;

	for (w = 0; w < b->p.size / sizeof(u64); w++) {
		want = pattern(src + w, gen) ^ flip;
		got = READ_ONCE(at[w]);
		if (unlikely(got != want) && !bad++) {
			first = w;
			first_got = got;
		}
	}
	b->verified += b->p.size;
	if (likely(!bad))
		return;
	b->errors += bad;
	pr_err_ratelimited("map %u at %pad: %s: %u bad words, first at %zu is %#llx, not %#llx\n",
			   i, &b->maps[i].dma, what, bad, first * sizeof(u64),
			   first_got, pattern(src + first, gen) ^ flip);
}

/* ---------------------------------------------------------------- bursts */

static u32 ns_since(u64 start)
{
	return min_t(u64, ktime_get_ns() - start, U32_MAX);
}

static dma_addr_t map_buffer(const struct params *p, void *src)
{
	return dma_map_single_attrs(test_dev(), src, p->size, p->dir,
				    p->warn ? 0 : DMA_ATTR_NO_WARN);
}

/**
 * map_one() - map one buffer for the device
 * @b:	The run.
 * @i:	Index of the mapping.
 *
 * With verification the device finds in the mapping what the CPU had put into
 * the source buffer, and if it may write, overwrites that with the inverse.
 */
static void map_one(struct burst *b, u32 i)
{
	enum dma_data_direction dir = b->p.dir;
	struct mapping *map = &b->maps[i];
	void *src = map_src(b, i);
	u64 start;

	if (b->p.verify)
		fill(src, src, b->p.size, map_gen(b, i), 0);

	start = ktime_get_ns();
	map->dma = map_buffer(&b->p, src);
	map->map_ns = ns_since(start);

	if (dma_mapping_error(test_dev(), map->dma)) {
		map->dma = DMA_MAPPING_ERROR;
		return;
	}
	if (device_view(map) == src)
		b->direct++;
	if (!b->p.verify)
		return;
	if (dir != DMA_FROM_DEVICE)
		check(b, i, device_view(map), 0, "device reads");
	if (dir != DMA_TO_DEVICE)
		fill(device_view(map), src, b->p.size, map_gen(b, i), ~0ULL);
}

/**
 * unmap_one() - unmap one buffer
 * @b:	The run.
 * @i:	Index of the mapping.
 *
 * With verification the device's side must be as it was left when the buffer
 * was mapped, and what the device wrote must arrive in the source buffer. If
 * it wrote nothing the source buffer must not have changed; this cannot be
 * seen when another mapping has used the same source buffer since.
 */
static void unmap_one(struct burst *b, u32 i)
{
	enum dma_data_direction dir = b->p.dir;
	u64 flip = dir == DMA_TO_DEVICE ? 0 : ~0ULL;
	struct mapping *map = &b->maps[i];
	u64 start;

	if (map->dma == DMA_MAPPING_ERROR)
		return;
	if (b->p.verify)
		check(b, i, device_view(map), flip, "device holds");

	start = ktime_get_ns();
	dma_unmap_single(test_dev(), map->dma, b->p.size, dir);
	map->unmap_ns = ns_since(start);

	if (b->p.verify && (dir != DMA_TO_DEVICE || b->nr_src == b->p.count))
		check(b, i, map_src(b, i), flip, "CPU reads back");
}

/* Do the next step. Return: true if there are more. */
static bool burst_step(struct burst *b)
{
	u32 n = b->p.batch ?: b->p.count;

	for (; n && b->next < b->p.count; n--, b->next++) {
		if (b->unmapping)
			unmap_one(b, b->next);
		else
			map_one(b, b->next);
	}
	return b->next < b->p.count;
}

static ktime_t step_gap(const struct burst *b)
{
	return ns_to_ktime((u64)b->p.pace * NSEC_PER_USEC);
}

static enum hrtimer_restart burst_timer(struct hrtimer *timer)
{
	struct burst *b = container_of(timer, struct burst, timer);

	if (burst_step(b)) {
		hrtimer_forward_now(timer, step_gap(b));
		return HRTIMER_RESTART;
	}
	complete(&b->done);
	return HRTIMER_NORESTART;
}

/* Map or unmap everything in the context asked for, and wait for it */
static void burst_half(struct burst *b, bool unmapping)
{
	b->unmapping = unmapping;
	b->next = 0;

	if (b->p.ctx == CTX_TASK) {
		while (burst_step(b))
			fsleep(b->p.pace);
		return;
	}

	reinit_completion(&b->done);
	hrtimer_start(&b->timer, step_gap(b),
		      b->p.ctx == CTX_HARDIRQ ? HRTIMER_MODE_REL_PINNED_HARD :
						HRTIMER_MODE_REL_PINNED_SOFT);
	wait_for_completion(&b->done);
	/* The callback may still be on its way out, with the timer in hand */
	hrtimer_cancel(&b->timer);
}

/**
 * check_params() - refuse what would not end in time or cannot be mapped
 * @p:	Settings of the run to come.
 *
 * Return: 0, or -EINVAL after saying why.
 */
static int check_params(const struct params *p)
{
	size_t size_max = min_t(size_t, dma_max_mapping_size(test_dev()), SZ_1M);
	u64 steps = p->batch ? DIV_ROUND_UP_ULL(p->count, p->batch) : 1;

	if (!p->size || p->size % sizeof(u64) || p->size > size_max) {
		pr_err("size %u: must be a multiple of 8, at most %zu\n",
		       p->size, size_max);
		return -EINVAL;
	}
	if (!p->count || p->count > COUNT_MAX ||
	    (u64)p->count * p->size > BYTES_MAX) {
		pr_err("count %u: must be 1 to %u, at most 1 GiB together\n",
		       p->count, COUNT_MAX);
		return -EINVAL;
	}
	if (p->batch && (!p->pace || steps * p->pace / USEC_PER_MSEC > WAIT_MAX_MS)) {
		pr_err("batch %u, pace %u: %llu steps must take more than 0 and at most %u ms\n",
		       p->batch, p->pace, steps, WAIT_MAX_MS);
		return -EINVAL;
	}
	if (p->hold_ms > WAIT_MAX_MS) {
		pr_err("hold_ms %u: must be at most %u\n", p->hold_ms, WAIT_MAX_MS);
		return -EINVAL;
	}
	return 0;
}

static void burst_free(struct burst *b)
{
	u32 i;

	for (i = 0; b->src && i < b->nr_src; i++)
		if (b->src[i])
			free_pages_exact(b->src[i], b->p.size);
	kvfree(b->src);
	kvfree(b->maps);
	kfree(b);
}

/**
 * burst_alloc() - get ready for a run
 * @p:		Settings.
 * @count:	Number of buffers mapped at the same time.
 *
 * All memory that the run needs is allocated here, in task context.
 *
 * Return: The state of the run, to be freed by burst_free(), or an error.
 */
static struct burst *burst_alloc(const struct params *p, u32 count)
{
	enum hrtimer_mode mode = HRTIMER_MODE_REL_PINNED_HARD;
	struct burst *b;
	u32 i;

	b = kzalloc(sizeof(*b), GFP_KERNEL);
	if (!b)
		return ERR_PTR(-ENOMEM);
	b->p = *p;
	b->gen = ++generation;
	b->nr_src = clamp((u64)p->src_kb * SZ_1K / p->size, 1, count);
	if (IS_ENABLED(CONFIG_DMA_API_DEBUG) && b->nr_src < count &&
	    p->dir != DMA_TO_DEVICE) {
		pr_err("src_kb %u: must be %llu, as DMA mappings are debugged\n", p->src_kb,
		       DIV_ROUND_UP_ULL((u64)count * p->size, SZ_1K));
		kfree(b);
		return ERR_PTR(-EINVAL);
	}

	b->maps = kvcalloc(count, sizeof(*b->maps), GFP_KERNEL);
	b->src = kvcalloc(b->nr_src, sizeof(*b->src), GFP_KERNEL);
	if (!b->maps || !b->src)
		goto fail;
	for (i = 0; i < b->nr_src; i++) {
		b->src[i] = alloc_pages_exact(p->size, GFP_KERNEL | __GFP_ZERO |
					      __GFP_RETRY_MAYFAIL | __GFP_NOWARN);
		if (!b->src[i])
			goto fail;
	}

	if (p->ctx == CTX_SOFTIRQ)
		mode = HRTIMER_MODE_REL_PINNED_SOFT;
	hrtimer_init(&b->timer, CLOCK_MONOTONIC, mode);
	b->timer.function = burst_timer;
	init_completion(&b->done);
	return b;

fail:
	pr_err("no memory for %u source buffers of %u bytes\n", b->nr_src, p->size);
	burst_free(b);
	return ERR_PTR(-ENOMEM);
}

/* --------------------------------------------------------------- figures */

static int cmp_u32(const void *a, const void *b)
{
	u32 x = *(const u32 *)a, y = *(const u32 *)b;

	return x < y ? -1 : x > y;
}

/* The smallest figure that not more than @per_mille of all exceed or equal */
static u32 percentile(const u32 *sorted, u32 n, u32 per_mille)
{
	return sorted[min_t(u32, (u64)n * per_mille / 1000, n - 1)];
}

/**
 * spread_of() - say how the times of a burst are distributed
 * @b:		The run.
 * @unmap:	Look at the times of unmapping.
 * @times:	Room for @b->p.count figures.
 * @s:		Filled in.
 *
 * Mappings that failed are left out. Return: number of those that did not.
 */
static u32 spread_of(const struct burst *b, bool unmap, u32 *times,
		     struct spread *s)
{
	u32 i, ns, n = 0;

	memset(s, 0, sizeof(*s));
	for (i = 0; i < b->p.count; i++) {
		if (b->maps[i].dma == DMA_MAPPING_ERROR)
			continue;
		ns = unmap ? b->maps[i].unmap_ns : b->maps[i].map_ns;
		if (ns > s->max) {
			s->max = ns;
			s->max_at = i;
		}
		times[n++] = ns;
	}
	if (!n)
		return 0;
	sort(times, n, sizeof(*times), cmp_u32, NULL);
	s->min = times[0];
	s->p50 = percentile(times, n, 500);
	s->p99 = percentile(times, n, 990);
	s->p999 = percentile(times, n, 999);
	return n;
}

/* What a measurement of nothing yields */
static u32 clock_cost(void)
{
	u32 best = U32_MAX;
	int i;

	for (i = 0; i < 32; i++)
		best = min(best, ns_since(ktime_get_ns()));
	return best;
}

static void result_reset(enum result_kind kind)
{
	kvfree(result.map_times);
	memset(&result, 0, sizeof(result));
	result.kind = kind;
}

static void hist_add(u32 *hist, u32 ns)
{
	hist[min(fls(ns), HIST_BUCKETS - 1)]++;
}

/* @times: room for a figure of each mapping, which is kept */
static void burst_result(const struct burst *b, u32 *times, u64 total_ns)
{
	u32 i;

	result_reset(RESULT_BURST);
	for (i = 0; i < b->p.count; i++) {
		if (b->maps[i].dma == DMA_MAPPING_ERROR)
			continue;
		hist_add(result.map_hist, b->maps[i].map_ns);
		hist_add(result.unmap_hist, b->maps[i].unmap_ns);
	}
	spread_of(b, true, times, &result.unmap);
	result.maps = spread_of(b, false, times, &result.map);
	result.map_times = times;
	result.failed = b->p.count - result.maps;
	for (i = 0; i < b->p.count; i++)
		if (b->maps[i].dma == DMA_MAPPING_ERROR)
			result.failed_max = max(result.failed_max,
						b->maps[i].map_ns);
	result.direct = b->direct;
	result.clock = clock_cost();
	result.total_ns = total_ns;
	result.verified = b->verified;
	result.errors = b->errors;
}

/* ------------------------------------------------------------------ runs */

static int do_burst(const struct params *p)
{
	struct burst *b;
	u64 start, total;
	u32 *times;

	b = burst_alloc(p, p->count);
	if (IS_ERR(b))
		return PTR_ERR(b);
	times = kvmalloc_array(p->count, sizeof(*times), GFP_KERNEL);
	if (!times) {
		burst_free(b);
		return -ENOMEM;
	}

	start = ktime_get_ns();
	burst_half(b, false);
	total = ktime_get_ns() - start;
	if (p->hold_ms)
		msleep_interruptible(p->hold_ms);
	burst_half(b, true);

	burst_result(b, times, total);
	burst_free(b);
	return 0;
}

/**
 * loop_round() - map and unmap one buffer a number of times
 * @p:		Settings.
 * @src:	The buffer.
 * @pairs:	How often.
 * @failed:	Incremented for each map that fails.
 *
 * Return: nanoseconds for all of them.
 */
static u64 loop_round(const struct params *p, void *src, u32 pairs, u32 *failed)
{
	unsigned long flags = 0;
	dma_addr_t dma;
	u64 start, ns;

	if (p->irqs_off)
		local_irq_save(flags);
	start = ktime_get_ns();
	while (pairs--) {
		dma = map_buffer(p, src);
		if (unlikely(dma_mapping_error(test_dev(), dma)))
			(*failed)++;
		else
			dma_unmap_single(test_dev(), dma, p->size, p->dir);
	}
	ns = ktime_get_ns() - start;
	if (p->irqs_off)
		local_irq_restore(flags);
	return ns;
}

static int do_loop(const struct params *p)
{
	u64 ns, total = 0, best = U64_MAX;
	u32 left, n, warmup = 0, failed = 0;
	struct burst *b;

	b = burst_alloc(p, 1);
	if (IS_ERR(b))
		return PTR_ERR(b);

	/* Once for the caches, and for whatever the first map sets going */
	loop_round(p, b->src[0], 16, &warmup);

	for (left = p->count; left; left -= n) {
		n = min(left, LOOP_ROUND);
		ns = loop_round(p, b->src[0], n, &failed);
		total += ns;
		best = min(best, div_u64(ns * 1000, n));
		cond_resched();
		if (fatal_signal_pending(current))
			break;
	}

	result_reset(RESULT_LOOP);
	result.pairs = p->count - left;
	result.failed = failed;
	if (result.pairs)
		result.ps_per_pair = div_u64(total * 1000, result.pairs);
	result.best_ps_per_pair = best;
	burst_free(b);
	return 0;
}

/* ------------------------------------------------------------------ ring */

/*
 * Mappings that are kept while bursts come and go. All are of one page: bounce
 * buffers differ, and the device only reads.
 */
static struct {
	struct mutex lock;
	dma_addr_t *dma;
	u32 nr;
	u32 oldest;
	void *page;
} ring = { .lock = __MUTEX_INITIALIZER(ring.lock) };

#define RING_MAX	65536U

static int ring_map(u32 i)
{
	/* DMA_MAPPING_ERROR on failure */
	ring.dma[i] = dma_map_single_attrs(test_dev(), ring.page, SZ_4K,
					   DMA_TO_DEVICE, DMA_ATTR_NO_WARN);
	return dma_mapping_error(test_dev(), ring.dma[i]);
}

static void ring_unmap(u32 i)
{
	if (ring.dma[i] != DMA_MAPPING_ERROR)
		dma_unmap_single(test_dev(), ring.dma[i], SZ_4K, DMA_TO_DEVICE);
}

static void ring_empty(void)
{
	while (ring.nr)
		ring_unmap(--ring.nr);
	kvfree(ring.dma);
	ring.dma = NULL;
	free_page((unsigned long)ring.page);
	ring.page = NULL;
	ring.oldest = 0;
}

static int ring_set(void *data, u64 nr)
{
	int ret = 0;

	if (nr > RING_MAX)
		return -EINVAL;
	mutex_lock(&ring.lock);
	ring_empty();
	if (nr) {
		ring.dma = kvmalloc_array(nr, sizeof(*ring.dma), GFP_KERNEL);
		ring.page = (void *)__get_free_page(GFP_KERNEL);
		if (!ring.dma || !ring.page)
			ret = -ENOMEM;
	}
	while (!ret && ring.nr < nr) {
		ret = ring_map(ring.nr++);
		cond_resched();
	}
	if (ret)
		ring_empty();
	mutex_unlock(&ring.lock);
	return ret;
}
DEFINE_DEBUGFS_ATTRIBUTE(ring_fops, NULL, ring_set, "%llu\n");

/* Ends at an entry that cannot be mapped again, which stays empty until its next turn. */
static int turn_set(void *data, u64 nr)
{
	int ret = 0;

	mutex_lock(&ring.lock);
	if (nr > ring.nr)
		ret = -EINVAL;
	while (!ret && nr--) {
		ring_unmap(ring.oldest);
		ret = ring_map(ring.oldest);
		ring.oldest = (ring.oldest + 1) % ring.nr;
		cond_resched();
	}
	mutex_unlock(&ring.lock);
	return ret;
}
DEFINE_DEBUGFS_ATTRIBUTE(turn_fops, NULL, turn_set, "%llu\n");

static int thin_set(void *data, u64 n)
{
	u32 i, kept = 0;

	if (!n)
		return -EINVAL;
	mutex_lock(&ring.lock);
	for (i = 0; i < ring.nr; i++) {
		if (i % n)
			ring_unmap(i);
		else
			ring.dma[kept++] = ring.dma[i];
		cond_resched();
	}
	ring.nr = kept;
	ring.oldest = 0;
	mutex_unlock(&ring.lock);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(thin_fops, NULL, thin_set, "%llu\n");

/* ----------------------------------------------------------- lent memory */

#ifdef CONFIG_SWIOTLB_RECLAIM

/*
 * What a device that is not to bounce has instead of the memory that all devices
 * share: the same pool, and no swiotlb=force.
 */
static struct io_tlb_mem direct_mem;

static struct io_tlb_pool *shared_pool(void)
{
	return &test_dev()->dma_io_tlb_mem->defpool;
}

static bool in_pool(phys_addr_t addr)
{
	return addr >= shared_pool()->start && addr < shared_pool()->end;
}

static bool is_lent(phys_addr_t addr)
{
	return test_bit((addr - shared_pool()->start) >> SWIOTLB_SEGMENT_SHIFT,
			shared_pool()->lent);
}

/* Slots the devices that do not bounce have released, or even mapped */
static bool direct_mem_used(void)
{
	return atomic_long_read(&direct_mem.total_used);
}

static void direct_mem_init(void)
{
	direct_mem.defpool = *shared_pool();
	direct_mem.nslabs = direct_mem.defpool.nslabs;
	atomic_long_set(&direct_mem.total_used, 0);
#ifdef CONFIG_SWIOTLB_DYNAMIC
	spin_lock_init(&direct_mem.lock);
	INIT_LIST_HEAD(&direct_mem.pools);
	list_add_rcu(&direct_mem.defpool.node, &direct_mem.pools);
#endif
}

/*
 * Register a device that reaches all memory and bounces nothing. Like one that has
 * bounced before, it is asked at each sync and unmap whether this is a bounce buffer.
 */
static struct platform_device *new_direct_device(const char *name, int id)
{
	struct platform_device *pdev = new_device(name, id, DMA_BIT_MASK(64));

	if (IS_ERR(pdev))
		return pdev;
	pdev->dev.dma_io_tlb_mem = &direct_mem;
#ifdef CONFIG_SWIOTLB_DYNAMIC
	pdev->dev.dma_uses_io_tlb = true;
#endif
	dma_reset_need_sync(&pdev->dev);
	return pdev;
}

/* Words of @at that are not as fill() wrote them for @label */
static u32 wrong_words(const u64 *at, const u64 *label, u32 size, u64 gen)
{
	u32 w, wrong = 0;

	for (w = 0; w < size / sizeof(u64); w++)
		wrong += READ_ONCE(at[w]) != pattern(label + w, gen);
	return wrong;
}

/*
 * Whether the lookup that each sync and unmap does says so of all of a mapping. It
 * is what dma_need_sync() asks, as the devices are coherent.
 */
static bool taken_for_bounce(struct device *dev, dma_addr_t dma, u32 size)
{
	return dma_need_sync(dev, dma) || dma_need_sync(dev, dma + size - 1);
}

static void free_list_of_pages(struct list_head *pages)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, pages, lru)
		__free_page(page);
}

/*
 * Allocate movable pages until @want of them lie inside the pool. Those are used
 * last, so most of what is free may have to be had for a moment. Returns how many.
 */
static u32 collect_lent(u32 want, struct list_head *lent)
{
	gfp_t gfp = (GFP_HIGHUSER_MOVABLE & ~__GFP_DIRECT_RECLAIM) |
		    __GFP_NORETRY | __GFP_NOWARN;
	LIST_HEAD(others);
	struct page *page;
	u32 nr = 0;

	while (nr < want && !fatal_signal_pending(current)) {
		page = alloc_page(gfp);
		if (!page)
			break;
		if (in_pool(page_to_phys(page))) {
			list_add(&page->lru, lent);
			nr++;
		} else {
			list_add(&page->lru, &others);
		}
		cond_resched();
	}
	free_list_of_pages(&others);
	return nr;
}

static void lent_expect(struct page *page, u64 gen)
{
	result.errors += wrong_words(page_address(page), page_address(page),
				     PAGE_SIZE, gen);
	result.verified += PAGE_SIZE;
}

/*
 * One page, which CPU and device write in turn. If any sync or the unmap copied
 * anything, or the device wrote elsewhere, the other would not read what was written.
 */
static void lent_dma(struct device *dev, struct page *page,
		     enum dma_data_direction dir)
{
	u64 gen = ++generation * COUNT_MAX, *cpu = page_address(page), *device;
	dma_addr_t dma;

	fill(cpu, cpu, PAGE_SIZE, gen, 0);
	dma = dma_map_page(dev, page, 0, PAGE_SIZE, dir);
	if (dma_mapping_error(dev, dma)) {
		result.failed++;
		return;
	}
	result.maps++;
	device = phys_to_virt(dma_to_phys(dev, dma));
	if (device != cpu || taken_for_bounce(dev, dma, PAGE_SIZE))
		result.bounced++;

	if (dir != DMA_TO_DEVICE)
		fill(device, cpu, PAGE_SIZE, ++gen, 0);
	dma_sync_single_for_cpu(dev, dma, PAGE_SIZE, dir);
	lent_expect(page, gen);
	if (dir != DMA_FROM_DEVICE)
		fill(cpu, cpu, PAGE_SIZE, ++gen, 0);
	dma_sync_single_for_device(dev, dma, PAGE_SIZE, dir);
	lent_expect(page, gen);
	if (dir != DMA_TO_DEVICE)
		fill(device, cpu, PAGE_SIZE, ++gen, 0);
	dma_unmap_page(dev, dma, PAGE_SIZE, dir);
	lent_expect(page, gen);
}

/**
 * do_lent() - direct DMA to pages of lent memory
 * @want:	How many.
 *
 * All of them are mapped in each direction, one after the other, and none must have
 * been taken for a bounce buffer.
 *
 * Context: process context; run_lock is held.
 * Return: 0 or an error.
 */
static int do_lent(u32 want)
{
	struct platform_device *pdev;
	struct page *page;
	LIST_HEAD(pages);
	u32 dir;

	pdev = new_direct_device("test_swiotlb_direct", PLATFORM_DEVID_NONE);
	if (IS_ERR(pdev))
		return PTR_ERR(pdev);

	result_reset(RESULT_LENT);
	result.lent = collect_lent(want, &pages);
	list_for_each_entry(page, &pages, lru) {
		for (dir = DMA_BIDIRECTIONAL; dir <= DMA_FROM_DEVICE; dir++)
			lent_dma(&pdev->dev, page, dir);
		cond_resched();
	}
	result.violations = swiotlb_reclaim_check() + direct_mem_used();
	free_list_of_pages(&pages);
	platform_device_unregister(pdev);
	return 0;
}

static int lent_set(void *data, u64 want)
{
	int ret;

	if (!want || want > COUNT_MAX)
		return -EINVAL;
	ret = mutex_lock_interruptible(&run_lock);
	if (ret)
		return ret;
	ret = do_lent(want);
	mutex_unlock(&run_lock);
	return ret;
}
DEFINE_DEBUGFS_ATTRIBUTE(lent_fops, NULL, lent_set, "%llu\n");

/* --------------------------------------------------------------- torture */

/*
 * Threads on all CPUs do, in random order, everything that may be done to the pool,
 * and each of them checks that its own data is what it should be. Files:
 *
 *   torture          write n: go on for n seconds, return when done
 *   torture_seed     of the random numbers; 0: another one each time        0
 *   torture_stat     seconds from one line of statistics to the next        15
 *   torture_threads  for each CPU                                           2
 *   torture_kb       movable memory of all threads together                 65536
 *   torture_result   figures of the last or the present run, key=value
 *
 * A thread has buffers of its own that it maps, and pages of a file in memory, which
 * the kernel moves about as it likes, also into lent memory and out of it. Both hold
 * patterns that tell whose they are and when they were written. What a thread does:
 *
 *   map       a buffer or a page, for a device that bounces, one that bounces and
 *             has the offset in a page kept, or one that does not bounce
 *   sync      for the CPU and back, in parts at times; both sides write
 *   unmap     what is mapped, at times without a sync
 *   stale     unmap or sync what is another device's, or not mapped any more, or
 *             any address in the pool by a device that never bounces
 *   flood     map more than the floor, at times most of the pool, and hold that for
 *             a while
 *   lend,     some segments
 *   take
 *   look      read pages, write to some; see whether they have moved
 *   pin       hold on to a page for a while
 *   drop      free pages, so that others are allocated
 *   migrate   take the segment that a page is in, which has to move
 *   contig    ask for a pageblock of the pool as one piece, which is refused, as it
 *             is to those who want to take memory offline
 *
 * On each CPU one timer in hard and one in soft interrupt context map, sync and unmap
 * as well. Every second all segments are checked by swiotlb_reclaim_check(). With one
 * seed each thread makes the same choices, but not at the same times.
 */

#define TORTURE_SECS_MAX	(7 * 24 * 3600)
#define TORTURE_THREADS_MAX	64	/* on each CPU */
#define TORTURE_MAPS		48	/* of each thread */
#define TORTURE_BUFFERS		28	/* of these, of buffers; the others of pages */
#define TORTURE_IRQ_MAPS	6	/* of each timer */
#define TORTURE_PINS		16	/* of each thread */
#define TORTURE_GUARD		64	/* bytes around a mapping that are checked, too */
#define TORTURE_FLOOD_SIZE	SZ_64K
#define TORTURE_FLOOD		128	/* mappings of that size */
#define TORTURE_FLOOD_MAX	1024	/* sometimes */
#define TORTURE_LEND		64	/* segments */

enum torture_count {
	T_MAP, T_HARDIRQ, T_SOFTIRQ, T_FAILED, T_SYNC, T_UNMAP, T_STALE, T_FLOOD,
	T_DIRECT, T_DIRECT_LENT, T_LEND, T_TAKE, T_LOOK, T_PIN, T_PIN_LENT, T_MOVED,
	T_EVACUATED, T_DROP, T_CONTIG, T_NO_MEMORY,
	T_CHECKS, T_VIOLATIONS,
	T_DATA_ERRORS, T_LOOKUP_ERRORS, T_STATE_ERRORS, T_STALE_ERRORS,
	NR_T,
	T_FIRST_ERROR = T_VIOLATIONS,
};

static const char * const torture_names[] = {
	[T_MAP]		= "map",	/* in whatever context */
	[T_HARDIRQ]	= "hardirq",	/* of these, there */
	[T_SOFTIRQ]	= "softirq",
	[T_FAILED]	= "failed",	/* maps */
	[T_SYNC]	= "sync",
	[T_UNMAP]	= "unmap",
	[T_STALE]	= "stale",	/* and refused */
	[T_FLOOD]	= "flood",
	[T_DIRECT]	= "direct",	/* maps that did not bounce */
	[T_DIRECT_LENT]	= "direct_lent",	/* of these, of lent pages */
	[T_LEND]	= "lend",	/* segments */
	[T_TAKE]	= "take",
	[T_LOOK]	= "look",	/* pages */
	[T_PIN]		= "pin",
	[T_PIN_LENT]	= "pin_lent",	/* of these, lent ones */
	[T_MOVED]	= "moved",	/* seen elsewhere than before */
	[T_EVACUATED]	= "evacuated",	/* of these, out of lent memory */
	[T_DROP]	= "drop",
	[T_CONTIG]	= "contig",	/* and refused */
	[T_NO_MEMORY]	= "no_memory",
	[T_CHECKS]	= "checks",	/* of all segments */
	[T_VIOLATIONS]	= "violations",	/* found by them */
	[T_DATA_ERRORS]	= "data_errors",	/* words */
	[T_LOOKUP_ERRORS] = "lookup_errors",	/* bounce buffer or not */
	[T_STATE_ERRORS] = "state_errors",	/* mapped and lent, used and not lent */
	[T_STALE_ERRORS] = "stale_errors",	/* not refused */
};

/**
 * struct held - what a thread or timer maps
 * @dev:	Device it is mapped for, %NULL if it is not mapped.
 * @buf:	Buffer, or %NULL if a page is mapped instead.
 * @buf_size:	Bytes of it.
 * @page:	Page, to which there is a reference.
 * @index:	Its index in the thread's file.
 * @cpu:	What is mapped, as the CPU sees it.
 * @device:	The same as the device sees it.
 * @label:	Where the words are, for the pattern: pages move.
 * @size:	Bytes that are mapped.
 * @dma:	Where.
 * @dir:	Direction.
 * @cpu_gen:	Generation of the pattern on the CPU's side.
 * @device_gen:	The same on the device's side.
 * @guard_gen:	The same around the mapping.
 */
struct held {
	struct device *dev;
	void *buf;
	u32 buf_size;
	struct page *page;
	u32 index;
	void *cpu;
	void *device;
	const u64 *label;
	u32 size;
	dma_addr_t dma;
	enum dma_data_direction dir;
	u64 cpu_gen;
	u64 device_gen;
	u64 guard_gen;
};

enum { DEV_PLAIN, DEV_ALIGNED, DEV_DIRECT, NR_DEVS };

/**
 * struct actor - a thread or a timer, which one context at a time works on
 * @rnd:	Random numbers.
 * @gen:	The last generation of a pattern that was used, like no other actor's.
 * @pdev:	Devices of its own, so that only this actor unmaps what they mapped.
 * @maps:	What it maps.
 * @nr_maps:	How much of that.
 * @count:	What it did. Read by the task that runs the torture, too.
 * @timer:	If it is a timer.
 * @in_irq:	How it counts maps, %T_HARDIRQ or %T_SOFTIRQ.
 */
struct actor {
	struct rnd_state rnd;
	u64 gen;
	struct platform_device *pdev[NR_DEVS];
	struct held *maps;
	u32 nr_maps;
	u64 count[NR_T];
	struct hrtimer timer;
	enum torture_count in_irq;
};

struct pin {
	struct page *page;
	u32 index;
	unsigned long until;
};

/**
 * struct torturer - a thread
 * @a:		What it has in common with timers.
 * @timers:	Those of its CPU, if it is the first thread there.
 * @has_timers:	Whether it is.
 * @task:	The thread.
 * @maps:	What it maps.
 * @irq_maps:	What the timers map.
 * @pins:	Pages it holds on to.
 * @file:	Where its pages are.
 * @nr_pages:	How many there can be.
 * @page_gen:	Generation of the pattern of each, zero if there is no page.
 * @page_pfn:	Where each was seen last.
 * @page_busy:	A bit for each that is mapped or pinned.
 * @flood_buf:	What it floods the pool with, again and again.
 * @flood:	Where that is mapped.
 */
struct torturer {
	struct actor a;
	struct actor timers[2];
	bool has_timers;
	struct task_struct *task;
	struct held maps[TORTURE_MAPS];
	struct held irq_maps[2][TORTURE_IRQ_MAPS];
	struct pin pins[TORTURE_PINS];
	struct file *file;
	u32 nr_pages;
	u64 *page_gen;
	unsigned long *page_pfn;
	unsigned long *page_busy;
	void *flood_buf;
	dma_addr_t flood[TORTURE_FLOOD_MAX];
};

/**
 * struct torture - a run, and the settings
 * @lock:	One at a time; protects all but @sum.
 * @stat:	As the files say.
 * @threads:	As the files say.
 * @seed:	As the files say.
 * @kb:		As the files say.
 * @used_seed:	The seed that was used.
 * @runs:	Number of runs, so that none takes what another wrote for its own.
 * @seconds:	How long it has been going on.
 * @status:	How it ended.
 * @t:		Threads, @nr of them.
 * @nr:		Number of threads.
 * @sum:	What all of them did, as of the last second.
 */
static struct torture {
	struct mutex lock;
	u32 stat;
	u32 threads;
	u32 seed;
	u32 kb;
	u32 used_seed;
	u32 runs;
	u32 seconds;
	const char *status;
	struct torturer **t;
	u32 nr;
	u64 sum[NR_T];
} torture = {
	.lock		= __MUTEX_INITIALIZER(torture.lock),
	.stat		= 15,
	.threads	= 2,
	.kb		= SZ_64M / SZ_1K,
	.status		= "NONE",
};

static u32 rnd(struct actor *a, u32 below)
{
	return prandom_u32_state(&a->rnd) % below;
}

static struct device *actor_dev(struct actor *a, u32 which)
{
	return &a->pdev[which]->dev;
}

static bool is_direct(const struct device *dev)
{
	return dev->dma_io_tlb_mem == &direct_mem;
}

static void done(struct actor *a, enum torture_count what, u64 times)
{
	WRITE_ONCE(a->count[what], a->count[what] + times);
}

static void expect_words(struct actor *a, const void *at, const void *label, u32 size,
			 u64 gen, const char *what)
{
	u32 wrong = wrong_words(at, label, size, gen);

	if (likely(!wrong))
		return;
	done(a, T_DATA_ERRORS, wrong);
	pr_err_ratelimited("torture: %s: %u of %zu words wrong at %#llx\n", what, wrong,
			   size / sizeof(u64), (u64)virt_to_phys((void *)at));
}

static void expect(struct actor *a, enum torture_count error, bool condition,
		   const char *what, phys_addr_t at)
{
	if (likely(condition))
		return;
	done(a, error, 1);
	pr_err_ratelimited("torture: %s at %pa\n", what, &at);
}

/* ------------------------------------------ mappings, in whatever context */

static bool held_bounced(const struct held *m)
{
	return m->device != m->cpu;
}

static void device_write(struct actor *a, struct held *m)
{
	m->device_gen = ++a->gen;
	fill(m->device, m->label, m->size, m->device_gen, 0);
	/* There is one memory only */
	if (!held_bounced(m))
		m->cpu_gen = m->device_gen;
}

/* Bytes before (or after) the mapping that nobody must write to */
static u32 guard_before(const struct held *m)
{
	return min_t(u32, m->cpu - m->buf, TORTURE_GUARD);
}

static u32 guard_after(const struct held *m)
{
	return min_t(u32, m->buf + m->buf_size - m->cpu - m->size, TORTURE_GUARD);
}

/* Nothing but what its owner did must have happened to a mapping */
static void held_check(struct actor *a, struct held *m)
{
	bool bounced = held_bounced(m);
	phys_addr_t at = dma_to_phys(m->dev, m->dma);

	expect(a, T_LOOKUP_ERRORS,
	       dma_need_sync(m->dev, m->dma) == bounced &&
	       dma_need_sync(m->dev, m->dma + m->size - 1) == bounced,
	       bounced ? "a bounce buffer is not taken for one" :
			 "a page under direct DMA is taken for a bounce buffer", at);
	/* With SWIOTLB_DYNAMIC a buffer may be elsewhere */
	if (in_pool(at))
		expect(a, T_STATE_ERRORS,
		       is_lent(at) != bounced && is_lent(at + m->size - 1) != bounced,
		       bounced ? "lent while mapped" : "owned while under direct DMA",
		       at);
	expect_words(a, m->device, m->label, m->size, m->device_gen, "device's side");
	if (bounced)
		expect_words(a, m->cpu, m->label, m->size, m->cpu_gen, "CPU's side");
	if (m->buf) {
		u32 before = guard_before(m), after = guard_after(m);

		expect_words(a, m->cpu - before, m->cpu - before, before,
			     m->guard_gen, "before the buffer");
		expect_words(a, m->cpu + m->size, m->cpu + m->size, after,
			     m->guard_gen, "after the buffer");
	}
}

/* Map what @m says is to be mapped. Its CPU's side has the pattern @m->cpu_gen. */
static bool held_map(struct actor *a, struct held *m, struct device *dev)
{
	m->dir = rnd(a, 3);
	m->dma = dma_map_page_attrs(dev, virt_to_page(m->cpu), offset_in_page(m->cpu),
				    m->size, m->dir, DMA_ATTR_NO_WARN);
	if (dma_mapping_error(dev, m->dma)) {
		done(a, T_FAILED, 1);
		return false;
	}
	m->dev = dev;
	m->device = phys_to_virt(dma_to_phys(dev, m->dma));
	m->device_gen = m->cpu_gen;

	done(a, T_MAP, 1);
	if (a->in_irq)
		done(a, a->in_irq, 1);
	if (!held_bounced(m)) {
		done(a, T_DIRECT, 1);
		if (in_pool(virt_to_phys(m->cpu)))
			done(a, T_DIRECT_LENT, 1);
	}
	expect(a, T_LOOKUP_ERRORS, !is_direct(dev) || !held_bounced(m),
	       "bounced for a device that must not", virt_to_phys(m->cpu));
	/* The device finds what the CPU wrote, whatever the direction */
	held_check(a, m);
	if (m->dir != DMA_TO_DEVICE && rnd(a, 2))
		device_write(a, m);
	return true;
}

/* Choose a part of the buffer, write the pattern to it and around it, and map it */
static void held_map_buffer(struct actor *a, struct held *m, struct device *dev)
{
	u32 max = min_t(size_t, m->buf_size, dma_max_mapping_size(dev));
	u32 before, offset = 0;

	m->size = (rnd(a, max / sizeof(u64)) + 1) * sizeof(u64);
	if (!rnd(a, 4))
		m->size = max;
	if (m->size < m->buf_size)
		offset = rnd(a, (m->buf_size - m->size) / sizeof(u64)) * sizeof(u64);
	m->cpu = m->buf + offset;
	m->label = m->cpu;
	m->cpu_gen = ++a->gen;
	m->guard_gen = m->cpu_gen;

	before = guard_before(m);
	fill(m->cpu - before, m->cpu - before, before + m->size + guard_after(m),
	     m->guard_gen, 0);
	held_map(a, m, dev);
}

/* Of a part, the CPU gets what the device wrote, and the rest stays as it was */
static void held_sync_part(struct actor *a, struct held *m)
{
	u32 from = rnd(a, m->size / sizeof(u64)) * sizeof(u64);
	u32 size = (rnd(a, (m->size - from) / sizeof(u64)) + 1) * sizeof(u64);
	u32 end = from + size;

	device_write(a, m);
	dma_sync_single_range_for_cpu(m->dev, m->dma, from, size, m->dir);
	expect_words(a, m->cpu, m->label, from, m->cpu_gen, "before the part");
	expect_words(a, m->cpu + from, (void *)m->label + from, size, m->device_gen,
		     "synced part");
	expect_words(a, m->cpu + end, (void *)m->label + end, m->size - end, m->cpu_gen,
		     "after the part");
}

static void held_sync(struct actor *a, struct held *m)
{
	if (m->dir != DMA_TO_DEVICE && rnd(a, 2))
		device_write(a, m);
	held_check(a, m);
	if (m->dir != DMA_TO_DEVICE && held_bounced(m) && !rnd(a, 4))
		held_sync_part(a, m);

	dma_sync_single_for_cpu(m->dev, m->dma, m->size, m->dir);
	if (m->dir != DMA_TO_DEVICE)
		m->cpu_gen = m->device_gen;
	expect_words(a, m->cpu, m->label, m->size, m->cpu_gen, "synced for the CPU");

	if (m->dir != DMA_FROM_DEVICE) {
		m->cpu_gen = ++a->gen;
		fill(m->cpu, m->label, m->size, m->cpu_gen, 0);
		m->device_gen = m->cpu_gen;
	}
	dma_sync_single_for_device(m->dev, m->dma, m->size, m->dir);
	held_check(a, m);
	done(a, T_SYNC, 1);
}

static void held_unmap(struct actor *a, struct held *m)
{
	unsigned long attrs = rnd(a, 8) ? 0 : DMA_ATTR_SKIP_CPU_SYNC;

	held_check(a, m);
	dma_unmap_page_attrs(m->dev, m->dma, m->size, m->dir, attrs);
	if (m->dir != DMA_TO_DEVICE && !attrs)
		m->cpu_gen = m->device_gen;
	expect_words(a, m->cpu, m->label, m->size, m->cpu_gen, "unmapped");
	if (m->buf)
		expect_words(a, m->cpu + m->size, m->cpu + m->size, guard_after(m),
			     m->guard_gen, "after the unmapped buffer");
	m->dev = NULL;
	done(a, T_UNMAP, 1);
}

static enum hrtimer_restart torture_timer(struct hrtimer *timer)
{
	struct actor *a = container_of(timer, struct actor, timer);
	struct held *m = &a->maps[rnd(a, a->nr_maps)];

	if (!m->dev)
		held_map_buffer(a, m, actor_dev(a, DEV_PLAIN));
	else if (rnd(a, 2))
		held_sync(a, m);
	else
		held_unmap(a, m);
	hrtimer_forward_now(timer, ns_to_ktime((200 + rnd(a, 4000)) * NSEC_PER_USEC));
	return HRTIMER_RESTART;
}

/*
 * Unmap or sync what @dev has not mapped. What it must not do would be seen where the
 * address belongs to somebody. With DMA_API_DEBUG, which objects to that before
 * swiotlb can, below the DMA API.
 */
static void stale_dma(struct actor *a, struct device *dev, phys_addr_t at, u32 size,
		      enum dma_data_direction dir)
{
	bool below = IS_ENABLED(CONFIG_DMA_API_DEBUG) || rnd(a, 2);
	dma_addr_t dma = phys_to_dma(dev, at);

	expect(a, T_STALE_ERRORS, !swiotlb_find_pool(dev, at),
	       "stale address of a device is taken for its bounce buffer", at);
	switch (rnd(a, 4)) {
	case 0:
		if (below)
			swiotlb_sync_single_for_cpu(dev, at, size, dir);
		else
			dma_sync_single_for_cpu(dev, dma, size, dir);
		break;
	case 1:
		if (below)
			swiotlb_sync_single_for_device(dev, at, size, dir);
		else
			dma_sync_single_for_device(dev, dma, size, dir);
		break;
	default:
		if (below)
			swiotlb_tbl_unmap_single(dev, at, size, dir, 0);
		else
			dma_unmap_page_attrs(dev, dma, size, dir, 0);
	}
	done(a, T_STALE, 1);
}

/* ---------------------------------------------------------- pages of a file */

static const u64 *page_label(u32 index)
{
	return (const u64 *)((unsigned long)index << PAGE_SHIFT);
}

static void page_write(struct torturer *t, u32 index, struct page *page)
{
	t->page_gen[index] = ++t->a.gen;
	fill(page_address(page), page_label(index), PAGE_SIZE, t->page_gen[index], 0);
	set_page_dirty(page);
}

static void page_expect(struct torturer *t, u32 index, struct page *page,
			const char *what)
{
	phys_addr_t at = page_to_phys(page);

	expect(&t->a, T_STATE_ERRORS, !in_pool(at) || is_lent(at),
	       "page in use of an owned segment", at);
	expect_words(&t->a, page_address(page), page_label(index), PAGE_SIZE,
		     t->page_gen[index], what);
}

/*
 * Get a page and look whether it has what was written to it last. Returns it with a
 * reference, which keeps it from being moved, or NULL if there is no memory.
 */
static struct page *page_look(struct torturer *t, u32 index)
{
	struct address_space *mapping = t->file->f_mapping;
	unsigned long pfn, last = t->page_pfn[index];
	struct page *page;

	page = shmem_read_mapping_page_gfp(mapping, index, mapping_gfp_mask(mapping) |
					   __GFP_NORETRY | __GFP_NOWARN);
	if (IS_ERR(page)) {
		done(&t->a, T_NO_MEMORY, 1);
		return NULL;
	}

	pfn = page_to_pfn(page);
	if (!t->page_gen[index]) {
		page_write(t, index, page);
	} else if (pfn != last) {
		done(&t->a, T_MOVED, 1);
		if (in_pool(PFN_PHYS(last)))
			done(&t->a, T_EVACUATED, 1);
	}
	t->page_pfn[index] = pfn;
	page_expect(t, index, page, "page");
	done(&t->a, T_LOOK, 1);
	return page;
}

/* Take a page that is neither mapped nor pinned, or NULL */
static struct page *page_hold(struct torturer *t, u32 *index)
{
	struct page *page;

	*index = rnd(&t->a, t->nr_pages);
	if (test_bit(*index, t->page_busy))
		return NULL;
	page = page_look(t, *index);
	if (page)
		__set_bit(*index, t->page_busy);
	return page;
}

static void page_release(struct torturer *t, u32 index, struct page *page)
{
	struct page *again;

	page_expect(t, index, page, "page that was held");
	set_page_dirty(page);
	/* That it has not moved meanwhile was what it was held for */
	again = page_look(t, index);
	if (again) {
		expect(&t->a, T_STATE_ERRORS, again == page,
		       "page moved although it was held", page_to_phys(page));
		put_page(again);
	}
	put_page(page);
	__clear_bit(index, t->page_busy);
}

static void release_pins(struct torturer *t, bool all)
{
	struct pin *pin;

	for (pin = t->pins; pin < t->pins + TORTURE_PINS; pin++) {
		if (!pin->page || (!all && time_before(jiffies, pin->until)))
			continue;
		page_release(t, pin->index, pin->page);
		pin->page = NULL;
	}
}

/* ------------------------------------------------------- what threads do */

static void op_map(struct torturer *t)
{
	struct held *m = &t->maps[rnd(&t->a, TORTURE_MAPS)];
	struct device *dev = actor_dev(&t->a, rnd(&t->a, NR_DEVS));

	if (m->dev)
		return;
	if (m->buf) {
		held_map_buffer(&t->a, m, dev);
		return;
	}

	/* A page every other time directly, lest too few of these be lent ones */
	if (rnd(&t->a, 2))
		dev = actor_dev(&t->a, DEV_DIRECT);
	m->page = page_hold(t, &m->index);
	if (!m->page)
		return;
	m->cpu = page_address(m->page);
	m->label = page_label(m->index);
	m->size = PAGE_SIZE;
	m->cpu_gen = t->page_gen[m->index];
	if (!held_map(&t->a, m, dev))
		page_release(t, m->index, m->page);
}

/* One of the mappings there are, or NULL */
static struct held *some_held(struct torturer *t)
{
	struct held *m = &t->maps[rnd(&t->a, TORTURE_MAPS)];

	return m->dev ? m : NULL;
}

static void op_sync(struct torturer *t)
{
	struct held *m = some_held(t);

	if (m)
		held_sync(&t->a, m);
}

static void thread_unmap(struct torturer *t, struct held *m)
{
	held_unmap(&t->a, m);
	if (m->page) {
		t->page_gen[m->index] = m->cpu_gen;
		page_release(t, m->index, m->page);
		m->page = NULL;
	}
}

static void op_unmap(struct torturer *t)
{
	struct held *m = some_held(t);

	if (m)
		thread_unmap(t, m);
}

/*
 * Three kinds: another device's mapping, the same one twice, and just any address in
 * the pool, which may be of anything.
 */
static void op_stale(struct torturer *t)
{
	phys_addr_t pool = shared_pool()->start, size = shared_pool()->end - pool;
	struct held *m = some_held(t);
	enum dma_data_direction dir;
	struct actor *a = &t->a;
	struct device *dev;
	phys_addr_t at;
	u32 len;

	if (m && held_bounced(m) && rnd(a, 2)) {
		dev = actor_dev(a, rnd(a, NR_DEVS));
		if (dev == m->dev)
			return;
		stale_dma(a, dev, dma_to_phys(m->dev, m->dma), m->size, m->dir);
		held_check(a, m);
	} else if (m && held_bounced(m)) {
		dev = m->dev;
		at = dma_to_phys(dev, m->dma);
		dir = m->dir;
		len = m->size;
		thread_unmap(t, m);
		stale_dma(a, dev, at, len, dir);
	} else {
		at = pool + (rnd(a, size >> IO_TLB_SHIFT) << IO_TLB_SHIFT);
		stale_dma(a, actor_dev(a, DEV_DIRECT), at, IO_TLB_SIZE, rnd(a, 3));
	}
}

static void op_flood(struct torturer *t)
{
	struct device *dev = actor_dev(&t->a, DEV_PLAIN);
	u32 max = rnd(&t->a, 32) ? TORTURE_FLOOD : TORTURE_FLOOD_MAX;
	u32 i, want = 1 + rnd(&t->a, max), nr = 0;

	while (nr < want) {
		t->flood[nr] = dma_map_single_attrs(dev, t->flood_buf, TORTURE_FLOOD_SIZE,
						    DMA_TO_DEVICE, DMA_ATTR_NO_WARN);
		if (dma_mapping_error(dev, t->flood[nr])) {
			done(&t->a, T_FAILED, 1);
			break;
		}
		nr++;
		cond_resched();
	}
	done(&t->a, T_MAP, nr);
	done(&t->a, T_FLOOD, 1);
	if (rnd(&t->a, 2))
		usleep_range(100, 10000);
	for (i = 0; i < nr; i++) {
		expect_words(&t->a, phys_to_virt(dma_to_phys(dev, t->flood[i])),
			     t->flood_buf, TORTURE_FLOOD_SIZE, 0, "flood");
		dma_unmap_single(dev, t->flood[i], TORTURE_FLOOD_SIZE, DMA_TO_DEVICE);
		cond_resched();
	}
	done(&t->a, T_UNMAP, nr);
}

/*
 * On average what a flood takes: after its failures kswiotlbd lends nothing for longer
 * than it is until the next, and lent memory is to be in use.
 */
static void op_lend(struct torturer *t)
{
	done(&t->a, T_LEND, swiotlb_reclaim_lend(1 + rnd(&t->a, TORTURE_LEND)));
}

static void op_take(struct torturer *t)
{
	done(&t->a, T_TAKE, swiotlb_reclaim_take(1 + rnd(&t->a, 8)));
}

static void look_at(struct torturer *t, u32 index, u32 end)
{
	struct page *page;

	for (; index < end; index++) {
		if (test_bit(index, t->page_busy))
			continue;
		page = page_look(t, index);
		if (!page)
			return;
		if (!rnd(&t->a, 4))
			page_write(t, index, page);
		put_page(page);
	}
}

static void op_look(struct torturer *t)
{
	u32 index = rnd(&t->a, t->nr_pages);

	look_at(t, index, min(index + 1 + rnd(&t->a, 32), t->nr_pages));
}

static void op_pin(struct torturer *t)
{
	struct pin *pin = &t->pins[rnd(&t->a, TORTURE_PINS)];

	if (pin->page)
		return;
	pin->page = page_hold(t, &pin->index);
	if (!pin->page)
		return;
	pin->until = jiffies + rnd(&t->a, HZ / 2);
	done(&t->a, T_PIN, 1);
	if (in_pool(page_to_phys(pin->page)))
		done(&t->a, T_PIN_LENT, 1);
}

static void op_drop(struct torturer *t)
{
	u32 index = rnd(&t->a, t->nr_pages);
	u32 end = min(index + 1 + rnd(&t->a, 64), t->nr_pages);

	end = find_next_bit(t->page_busy, end, index);
	if (index >= end)
		return;
	shmem_truncate_range(file_inode(t->file), (loff_t)index << PAGE_SHIFT,
			     ((loff_t)end << PAGE_SHIFT) - 1);
	memset(t->page_gen + index, 0, (end - index) * sizeof(*t->page_gen));
	done(&t->a, T_DROP, end - index);
}

/*
 * The policy has pages of lent segments migrated only if none is free. On a slow kernel
 * hardly any is lent, as floods keep failing, and then those are free.
 */
static void op_migrate(struct torturer *t)
{
	u32 i, index = rnd(&t->a, t->nr_pages);
	phys_addr_t at;

	for (i = 0; i < t->nr_pages; i++, index = (index + 1) % t->nr_pages) {
		at = PFN_PHYS(t->page_pfn[index]);
		if (!t->page_gen[index] || test_bit(index, t->page_busy) ||
		    !in_pool(at) || !is_lent(at))
			continue;
		done(&t->a, T_TAKE, swiotlb_reclaim_take_at(at));
		done(&t->a, T_LEND, swiotlb_reclaim_lend(1));
		look_at(t, index, index + 1);
		return;
	}
}

static void op_contig(struct torturer *t)
{
#ifdef CONFIG_CONTIG_ALLOC
	unsigned long pfn = PHYS_PFN(shared_pool()->start);
	unsigned long nr = PHYS_PFN(shared_pool()->end) - pfn;

	pfn += rnd(&t->a, nr / pageblock_nr_pages) * pageblock_nr_pages;
	if (!alloc_contig_range(pfn, pfn + pageblock_nr_pages, MIGRATE_MOVABLE,
				GFP_KERNEL | __GFP_NOWARN)) {
		expect(&t->a, T_STATE_ERRORS, false,
		       "a pageblock of the pool was given to somebody", PFN_PHYS(pfn));
		free_contig_range(pfn, pageblock_nr_pages);
		return;
	}
	done(&t->a, T_CONTIG, 1);
#endif
}

/* How often each is done, of all the weights together */
static const struct {
	void (*op)(struct torturer *t);
	u32 weight;
} torture_ops[] = {
	{ op_map, 24 },
	{ op_sync, 20 },
	{ op_unmap, 20 },
	{ op_stale, 10 },
	{ op_flood, 3 },
	{ op_lend, 3 },
	{ op_take, 2 },
	{ op_look, 12 },
	{ op_pin, 6 },
	{ op_drop, 2 },
	{ op_migrate, 2 },
	{ op_contig, 1 },
};

static void torture_some(struct torturer *t)
{
	u32 i, sum = 0;

	for (i = 0; i < ARRAY_SIZE(torture_ops); i++)
		sum += torture_ops[i].weight;
	sum = rnd(&t->a, sum);
	for (i = 0; sum >= torture_ops[i].weight; i++)
		sum -= torture_ops[i].weight;
	torture_ops[i].op(t);
}

static void torture_timers(struct torturer *t, bool start)
{
	enum hrtimer_mode modes[] = {
		HRTIMER_MODE_REL_PINNED_HARD, HRTIMER_MODE_REL_PINNED_SOFT,
	};
	u32 i, k;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		struct actor *a = &t->timers[i];

		/* There, spinlocks sleep, and nobody maps in hard interrupts */
		if (!i && IS_ENABLED(CONFIG_PREEMPT_RT))
			continue;
		if (start) {
			hrtimer_init(&a->timer, CLOCK_MONOTONIC, modes[i]);
			a->timer.function = torture_timer;
			hrtimer_start(&a->timer, ms_to_ktime(1), modes[i]);
			continue;
		}
		hrtimer_cancel(&a->timer);
		for (k = 0; k < a->nr_maps; k++)
			if (a->maps[k].dev)
				held_unmap(a, &a->maps[k]);
	}
}

static int torture_thread(void *data)
{
	struct torturer *t = data;
	struct page *page;
	u32 i;

	if (t->has_timers)
		torture_timers(t, true);
	while (!kthread_should_stop()) {
		torture_some(t);
		release_pins(t, false);
		if (!rnd(&t->a, 8))
			usleep_range(50, 2000);
		else
			cond_resched();
	}
	if (t->has_timers)
		torture_timers(t, false);

	for (i = 0; i < TORTURE_MAPS; i++)
		if (t->maps[i].dev)
			thread_unmap(t, &t->maps[i]);
	release_pins(t, true);
	for (i = 0; i < t->nr_pages; i++) {
		page = t->page_gen[i] ? page_look(t, i) : NULL;
		if (page)
			put_page(page);
		cond_resched();
	}
	return 0;
}

/* -------------------------------------------------------- how they are run */

static void actor_free(struct actor *a)
{
	u32 i;

	for (i = 0; i < NR_DEVS; i++)
		if (!IS_ERR_OR_NULL(a->pdev[i]))
			platform_device_unregister(a->pdev[i]);
	for (i = 0; i < a->nr_maps; i++)
		if (a->maps[i].buf)
			free_pages_exact(a->maps[i].buf, a->maps[i].buf_size);
}

/* A buffer of the size wanted, or a smaller one if there is no such piece of memory */
static bool held_alloc(struct held *m, u32 size)
{
	for (; size >= SZ_4K && !m->buf; size /= 2) {
		m->buf_size = size;
		m->buf = alloc_pages_exact(size, GFP_KERNEL | __GFP_NOWARN |
					   __GFP_RETRY_MAYFAIL);
	}
	return m->buf;
}

/*
 * @id tells this actor from the others. Sizes of buffers: few that need a segment,
 * most of a page or two. In interrupts, only of those.
 */
static int actor_init(struct actor *a, u32 id, struct held *maps, u32 nr_maps,
		      u32 nr_buffers)
{
	const char *name = "test_swiotlb_torture";
	u32 i, size;

	prandom_seed_state(&a->rnd, torture.used_seed + ((u64)id << 32));
	a->gen = (u64)torture.runs << 48 | ((u64)id + 1) << 36;
	a->maps = maps;
	a->nr_maps = nr_maps;

	a->pdev[DEV_PLAIN] = new_device(name, PLATFORM_DEVID_AUTO, DMA_BIT_MASK(32));
	a->pdev[DEV_ALIGNED] = new_device(name, PLATFORM_DEVID_AUTO, DMA_BIT_MASK(32));
	a->pdev[DEV_DIRECT] = new_direct_device(name, PLATFORM_DEVID_AUTO);
	for (i = 0; i < NR_DEVS; i++)
		if (IS_ERR(a->pdev[i]))
			return PTR_ERR(a->pdev[i]);
	dma_set_min_align_mask(actor_dev(a, DEV_ALIGNED), SZ_4K - 1);

	for (i = 0; i < nr_buffers; i++) {
		size = SZ_8K;
		if (!a->in_irq && i % 16 == 0)
			size = IO_TLB_SEGSIZE << IO_TLB_SHIFT;
		else if (!a->in_irq && i % 16 < 4)
			size = SZ_64K;
		if (!held_alloc(&maps[i], size))
			return -ENOMEM;
	}
	return 0;
}

static void torturer_free(struct torturer *t)
{
	if (!t)
		return;
	actor_free(&t->a);
	actor_free(&t->timers[0]);
	actor_free(&t->timers[1]);
	if (t->flood_buf)
		free_pages_exact(t->flood_buf, TORTURE_FLOOD_SIZE);
	bitmap_free(t->page_busy);
	kvfree(t->page_pfn);
	kvfree(t->page_gen);
	if (!IS_ERR_OR_NULL(t->file))
		fput(t->file);
	kvfree(t);
}

static struct torturer *torturer_alloc(u32 id, int cpu, bool has_timers, u32 nr_pages)
{
	struct torturer *t = kvzalloc(sizeof(*t), GFP_KERNEL);
	int ret = -ENOMEM;

	if (!t)
		return ERR_PTR(-ENOMEM);
	t->has_timers = has_timers;
	t->nr_pages = nr_pages;
	t->page_gen = kvcalloc(nr_pages, sizeof(*t->page_gen), GFP_KERNEL);
	t->page_pfn = kvcalloc(nr_pages, sizeof(*t->page_pfn), GFP_KERNEL);
	t->page_busy = bitmap_zalloc(nr_pages, GFP_KERNEL);
	t->flood_buf = alloc_pages_exact(TORTURE_FLOOD_SIZE, GFP_KERNEL | __GFP_NOWARN |
					 __GFP_RETRY_MAYFAIL);
	if (!t->page_gen || !t->page_pfn || !t->page_busy || !t->flood_buf)
		goto fail;
	fill(t->flood_buf, t->flood_buf, TORTURE_FLOOD_SIZE, 0, 0);
	t->file = shmem_file_setup("test_swiotlb", (loff_t)nr_pages << PAGE_SHIFT,
				   VM_NORESERVE);
	if (IS_ERR(t->file)) {
		ret = PTR_ERR(t->file);
		goto fail;
	}

	ret = actor_init(&t->a, 3 * id, t->maps, TORTURE_MAPS, TORTURE_BUFFERS);
	if (!ret && has_timers) {
		t->timers[0].in_irq = T_HARDIRQ;
		t->timers[1].in_irq = T_SOFTIRQ;
		ret = actor_init(&t->timers[0], 3 * id + 1, t->irq_maps[0],
				 TORTURE_IRQ_MAPS, TORTURE_IRQ_MAPS);
		ret = ret ?: actor_init(&t->timers[1], 3 * id + 2, t->irq_maps[1],
					TORTURE_IRQ_MAPS, TORTURE_IRQ_MAPS);
	}
	if (ret)
		goto fail;

	t->task = kthread_create_on_cpu(torture_thread, t, cpu, "swiotlb_torture/%u");
	if (!IS_ERR(t->task))
		return t;
	ret = PTR_ERR(t->task);
fail:
	torturer_free(t);
	return ERR_PTR(ret);
}

static void add_counts(u64 *sum, const struct actor *a)
{
	u32 i;

	for (i = 0; i < NR_T; i++)
		sum[i] += READ_ONCE(a->count[i]);
}

/* Look at all segments, and at what has been done by now */
static void torture_look(void)
{
	u32 i, violations = swiotlb_reclaim_check() + direct_mem_used();
	u64 sum[NR_T] = {};

	sum[T_CHECKS] = torture.sum[T_CHECKS] + 1;
	sum[T_VIOLATIONS] = torture.sum[T_VIOLATIONS] + violations;
	for (i = 0; i < torture.nr; i++) {
		add_counts(sum, &torture.t[i]->a);
		add_counts(sum, &torture.t[i]->timers[0]);
		add_counts(sum, &torture.t[i]->timers[1]);
	}
	memcpy(torture.sum, sum, sizeof(sum));
}

static void torture_line(void)
{
	static char line[NR_T * 32];
	int i, len = 0;

	for (i = 0; i < NR_T; i++)
		len += scnprintf(line + len, sizeof(line) - len, " %s %llu",
				 torture_names[i], torture.sum[i]);
	pr_info("torture: %u s:%s\n", torture.seconds, line);
}

static void torture_stop(void)
{
	u32 i;

	/* The others go on while one of them ends */
	for (i = 0; i < torture.nr; i++)
		kthread_stop(torture.t[i]->task);
}

static void torture_free(void)
{
	while (torture.nr)
		torturer_free(torture.t[--torture.nr]);
	kfree(torture.t);
	torture.t = NULL;
}

static int torture_alloc(u32 threads)
{
	u32 nr = num_online_cpus() * threads, pages, k;
	struct torturer *t;
	int cpu;

	pages = max((u64)torture.kb * SZ_1K / PAGE_SIZE / nr, 1);
	torture.t = kcalloc(nr, sizeof(*torture.t), GFP_KERNEL);
	if (!torture.t)
		return -ENOMEM;

	for (k = 0; k < threads; k++) {
		for_each_online_cpu(cpu) {
			if (torture.nr == nr)
				break;
			t = torturer_alloc(torture.nr, cpu, !k, pages);
			if (IS_ERR(t)) {
				torture_stop();
				torture_free();
				return PTR_ERR(t);
			}
			torture.t[torture.nr++] = t;
		}
	}
	return 0;
}

/**
 * do_torture() - the whole of it
 * @seconds:	How long.
 * @threads:	How many for each CPU.
 *
 * Ends sooner if the task gets a signal.
 *
 * Context: process context; torture.lock is held.
 * Return: 0 or an error. What was found is in the log and in torture.sum.
 */
static int do_torture(u32 seconds, u32 threads)
{
	bool failed = false;
	u64 start, end;
	u32 i, next;
	int ret;

	torture.used_seed = torture.seed ?: get_random_u32();
	torture.seconds = 0;
	torture.status = "NONE";
	torture.runs++;
	memset(torture.sum, 0, sizeof(torture.sum));
	ret = torture_alloc(threads);
	if (ret) {
		pr_err("torture: cannot be prepared: %d\n", ret);
		return ret;
	}

	torture.status = "RUNNING";
	pr_info("torture: Start of test: %u s, %u threads, %u KiB of movable memory, seed %u\n",
		seconds, torture.nr, torture.kb, torture.used_seed);
	for (i = 0; i < torture.nr; i++)
		wake_up_process(torture.t[i]->task);

	start = ktime_get_seconds();
	end = start + seconds;
	next = torture.stat;
	while (ktime_get_seconds() < end && !msleep_interruptible(MSEC_PER_SEC)) {
		torture.seconds = ktime_get_seconds() - start;
		torture_look();
		if (torture.stat && torture.seconds >= next && torture.seconds < seconds) {
			torture_line();
			next = torture.seconds + torture.stat;
		}
	}

	torture_stop();
	torture.seconds = ktime_get_seconds() - start;
	torture_look();
	torture_line();
	torture_free();
	for (i = T_FIRST_ERROR; i < NR_T; i++)
		failed |= torture.sum[i];
	torture.status = failed ? "FAILURE" : "SUCCESS";
	if (failed)
		pr_err("torture: End of test: FAILURE: %u s, seed %u\n",
		       torture.seconds, torture.used_seed);
	else
		pr_info("torture: End of test: SUCCESS: %u s, seed %u\n",
			torture.seconds, torture.used_seed);
	return 0;
}

static int torture_set(void *data, u64 seconds)
{
	u32 threads = READ_ONCE(torture.threads);
	int ret;

	if (!seconds || seconds > TORTURE_SECS_MAX || !threads ||
	    threads > TORTURE_THREADS_MAX)
		return -EINVAL;
	if (!mutex_trylock(&torture.lock))
		return -EBUSY;
	ret = do_torture(seconds, threads);
	mutex_unlock(&torture.lock);
	return ret;
}
DEFINE_DEBUGFS_ATTRIBUTE(torture_fops, NULL, torture_set, "%llu\n");

static int torture_result_show(struct seq_file *m, void *v)
{
	u32 i;

	seq_printf(m, "status=%s\nseconds=%u\nseed=%u\n", torture.status,
		   torture.seconds, torture.used_seed);
	for (i = 0; i < NR_T; i++)
		seq_printf(m, "%s=%llu\n", torture_names[i], READ_ONCE(torture.sum[i]));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(torture_result);

/* Only where there is a pool that lends */
static void create_reclaim_files(void)
{
	if (!swiotlb_reclaim_enabled() || !shared_pool()->lent)
		return;
	direct_mem_init();
	debugfs_create_file("lent", 0200, test_dir, NULL, &lent_fops);
	debugfs_create_file("torture", 0200, test_dir, NULL, &torture_fops);
	debugfs_create_u32("torture_seed", 0600, test_dir, &torture.seed);
	debugfs_create_u32("torture_stat", 0600, test_dir, &torture.stat);
	debugfs_create_u32("torture_threads", 0600, test_dir, &torture.threads);
	debugfs_create_u32("torture_kb", 0600, test_dir, &torture.kb);
	debugfs_create_file("torture_result", 0400, test_dir, NULL,
			    &torture_result_fops);
}

#else /* !CONFIG_SWIOTLB_RECLAIM */

static inline void create_reclaim_files(void) { }

#endif /* CONFIG_SWIOTLB_RECLAIM */

/* --------------------------------------------------------------- debugfs */

/* Take the settings and do one run; @what is do_burst() or do_loop() */
static ssize_t start_run(int (*what)(const struct params *), size_t len)
{
	struct params p;
	int ret;

	ret = mutex_lock_interruptible(&run_lock);
	if (ret)
		return ret;
	p = settings;
	p.ctx = READ_ONCE(ctx_choice.value);
	p.dir = READ_ONCE(dir_choice.value);
	ret = check_params(&p);
	if (!ret)
		ret = what(&p);
	mutex_unlock(&run_lock);
	return ret ?: len;
}

static ssize_t run_write(struct file *file, const char __user *buf, size_t len,
			 loff_t *pos)
{
	return start_run(do_burst, len);
}

static const struct file_operations run_fops = {
	.owner	= THIS_MODULE,
	.open	= simple_open,
	.write	= run_write,
};

static ssize_t loop_write(struct file *file, const char __user *buf, size_t len,
			  loff_t *pos)
{
	return start_run(do_loop, len);
}

static const struct file_operations loop_fops = {
	.owner	= THIS_MODULE,
	.open	= simple_open,
	.write	= loop_write,
};

static void show_spread(struct seq_file *m, const char *prefix,
			const struct spread *s)
{
	seq_printf(m, "%smin=%u\n%sp50=%u\n%sp99=%u\n%sp999=%u\n", prefix, s->min,
		   prefix, s->p50, prefix, s->p99, prefix, s->p999);
	seq_printf(m, "%smax=%u\n%smax_at=%u\n", prefix, s->max, prefix, s->max_at);
}

static int result_show(struct seq_file *m, void *v)
{
	int ret;

	ret = mutex_lock_interruptible(&run_lock);
	if (ret)
		return ret;
	switch (result.kind) {
	case RESULT_NONE:
		break;
	case RESULT_BURST:
		seq_printf(m, "maps=%u\nfailed=%u\ndirect=%u\n", result.maps,
			   result.failed, result.direct);
		show_spread(m, "", &result.map);
		show_spread(m, "unmap_", &result.unmap);
		seq_printf(m, "failed_max=%u\nclock=%u\ntotal_ns=%llu\n",
			   result.failed_max, result.clock, result.total_ns);
		seq_printf(m, "verified=%llu\ndata_errors=%llu\n",
			   result.verified, result.errors);
		break;
	case RESULT_LOOP:
		seq_printf(m, "pairs=%u\nfailed=%u\n", result.pairs, result.failed);
		seq_printf(m, "ns_per_pair=%llu\nps_per_pair=%llu\n",
			   div_u64(result.ps_per_pair, 1000), result.ps_per_pair);
		seq_printf(m, "best_ps_per_pair=%llu\n", result.best_ps_per_pair);
		break;
	case RESULT_LENT:
		seq_printf(m, "lent=%u\nmaps=%u\nfailed=%u\nbounced=%u\n", result.lent,
			   result.maps, result.failed, result.bounced);
		seq_printf(m, "violations=%u\nverified=%llu\ndata_errors=%llu\n",
			   result.violations, result.verified, result.errors);
		break;
	}
	mutex_unlock(&run_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(result);

static int histogram_show(struct seq_file *m, void *v)
{
	u32 i;
	int ret;

	ret = mutex_lock_interruptible(&run_lock);
	if (ret)
		return ret;
	for (i = 0; i < HIST_BUCKETS; i++)
		if (result.map_hist[i] || result.unmap_hist[i])
			seq_printf(m, "%lu %u %u\n", i ? 1UL << (i - 1) : 0,
				   result.map_hist[i], result.unmap_hist[i]);
	mutex_unlock(&run_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(histogram);

/* Of a burst as long as COUNT_MAX the text may be 2 MiB */
static void *times_start(struct seq_file *m, loff_t *pos)
{
	mutex_lock(&run_lock);
	if (!result.map_times || *pos >= result.maps)
		return NULL;
	return result.map_times + *pos;
}

static void *times_next(struct seq_file *m, void *v, loff_t *pos)
{
	++*pos;
	return *pos < result.maps ? result.map_times + *pos : NULL;
}

static void times_stop(struct seq_file *m, void *v)
{
	mutex_unlock(&run_lock);
}

static int times_show(struct seq_file *m, void *v)
{
	seq_printf(m, "%u\n", *(u32 *)v);
	return 0;
}

static const struct seq_operations times_sops = {
	.start	= times_start,
	.next	= times_next,
	.stop	= times_stop,
	.show	= times_show,
};
DEFINE_SEQ_ATTRIBUTE(times);

static int choice_show(struct seq_file *m, void *v)
{
	struct choice *c = m->private;

	seq_printf(m, "%s\n", c->names[READ_ONCE(c->value)]);
	return 0;
}

static int choice_open(struct inode *inode, struct file *file)
{
	return single_open(file, choice_show, inode->i_private);
}

static ssize_t choice_write(struct file *file, const char __user *ubuf,
			    size_t len, loff_t *pos)
{
	struct choice *c = file_inode(file)->i_private;
	char buf[20];
	int ret;

	if (len >= sizeof(buf))
		return -EINVAL;
	if (copy_from_user(buf, ubuf, len))
		return -EFAULT;
	buf[len] = '\0';
	ret = __sysfs_match_string(c->names, c->nr, buf);
	if (ret < 0)
		return ret;
	WRITE_ONCE(c->value, ret);
	return len;
}

static const struct file_operations choice_fops = {
	.owner		= THIS_MODULE,
	.open		= choice_open,
	.read		= seq_read,
	.write		= choice_write,
	.llseek		= seq_lseek,
	.release	= single_release,
};

static void create_files(void)
{
	test_dir = debugfs_create_dir("test_swiotlb", NULL);
	debugfs_create_u32("size", 0600, test_dir, &settings.size);
	debugfs_create_u32("count", 0600, test_dir, &settings.count);
	debugfs_create_u32("batch", 0600, test_dir, &settings.batch);
	debugfs_create_u32("pace", 0600, test_dir, &settings.pace);
	debugfs_create_u32("hold_ms", 0600, test_dir, &settings.hold_ms);
	debugfs_create_u32("src_kb", 0600, test_dir, &settings.src_kb);
	debugfs_create_bool("verify", 0600, test_dir, &settings.verify);
	debugfs_create_bool("warn", 0600, test_dir, &settings.warn);
	debugfs_create_bool("irqs_off", 0600, test_dir, &settings.irqs_off);
	debugfs_create_file("ctx", 0600, test_dir, &ctx_choice, &choice_fops);
	debugfs_create_file("dir", 0600, test_dir, &dir_choice, &choice_fops);
	debugfs_create_file("run", 0200, test_dir, NULL, &run_fops);
	debugfs_create_file("loop", 0200, test_dir, NULL, &loop_fops);
	debugfs_create_file("ring", 0200, test_dir, NULL, &ring_fops);
	debugfs_create_file("turn", 0200, test_dir, NULL, &turn_fops);
	debugfs_create_file("thin", 0200, test_dir, NULL, &thin_fops);
	debugfs_create_file("result", 0400, test_dir, NULL, &result_fops);
	debugfs_create_file("histogram", 0400, test_dir, NULL, &histogram_fops);
	debugfs_create_file("times", 0400, test_dir, NULL, &times_fops);
	create_reclaim_files();
}

static int __init test_init(void)
{
	test_pdev = new_device("test_swiotlb", PLATFORM_DEVID_NONE, DMA_BIT_MASK(32));
	if (IS_ERR(test_pdev))
		return PTR_ERR(test_pdev);

	create_files();
	return 0;
}

/* Every run unmaps what it mapped before it returns; the ring does not */
static void __exit test_exit(void)
{
	debugfs_remove(test_dir);
	result_reset(RESULT_NONE);
	ring_empty();
	platform_device_unregister(test_pdev);
}

module_init(test_init);
module_exit(test_exit);
MODULE_DESCRIPTION("A device on command, for tests of the software IO TLB");
MODULE_LICENSE("GPL");
