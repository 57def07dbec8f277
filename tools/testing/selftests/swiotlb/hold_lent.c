// SPDX-License-Identifier: GPL-2.0
/*
 * A process that has lent bounce buffers in its memory and holds on to them.
 *
 *   hold_lent FIRST LAST KIB io_uring | gup | gup_fast | udmabuf
 *   hold_lent FIRST LAST KIB pipe PERMILLE
 *   hold_lent FIRST LAST KIB mapped
 *   hold_lent FIRST LAST KIB sparse
 *   hold_lent FIRST LAST KIB thp
 *
 * FIRST and LAST are the first and the last byte of the pool (hexadecimal
 * physical addresses, as the kernel logs them at boot). KIB of memory are faulted
 * in, and "lent N" says how many pages of them are lent ones. After a line of input,
 * either all of it is pinned for a long time, or PERMILLE of its lent pages, chosen at
 * random, are put into pipes, which holds a reference to each as DMA for a read or
 * write would. "held N" says how many lent pages that are. At the end of its input
 * "moved N" and "moved_to_lent N" say how many of its pages are elsewhere than they were
 * then, and how many of these in the pool. It checks that its memory still has what it
 * wrote there, and prints "wrong N" (words).
 *
 * Or a few lent pages are mapped more than a thousand times each, which holds none:
 * "stayed N" says at the end how many of them are where they were. Or every other lent
 * page is given back, so that no segment is free but many pages are. With thp, its
 * memory is to consist of huge pages, and none of it is held.
 *
 * What pins it is a buffer of io_uring, the kernel's own test of pin_user_pages() and
 * of pin_user_pages_fast(), or, for memory of a memfd, a dma-buf.
 *
 * Exit status 4 if the kernel has no such thing.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/io_uring.h>
#include <linux/types.h>
#include <linux/udmabuf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define KSFT_SKIP	4
#define PIPE_PAGES	256	/* what pipe-max-size allows by default: 1 MiB */
#define MAX_PIPES	256
#define MAPPED_PAGES	8
#define MAPPED_TIMES	1100	/* more than GUP_PIN_COUNTING_BIAS */
#define UDMABUF_BYTES	(32UL << 20)	/* half of what it allows by default */

/* As in mm/gup_test.h */
struct pin_longterm_test {
	__u64 addr;
	__u64 size;
	__u32 flags;
};
#define PIN_LONGTERM_TEST_START		_IOW('g', 7, struct pin_longterm_test)
#define PIN_LONGTERM_TEST_FLAG_USE_WRITE	1
#define PIN_LONGTERM_TEST_FLAG_USE_FAST		2

static uint64_t first, last, seed;
static size_t bytes, page_size;
static unsigned char *memory;
static int pagemap, memfd = -1;

static void fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(errno == ENOSYS || errno == ENOENT ? KSFT_SKIP : 1);
}

/* Physical addresses of the pages of our memory, 0 for those that are not there */
static uint64_t *where_pages_are(void)
{
	size_t i, size = bytes / page_size * sizeof(uint64_t), done = 0;
	uint64_t *pages = malloc(size);
	ssize_t got;

	if (!pages)
		fail("malloc");
	for (; done < size; done += got) {
		got = pread(pagemap, (char *)pages + done, size - done,
			    (uintptr_t)memory / page_size * sizeof(uint64_t) + done);
		if (got <= 0)
			fail("/proc/self/pagemap");
	}
	for (i = 0; i < bytes / page_size; i++)
		pages[i] = pages[i] & 1ULL << 63 ?
			   (pages[i] & ((1ULL << 55) - 1)) * page_size : 0;
	return pages;
}

/* Is a page of this address one of the pool? */
static int is_lent(uint64_t addr)
{
	return addr >= first && addr <= last;
}

static size_t count_lent(void)
{
	uint64_t *pages = where_pages_are();
	size_t i, lent = 0;

	for (i = 0; i < bytes / page_size; i++)
		lent += is_lent(pages[i]);
	free(pages);
	return lent;
}

