// SPDX-License-Identifier: GPL-2.0
/*
 * A process for which the kernel allocates memory that cannot be moved.
 *
 *   unmovable TABLES_KIB PIPES FILES DIRECTORY
 *
 * Reads a byte in every 2 MiB of an empty mapping, which takes a page for the page
 * table each time and none for what is mapped, until there are TABLES_KIB of them.
 * Fills as many pipes as PIPES says with 64 KiB each, in pages that no LRU list has.
 * Makes FILES empty files in DIRECTORY, on tmpfs: an inode (unmovable) and a dentry
 * (reclaimable) each. Then prints "ready" and waits for the end of its input.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define TABLE_SPAN	(2UL << 20)	/* what a page of page table maps */
#define PIPE_BYTES	(64UL << 10)

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void make_tables(size_t tables)
{
	size_t i, bytes = (tables + 1) * TABLE_SPAN;
	volatile char *memory, byte;

	memory = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		fail("mmap");
	/* Or it may be a huge page, where the kernel has them */
	if (madvise((void *)memory, bytes, MADV_NOHUGEPAGE) && errno != EINVAL)
		fail("madvise");
	for (i = 0; i < tables; i++)
		byte = memory[i * TABLE_SPAN];
	(void)byte;
}

static void fill_pipes(unsigned int pipes)
{
	static char data[PIPE_BYTES];
	struct rlimit limit = { 2 * pipes + 16, 2 * pipes + 16 };
	int fds[2];

	if (setrlimit(RLIMIT_NOFILE, &limit))
		fail("setrlimit");
	for (; pipes; pipes--) {
		if (pipe2(fds, O_NONBLOCK))
			fail("pipe2");
		/* Less where pipes of the user are too many for full ones */
		if (write(fds[1], data, sizeof(data)) <= 0)
			fail("write");
	}
}

static void make_files(unsigned int files, const char *dir)
{
	char name[32];
	int fd;

	if (chdir(dir))
		fail(dir);
	for (; files; files--) {
		snprintf(name, sizeof(name), "unmovable.%u", files);
		fd = open(name, O_CREAT | O_WRONLY, 0600);
		if (fd < 0)
			fail(name);
		close(fd);
	}
}

int main(int argc, char **argv)
{
	if (argc < 5) {
		fprintf(stderr, "usage: %s TABLES_KIB PIPES FILES DIRECTORY\n", argv[0]);
		return 1;
	}
	make_tables(strtoull(argv[1], NULL, 10) * 1024 / sysconf(_SC_PAGESIZE));
	fill_pipes(atoi(argv[2]));
	make_files(atoi(argv[3]), argv[4]);
	printf("ready\n");
	fflush(stdout);
	while (getchar() != EOF)
		;
	return 0;
}
