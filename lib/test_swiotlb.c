// SPDX-License-Identifier: GPL-2.0
/*
 * A device on command, for tests of the software IO TLB
 *
 * The module registers a platform device with a 32-bit DMA mask and lets user
 * space map and unmap buffers for it, in the context, the number and the pace
 * that a test asks for. Boot with swiotlb=force, or on a machine with memory
 * that 32 bits do not reach, and the mappings bounce. It needs nothing but
 * exported symbols, so it runs on any kernel.
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
 *   result    figures of the last burst or loop, one key=value a line
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
 * Times are those of the dma_map_single() or dma_unmap_single() call alone, in
 * nanoseconds. What the clock itself takes is contained in them and reported
 * as clock.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/completion.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/dma-direct.h>
#include <linux/dma-mapping.h>
#include <linux/hrtimer.h>
#include <linux/io.h>
#include <linux/limits.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>
#include <linux/sort.h>
#include <linux/string_helpers.h>

/* Limits that keep every run short enough for a watchdog */
#define COUNT_MAX	262144U
#define BYTES_MAX	SZ_1G
#define WAIT_MAX_MS	30000U
/* The longest stretch of pairs with interrupts off */
#define LOOP_ROUND	512U

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

/* Figures of the last run */
static struct {
	enum { RESULT_NONE, RESULT_BURST, RESULT_LOOP } kind;
	u32 maps, failed, direct;
	struct spread map, unmap;
	u32 failed_max;
	u32 clock;
	u64 total_ns;
	u64 verified, errors;
	u32 pairs;
	u64 ps_per_pair, best_ps_per_pair;
} result;

static DEFINE_MUTEX(run_lock);		/* one run at a time; protects result */
static struct platform_device *test_pdev;
static struct dentry *test_dir;
static u64 generation;

static struct device *test_dev(void)
{
	return &test_pdev->dev;
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
 * The device's view of a mapping. The device has no IOMMU (test_init() made
 * sure), so the DMA address is the physical one but for a fixed translation.
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

static void burst_result(const struct burst *b, u32 *times, u64 total_ns)
{
	u32 i;

	memset(&result, 0, sizeof(result));
	result.kind = RESULT_BURST;
	result.maps = spread_of(b, false, times, &result.map);
	spread_of(b, true, times, &result.unmap);
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
	kvfree(times);
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

	memset(&result, 0, sizeof(result));
	result.kind = RESULT_LOOP;
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
	}
	mutex_unlock(&run_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(result);

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
}

static int __init test_init(void)
{
	int ret;

	test_pdev = platform_device_register_simple("test_swiotlb",
						    PLATFORM_DEVID_NONE, NULL, 0);
	if (IS_ERR(test_pdev))
		return PTR_ERR(test_pdev);

	ret = dma_coerce_mask_and_coherent(test_dev(), DMA_BIT_MASK(32));
	if (!ret && device_iommu_mapped(test_dev()))
		ret = -ENODEV;
	if (ret) {
		pr_err("no direct mapping with 32-bit addresses: %d\n", ret);
		platform_device_unregister(test_pdev);
		return ret;
	}

#if defined(CONFIG_ARCH_HAS_SYNC_DMA_FOR_DEVICE) || \
	defined(CONFIG_ARCH_HAS_SYNC_DMA_FOR_CPU) || \
	defined(CONFIG_ARCH_HAS_SYNC_DMA_FOR_CPU_ALL)
	/* The CPU plays the device, and the CPU sees its own caches. */
	test_dev()->dma_coherent = true;
#endif

	create_files();
	return 0;
}

/* Every run unmaps what it mapped before it returns; the ring does not */
static void __exit test_exit(void)
{
	debugfs_remove(test_dir);
	ring_empty();
	platform_device_unregister(test_pdev);
}

module_init(test_init);
module_exit(test_exit);
MODULE_DESCRIPTION("A device on command, for tests of the software IO TLB");
MODULE_LICENSE("GPL");
