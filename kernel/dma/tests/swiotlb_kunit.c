// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of the software IO TLB: the data, where mappings are placed, and
 * the free lists of slots.
 *
 * Included by swiotlb.c, which keeps what is needed to build and to check a pool
 * to itself. Each case has a pool and a device of its own: a pool that is used
 * up, or left behind with mappings by a failure, concerns nobody else, and the
 * machine needs no bounce buffers.
 */
#include <kunit/device.h>
#include <kunit/test.h>
#include <linux/bitmap.h>
#include <linux/cpumask.h>
#include <linux/dma-mapping.h>
#include <linux/prandom.h>
#include <linux/sched.h>
#include <linux/sizes.h>

#define MAP_ERROR	((phys_addr_t)DMA_MAPPING_ERROR)

#define SEGMENT_BYTES	(IO_TLB_SEGSIZE * IO_TLB_SIZE)
#define TEST_SEGMENTS	4
#define TEST_SLOTS	(TEST_SEGMENTS * IO_TLB_SEGSIZE)
#define TEST_BYTES	(TEST_SEGMENTS * SEGMENT_BYTES)

/* A part of a segment that is aligned to pages of any size */
#define PIECE_BYTES	SZ_64K
#define PIECES_PER_SEG	(SEGMENT_BYTES / PIECE_BYTES)

/* A power of two, so that it is aligned to its size */
#define ORIG_BYTES	SZ_1M

/* Mappings of the random case, each with its part of the original memory */
#define RANDOM_MAPS	16
#define RANDOM_BYTES	(ORIG_BYTES / RANDOM_MAPS)

/* Who wrote a byte, see pattern() */
enum writer {
	NOBODY = 0x21,
	CPU = 0x55,
	DEVICE = 0xa9,
};

struct live_map {
	phys_addr_t addr;
	size_t offset;
	size_t size;
	unsigned int nslots;
	unsigned int first;
	enum dma_data_direction dir;
};

struct swiotlb_test {
	struct io_tlb_mem mem;
	struct io_tlb_area areas[TEST_SEGMENTS];
	struct io_tlb_slot slots[TEST_SLOTS];
	struct device *dev;
	struct device_dma_parameters parms;
	u8 *bounce;		/* memory of the pool */
	u8 *orig;		/* memory to be bounced */
	/* One more than there can be, to notice it */
	phys_addr_t maps[TEST_SLOTS + 1];
	unsigned int nmaps;
	size_t map_size;
	struct live_map live[RANDOM_MAPS];
	DECLARE_BITMAP(taken, TEST_SLOTS);
};

static const unsigned int min_align_masks[] = {
	0, SZ_512 - 1, SZ_2K - 1, SZ_4K - 1, SZ_16K - 1, SZ_64K - 1,
};

/* Nobody is to ask for more than a page */
static const unsigned int alloc_align_masks[] = {
	0, SZ_512 - 1, SZ_4K - 1, PAGE_SIZE - 1,
};

static const size_t odd_offsets[] = {
	0, 1, 512, 2047, 2048, 2049, 4095, 0x3a00, 0xfedc,
};

/*
 * Differs between writers at each place, and between places a power of two apart,
 * so that a copy to or from the wrong place shows.
 */
static u8 pattern(enum writer writer, size_t place)
{
	return writer + place * 7 + (place >> 8) * 13 + (place >> 16) * 29;
}

/* Write @size bytes as @writer. The first of them has its place at @place. */
static void fill(u8 *buf, size_t size, enum writer writer, size_t place)
{
	size_t i;

	for (i = 0; i < size; i++)
		buf[i] = pattern(writer, place + i);
}

static size_t count_filled(const u8 *buf, size_t size, enum writer writer,
			   size_t place)
{
	size_t i;

	for (i = 0; i < size; i++)
		if (buf[i] != pattern(writer, place + i))
			break;
	return i;
}

/* All @size bytes are what @writer wrote. Says how many are, if not all. */
#define ASSERT_FILLED(test, buf, size, writer, place) \
	KUNIT_ASSERT_EQ(test, count_filled(buf, size, writer, place), \
			(size_t)(size))

/* Only @size bytes from @from on are @inner's, the other bytes @outer's. */
#define ASSERT_PART_FILLED(test, buf, total, from, size, inner, outer, place) \
do { \
	ASSERT_FILLED(test, buf, from, outer, place); \
	ASSERT_FILLED(test, (buf) + (from), size, inner, (place) + (from)); \
	ASSERT_FILLED(test, (buf) + (from) + (size), \
		      (total) - (from) - (size), outer, \
		      (place) + (from) + (size)); \
} while (0)

/* Begin anew with an empty pool. */
static void make_pool(struct swiotlb_test *ctx, unsigned int segments,
		      unsigned int nareas)
{
	struct io_tlb_mem *mem = &ctx->mem;

	memset(mem, 0, sizeof(*mem));
	mem->defpool.areas = ctx->areas;
	mem->defpool.slots = ctx->slots;
	swiotlb_init_io_tlb_pool(&mem->defpool, virt_to_phys(ctx->bounce),
				 ctx->bounce, segments * IO_TLB_SEGSIZE, true,
				 nareas);
#ifdef CONFIG_SWIOTLB_DYNAMIC
	spin_lock_init(&mem->lock);
	INIT_LIST_HEAD_RCU(&mem->pools);
#endif
	add_mem_pool(mem, &mem->defpool);
	ctx->nmaps = 0;
}

/* Where the search for slots begins depends on the CPU. A case ends its thread. */
static void run_on(struct kunit *test, unsigned int cpu)
{
	KUNIT_ASSERT_EQ(test, set_cpus_allowed_ptr(current, cpumask_of(cpu)), 0);
}

static phys_addr_t map_aligned(struct swiotlb_test *ctx, size_t offset,
			       size_t size, unsigned int alloc_align_mask,
			       enum dma_data_direction dir)
{
	return swiotlb_tbl_map_single(ctx->dev,
				      virt_to_phys(ctx->orig) + offset, size,
				      alloc_align_mask, dir, DMA_ATTR_NO_WARN);
}

static phys_addr_t map(struct swiotlb_test *ctx, size_t size)
{
	return map_aligned(ctx, 0, size, 0, DMA_TO_DEVICE);
}

static void unmap(struct swiotlb_test *ctx, phys_addr_t addr, size_t size)
{
	swiotlb_tbl_unmap_single(ctx->dev, addr, size, DMA_TO_DEVICE, 0);
}

