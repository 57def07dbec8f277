/* SPDX-License-Identifier: GPL-2.0 */
/*
 * KUnit tests of the policy: how much is to be owned, and what is evacuated first.
 * A part of mm/swiotlb_reclaim.c, whose functions these are.
 */
#include <kunit/test.h>

/* So many samples of @slots each, from @period on. Returns the period after them. */
static unsigned int use_for(struct use_history *use, unsigned int period,
			    unsigned int samples, unsigned int slots)
{
	while (samples--)
		add_sample(use, period++, slots);
	return period;
}

static void spike_is_remembered_for_as_long_as_samples(struct kunit *test)
{
	struct use_history use = {};
	unsigned int period;

	KUNIT_EXPECT_EQ(test, slots_for(&use, true, 64), 0);
	period = use_for(&use, 0, 1, 1000);
	period = use_for(&use, period, PEAK_SAMPLES - 1, 0);
	KUNIT_EXPECT_EQ(test, slots_for(&use, true, 64), 1000 + 250 + 64);
	use_for(&use, period, 1, 0);
	KUNIT_EXPECT_EQ(test, slots_for(&use, true, 64), 0);
}

/* The first is seen half grown, and across the bounds of two windows */
static void two_spikes_are_not_use_that_goes_on(struct kunit *test)
{
	struct use_history use = {};
	unsigned int period;

	period = use_for(&use, 0, PEAK_SAMPLES - 1, 0);
	period = use_for(&use, period, 1, 500);
	period = use_for(&use, period, 1, 1000);
	period = use_for(&use, period, 3 * PEAK_SAMPLES, 0);
	period = use_for(&use, period, 1, 1000);
	period = use_for(&use, period, PEAK_SAMPLES, 0);
	KUNIT_EXPECT_EQ(test, usual_peak(&use), 0);
	KUNIT_EXPECT_EQ(test, slots_for(&use, true, 0), 0);
}

/* The lowest of those that are reached so often, as long as it is remembered */
static void use_that_goes_on_is_owned_between_its_peaks(struct kunit *test)
{
	struct use_history use = {};
	unsigned int i, period = 0;

	for (i = 0; i < PEAK_TIMES; i++) {
		KUNIT_EXPECT_EQ(test, usual_peak(&use), 0);
		period = use_for(&use, period, 1, 1000 - 100 * i);
		period = use_for(&use, period, PEAK_SAMPLES - 1, 0);
	}
	period = use_for(&use, period, 1, 0);
	KUNIT_EXPECT_EQ(test, usual_peak(&use), 1000 - 100 * (PEAK_TIMES - 1));
	KUNIT_EXPECT_EQ(test, slots_for(&use, true, 0),
			usual_peak(&use) + usual_peak(&use) / 4);
	KUNIT_EXPECT_EQ(test, slots_for(&use, false, 0), 0);

	use_for(&use, period, PEAK_SAMPLES * PEAK_WINDOWS, 0);
	KUNIT_EXPECT_EQ(test, usual_peak(&use), 0);
}

static void cost_is_what_has_to_be_done(struct kunit *test)
{
	struct folio *folio = folio_alloc(GFP_KERNEL, 0);

	KUNIT_ASSERT_NOT_NULL(test, folio);
	/* On no LRU list */
	KUNIT_EXPECT_EQ(test, folio_cost(folio), COST_STUCK);
	folio->mapping = (void *)PAGE_MAPPING_MOVABLE;
	KUNIT_EXPECT_EQ(test, folio_cost(folio), COST_COPY);
	folio->mapping = NULL;

	folio_set_lru(folio);
	KUNIT_EXPECT_EQ(test, folio_cost(folio), COST_DROP);
	folio_set_dirty(folio);
	KUNIT_EXPECT_EQ(test, folio_cost(folio), COST_COPY);
	folio_clear_dirty(folio);
	folio_set_private(folio);
	KUNIT_EXPECT_EQ(test, folio_cost(folio), COST_COPY);
	folio_clear_private(folio);
	folio_set_swapbacked(folio);
	KUNIT_EXPECT_EQ(test, folio_cost(folio), COST_COPY);
	/* Under I/O, or about to be: that is never waited for */
	__folio_set_locked(folio);
	KUNIT_EXPECT_EQ(test, folio_cost(folio), COST_BUSY);
	__folio_clear_locked(folio);
	folio_test_set_writeback(folio);
	KUNIT_EXPECT_EQ(test, folio_cost(folio), COST_BUSY);
	folio_test_clear_writeback(folio);
	/* Pinned */
	folio_ref_add(folio, GUP_PIN_COUNTING_BIAS);
	KUNIT_EXPECT_EQ(test, folio_cost(folio), COST_STUCK);
	folio_ref_sub(folio, GUP_PIN_COUNTING_BIAS);
	KUNIT_EXPECT_EQ(test, folio_cost(folio), COST_COPY);
	/* Mapped again since its references were counted */
	atomic_set(&folio->_mapcount, 1);
	KUNIT_EXPECT_EQ(test, folio_cost(folio), COST_COPY);
	atomic_set(&folio->_mapcount, -1);

	folio_clear_swapbacked(folio);
	folio_clear_lru(folio);
	folio_put(folio);
}

