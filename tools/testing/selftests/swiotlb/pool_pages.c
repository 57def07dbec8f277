// SPDX-License-Identifier: GPL-2.0
/*
 * What the pages of the bounce buffer pool are used for.
 *
 *   pool_pages FIRST LAST
 *   pool_pages FIRST LAST KIND
 *
 * FIRST and LAST are the first and the last byte of the pool (hexadecimal
 * physical addresses, as the kernel logs them at boot). Without a kind, a line for
 * each says how many pages are of it:
 *
 *   free      on a free list of the page allocator
 *   cache     clean page cache
 *   anon      of a process
 *   lru       what else can be migrated or reclaimed
 *   slab, pgtable, hugetlb   what these words say
 *   hwpoison  gone bad, and on no free list
 *   none      none of these: bounce buffers that are not lent, pages that wait on a
 *             per-CPU list, and all that the kernel allocates and does not mark
 *
 * With a kind, it prints the number of the page frame in the middle of those of that
 * kind, in each segment that has any. "owned" means segments all pages of which are
 * "none".
 *
 * Exit status 4 if the kernel has no /proc/kpageflags.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <linux/kernel-page-flags.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KSFT_SKIP	4
#define SEGMENT_BYTES	(256UL << 10)
#define MAX_PAGES	(SEGMENT_BYTES >> 12)
#define FLAG(name)	(1ULL << KPF_##name)

enum kind { FREE, CACHE, ANON, LRU, SLAB, PGTABLE, HUGETLB, HWPOISON, NONE, KINDS };

static const char * const names[KINDS] = {
	"free", "cache", "anon", "lru", "slab", "pgtable", "hugetlb", "hwpoison", "none",
};

static enum kind kind_of(uint64_t flags)
{
	if (flags & FLAG(BUDDY))
		return FREE;
	if (flags & FLAG(HWPOISON))
		return HWPOISON;
	if (flags & FLAG(SLAB))
		return SLAB;
	if (flags & FLAG(PGTABLE))
		return PGTABLE;
	if (flags & FLAG(HUGE))
		return HUGETLB;
	if (flags & FLAG(ANON))
		return ANON;
	if (!(flags & FLAG(LRU)))
		return NONE;
	if (flags & (FLAG(SWAPBACKED) | FLAG(DIRTY) | FLAG(WRITEBACK) | FLAG(LOCKED)) ||
	    !(flags & FLAG(UPTODATE)))
		return LRU;
	return CACHE;
}

int main(int argc, char **argv)
{
	size_t page_size = sysconf(_SC_PAGESIZE), pages = SEGMENT_BYTES / page_size, i;
	unsigned long count[KINDS] = {};
	uint64_t first, last, addr, flags[MAX_PAGES];
	int fd, kind, wanted = -1;
	size_t least = 1;

	if (argc < 3)
		goto usage;
	first = strtoull(argv[1], NULL, 16);
	last = strtoull(argv[2], NULL, 16);
	if (argc > 3) {
		if (!strcmp(argv[3], "owned")) {
			wanted = NONE;
			least = pages;
		}
		for (kind = 0; kind < KINDS; kind++)
			if (!strcmp(argv[3], names[kind]))
				wanted = kind;
		if (wanted < 0)
			goto usage;
	}
	fd = open("/proc/kpageflags", O_RDONLY);
	if (fd < 0) {
		perror("/proc/kpageflags");
		return KSFT_SKIP;
	}

	for (addr = first; addr < last; addr += SEGMENT_BYTES) {
		size_t found[MAX_PAGES], nr = 0;

		if (pread(fd, flags, pages * sizeof(*flags), addr / page_size * sizeof(*flags)) !=
		    (ssize_t)(pages * sizeof(*flags))) {
			perror("/proc/kpageflags");
			return 1;
		}
		for (i = 0; i < pages; i++) {
			kind = kind_of(flags[i]);
			count[kind]++;
			if (kind == wanted)
				found[nr++] = i;
		}
		if (nr >= least)
			printf("%" PRIu64 "\n", addr / page_size + found[nr / 2]);
	}
	for (kind = 0; wanted < 0 && kind < KINDS; kind++)
		printf("%s %lu\n", names[kind], count[kind]);
	return 0;

usage:
	fprintf(stderr, "usage: %s FIRST LAST [KIND]\n", argv[0]);
	return 1;
}