/* Map until it fails. */
static void map_all(struct swiotlb_test *ctx, size_t offset, size_t size)
{
	ctx->map_size = size;
	while (ctx->nmaps < ARRAY_SIZE(ctx->maps)) {
		phys_addr_t addr = map_aligned(ctx, offset, size, 0,
					       DMA_TO_DEVICE);

		if (addr == MAP_ERROR)
			break;
		ctx->maps[ctx->nmaps++] = addr;
	}
}

static void unmap_all(struct swiotlb_test *ctx)
{
	while (ctx->nmaps)
		unmap(ctx, ctx->maps[--ctx->nmaps], ctx->map_size);
}

static u8 *bounce_of(struct swiotlb_test *ctx, phys_addr_t addr)
{
	return ctx->bounce + (addr - ctx->mem.defpool.start);
}

static unsigned int slot_of(struct swiotlb_test *ctx, phys_addr_t addr)
{
	return (addr - ctx->mem.defpool.start) >> IO_TLB_SHIFT;
}

static unsigned int area_of(struct swiotlb_test *ctx, phys_addr_t addr)
{
	return slot_of(ctx, addr) / ctx->mem.defpool.area_nslabs;
}

/* If a mapping lies outside of the pool, no use is to be made of it. */
static void assert_in_pool(struct kunit *test, phys_addr_t addr, size_t size)
{
	struct swiotlb_test *ctx = test->priv;
	struct io_tlb_pool *pool = &ctx->mem.defpool;

	KUNIT_ASSERT_NE(test, addr, MAP_ERROR);
	KUNIT_ASSERT_GE(test, addr, pool->start);
	KUNIT_ASSERT_LE(test, addr + size, pool->end);
}

/**
 * assert_used() - check all slots of the pool
 * @test:	Running case.
 * @expected:	How many slots should be used.
 *
 * The list of a free slot counts the free slots from it on, up to the end of the
 * segment or to a used slot. That of a used slot is zero. Nothing else is left
 * of a mapping in a free slot, and each area counts the used ones among its own.
 */
static void assert_used(struct kunit *test, unsigned long expected)
{
	struct swiotlb_test *ctx = test->priv;
	struct io_tlb_pool *pool = &ctx->mem.defpool;
	unsigned int area, i, run, bad = 0;
	unsigned long used;

	for (area = 0; area < pool->nareas; area++) {
		used = 0;
		run = 0;
		for (i = pool->area_nslabs; i-- > 0; ) {
			struct io_tlb_slot *slot;

			slot = &pool->slots[area * pool->area_nslabs + i];
			if (io_tlb_offset(i) == IO_TLB_SEGSIZE - 1)
				run = 0;
			run = slot->list ? run + 1 : 0;
			used += !slot->list;
			bad += slot->list != run;
			bad += slot->list &&
			       (slot->orig_addr != INVALID_PHYS_ADDR ||
				slot->alloc_size || slot->pad_slots);
		}
		KUNIT_ASSERT_EQ(test, pool->areas[area].used, used);
	}
	KUNIT_ASSERT_EQ(test, bad, 0);
	KUNIT_ASSERT_EQ(test, mem_used(&ctx->mem), expected);
}

/**
 * assert_placed() - check where a mapping lies
 * @test:	Running case.
 * @addr:	Address of the mapping, in the pool.
 * @offset:	Offset of the original memory in &swiotlb_test.orig.
 * @size:	Size of the mapping.
 * @alloc_align_mask: As given for the mapping.
 * @first:	Receives the first slot of the mapping, which may be padding.
 *
 * Return: number of slots of the mapping, including padding.
 */
static unsigned int assert_placed(struct kunit *test, phys_addr_t addr,
				  size_t offset, size_t size,
				  unsigned int alloc_align_mask,
				  unsigned int *first)
{
	struct swiotlb_test *ctx = test->priv;
	struct io_tlb_pool *pool = &ctx->mem.defpool;
	phys_addr_t orig = virt_to_phys(ctx->orig) + offset;
	unsigned int min_align_mask = dma_get_min_align_mask(ctx->dev);
	unsigned long boundary_mask = dma_get_seg_boundary(ctx->dev);
	phys_addr_t align = alloc_align_mask | (IO_TLB_SIZE - 1);
	/* Padding, to have both alignments */
	size_t before = orig & min_align_mask & align;
	size_t bytes = (before + size + align) & ~align;
	phys_addr_t start = addr - before;

	KUNIT_ASSERT_EQ(test, addr & min_align_mask, orig & min_align_mask);
	KUNIT_ASSERT_EQ(test, start & align, 0);
	if (!min_align_mask && !alloc_align_mask && size >= PAGE_SIZE)
		KUNIT_ASSERT_EQ(test, offset_in_page(addr), 0);

	KUNIT_ASSERT_GE(test, start, pool->start);
	KUNIT_ASSERT_LE(test, start + bytes, pool->end);
	KUNIT_ASSERT_EQ(test, slot_of(ctx, start) / IO_TLB_SEGSIZE,
			slot_of(ctx, start + bytes - 1) / IO_TLB_SEGSIZE);
	KUNIT_ASSERT_EQ(test, addr & ~boundary_mask,
			(addr + size - 1) & ~boundary_mask);

	*first = slot_of(ctx, start);
	return bytes >> IO_TLB_SHIFT;
}

/*
 * Data
 */

static const struct direction {
	enum dma_data_direction dir;
	bool to_device;
	bool to_cpu;
	const char *name;
} directions[] = {
	{ DMA_TO_DEVICE, true, false, "to device" },
	{ DMA_FROM_DEVICE, false, true, "from device" },
	{ DMA_BIDIRECTIONAL, true, true, "bidirectional" },
};

KUNIT_ARRAY_PARAM_DESC(direction, directions, name);

/* Some mapping that begins and ends in the middle of a slot */
#define SOME_OFFSET	0x1b45
#define SOME_SIZE	(5 * IO_TLB_SIZE + 77)

/*
 * Whatever the direction: what the device does not write is to be kept, and what
 * another device left in the slots is not to be seen.
 */
static void map_copies_the_buffer_and_no_more(struct kunit *test)
{
	const struct direction *d = test->param_value;
	struct swiotlb_test *ctx = test->priv;
	phys_addr_t addr;
	size_t at;

	dma_set_min_align_mask(ctx->dev, SZ_4K - 1);
	fill(ctx->bounce, TEST_BYTES, NOBODY, 0);
	addr = map_aligned(ctx, SOME_OFFSET, SOME_SIZE, SZ_4K - 1, d->dir);
	assert_in_pool(test, addr, SOME_SIZE);

	at = bounce_of(ctx, addr) - ctx->bounce;
	ASSERT_FILLED(test, ctx->bounce, at, NOBODY, 0);
	ASSERT_FILLED(test, ctx->bounce + at, SOME_SIZE, CPU, SOME_OFFSET);
	at += SOME_SIZE;
	ASSERT_FILLED(test, ctx->bounce + at, TEST_BYTES - at, NOBODY, at);
}