static void cheapest_block_is_evacuated_first(struct kunit *test)
{
	static const struct block_cost costs[] = {
		{ .mean = 300, .least = 10 },
		{ .mean = COST_NEVER, .least = COST_NEVER },
		{ .mean = 50, .least = 40 },
		{ .mean = 100, .least = 20 },
	};

	mutex_lock(&reclaim.lock);
	memcpy(reclaim.costs, costs, sizeof(costs));
	KUNIT_EXPECT_EQ(test, cheapest_block(4, COST_NEVER), 2);
	KUNIT_EXPECT_EQ(test, cheapest_block(4, 30), 3);
	KUNIT_EXPECT_EQ(test, cheapest_block(4, 15), 0);
	KUNIT_EXPECT_EQ(test, cheapest_block(4, 5), 4);
	KUNIT_EXPECT_EQ(test, cheapest_block(2, 5), 2);
	mutex_unlock(&reclaim.lock);
}

static void pause_doubles_up_to_the_most(struct kunit *test)
{
	struct backoff backoff = {};
	unsigned long pause;

	KUNIT_EXPECT_TRUE(test, may_try(&backoff));
	for (pause = BACKOFF_MIN; pause < BLOCK_BACKOFF_MAX; pause *= 2) {
		back_off(&backoff, BLOCK_BACKOFF_MAX);
		KUNIT_EXPECT_EQ(test, backoff.pause, pause);
	}
	back_off(&backoff, BLOCK_BACKOFF_MAX);
	KUNIT_EXPECT_EQ(test, backoff.pause, BLOCK_BACKOFF_MAX);
	KUNIT_EXPECT_FALSE(test, may_try(&backoff));
	KUNIT_EXPECT_GT(test, pause_left(&backoff), 0);
	backoff.retry = jiffies;
	KUNIT_EXPECT_TRUE(test, may_try(&backoff));
	KUNIT_EXPECT_EQ(test, pause_left(&backoff), 0);

	/* Long ago */
	backoff.retry = jiffies - BLOCK_BACKOFF_MAX - 1;
	back_off(&backoff, BLOCK_BACKOFF_MAX);
	KUNIT_EXPECT_EQ(test, backoff.pause, BACKOFF_MIN);
}

/* Not only when use has been sampled, and for four seconds afterwards */
static void miss_is_seen_at_once(struct kunit *test)
{
	struct use_history missed_use;
	unsigned int unserved;

	if (!reclaim.pool)
		kunit_skip(test, "not booted with swiotlb=reclaim");

	mutex_lock(&reclaim.lock);
	missed_use = reclaim.missed_use;
	unserved = reclaim.unserved;
	memset(&reclaim.missed_use, 0, sizeof(reclaim.missed_use));
	reclaim.unserved = 0;
	KUNIT_EXPECT_FALSE(test, missed_of_late());
	/* It counts as use: as much as there was, or a segment */
	reclaim.unserved = reclaim.pool->nslabs;
	KUNIT_EXPECT_TRUE(test, missed_of_late());
	sample_use(1);
	KUNIT_EXPECT_EQ(test, reclaim.unserved, 0);
	KUNIT_EXPECT_GE(test, max_of(reclaim.missed_use.samples, PEAK_SAMPLES),
			IO_TLB_SEGSIZE);
	sample_use(PEAK_SAMPLES - 1);
	KUNIT_EXPECT_TRUE(test, missed_of_late());
	sample_use(1);
	KUNIT_EXPECT_FALSE(test, missed_of_late());
	reclaim.unserved = unserved;
	reclaim.missed_use = missed_use;
	mutex_unlock(&reclaim.lock);
}

