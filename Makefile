# SPDX-License-Identifier: GPL-2.0
#
# Front of the rig. The work is done in rig/*.sh.

export ARCH FLAVOUR KVER JOBS
export CMDLINE SCRIPT MEM SMP ICOUNT DISK MODULES QEMU_EXTRA TIMEOUT FORCE

.PHONY: help kernel boot shell
help:
	@rig/help.sh

kernel:
	@rig/kernel.sh

boot:
	@rig/boot.sh

shell:
	@rig/shell.sh