static void map_copies_despite_skipped_sync(struct kunit *test)
{
	const struct direction *d = test->param_value;
	struct swiotlb_test *ctx = test->priv;
	phys_addr_t addr;

	addr = swiotlb_tbl_map_single(ctx->dev, virt_to_phys(ctx->orig), SZ_4K,
				      0, d->dir, DMA_ATTR_SKIP_CPU_SYNC);
	assert_in_pool(test, addr, SZ_4K);
	ASSERT_FILLED(test, bounce_of(ctx, addr), SZ_4K, CPU, 0);
}

static void unmap_copies_what_the_device_may_write(struct kunit *test)
{
	const struct direction *d = test->param_value;
	struct swiotlb_test *ctx = test->priv;
	phys_addr_t addr;

	dma_set_min_align_mask(ctx->dev, SZ_4K - 1);
	addr = map_aligned(ctx, SOME_OFFSET, SOME_SIZE, 0, d->dir);
	assert_in_pool(test, addr, SOME_SIZE);
	fill(bounce_of(ctx, addr), SOME_SIZE, DEVICE, SOME_OFFSET);
	ASSERT_FILLED(test, ctx->orig, ORIG_BYTES, CPU, 0);

	swiotlb_tbl_unmap_single(ctx->dev, addr, SOME_SIZE, d->dir, 0);
	ASSERT_PART_FILLED(test, ctx->orig, ORIG_BYTES, SOME_OFFSET, SOME_SIZE,
			   d->to_cpu ? DEVICE : CPU, CPU, 0);
}

static void unmap_does_not_copy_if_sync_is_skipped(struct kunit *test)
{
	const struct direction *d = test->param_value;
	struct swiotlb_test *ctx = test->priv;
	phys_addr_t addr;

	addr = map_aligned(ctx, 0, SZ_4K, 0, d->dir);
	assert_in_pool(test, addr, SZ_4K);
	fill(bounce_of(ctx, addr), SZ_4K, DEVICE, 0);

	swiotlb_tbl_unmap_single(ctx->dev, addr, SZ_4K, d->dir,
				 DMA_ATTR_SKIP_CPU_SYNC);
	ASSERT_FILLED(test, ctx->orig, SZ_4K, CPU, 0);
	assert_used(test, 0);
}

static void sync_copies_along_the_direction(struct kunit *test)
{
	const struct direction *d = test->param_value;
	struct swiotlb_test *ctx = test->priv;
	phys_addr_t addr;
	u8 *bounce;

	addr = map_aligned(ctx, 0, SZ_4K, 0, d->dir);
	assert_in_pool(test, addr, SZ_4K);
	bounce = bounce_of(ctx, addr);

	fill(bounce, SZ_4K, DEVICE, 0);
	swiotlb_sync_single_for_cpu(ctx->dev, addr, SZ_4K, d->dir);
	ASSERT_FILLED(test, bounce, SZ_4K, DEVICE, 0);
	ASSERT_FILLED(test, ctx->orig, SZ_4K, d->to_cpu ? DEVICE : CPU, 0);

	fill(ctx->orig, SZ_4K, CPU, 0);
	swiotlb_sync_single_for_device(ctx->dev, addr, SZ_4K, d->dir);
	ASSERT_FILLED(test, ctx->orig, SZ_4K, CPU, 0);
	ASSERT_FILLED(test, bounce, SZ_4K, d->to_device ? CPU : DEVICE, 0);
}

static void partial_device_write_keeps_the_rest(struct kunit *test)
{
	static const size_t sizes[] = { 1, 100, IO_TLB_SIZE, 3 * IO_TLB_SIZE };
	struct swiotlb_test *ctx = test->priv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		size_t from = SOME_SIZE - sizes[i] - i;
		phys_addr_t addr;

		/* What the slots have from before must not come back */
		fill(ctx->bounce, TEST_BYTES, NOBODY, 0);
		fill(ctx->orig, ORIG_BYTES, CPU, 0);
		addr = map_aligned(ctx, SOME_OFFSET, SOME_SIZE, 0,
				   DMA_FROM_DEVICE);
		assert_in_pool(test, addr, SOME_SIZE);
		fill(bounce_of(ctx, addr) + from, sizes[i], DEVICE,
		     SOME_OFFSET + from);
		swiotlb_tbl_unmap_single(ctx->dev, addr, SOME_SIZE,
					 DMA_FROM_DEVICE, 0);
		ASSERT_PART_FILLED(test, ctx->orig, ORIG_BYTES,
				   SOME_OFFSET + from, sizes[i], DEVICE, CPU,
				   0);
	}
}

/* Sync @size bytes, @from bytes into a mapping of SOME_SIZE, in both directions. */
static void sync_part(struct kunit *test, phys_addr_t addr, size_t offset,
		      size_t from, size_t size)
{
	struct swiotlb_test *ctx = test->priv;
	u8 *bounce = bounce_of(ctx, addr);
	u8 *orig = ctx->orig + offset;

	fill(orig, SOME_SIZE, CPU, offset);
	fill(bounce, SOME_SIZE, DEVICE, offset);
	swiotlb_sync_single_for_cpu(ctx->dev, addr + from, size,
				    DMA_BIDIRECTIONAL);
	ASSERT_FILLED(test, bounce, SOME_SIZE, DEVICE, offset);
	ASSERT_PART_FILLED(test, orig, SOME_SIZE, from, size, DEVICE, CPU,
			   offset);

	fill(orig, SOME_SIZE, CPU, offset);
	swiotlb_sync_single_for_device(ctx->dev, addr + from, size,
				       DMA_BIDIRECTIONAL);
	ASSERT_FILLED(test, orig, SOME_SIZE, CPU, offset);
	ASSERT_PART_FILLED(test, bounce, SOME_SIZE, from, size, CPU, DEVICE,
			   offset);
}

/*
 * With min_align_mask, a mapping begins in the middle of its first slot, and the
 * first bytes of a later slot belong to the original's slot before.
 */