/* Whether it was then that slots were missed, or another time */
static void spike_with_misses_is_remembered_for_as_long_as_windows(struct kunit *test)
{
	unsigned int slots, peak, period = PEAK_SAMPLES - 1, target;
	struct use_history missed_use, use, *all;

	if (!reclaim.pool)
		kunit_skip(test, "not booted with swiotlb=reclaim");

	/* More than there has ever been: as much again may have been missed */
	slots = 3 * reclaim.pool->nslabs;
	peak = slots / IO_TLB_SEGSIZE * 5 / 4;
	mutex_lock(&reclaim.lock);
	all = &reclaim.use[reclaim.pool->nareas];
	missed_use = reclaim.missed_use;
	use = *all;
	memset(&reclaim.missed_use, 0, sizeof(reclaim.missed_use));
	memset(all, 0, sizeof(*all));
	target = pool_target(false);
	KUNIT_EXPECT_EQ(test, pool_keeps(false), target);

	use_for(&reclaim.missed_use, period, 1, 1);
	use_for(all, period, 1, 1);
	KUNIT_EXPECT_LT(test, pool_keeps(false), peak);
	period = use_for(all, period, 1, slots);
	KUNIT_EXPECT_GE(test, pool_keeps(false), peak);
	use_for(&reclaim.missed_use, period, PEAK_SAMPLES * (PEAK_WINDOWS - 1), 0);
	period = use_for(all, period, PEAK_SAMPLES * (PEAK_WINDOWS - 1), 0);
	KUNIT_EXPECT_EQ(test, max_of(reclaim.missed_use.samples, PEAK_SAMPLES), 0);
	KUNIT_EXPECT_GE(test, pool_keeps(false), peak);
	/* What has been lent is not taken for it */
	KUNIT_EXPECT_EQ(test, pool_target(false), target);
	use_for(&reclaim.missed_use, period, 1, 0);
	KUNIT_EXPECT_EQ(test, pool_keeps(false), target);
	*all = use;
	reclaim.missed_use = missed_use;
	mutex_unlock(&reclaim.lock);
}

static unsigned long evacuations(void)
{
	unsigned long sum = 0;
	unsigned int bucket;
	int cpu;

	for_each_possible_cpu(cpu)
		for (bucket = 0; bucket < HIST_BUCKETS; bucket++)
			sum += per_cpu(swiotlb_hists, cpu).count[HIST_EVACUATE][bucket];
	return sum;
}

/* The first segment of the pool that can be taken, lent but for its last page */
static int lend_all_but_one_page(void)
{
	unsigned int segment, nr = swiotlb_nr_segments(reclaim.pool);
	unsigned long pfn;
	int i;

	for_each_set_bit(segment, reclaim.pool->lent, nr)
		if (take_segment(segment, SWIOTLB_TAKE_FREE))
			break;
	if (segment >= nr || !swiotlb_segment_lend(reclaim.pool, segment))
		return -1;
	pfn = swiotlb_segment_pfn(reclaim.pool, segment);
	split_page(pfn_to_page(pfn), SWIOTLB_SEGMENT_ORDER);
	for (i = 0; i < SWIOTLB_SEGMENT_PAGES - 1; i++)
		__free_page(pfn_to_page(pfn) + i);
	drain_all_pages(reclaim.zone);
	return segment;
}

static void let_go_of_last_page(unsigned int segment)
{
	__free_page(pfn_to_page(swiotlb_segment_pfn(reclaim.pool, segment)) +
		    SWIOTLB_SEGMENT_PAGES - 1);
	drain_all_pages(reclaim.zone);
}

static void end_policy(void)
{
	mutex_unlock(&reclaim.lock);
	swiotlb_reclaim_resume();
}

/* Whatever was tried in vain before, and with no limit of time */
static void begin_anew(void)
{
	memset(reclaim.blocks, 0, nr_blocks() * sizeof(*reclaim.blocks));
	begin_hold(MAX_JIFFY_OFFSET);
	end_attempt();
}

/*
 * Have the policy stand still, with a segment that has one page which cannot be
 * moved. Returns that, or a negative number and the policy goes on.
 */
static int begin_with_a_held_page(struct kunit *test)
{
	int segment;

	if (!reclaim.pool)
		kunit_skip(test, "not booted with swiotlb=reclaim");

	swiotlb_reclaim_pause();
	/* The pool may keep what another test has missed */
	swiotlb_reclaim_lend(swiotlb_nr_segments(reclaim.pool));
	mutex_lock(&reclaim.lock);
	begin_anew();
	segment = lend_all_but_one_page();
	KUNIT_EXPECT_GE(test, segment, 0);
	if (segment < 0)
		end_policy();
	return segment;
}