static uint64_t pattern(size_t offset)
{
	return offset * 0x9e3779b97f4a7c15ULL ^ seed;
}

/* These return how many lent pages are held. */
static size_t hold_by_io_uring(void)
{
	struct io_uring_params params = {};
	struct iovec iov = { .iov_base = memory, .iov_len = bytes };
	int ring = syscall(SYS_io_uring_setup, 1, &params);

	if (ring < 0)
		fail("io_uring_setup");
	if (syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, &iov, 1))
		fail("io_uring_register");
	return count_lent();
}

static size_t hold_by_gup(unsigned int flags)
{
	struct pin_longterm_test test = {
		.addr = (uintptr_t)memory,
		.size = bytes,
		.flags = PIN_LONGTERM_TEST_FLAG_USE_WRITE | flags,
	};
	int fd = open("/sys/kernel/debug/gup_test", O_RDWR);

	if (fd < 0)
		fail("gup_test");
	if (ioctl(fd, PIN_LONGTERM_TEST_START, &test))
		fail("PIN_LONGTERM_TEST_START");
	return count_lent();
}

static size_t hold_by_udmabuf(void)
{
	int fd = open("/dev/udmabuf", O_RDWR);
	size_t offset;

	if (fd < 0)
		fail("/dev/udmabuf");
	for (offset = 0; offset < bytes; offset += UDMABUF_BYTES) {
		struct udmabuf_create create = {
			.memfd = memfd,
			.offset = offset,
			.size = bytes - offset < UDMABUF_BYTES ? bytes - offset : UDMABUF_BYTES,
		};

		if (ioctl(fd, UDMABUF_CREATE, &create) < 0)
			fail("UDMABUF_CREATE");
	}
	return count_lent();
}

static size_t hold_by_pipe(unsigned int permille)
{
	int pipes[MAX_PIPES][2];
	uint64_t *pages = where_pages_are();
	unsigned int nr = 0, left = 0;
	size_t offset, held = 0;

	srandom(1);
	for (offset = 0; offset < bytes; offset += page_size) {
		struct iovec iov = {
			.iov_base = memory + offset,
			.iov_len = page_size,
		};

		if (random() % 1000 >= permille || !is_lent(pages[offset / page_size]))
			continue;
		if (!left) {
			if (nr == MAX_PIPES)
				break;
			if (pipe(pipes[nr]) ||
			    fcntl(pipes[nr][1], F_SETPIPE_SZ, PIPE_PAGES * page_size) < 0)
				fail("pipe");
			nr++;
			left = PIPE_PAGES;
		}
		if (vmsplice(pipes[nr - 1][1], &iov, 1, 0) != (ssize_t)page_size)
			fail("vmsplice");
		left--;
		held++;
	}
	free(pages);
	return held;
}

static size_t mapped[MAPPED_PAGES];
static unsigned int nr_mapped;

/* Mapping a page of a file often has its folio counted as often, as pins do */
static size_t hold_by_mapping(void)
{
	uint64_t *pages = where_pages_are();
	unsigned char *addr;
	size_t offset;
	int i;

	for (offset = 0; offset < bytes && nr_mapped < MAPPED_PAGES; offset += page_size) {
		if (!is_lent(pages[offset / page_size]))
			continue;
		for (i = 0; i < MAPPED_TIMES; i++) {
			addr = mmap(NULL, page_size, PROT_READ, MAP_SHARED | MAP_POPULATE,
				    memfd, offset);
			if (addr == MAP_FAILED)
				fail("mmap");
		}
		mapped[nr_mapped++] = offset;
		/* The next in another segment, if the file was filled in order */
		offset += (1 << 20) - page_size;
	}
	free(pages);
	return 0;
}

