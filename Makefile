# SPDX-License-Identifier: GPL-2.0
#
# Front of the rig: "make help" lists the targets. The work is done in rig/*.sh.

variables := ARCH FLAVOUR KVER JOBS FORCE CMDLINE SCRIPT MEM SMP ICOUNT DISK MODULES \
	     QEMU_EXTRA MONITOR TIMEOUT STILL LOG TESTS LONG MINUTES HOURS PART MUTATION IDLE PRESSURE IO BACK \
	     ROWS CASES VARIANTS REPS
export $(variables)

# A misspelt name must not be dropped silently.
given := $(foreach v,$(.VARIABLES),$(if $(filter command,$(origin $(v))),$(v)))
unknown := $(filter-out $(variables) MAKEFLAGS MAKEOVERRIDES CURDIR SHELL,$(given))
ifneq ($(unknown),)
$(error unknown variable: $(unknown); known are: $(variables))
endif

.PHONY: help run test test-long stress soak others bench bench-quick mutate shell boot kernel tree refresh \
	series check-series clean distclean

help:
	@rig/help.sh

run test test-long stress soak others bench mutate shell boot kernel series check-series:
	@rig/$@.sh

bench-quick:
	@QUICK=1 rig/bench.sh

tree refresh:
	@rig/tree.sh $@

clean distclean:
	@rig/clean.sh $@