static void sync_copies_the_part_and_no_more(struct kunit *test)
{
	static const size_t froms[] = {
		0, 1, 1210, 1211, 1212, 2047, 2048, 2049, 3259, 4800,
		SOME_SIZE - 1,
	};
	static const size_t sizes[] = { 1, 64, 2048, 3000 };
	static const size_t offsets[] = { 0, SOME_OFFSET, 0x2fff };
	struct swiotlb_test *ctx = test->priv;
	unsigned int m, o, f, s;
	phys_addr_t addr;

	for (m = 0; m < ARRAY_SIZE(min_align_masks); m++) {
		dma_set_min_align_mask(ctx->dev, min_align_masks[m]);
		for (o = 0; o < ARRAY_SIZE(offsets); o++) {
			addr = map_aligned(ctx, offsets[o], SOME_SIZE,
					   m & 1 ? SZ_4K - 1 : 0,
					   DMA_BIDIRECTIONAL);
			assert_in_pool(test, addr, SOME_SIZE);
			for (f = 0; f < ARRAY_SIZE(froms); f++)
				for (s = 0; s < ARRAY_SIZE(sizes); s++)
					sync_part(test, addr, offsets[o],
						  froms[f],
						  min(sizes[s],
						      SOME_SIZE - froms[f]));
			unmap(ctx, addr, SOME_SIZE);
		}
	}
	assert_used(test, 0);
}

/*
 * Placement
 */

static void mapping_of_any_size_takes_its_slots(struct kunit *test)
{
	struct swiotlb_test *ctx = test->priv;
	unsigned int nslots, bytes;

	for (nslots = 1; nslots <= IO_TLB_SEGSIZE; nslots++) {
		/* From the first byte of the last slot to its last byte */
		for (bytes = 0; bytes < 2; bytes++) {
			size_t size = bytes ? nslots * IO_TLB_SIZE :
					      (nslots - 1) * IO_TLB_SIZE + 1;
			phys_addr_t addr = map(ctx, size);

			assert_in_pool(test, addr, size);
			assert_used(test, nslots);
			ASSERT_FILLED(test, bounce_of(ctx, addr), size, CPU, 0);
			unmap(ctx, addr, size);
			assert_used(test, 0);
		}
	}
}

static void mapping_larger_than_a_segment_is_refused(struct kunit *test)
{
	struct swiotlb_test *ctx = test->priv;

	/* All segments are free, in one area, but it takes more than one */
	make_pool(ctx, TEST_SEGMENTS, 1);
	KUNIT_EXPECT_EQ(test, map(ctx, SEGMENT_BYTES + 1), MAP_ERROR);
	KUNIT_EXPECT_EQ(test, map(ctx, 2 * SEGMENT_BYTES), MAP_ERROR);
	assert_used(test, 0);
	KUNIT_EXPECT_NE(test, map(ctx, SEGMENT_BYTES), MAP_ERROR);
	assert_used(test, IO_TLB_SEGSIZE);
}

/* Map, let the device write, unmap, with an otherwise empty pool. */
static void bounce_once(struct kunit *test, size_t offset, size_t size,
			unsigned int alloc_align_mask)
{
	struct swiotlb_test *ctx = test->priv;
	unsigned int first, nslots;
	phys_addr_t addr;

	addr = map_aligned(ctx, offset, size, alloc_align_mask,
			   DMA_BIDIRECTIONAL);
	assert_in_pool(test, addr, size);
	nslots = assert_placed(test, addr, offset, size, alloc_align_mask,
			       &first);
	assert_used(test, nslots);

	ASSERT_FILLED(test, bounce_of(ctx, addr), size, CPU, offset);
	fill(bounce_of(ctx, addr), size, DEVICE, offset);
	swiotlb_tbl_unmap_single(ctx->dev, addr, size, DMA_BIDIRECTIONAL, 0);
	ASSERT_FILLED(test, ctx->orig + offset, size, DEVICE, offset);
	fill(ctx->orig + offset, size, CPU, offset);
	assert_used(test, 0);
}

/* Each search begins where the one before ended: at slots even and odd. */
static void alignments_are_kept(struct kunit *test)
{
	static const size_t sizes[] = {
		1, 511, 2047, 2048, 2049, 4096, 4097, SZ_64K - 1, SZ_64K + 1,
	};
	struct swiotlb_test *ctx = test->priv;
	unsigned int m, a, o, s;

	for (m = 0; m < ARRAY_SIZE(min_align_masks); m++) {
		dma_set_min_align_mask(ctx->dev, min_align_masks[m]);
		for (a = 0; a < ARRAY_SIZE(alloc_align_masks); a++)
			for (o = 0; o < ARRAY_SIZE(odd_offsets); o++)
				for (s = 0; s < ARRAY_SIZE(sizes); s++)
					bounce_once(test, odd_offsets[o],
						    sizes[s],
						    alloc_align_masks[a]);
	}
}

static void padding_is_allocated_and_freed(struct kunit *test)
{
	struct swiotlb_test *ctx = test->priv;
	phys_addr_t addr;

	/* One slot after */
	addr = map_aligned(ctx, 0, 1, SZ_4K - 1, DMA_TO_DEVICE);
	assert_in_pool(test, addr, 1);
	KUNIT_EXPECT_EQ(test, addr % SZ_4K, 0);
	assert_used(test, 2);
	unmap(ctx, addr, 1);
	assert_used(test, 0);

	/* One slot before */
	dma_set_min_align_mask(ctx->dev, SZ_4K - 1);
	addr = map_aligned(ctx, SZ_2K + 5, 1, SZ_4K - 1, DMA_TO_DEVICE);
	assert_in_pool(test, addr, 1);
	KUNIT_EXPECT_EQ(test, addr % SZ_4K, SZ_2K + 5);
	assert_used(test, 2);
	unmap(ctx, addr, 1);
	assert_used(test, 0);

	/* One before and one after */
	addr = map_aligned(ctx, SZ_2K, SZ_2K + 1, SZ_4K - 1, DMA_TO_DEVICE);
	assert_in_pool(test, addr, SZ_2K + 1);
	KUNIT_EXPECT_EQ(test, addr % SZ_4K, SZ_2K);
	assert_used(test, 4);
	unmap(ctx, addr, SZ_2K + 1);
	assert_used(test, 0);
}

