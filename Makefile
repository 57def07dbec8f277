# SPDX-License-Identifier: GPL-2.0
#
# Front of the rig: "make help" lists the targets. The work is done in rig/*.sh.

# Origin "command line" or "environment" only: an empty value means the default.
export ARCH FLAVOUR KVER JOBS FORCE
export CMDLINE SCRIPT MEM SMP ICOUNT DISK MODULES QEMU_EXTRA TIMEOUT

.PHONY: help run test shell boot kernel tree refresh series check-series clean distclean

help:
	@rig/help.sh

run test shell boot kernel series check-series:
	@rig/$@.sh

tree refresh:
	@rig/tree.sh $@

clean distclean:
	@rig/clean.sh $@