static size_t give_every_other_back(void)
{
	uint64_t *pages = where_pages_are();
	size_t i;

	for (i = 0; i < bytes / page_size; i += 2)
		if (is_lent(pages[i]) &&
		    madvise(memory + i * page_size, page_size, MADV_DONTNEED))
			fail("madvise");
	free(pages);
	return 0;
}

/* udmabuf takes memory of a file only, and only one that cannot shrink */
static void map_memory(int shared, int huge)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS;

	if (shared) {
		memfd = memfd_create("hold_lent", MFD_ALLOW_SEALING);
		if (memfd < 0 || ftruncate(memfd, bytes) || fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK))
			fail("memfd_create");
		flags = MAP_SHARED;
	}
	memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, memfd, 0);
	if (memory == MAP_FAILED)
		fail("mmap");
	if (huge && madvise(memory, bytes, MADV_HUGEPAGE)) {
		errno = ENOSYS;		/* EINVAL: the kernel has none */
		fail("MADV_HUGEPAGE");
	}
}

int main(int argc, char **argv)
{
	size_t offset, held, moved = 0, moved_to_lent = 0, stayed = 0, wrong = 0;
	uint64_t *before, *after;
	size_t i;
	int c;

	if (argc < 5) {
		fprintf(stderr, "usage: %s FIRST LAST KIB io_uring | gup | gup_fast | udmabuf | mapped | sparse | thp | pipe PERMILLE\n",
			argv[0]);
		return 1;
	}
	first = strtoull(argv[1], NULL, 16);
	last = strtoull(argv[2], NULL, 16);
	bytes = strtoull(argv[3], NULL, 10) * 1024;
	page_size = sysconf(_SC_PAGESIZE);
	seed = getpid();
	pagemap = open("/proc/self/pagemap", O_RDONLY);
	if (pagemap < 0)
		fail("/proc/self/pagemap");

	map_memory(!strcmp(argv[4], "udmabuf") || !strcmp(argv[4], "mapped"),
		   !strcmp(argv[4], "thp"));
	for (offset = 0; offset < bytes; offset += sizeof(uint64_t))
		*(uint64_t *)(memory + offset) = pattern(offset);
	printf("lent %zu\n", count_lent());
	fflush(stdout);
	do
		c = getchar();
	while (c != EOF && c != '\n');

	if (!strcmp(argv[4], "io_uring"))
		held = hold_by_io_uring();
	else if (!strcmp(argv[4], "gup"))
		held = hold_by_gup(0);
	else if (!strcmp(argv[4], "gup_fast"))
		held = hold_by_gup(PIN_LONGTERM_TEST_FLAG_USE_FAST);
	else if (!strcmp(argv[4], "udmabuf"))
		held = hold_by_udmabuf();
	else if (!strcmp(argv[4], "mapped"))
		held = hold_by_mapping();
	else if (!strcmp(argv[4], "sparse"))
		held = give_every_other_back();
	else if (!strcmp(argv[4], "thp"))
		held = 0;
	else
		held = hold_by_pipe(argc > 5 ? atoi(argv[5]) : 0);
	before = where_pages_are();
	printf("held %zu\n", held);
	fflush(stdout);

	while (getchar() != EOF)
		;
	after = where_pages_are();
	for (i = 0; i < bytes / page_size; i++) {
		if (after[i] == before[i])
			continue;
		moved++;
		moved_to_lent += is_lent(after[i]);
	}
	for (i = 0; i < nr_mapped; i++)
		stayed += after[mapped[i] / page_size] == before[mapped[i] / page_size];
	printf("moved %zu\nmoved_to_lent %zu\nmapped %u\nstayed %zu\n",
	       moved, moved_to_lent, nr_mapped, stayed);
	for (offset = 0; offset < bytes; offset += sizeof(uint64_t))
		if (before[offset / page_size])
			wrong += *(uint64_t *)(memory + offset) != pattern(offset);
	printf("wrong %zu\n", wrong);
	return 0;
}