static void max_mapping_size_fits_each_segment(struct kunit *test)
{
	struct swiotlb_test *ctx = test->priv;
	unsigned int m, o, i, first;
	size_t size;

	for (m = 0; m < ARRAY_SIZE(min_align_masks); m++) {
		dma_set_min_align_mask(ctx->dev, min_align_masks[m]);
		size = swiotlb_max_mapping_size(ctx->dev);
		KUNIT_EXPECT_LE(test, size, SEGMENT_BYTES);
		/* No more is given away than the mask may cost */
		KUNIT_EXPECT_GE(test, size + min_align_masks[m] + IO_TLB_SIZE,
				SEGMENT_BYTES);
		for (o = 0; o < ARRAY_SIZE(odd_offsets); o++) {
			/*
			 * There is one place in a segment. The search may miss
			 * it if it begins right behind.
			 */
			make_pool(ctx, TEST_SEGMENTS, TEST_SEGMENTS);
			map_all(ctx, odd_offsets[o], size);
			KUNIT_ASSERT_EQ(test, ctx->nmaps, TEST_SEGMENTS);
			for (i = 0; i < ctx->nmaps; i++)
				assert_placed(test, ctx->maps[i],
					      odd_offsets[o], size, 0, &first);
			unmap_all(ctx);
			assert_used(test, 0);
		}
	}
}

/* How many mappings of @nslots fit an empty pool with this boundary. */
static unsigned int boundary_capacity(struct swiotlb_test *ctx,
				      unsigned long boundary_mask,
				      unsigned int nslots)
{
	struct io_tlb_pool *pool = &ctx->mem.defpool;
	unsigned int i, run = 0, capacity = 0;

	for (i = 0; i < pool->nslabs; i++) {
		if (!io_tlb_offset(i) ||
		    !(slot_addr(pool->start, i) & boundary_mask)) {
			capacity += run / nslots;
			run = 0;
		}
		run++;
	}
	return capacity + run / nslots;
}

static void segment_boundary_is_not_crossed(struct kunit *test)
{
	static const unsigned long masks[] = {
		SZ_2K - 1, SZ_4K - 1, SZ_8K - 1, SZ_32K - 1, SZ_128K - 1,
	};
	struct swiotlb_test *ctx = test->priv;
	unsigned int m, i, n, max, first;

	/* Too small to matter, but no mapping is aligned to pages for its size */
	dma_set_min_align_mask(ctx->dev, SZ_512 - 1);
	for (m = 0; m < ARRAY_SIZE(masks); m++) {
		dma_set_seg_boundary(ctx->dev, masks[m]);
		max = get_max_slots(masks[m]);
		/* One slot more never fits, exactly as many must */
		for (n = 1; n <= max + 1; n++) {
			make_pool(ctx, TEST_SEGMENTS, 1);
			map_all(ctx, 0, n * IO_TLB_SIZE);
			KUNIT_ASSERT_EQ_MSG(test, ctx->nmaps,
					    boundary_capacity(ctx, masks[m], n),
					    "boundary %#lx, %u slots",
					    masks[m], n);
			for (i = 0; i < ctx->nmaps; i++)
				assert_placed(test, ctx->maps[i], 0,
					      n * IO_TLB_SIZE, 0, &first);
			assert_used(test, ctx->nmaps * n);
			unmap_all(ctx);
			assert_used(test, 0);
		}
		/* One byte more is a slot more */
		KUNIT_EXPECT_EQ(test, map(ctx, masks[m] + 2), MAP_ERROR);
	}
}

/* Is there room for @nslots that are aligned to @align_mask? */
static bool has_room(struct swiotlb_test *ctx, unsigned int nslots,
		     unsigned int align_mask)
{
	struct io_tlb_pool *pool = &ctx->mem.defpool;
	unsigned long boundary_mask = dma_get_seg_boundary(ctx->dev);
	unsigned int i, last;

	for (i = 0; i + nslots <= pool->nslabs; i++) {
		last = i + nslots - 1;
		if (slot_addr(pool->start, i) & align_mask ||
		    i / IO_TLB_SEGSIZE != last / IO_TLB_SEGSIZE ||
		    (slot_addr(pool->start, i) & ~boundary_mask) !=
		    (slot_addr(pool->start, last) & ~boundary_mask))
			continue;
		if (find_next_bit(ctx->taken, last + 1, i) > last)
			return true;
	}
	return false;
}

/* A mapping failed. Was there really no place for it? */
static void assert_no_room(struct kunit *test, struct live_map *live,
			   unsigned int alloc_align_mask)
{
	struct swiotlb_test *ctx = test->priv;
	unsigned int min_align_mask = dma_get_min_align_mask(ctx->dev);
	unsigned int align_mask = alloc_align_mask | (IO_TLB_SIZE - 1);
	size_t before;

	if (!min_align_mask && !alloc_align_mask && live->size >= PAGE_SIZE)
		align_mask |= PAGE_SIZE - 1;
	/* With further bits to be kept, the search is not exhaustive */
	if (min_align_mask & ~align_mask)
		return;
	before = live->offset & min_align_mask;
	KUNIT_ASSERT_FALSE(test,
			   has_room(ctx, nr_slots(ALIGN(before + live->size,
							alloc_align_mask + 1)),
				    align_mask));
}

static bool random_map(struct kunit *test, struct live_map *live,
		       struct rnd_state *rnd)
{
	size_t skip = prandom_u32_state(rnd) % SZ_8K;
	unsigned int i, alloc_align_mask, end;
	struct swiotlb_test *ctx = test->priv;

	i = prandom_u32_state(rnd) % ARRAY_SIZE(alloc_align_masks);
	alloc_align_mask = alloc_align_masks[i];
	i = prandom_u32_state(rnd) % ARRAY_SIZE(directions);
	live->dir = directions[i].dir;
	live->offset = (live - ctx->live) * RANDOM_BYTES + skip;
	live->size = 1 + prandom_u32_state(rnd) % (RANDOM_BYTES - skip);
	fill(ctx->orig + live->offset, live->size, CPU, live->offset);

	live->addr = map_aligned(ctx, live->offset, live->size,
				 alloc_align_mask, live->dir);
	if (live->addr == MAP_ERROR) {
		assert_no_room(test, live, alloc_align_mask);
		live->size = 0;
		return false;
	}

	assert_in_pool(test, live->addr, live->size);
	live->nslots = assert_placed(test, live->addr, live->offset, live->size,
				     alloc_align_mask, &live->first);
	end = live->first + live->nslots;
	KUNIT_ASSERT_GE(test, find_next_bit(ctx->taken, end, live->first), end);
	bitmap_set(ctx->taken, live->first, live->nslots);
	ASSERT_FILLED(test, bounce_of(ctx, live->addr), live->size, CPU,
		      live->offset);
	fill(bounce_of(ctx, live->addr), live->size, DEVICE, live->offset);
	return true;
}

