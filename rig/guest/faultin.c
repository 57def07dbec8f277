// SPDX-License-Identifier: GPL-2.0
/*
 * How much memory can a process really get?
 *
 * A child that the out-of-memory killer prefers touches anonymous memory one
 * MiB after the other until it is killed; the parent prints how far it came,
 * in KiB.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define STEP (1UL << 20)

static void eat(volatile unsigned long *done)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY);

	if (fd < 0 || write(fd, "1000", 4) != 4)
		_exit(2);
	close(fd);
	/* Or the last pages are a struggle to keep this program in memory */
	if (mlockall(MCL_CURRENT))
		_exit(4);
	for (;;) {
		char *p = mmap(NULL, STEP, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED)
			_exit(3);
		memset(p, 0x5a, STEP);
		*done += STEP >> 10;
	}
}

int main(void)
{
	volatile unsigned long *done;
	int status;
	pid_t pid;

	done = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (done == MAP_FAILED)
		return 1;
	pid = fork();
	if (pid < 0)
		return 1;
	if (!pid)
		eat(done);
	if (waitpid(pid, &status, 0) != pid)
		return 1;
	if (!WIFSIGNALED(status)) {
		fprintf(stderr, "faultin: the child ended with %d before memory did\n", status);
		return 1;
	}
	printf("%lu\n", *done);
	return 0;
}