/* The opposite of it */
static void end_with_a_held_page(struct kunit *test, unsigned int segment)
{
	let_go_of_last_page(segment);
	reclaim.blocks[segment / block_segments()].pause = 0;
	KUNIT_EXPECT_TRUE(test, take_segment(segment, SWIOTLB_TAKE_FREE));
	KUNIT_EXPECT_TRUE(test, lend_segment(segment));
	end_policy();
}

/* Its pageblock is not even isolated, and left alone for longer each time */
static void segment_with_a_stuck_page_is_left_alone(struct kunit *test)
{
	unsigned int block, taken, i;
	struct backoff *backoff;
	unsigned long before;
	int segment, error;

	segment = begin_with_a_held_page(test);
	if (segment < 0)
		return;
	block = segment / block_segments();
	backoff = &reclaim.blocks[block];
	before = evacuations();

	for (i = 0; i < 16; i++) {
		backoff->retry = jiffies;
		end_attempt();
		error = 0;
		taken = evacuate_segments(segment, segment + 1, 1, &error);
		KUNIT_EXPECT_EQ(test, taken, 0);
		KUNIT_EXPECT_EQ(test, error, -EBUSY);
	}
	KUNIT_EXPECT_EQ(test, evacuations(), before);
	KUNIT_EXPECT_EQ(test, backoff->pause, BLOCK_BACKOFF_MAX);
	KUNIT_EXPECT_FALSE(test, evacuation_is_due(segment, segment + 1));

	/* Let go of, but it has to wait its turn */
	let_go_of_last_page(segment);
	end_attempt();
	error = 0;
	taken = evacuate_segments(segment, segment + 1, 1, &error);
	KUNIT_EXPECT_EQ(test, taken, 0);

	backoff->retry = jiffies;
	error = 0;
	taken = evacuate_segments(segment, segment + 1, 1, &error);
	KUNIT_EXPECT_EQ(test, taken, 1);
	KUNIT_EXPECT_EQ(test, error, 0);
	KUNIT_EXPECT_EQ(test, evacuations(), before + 1);
	KUNIT_EXPECT_EQ(test, backoff->pause, 0);
	KUNIT_EXPECT_TRUE(test, taken && lend_segment(segment));
	end_policy();
}

/* What was free anyway says nothing about the next evacuation */
static void free_segment_does_not_end_the_pause(struct kunit *test)
{
	struct backoff backoff = { .pause = BACKOFF_MIN, .retry = jiffies };
	int segment;

	segment = begin_with_a_held_page(test);
	if (segment < 0)
		return;
	KUNIT_EXPECT_TRUE(test, test_bit(segment + 1, reclaim.pool->lent));
	reclaim.blocks[segment / block_segments()].pause = 0;
	KUNIT_EXPECT_EQ(test, take_segments(segment, segment + 2, 2, &backoff), 1);
	KUNIT_EXPECT_EQ(test, backoff.pause, 2 * BACKOFF_MIN);
	KUNIT_EXPECT_FALSE(test, test_bit(segment + 1, reclaim.pool->lent));
	KUNIT_EXPECT_TRUE(test, lend_segment(segment + 1));
	end_with_a_held_page(test, segment);
}

static void isolated_by_others(long inactive, long isolated)
{
	pg_data_t *pgdat = reclaim.zone->zone_pgdat;

	mod_node_page_state(pgdat, NR_INACTIVE_ANON, inactive);
	mod_node_page_state(pgdat, NR_ISOLATED_ANON, isolated);
}

/*
 * Tasks that reclaim may have an eighth of what is inactive, and wait. Regular
 * compaction may isolate while they have a 16th.
 */
static void reclaim_does_not_keep_evacuation_out(struct kunit *test)
{
	long pages = totalram_pages();
	unsigned long pfn;
	int segment;

	segment = begin_with_a_held_page(test);
	if (segment < 0)
		return;
	pfn = swiotlb_segment_pfn(reclaim.pool, segment);
	isolated_by_others(16 * pages, 2 * pages);
	KUNIT_EXPECT_EQ(test, evacuate_segment(pfn), 0);
	isolated_by_others(0, 14 * pages);
	KUNIT_EXPECT_EQ(test, evacuate_segment(pfn), -EAGAIN);
	isolated_by_others(-16 * pages, -16 * pages);
	end_with_a_held_page(test, segment);
}