static void random_unmap(struct kunit *test, struct live_map *live)
{
	struct swiotlb_test *ctx = test->priv;

	/* Is it still what the device wrote? */
	ASSERT_FILLED(test, bounce_of(ctx, live->addr), live->size, DEVICE,
		      live->offset);
	swiotlb_tbl_unmap_single(ctx->dev, live->addr, live->size, live->dir, 0);
	ASSERT_FILLED(test, ctx->orig + live->offset, live->size,
		      live->dir == DMA_TO_DEVICE ? CPU : DEVICE, live->offset);
	bitmap_clear(ctx->taken, live->first, live->nslots);
	live->size = 0;
}

/* Returns how many attempts to map failed. */
static unsigned int random_steps(struct kunit *test, struct rnd_state *rnd,
				 unsigned int steps)
{
	struct swiotlb_test *ctx = test->priv;
	struct live_map *live;
	unsigned int i, failed = 0;

	make_pool(ctx, 2, 2);
	while (steps--) {
		live = &ctx->live[prandom_u32_state(rnd) % RANDOM_MAPS];
		/* Unmap so rarely that the pool is full at times */
		if (!live->size)
			failed += !random_map(test, live, rnd);
		else if (prandom_u32_state(rnd) % 4 == 0)
			random_unmap(test, live);
		assert_used(test, bitmap_weight(ctx->taken, TEST_SLOTS));
	}
	for (i = 0; i < RANDOM_MAPS; i++)
		if (ctx->live[i].size)
			random_unmap(test, &ctx->live[i]);
	assert_used(test, 0);
	return failed;
}

static void random_mappings_do_not_overlap(struct kunit *test)
{
	static const unsigned long boundary_masks[] = { ULONG_MAX, SZ_64K - 1 };
	struct swiotlb_test *ctx = test->priv;
	unsigned int m, b, failed = 0;
	struct rnd_state rnd;

	prandom_seed_state(&rnd, 612);
	for (m = 0; m < ARRAY_SIZE(min_align_masks); m++) {
		dma_set_min_align_mask(ctx->dev, min_align_masks[m]);
		for (b = 0; b < ARRAY_SIZE(boundary_masks); b++) {
			dma_set_seg_boundary(ctx->dev, boundary_masks[b]);
			failed += random_steps(test, &rnd, 300);
		}
	}
	/* If none did, the pool has not been full */
	KUNIT_EXPECT_GT(test, failed, 0);
}

/*
 * Slots and areas
 */

static const struct layout {
	unsigned int nareas;
	const char *name;
} layouts[] = {
	{ 1, "1 area" },
	{ 2, "2 areas" },
	{ 4, "4 areas" },
};

KUNIT_ARRAY_PARAM_DESC(layout, layouts, name);

static void each_slot_is_mapped_once_until_none_is_left(struct kunit *test)
{
	const struct layout *layout = test->param_value;
	struct swiotlb_test *ctx = test->priv;
	unsigned int i;

	make_pool(ctx, TEST_SEGMENTS, layout->nareas);
	map_all(ctx, 0, IO_TLB_SIZE);
	KUNIT_EXPECT_EQ(test, ctx->nmaps, TEST_SLOTS);
	for (i = 0; i < ctx->nmaps; i++) {
		assert_in_pool(test, ctx->maps[i], IO_TLB_SIZE);
		__set_bit(slot_of(ctx, ctx->maps[i]), ctx->taken);
	}
	KUNIT_EXPECT_TRUE(test, bitmap_full(ctx->taken, TEST_SLOTS));
	assert_used(test, TEST_SLOTS);
	KUNIT_EXPECT_EQ(test, map(ctx, 1), MAP_ERROR);
	assert_used(test, TEST_SLOTS);
}

static void used_up_pool_is_usable_again(struct kunit *test)
{
	const struct layout *layout = test->param_value;
	struct swiotlb_test *ctx = test->priv;
	unsigned int i;

	make_pool(ctx, TEST_SEGMENTS, layout->nareas);
	map_all(ctx, 0, IO_TLB_SIZE);
	KUNIT_ASSERT_EQ(test, ctx->nmaps, TEST_SLOTS);

	/* With one slot free, it is that one */
	for (i = 0; i < TEST_SLOTS; i += 37) {
		unmap(ctx, ctx->maps[i], IO_TLB_SIZE);
		assert_used(test, TEST_SLOTS - 1);
		KUNIT_EXPECT_EQ(test, map(ctx, IO_TLB_SIZE + 1), MAP_ERROR);
		KUNIT_EXPECT_EQ(test, map(ctx, IO_TLB_SIZE), ctx->maps[i]);
		KUNIT_EXPECT_EQ(test, map(ctx, 1), MAP_ERROR);
	}

	unmap_all(ctx);
	assert_used(test, 0);
	map_all(ctx, 0, SEGMENT_BYTES);
	KUNIT_EXPECT_EQ(test, ctx->nmaps, TEST_SEGMENTS);
	assert_used(test, TEST_SLOTS);
	KUNIT_EXPECT_EQ(test, map(ctx, 1), MAP_ERROR);
	unmap_all(ctx);
	assert_used(test, 0);
}

/* Address of a piece of the pool. */
static phys_addr_t piece(struct swiotlb_test *ctx, unsigned int index)
{
	return ctx->mem.defpool.start + index * PIECE_BYTES;
}

static void free_slots_merge_in_any_order(struct kunit *test)
{
	struct swiotlb_test *ctx = test->priv;
	unsigned int code, i, order[PIECES_PER_SEG], set;

	BUILD_BUG_ON(PIECES_PER_SEG != 4);
	for (code = 0; code < 256; code++) {
		for (i = 0, set = 0; i < PIECES_PER_SEG; i++) {
			order[i] = code >> (2 * i) & 3;
			set |= 1 << order[i];
		}
		/* Only permutations */
		if (set != 15)
			continue;

		make_pool(ctx, TEST_SEGMENTS, 2);
		map_all(ctx, 0, PIECE_BYTES);
		KUNIT_ASSERT_EQ(test, ctx->nmaps, TEST_BYTES / PIECE_BYTES);
		/* In a segment that has one before it and one after it */
		for (i = 0; i < PIECES_PER_SEG; i++) {
			KUNIT_EXPECT_EQ(test, map(ctx, SEGMENT_BYTES),
					MAP_ERROR);
			unmap(ctx, piece(ctx, 2 * PIECES_PER_SEG + order[i]),
			      PIECE_BYTES);
			assert_used(test, TEST_SLOTS -
				    (i + 1) * (PIECE_BYTES / IO_TLB_SIZE));
		}
		KUNIT_EXPECT_EQ(test, map(ctx, SEGMENT_BYTES),
				piece(ctx, 2 * PIECES_PER_SEG));
	}
}

