// SPDX-License-Identifier: GPL-2.0
/*
 * Loops to be measured: DMA that does not bounce, mappings of all CPUs at once, and
 * the page allocator
 *
 * Nothing but exported symbols is used, so that one source is built for every kernel
 * that is compared. What bounces on one CPU is lib/test_swiotlb.c's.
 *
 * Files in <debugfs>/bench_swiotlb/ (numbers unless said otherwise):
 *
 *   count     pairs of a loop                                    16384
 *   size      bytes per mapping                                  4096
 *   order     of the pages                                       0
 *   batch     pages allocated before the first is freed          1
 *   movable   Y: movable pages                                   Y
 *   cpus      that map at the same time                          1
 *   ms        for how long they do                               1000
 *   pages     write anything: allocate and free count pages
 *   direct    write anything: map and unmap a page outside the pool, count times,
 *             for a device that reaches all memory
 *   lent      the same with a page inside the pool, which must be lent
 *   parallel  write anything: map and unmap with bouncing on some CPUs
 *   result    figures of the last run, one key=value a line
 *
 * When it is loaded it logs what the counter of the CPU says, so that the times of
 * other lines of the log can be told as times since reset.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/completion.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/kthread.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/swiotlb.h>
#include <linux/timex.h>
#ifdef CONFIG_ARM64
#include <asm/arch_timer.h>
#include <clocksource/arm_arch_timer.h>
#endif

/* Pairs done without a look at whether other work waits */
#define ROUND		512U
#define BATCH_MAX	4096U
#define CPUS_MAX	64U

static struct {
	u32 count, size, order, batch, cpus, ms;
	bool movable;
} settings = {
	.count		= 16384,
	.size		= 4096,
	.batch		= 1,
	.cpus		= 1,
	.ms		= 1000,
	.movable	= true,
};

static struct {
	u64 pairs, failed, ns, slowest;
} result;

static DEFINE_MUTEX(run_lock);
static struct dentry *dir;
static struct platform_device *bouncing, *direct;

/* ----------------------------------------------------------------- pages */

/* One round of at least @batch pages with interrupts on. Return: nanoseconds */
static u64 pages_round(struct page **pages, u32 rounds, gfp_t gfp)
{
	u64 start = ktime_get_ns();
	u32 i;

	while (rounds--) {
		for (i = 0; i < settings.batch; i++)
			pages[i] = alloc_pages(gfp, settings.order);
		for (i = 0; i < settings.batch; i++) {
			if (likely(pages[i]))
				__free_pages(pages[i], settings.order);
			else
				result.failed++;
		}
	}
	return ktime_get_ns() - start;
}

static int run_pages(void)
{
	gfp_t gfp = settings.movable ? GFP_HIGHUSER_MOVABLE : GFP_KERNEL;
	u32 rounds, left;
	struct page **pages;

	if (!settings.batch || settings.batch > BATCH_MAX ||
	    settings.order > MAX_PAGE_ORDER)
		return -EINVAL;
	pages = kvmalloc_array(settings.batch, sizeof(*pages), GFP_KERNEL);
	if (!pages)
		return -ENOMEM;

	gfp |= __GFP_NORETRY | __GFP_NOWARN;
	rounds = max(ROUND / settings.batch, 1U);
	/* Once for the lists of the CPU */
	pages_round(pages, rounds, gfp);
	result.failed = 0;
	for (left = settings.count / settings.batch; left; left -= rounds) {
		rounds = min(rounds, left);
		result.ns += pages_round(pages, rounds, gfp);
		result.pairs += rounds * settings.batch;
		cond_resched();
	}
	kvfree(pages);
	return 0;
}

/* ------------------------------------------------------ without bouncing */

static bool in_pool(struct device *dev, struct page *page)
{
	struct io_tlb_mem *mem = dev->dma_io_tlb_mem;
	phys_addr_t addr = page_to_phys(page);

	return mem && addr >= mem->defpool.start && addr < mem->defpool.end;
}

/*
 * A movable page of low memory that lies in the pool. Lent memory comes last, so
 * nearly all other memory is had for a moment, in large blocks to be quick.
 */
static struct page *lent_page(struct device *dev)
{
	gfp_t gfp = __GFP_DMA32 | __GFP_MOVABLE | __GFP_NORETRY | __GFP_NOWARN;
	struct page *page, *next, *found = NULL;
	u32 order = pageblock_order;
	LIST_HEAD(others);