static unsigned int nr_lent(void)
{
	return bitmap_weight(reclaim.pool->lent,
			     swiotlb_nr_segments(reclaim.pool));
}

static void lend_all(void)
{
	lend_segments(swiotlb_nr_segments(reclaim.pool));
}

/* However much is wanted: somebody may be waiting for reclaim.lock */
static void one_block_is_evacuated_after_a_long_hold(struct kunit *test)
{
	unsigned int nr, lent, taken;
	unsigned long before;
	int error = 0;

	if (!reclaim.pool)
		kunit_skip(test, "not booted with swiotlb=reclaim");

	swiotlb_reclaim_pause();
	mutex_lock(&reclaim.lock);
	lend_all();
	nr = swiotlb_nr_segments(reclaim.pool);
	lent = nr_lent();
	drain_all_pages(reclaim.zone);
	begin_anew();
	begin_hold(-1);

	before = evacuations();
	taken = evacuate_segments(0, nr, lent, &error);
	KUNIT_EXPECT_GT(test, taken, 0);
	KUNIT_EXPECT_LE(test, taken, block_segments());
	KUNIT_EXPECT_EQ(test, evacuations(), before + 1);
	KUNIT_EXPECT_TRUE(test, reclaim.cut_short);
	lend_all();
	end_policy();
}

/*
 * Each pageblock gets its turn, and only when all of them have had it was the attempt
 * in vain.
 */
static void attempt_goes_on_after_a_long_hold(struct kunit *test)
{
	struct backoff backoff = {};
	unsigned int block;
	int segment;

	segment = begin_with_a_held_page(test);
	if (segment < 0)
		return;
	block = segment / block_segments();

	/* Cut short before: what is left is not tried in this hold */
	reclaim.cut_short = true;
	KUNIT_EXPECT_EQ(test, take_segments(segment, segment + 1, 1, &backoff), 0);
	KUNIT_EXPECT_EQ(test, reclaim.blocks[block].pause, 0);
	KUNIT_EXPECT_EQ(test, backoff.pause, 0);

	/* Tried in vain, but there may be others */
	begin_hold(-1);
	KUNIT_EXPECT_EQ(test, take_segments(segment, segment + 1, 1, &backoff), 0);
	KUNIT_EXPECT_NE(test, reclaim.blocks[block].pause, 0);
	KUNIT_EXPECT_TRUE(test, test_bit(block, reclaim.tried));
	KUNIT_EXPECT_EQ(test, backoff.pause, 0);

	/* There are not, and it is not tried twice, whatever its own pause is */
	reclaim.blocks[block].pause = 0;
	begin_hold(MAX_JIFFY_OFFSET);
	KUNIT_EXPECT_EQ(test, take_segments(segment, segment + 1, 1, &backoff), 0);
	KUNIT_EXPECT_EQ(test, reclaim.blocks[block].pause, 0);
	KUNIT_EXPECT_EQ(test, backoff.pause, BACKOFF_MIN);
	end_attempt();
	KUNIT_EXPECT_FALSE(test, test_bit(block, reclaim.tried));
	end_with_a_held_page(test, segment);
}

/* It ends although there is something that cannot be had */
static void all_but_what_is_stuck_is_taken(struct kunit *test)
{
	unsigned int lent;
	int segment;

	segment = begin_with_a_held_page(test);
	if (segment < 0)
		return;
	lend_all();
	lent = nr_lent();
	KUNIT_EXPECT_EQ(test, take_all(lent), lent - 1);
	KUNIT_EXPECT_EQ(test, nr_lent(), 1);
	KUNIT_EXPECT_TRUE(test, test_bit(segment, reclaim.pool->lent));
	lend_all();
	end_with_a_held_page(test, segment);
}

/* That kswiotlbd pauses, or every mapping that fails would have it start anew */
static void segments_are_missing_even_if_nothing_is_lent(struct kunit *test)
{
	unsigned int lent;

	if (!reclaim.pool)
		kunit_skip(test, "not booted with swiotlb=reclaim");

	swiotlb_reclaim_pause();
	mutex_lock(&reclaim.lock);
	lent = nr_lent();
	KUNIT_EXPECT_EQ(test, take_all(lent), lent);
	KUNIT_EXPECT_EQ(test, serve_missed(IO_TLB_SEGSIZE), 1);
	lend_all();
	end_policy();
}