static void single_free_slots_merge_into_segments(struct kunit *test)
{
	struct swiotlb_test *ctx = test->priv;
	struct rnd_state rnd;
	unsigned int i;

	prandom_seed_state(&rnd, 128);
	map_all(ctx, 0, IO_TLB_SIZE);
	KUNIT_ASSERT_EQ(test, ctx->nmaps, TEST_SLOTS);
	while (ctx->nmaps) {
		i = prandom_u32_state(&rnd) % ctx->nmaps;
		unmap(ctx, ctx->maps[i], IO_TLB_SIZE);
		ctx->maps[i] = ctx->maps[--ctx->nmaps];
		assert_used(test, ctx->nmaps);
	}
	map_all(ctx, 0, SEGMENT_BYTES);
	KUNIT_EXPECT_EQ(test, ctx->nmaps, TEST_SEGMENTS);
}

/* In a full pool, free two pieces and see whether they merge. */
static void free_two_pieces(struct kunit *test, unsigned int i, unsigned int j)
{
	struct swiotlb_test *ctx = test->priv;
	phys_addr_t addr;

	unmap(ctx, piece(ctx, i), PIECE_BYTES);
	unmap(ctx, piece(ctx, j), PIECE_BYTES);
	addr = map(ctx, 2 * PIECE_BYTES);
	if (abs_diff(i, j) == 1 && i / PIECES_PER_SEG == j / PIECES_PER_SEG) {
		KUNIT_ASSERT_EQ(test, addr, piece(ctx, min(i, j)));
		unmap(ctx, addr, 2 * PIECE_BYTES);
	} else {
		KUNIT_ASSERT_EQ(test, addr, MAP_ERROR);
	}
	KUNIT_ASSERT_NE(test, map(ctx, PIECE_BYTES), MAP_ERROR);
	KUNIT_ASSERT_NE(test, map(ctx, PIECE_BYTES), MAP_ERROR);
	assert_used(test, TEST_SLOTS);
}

static void only_neighbours_in_a_segment_merge(struct kunit *test)
{
	struct swiotlb_test *ctx = test->priv;
	unsigned int i, j, pieces = TEST_BYTES / PIECE_BYTES;

	/* Segments end after 4 pieces, areas after 8 */
	make_pool(ctx, TEST_SEGMENTS, 2);
	map_all(ctx, 0, PIECE_BYTES);
	KUNIT_ASSERT_EQ(test, ctx->nmaps, pieces);

	for (i = 0; i < pieces; i++)
		for (j = 0; j < pieces; j++)
			if (i != j)
				free_two_pieces(test, i, j);
}

static void search_begins_in_the_area_of_the_cpu(struct kunit *test)
{
	struct swiotlb_test *ctx = test->priv;
	unsigned int cpu;
	phys_addr_t addr;

	for_each_online_cpu(cpu) {
		run_on(test, cpu);
		addr = map(ctx, 1);
		assert_in_pool(test, addr, 1);
		KUNIT_EXPECT_EQ(test, area_of(ctx, addr), cpu % TEST_SEGMENTS);
		unmap(ctx, addr, 1);
	}
}

static void full_area_overflows_into_the_next(struct kunit *test)
{
	const struct layout *layout = test->param_value;
	unsigned int i, next, used, area, nareas = layout->nareas;
	struct swiotlb_test *ctx = test->priv;
	unsigned int per_area = TEST_BYTES / nareas / PIECE_BYTES;
	/* Not the first area, if there are two CPUs */
	unsigned int cpu = cpumask_last(cpu_online_mask);

	run_on(test, cpu);
	make_pool(ctx, TEST_SEGMENTS, nareas);
	for (i = 0; i < nareas * per_area; i++) {
		ctx->maps[i] = map(ctx, PIECE_BYTES);
		assert_in_pool(test, ctx->maps[i], PIECE_BYTES);
		/* From the last area, it goes on in the first */
		next = (cpu + i / per_area) % nareas;
		KUNIT_EXPECT_EQ(test, area_of(ctx, ctx->maps[i]), next);
		used = (i % per_area + 1) * (PIECE_BYTES / IO_TLB_SIZE);
		KUNIT_EXPECT_EQ(test, ctx->areas[next].used, used);
	}
	KUNIT_EXPECT_EQ(test, map(ctx, PIECE_BYTES), MAP_ERROR);

	/* What is freed in any area is found, and counted there */
	for (i = 0; i < nareas * per_area; i++) {
		area = area_of(ctx, ctx->maps[i]);
		used = ctx->areas[area].used;
		unmap(ctx, ctx->maps[i], PIECE_BYTES);
		KUNIT_EXPECT_EQ(test, ctx->areas[area].used,
				used - PIECE_BYTES / IO_TLB_SIZE);
		KUNIT_EXPECT_EQ(test, map(ctx, PIECE_BYTES), ctx->maps[i]);
		KUNIT_EXPECT_EQ(test, ctx->areas[area].used, used);
	}
}

/*
 * Users
 */

static void pool_is_found_by_address(struct kunit *test)
{
	struct swiotlb_test *ctx = test->priv;
	struct io_tlb_pool *pool = &ctx->mem.defpool;
	phys_addr_t addr = map(ctx, SOME_SIZE);

	assert_in_pool(test, addr, SOME_SIZE);
	KUNIT_EXPECT_PTR_EQ(test, swiotlb_find_pool(ctx->dev, addr), pool);
	KUNIT_EXPECT_PTR_EQ(test,
			    swiotlb_find_pool(ctx->dev, addr + SOME_SIZE - 1),
			    pool);
	KUNIT_EXPECT_NULL(test, swiotlb_find_pool(ctx->dev, pool->start - 1));
	KUNIT_EXPECT_NULL(test, swiotlb_find_pool(ctx->dev, pool->end));

	/* What is not bounced is left alone */
	unmap(ctx, virt_to_phys(ctx->orig), SOME_SIZE);
	assert_used(test, nr_slots(SOME_SIZE));
	unmap(ctx, addr, SOME_SIZE);
	assert_used(test, 0);
}

static void empty_allocator_maps_nothing(struct kunit *test)
{
	struct swiotlb_test *ctx = test->priv;

	KUNIT_EXPECT_TRUE(test, is_swiotlb_active(ctx->dev));
	ctx->mem.nslabs = 0;
	KUNIT_EXPECT_FALSE(test, is_swiotlb_active(ctx->dev));
	KUNIT_EXPECT_EQ(test, map(ctx, 1), MAP_ERROR);
}

