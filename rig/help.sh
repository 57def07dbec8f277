#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What "make" and "make help" print.
set -euo pipefail
cat <<'END'
Reclaimable swiotlb: targets

  make run           the demonstration: a guest under memory pressure and bounced I/O, with a live table
  make test          build and boot both architectures, KUnit and kselftests; ends with "N passed, N failed"
  make test-long     everything that tests, in many hours; ends with a table
  make stress        the pressure suite: stress-ng's memory stressors, stock and ours side by side
  make soak          the tests that move most data, again and again for HOURS
  make bench         measure ours beside stock and SWIOTLB_DYNAMIC; writes bench/out/report.md
  make bench-quick   the part of that which fits in 15 minutes
  make mutate        break one line after the other and see that a test notices
  make others        other people's tests on a stock kernel and on ours, side by side
  make shell         a root shell in the guest, with stress-ng, fio and the selftests
  make boot          boot a kernel, run SCRIPT= as root in it, exit with its status
  make kernel        build a kernel into build/6.12-$(ARCH)/$(FLAVOUR)/
  make tree          an editable git tree of the patched kernel in build/tree/6.12
  make refresh       turn the commits of that tree back into patches/6.12/ and our files
  make series        write dist/6.12/, a mail series for a plain 6.12.y tree
  make check-series  compile each patch by itself (W=1) and all combinations of the options
  make clean         remove built kernels, guests and logs (keeps the source and the editable tree)
  make distclean     remove everything that was generated
  make help          this list

Variables (make TARGET NAME=value)

  ARCH=x86_64        x86_64 or arm64 (test, test-long, soak and check-series: both unless given;
                     bench: what each row says)
  FLAVOUR=reclaim    reclaim, reclaim-dynamic, debug, kcsan, rt; kernel, boot, shell: stock, dynamic and
                     first (with the first mail alone), too; test: first with TESTS=kunit
  SCRIPT=file        boot: what to run in the guest
  CMDLINE="..."      boot, shell: added to the kernel's command line, e.g. swiotlb=force,reclaim=256M
  MEM=1G SMP=2       boot, shell: size of the guest; MEM: stress, too
  ICOUNT=1           boot: count instructions (one CPU; guest time = instructions)
  DISK=image         boot, shell: a raw image, becomes an NVMe drive
  MODULES="a.ko"     boot, shell: modules to load first; a path, or relative to the kernel's folder
  LOG=file           boot: where the console goes (build/log/boot-$(ARCH)-$(FLAVOUR).log)
  TIMEOUT=600        boot: seconds until the guest counts as hanging
  STILL=180          boot: seconds that the guest may say nothing before its script begins
  QEMU_EXTRA="..."   boot, shell: more arguments for QEMU
  MONITOR=1          boot, shell: QEMU's monitor (QMP) at the guest's virtio port rig.monitor
  IDLE= PRESSURE= IO= BACK=   run: seconds of its phases (10, 35, 60; limit 30)
  TESTS="..."        test, soak: only these: rig, kunit, or names of selftests
                     others: only these of rig/guest/others.list
  LONG=1             test: what takes too long for each commit, too
  MINUTES=n          test, soak: how long torture.sh runs (1; 5), test: and ping_pong.sh (10) and
                     forward_progress.sh (30); stress: for all stressors together (16)
  HOURS=2            soak: how long
  ROWS="1 4"         bench: only these rows of bench/rows/
  CASES="64M"        bench: only these cases of a row
  VARIANTS="static"  bench: only these of none static dynamic cma off reclaim reclaim+dynamic
  REPS=N             bench: boots of each variant
  MUTATION="..."     mutate: only these of rig/mutations/, without .sed
  PART=each|options  check-series: only the mails, or only the combinations
  PART="debug rt"    test-long: only first, selftests, dynamic, debug, kcsan, rt, others, stress, mutate
  PART="vm map"      stress: only these classes of stressors
  KVER=6.12           version of the kernel, a folder of patches/
  JOBS=N             compile jobs (number of CPUs)
  FORCE=1            tree: make it anew; commits that were not refreshed stay on a branch saved-*
END