	for (;;) {
		page = alloc_pages(gfp, order);
		if (!page && !order)
			break;
		if (!page) {
			order = 0;
			continue;
		}
		if (in_pool(dev, page)) {
			found = page;
			break;
		}
		set_page_private(page, order);
		list_add(&page->lru, &others);
		cond_resched();
	}
	list_for_each_entry_safe(page, next, &others, lru)
		__free_pages(page, page_private(page));
	if (found)
		set_page_private(found, order);
	return found;
}

static u64 direct_round(struct device *dev, struct page *page, u32 pairs)
{
	unsigned long flags;
	dma_addr_t dma;
	u64 start, ns;

	local_irq_save(flags);
	start = ktime_get_ns();
	while (pairs--) {
		dma = dma_map_page(dev, page, 0, PAGE_SIZE, DMA_BIDIRECTIONAL);
		if (unlikely(dma_mapping_error(dev, dma)))
			result.failed++;
		else
			dma_unmap_page(dev, dma, PAGE_SIZE, DMA_BIDIRECTIONAL);
	}
	ns = ktime_get_ns() - start;
	local_irq_restore(flags);
	return ns;
}

static int run_direct(bool lent)
{
	struct device *dev = &direct->dev;
	struct page *page;
	dma_addr_t dma;
	u32 left, n;
	int ret = 0;

	page = lent ? lent_page(dev) : alloc_page(GFP_KERNEL);
	if (!page)
		return -ENOENT;
	if (!lent)
		set_page_private(page, 0);

	dma = dma_map_page(dev, page, 0, PAGE_SIZE, DMA_BIDIRECTIONAL);
	if (dma_mapping_error(dev, dma) || dma != page_to_phys(page)) {
		pr_err("the page at %#llx is mapped at %pad\n",
		       (u64)page_to_phys(page), &dma);
		ret = -EINVAL;
	}
	if (!dma_mapping_error(dev, dma))
		dma_unmap_page(dev, dma, PAGE_SIZE, DMA_BIDIRECTIONAL);
	if (!ret)
		direct_round(dev, page, 16);
	for (left = ret ? 0 : settings.count; left; left -= n) {
		n = min(left, ROUND);
		result.ns += direct_round(dev, page, n);
		result.pairs += n;
		cond_resched();
	}
	__free_pages(page, page_private(page));
	return ret;
}

static int run_direct_outside(void)
{
	return run_direct(false);
}

static int run_direct_lent(void)
{
	return run_direct(true);
}

/* -------------------------------------------------------- many CPUs at once */

/**
 * struct mapper - a thread that maps and unmaps one buffer
 * @task:	The thread.
 * @buf:	Its buffer.
 * @pairs:	How often it has done so.
 * @failed:	Maps that failed.
 * @done:	Completed when it has ended.
 */
struct mapper {
	struct task_struct *task;
	void *buf;
	u64 pairs, failed;
	struct completion done;
};

static bool parallel_go, parallel_stop;

static int mapper_thread(void *data)
{
	struct mapper *m = data;
	dma_addr_t dma;
	u32 i;

	while (!READ_ONCE(parallel_go))
		cpu_relax();
	while (!READ_ONCE(parallel_stop)) {
		for (i = 0; i < 64; i++) {
			dma = dma_map_single_attrs(&bouncing->dev, m->buf,
						   settings.size, DMA_TO_DEVICE,
						   DMA_ATTR_NO_WARN);
			if (unlikely(dma_mapping_error(&bouncing->dev, dma)))
				m->failed++;
			else
				dma_unmap_single(&bouncing->dev, dma,
						 settings.size, DMA_TO_DEVICE);
		}
		m->pairs += i;
		cond_resched();
	}
	complete(&m->done);
	return 0;
}

static int run_parallel(void)
{
	u32 n = settings.cpus, started = 0, cpu = 0;
	struct mapper *mappers;
	int ret = -ENOMEM;
	u64 start;

	if (!n || n > CPUS_MAX || n > num_online_cpus() || !settings.size)
		return -EINVAL;
	mappers = kcalloc(n, sizeof(*mappers), GFP_KERNEL);
	if (!mappers)
		return -ENOMEM;

	parallel_go = false;
	parallel_stop = false;
	for_each_online_cpu(cpu) {
		struct mapper *m = &mappers[started];

		if (started == n)
			break;
		init_completion(&m->done);
		m->buf = kzalloc(settings.size, GFP_KERNEL);
		if (!m->buf)
			goto stop;
		m->task = kthread_create(mapper_thread, m, "bench/%u", cpu);
		if (IS_ERR(m->task))
			goto stop;
		kthread_bind(m->task, cpu);
		wake_up_process(m->task);
		started++;
	}
	ret = 0;
stop:
	start = ktime_get_ns();
	WRITE_ONCE(parallel_go, true);
	if (!ret)
		msleep(settings.ms);
	WRITE_ONCE(parallel_stop, true);
	for (cpu = 0; cpu < started; cpu++)
		wait_for_completion(&mappers[cpu].done);
	result.ns = ktime_get_ns() - start;
	result.slowest = U64_MAX;
	for (cpu = 0; cpu < n; cpu++) {
		result.pairs += mappers[cpu].pairs;
		result.failed += mappers[cpu].failed;
		result.slowest = min(result.slowest, mappers[cpu].pairs);
		kfree(mappers[cpu].buf);
	}
	kfree(mappers);
	return ret;
}