/* The way of a driver: dma_map_single() of a device that must bounce. */
static void forced_device_bounces(struct kunit *test)
{
	struct swiotlb_test *ctx = test->priv;
	phys_addr_t phys;
	dma_addr_t addr;

	if (get_dma_ops(ctx->dev))
		kunit_skip(test, "devices here have DMA operations of their own");

	ctx->mem.force_bounce = true;
	KUNIT_EXPECT_EQ(test, dma_max_mapping_size(ctx->dev), SEGMENT_BYTES);
	addr = dma_map_single(ctx->dev, ctx->orig, SZ_4K, DMA_FROM_DEVICE);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(ctx->dev, addr));
	phys = dma_to_phys(ctx->dev, addr);
	assert_in_pool(test, phys, SZ_4K);
	KUNIT_EXPECT_TRUE(test, dma_need_sync(ctx->dev, addr));

	/* A device writes to memory, not to a cache that is about to be dropped */
	fill(bounce_of(ctx, phys), SZ_4K, DEVICE, 0);
	if (!dev_is_dma_coherent(ctx->dev))
		arch_sync_dma_for_device(phys, SZ_4K, DMA_TO_DEVICE);

	/* A part for the CPU, all of it in the end */
	dma_sync_single_for_cpu(ctx->dev, addr + 100, 200, DMA_FROM_DEVICE);
	ASSERT_PART_FILLED(test, ctx->orig, SZ_4K, 100, 200, DEVICE, CPU, 0);
	dma_sync_single_for_device(ctx->dev, addr + 100, 200, DMA_FROM_DEVICE);
	dma_unmap_single(ctx->dev, addr, SZ_4K, DMA_FROM_DEVICE);
	ASSERT_FILLED(test, ctx->orig, SZ_4K, DEVICE, 0);
	assert_used(test, 0);

	map_all(ctx, 0, SEGMENT_BYTES);
	addr = dma_map_single_attrs(ctx->dev, ctx->orig, SZ_4K, DMA_TO_DEVICE,
				    DMA_ATTR_NO_WARN);
	KUNIT_EXPECT_TRUE(test, dma_mapping_error(ctx->dev, addr));
	unmap_all(ctx);
}

static int swiotlb_test_init(struct kunit *test)
{
	struct swiotlb_test *ctx;
	u8 *memory;

	ctx = kunit_kzalloc(test, sizeof(*ctx), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ctx);
	ctx->orig = kunit_kmalloc(test, ORIG_BYTES, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ctx->orig);
	/* As other pools, it is aligned to pages only: not to its segments */
	memory = kunit_kmalloc(test, TEST_BYTES + PAGE_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, memory);
	KUNIT_ASSERT_EQ(test, offset_in_page(memory), 0);
	ctx->bounce = memory + PAGE_SIZE;

	ctx->dev = kunit_device_register(test, "swiotlb");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ctx->dev);
	ctx->dev->dma_parms = &ctx->parms;
	ctx->dev->dma_io_tlb_mem = &ctx->mem;
	KUNIT_ASSERT_EQ(test, dma_set_mask_and_coherent(ctx->dev,
							DMA_BIT_MASK(64)), 0);

	run_on(test, cpumask_first(cpu_online_mask));
	make_pool(ctx, TEST_SEGMENTS, TEST_SEGMENTS);
	fill(ctx->orig, ORIG_BYTES, CPU, 0);
	test->priv = ctx;
	return 0;
}

#ifdef CONFIG_SWIOTLB_DYNAMIC
static unsigned long saved_nareas;

/*
 * No more areas of any pool are searched than the default number, which is zero
 * on a machine without bounce buffers. Pools with fewer areas do not mind.
 */
static int swiotlb_test_suite_init(struct kunit_suite *suite)
{
	saved_nareas = default_nareas;
	default_nareas = max(default_nareas, TEST_SEGMENTS);
	return 0;
}

static void swiotlb_test_suite_exit(struct kunit_suite *suite)
{
	default_nareas = saved_nareas;
}
#endif

static struct kunit_case swiotlb_test_cases[] = {
	KUNIT_CASE_PARAM(map_copies_the_buffer_and_no_more, direction_gen_params),
	KUNIT_CASE_PARAM(map_copies_despite_skipped_sync, direction_gen_params),
	KUNIT_CASE_PARAM(unmap_copies_what_the_device_may_write,
			 direction_gen_params),
	KUNIT_CASE_PARAM(unmap_does_not_copy_if_sync_is_skipped,
			 direction_gen_params),
	KUNIT_CASE_PARAM(sync_copies_along_the_direction, direction_gen_params),
	KUNIT_CASE(partial_device_write_keeps_the_rest),
	KUNIT_CASE(sync_copies_the_part_and_no_more),
	KUNIT_CASE(mapping_of_any_size_takes_its_slots),
	KUNIT_CASE(mapping_larger_than_a_segment_is_refused),
	KUNIT_CASE(alignments_are_kept),
	KUNIT_CASE(padding_is_allocated_and_freed),
	KUNIT_CASE(max_mapping_size_fits_each_segment),
	KUNIT_CASE(segment_boundary_is_not_crossed),
	KUNIT_CASE(random_mappings_do_not_overlap),
	KUNIT_CASE_PARAM(each_slot_is_mapped_once_until_none_is_left,
			 layout_gen_params),
	KUNIT_CASE_PARAM(used_up_pool_is_usable_again, layout_gen_params),
	KUNIT_CASE(free_slots_merge_in_any_order),
	KUNIT_CASE(single_free_slots_merge_into_segments),
	KUNIT_CASE(only_neighbours_in_a_segment_merge),
	KUNIT_CASE(search_begins_in_the_area_of_the_cpu),
	KUNIT_CASE_PARAM(full_area_overflows_into_the_next, layout_gen_params),
	KUNIT_CASE(pool_is_found_by_address),
	KUNIT_CASE(empty_allocator_maps_nothing),
	KUNIT_CASE(forced_device_bounces),
	{}
};

static struct kunit_suite swiotlb_test_suite = {
	.name = "swiotlb",
#ifdef CONFIG_SWIOTLB_DYNAMIC
	.suite_init = swiotlb_test_suite_init,
	.suite_exit = swiotlb_test_suite_exit,
#endif
	.init = swiotlb_test_init,
	.test_cases = swiotlb_test_cases,
};
kunit_test_suite(swiotlb_test_suite);