/* What is left is lent still, as if it had not been asked for */
static void signal_ends_taking(struct kunit *test)
{
	unsigned int lent, taken;

	if (!reclaim.pool)
		kunit_skip(test, "not booted with swiotlb=reclaim");

	swiotlb_reclaim_pause();
	mutex_lock(&reclaim.lock);
	lend_all();
	lent = nr_lent();
	set_thread_flag(TIF_SIGPENDING);
	taken = take_all(lent);
	clear_thread_flag(TIF_SIGPENDING);
	KUNIT_EXPECT_GT(test, taken, 0);
	KUNIT_EXPECT_LE(test, taken, GROW_MAX);
	KUNIT_EXPECT_EQ(test, nr_lent(), lent - taken);
	lend_all();
	end_policy();
}

static void use_is(unsigned int slots)
{
	memset(reclaim.use, 0, (reclaim.pool->nareas + 1) * sizeof(*reclaim.use));
	use_for(&reclaim.use[0], 0, 1, slots);
	use_for(&reclaim.use[reclaim.pool->nareas], 0, 1, slots);
}

/*
 * For what mappings have taken, after two samples, by no more than it should own or than
 * half of what is free, and for areas that are used first.
 */
static void pool_grows_after_a_mapping_took_a_segment(struct kunit *test)
{
	unsigned int first_area, slots;
	struct pool_state state;

	if (!reclaim.pool)
		kunit_skip(test, "not booted with swiotlb=reclaim");

	swiotlb_reclaim_pause();
	mutex_lock(&reclaim.lock);
	begin_anew();
	lend_all();
	look_at_pool(&state);
	/* What the pool should own is more than it does by a segment at least */
	slots = state.owned * IO_TLB_SEGSIZE;
	use_is(slots);
	first_area = bitmap_weight(reclaim.pool->lent, area_segments());

	reclaim.map_took = false;
	reclaim.growing = 0;
	serve_takes(true);
	KUNIT_EXPECT_EQ(test, nr_lent(), state.lent);
	reclaim.map_took = true;
	serve_takes(false);
	KUNIT_EXPECT_EQ(test, nr_lent(), state.lent);
	KUNIT_EXPECT_FALSE(test, reclaim.map_took);
	serve_takes(true);
	KUNIT_EXPECT_EQ(test, state.owned + state.lent - nr_lent(),
			pool_target(true));
	KUNIT_EXPECT_EQ(test, first_area - bitmap_weight(reclaim.pool->lent,
							 area_segments()),
			state.lent - nr_lent());
	/* The next sample may be the first to have it */
	lend_all();
	serve_takes(true);
	KUNIT_EXPECT_LT(test, nr_lent(), state.lent);
	lend_all();
	serve_takes(true);
	KUNIT_EXPECT_EQ(test, nr_lent(), state.lent);

	use_is(reclaim.pool->nslabs);
	grow();
	KUNIT_EXPECT_LT(test, nr_lent(), state.lent);
	KUNIT_EXPECT_GT(test, nr_lent(), 0);
	use_is(0);
	lend_all();
	end_policy();
}

static struct kunit_case swiotlb_policy_cases[] = {
	KUNIT_CASE(spike_is_remembered_for_as_long_as_samples),
	KUNIT_CASE(two_spikes_are_not_use_that_goes_on),
	KUNIT_CASE(use_that_goes_on_is_owned_between_its_peaks),
	KUNIT_CASE(cost_is_what_has_to_be_done),
	KUNIT_CASE(cheapest_block_is_evacuated_first),
	KUNIT_CASE(pause_doubles_up_to_the_most),
	KUNIT_CASE(miss_is_seen_at_once),
	KUNIT_CASE(spike_with_misses_is_remembered_for_as_long_as_windows),
	KUNIT_CASE(segment_with_a_stuck_page_is_left_alone),
	KUNIT_CASE(free_segment_does_not_end_the_pause),
	KUNIT_CASE(reclaim_does_not_keep_evacuation_out),
	KUNIT_CASE(one_block_is_evacuated_after_a_long_hold),
	KUNIT_CASE(attempt_goes_on_after_a_long_hold),
	KUNIT_CASE(all_but_what_is_stuck_is_taken),
	KUNIT_CASE(segments_are_missing_even_if_nothing_is_lent),
	KUNIT_CASE(signal_ends_taking),
	KUNIT_CASE(pool_grows_after_a_mapping_took_a_segment),
	{}
};

static struct kunit_suite swiotlb_policy_suite = {
	.name = "swiotlb_policy",
	.test_cases = swiotlb_policy_cases,
};
kunit_test_suite(swiotlb_policy_suite);