/* --------------------------------------------------------------- debugfs */

static ssize_t run_write(struct file *file, const char __user *buf, size_t len,
			 loff_t *pos)
{
	int (*run)(void) = file_inode(file)->i_private;
	int ret;

	ret = mutex_lock_interruptible(&run_lock);
	if (ret)
		return ret;
	memset(&result, 0, sizeof(result));
	ret = run();
	mutex_unlock(&run_lock);
	return ret ?: len;
}

static const struct file_operations run_fops = {
	.owner	= THIS_MODULE,
	.open	= simple_open,
	.write	= run_write,
};

static int result_show(struct seq_file *m, void *v)
{
	int ret;

	ret = mutex_lock_interruptible(&run_lock);
	if (ret)
		return ret;
	seq_printf(m, "pairs=%llu\nfailed=%llu\nns=%llu\nslowest=%llu\nps_per_pair=%llu\n",
		   result.pairs, result.failed, result.ns, result.slowest,
		   result.pairs ? div64_u64(result.ns * 1000, result.pairs) : 0);
	mutex_unlock(&run_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(result);

static struct platform_device *new_device(const char *name, u64 mask)
{
	struct platform_device *pdev;
	int ret;

	pdev = platform_device_register_simple(name, PLATFORM_DEVID_NONE, NULL, 0);
	if (IS_ERR(pdev))
		return pdev;
	ret = dma_coerce_mask_and_coherent(&pdev->dev, mask);
	if (ret) {
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

/* Counted by hardware, also before the kernel has set up a clock */
static u64 since_reset_ns(void)
{
#ifdef CONFIG_ARM64
	return mul_u64_u64_div_u64(arch_timer_read_counter(), NSEC_PER_SEC,
				   arch_timer_get_cntfrq());
#else
	return div_u64(rdtsc_ordered() * 1000000, tsc_khz);
#endif
}

static int __init bench_init(void)
{
	pr_info("%llu ns since reset\n", since_reset_ns());

	bouncing = new_device("bench_swiotlb", DMA_BIT_MASK(32));
	if (IS_ERR(bouncing))
		return PTR_ERR(bouncing);
	direct = new_device("bench_swiotlb_direct", DMA_BIT_MASK(64));
	if (IS_ERR(direct)) {
		platform_device_unregister(bouncing);
		return PTR_ERR(direct);
	}

	dir = debugfs_create_dir("bench_swiotlb", NULL);
	debugfs_create_u32("count", 0600, dir, &settings.count);
	debugfs_create_u32("size", 0600, dir, &settings.size);
	debugfs_create_u32("order", 0600, dir, &settings.order);
	debugfs_create_u32("batch", 0600, dir, &settings.batch);
	debugfs_create_u32("cpus", 0600, dir, &settings.cpus);
	debugfs_create_u32("ms", 0600, dir, &settings.ms);
	debugfs_create_bool("movable", 0600, dir, &settings.movable);
	debugfs_create_file("pages", 0200, dir, run_pages, &run_fops);
	debugfs_create_file("direct", 0200, dir, run_direct_outside, &run_fops);
	debugfs_create_file("lent", 0200, dir, run_direct_lent, &run_fops);
	debugfs_create_file("parallel", 0200, dir, run_parallel, &run_fops);
	debugfs_create_file("result", 0400, dir, NULL, &result_fops);
	return 0;
}

static void __exit bench_exit(void)
{
	debugfs_remove(dir);
	platform_device_unregister(direct);
	platform_device_unregister(bouncing);
}

module_init(bench_init);
module_exit(bench_exit);
MODULE_DESCRIPTION("Loops to be measured: DMA and the page allocator");
MODULE_LICENSE("GPL");
