#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# All that may be done to the pool, in random order, by all CPUs and in all contexts
# (see lib/test_swiotlb.c), while memory is short, is compacted, and its blocks are to
# be taken offline. All data stays right, and so do the slots and the lists. Before
# that, in peace: direct DMA to lent pages is never taken for a bounce.
#
# rig: cmdline=swiotlb=force,reclaim=256M
# rig: mem=1G
# rig: smp=2
# rig: disk=512M
# rig: flavour=reclaim
# rig: modules=lib/test_swiotlb.ko
# rig: timeout=480
# rig: minutes=1
#
# Variables of the environment:
#
#   MINUTES        how long (1)
#   TORTURE_SEED   seed of the random numbers, to repeat what a thread does (any)

. "$(dirname "$0")/swiotlb_lib.sh"

MINUTES=${MINUTES:-1}
TORTURE_SEED=${TORTURE_SEED:-0}
LENT_PAGES=4096		# for direct DMA, each in all directions
USED_PERCENT=50		# of lent memory, by the pressure
MEMORY=/sys/devices/system/memory

# What must have been done at least once, of torture_result
DONE="map hardirq softirq sync unmap stale flood direct direct_lent lend take look pin
      pin_lent moved evacuated drop contig checks"
# What must not have been found
FOUND="violations data_errors lookup_errors state_errors stale_errors"

torture=
compact=
offline=
counts=

# end PID: by a signal, which ends what it has the kernel do early, too
end()
{
	[ -n "$1" ] || return 0
	kill "$1" 2>/dev/null
	wait "$1" 2>/dev/null
}

cleanup()
{
	end "$torture"
	end "$compact"
	end "$offline"
	pressure_stop
	disk_release
	[ -z "$counts" ] || rm -rf "$counts"
	[ ! -e "$SYSFS/enabled" ] || echo 1 >"$SYSFS/enabled"
}

# compact_memory: again and again
compact_memory()
{
	while :; do
		echo 1 >/proc/sys/vm/compact_memory
		echo "all" >>"$counts/compacted"
		sleep 1
	done
}

# offline_blocks: try to take memory blocks that have memory of the pool offline
offline_blocks()
{
	local bytes nr

	bytes=$((16#$(cat "$MEMORY/block_size_bytes")))
	while :; do
		for ((nr = first / bytes; nr * bytes <= last; nr++)); do
			echo offline 2>/dev/null >"$MEMORY/memory$nr/state" ||
				echo "$nr" >>"$counts/refused"
			sleep 0.5
		done
		# Lending is switched off and on again, too
		echo 0 >"$SYSFS/enabled"
		sleep 0.2
		echo 1 >"$SYSFS/enabled"
		sleep 2
	done
}

# result KEY: a figure of the torture
result()
{
	sed -n "s/^$1=//p" "$TEST_DEV/torture_result"
}

need_root
need_commands stress-ng truncate dd cmp
need_reclaim
need_test_device
[ -e "$TEST_DEV/torture" ] || skip_all "test_swiotlb has no torture"
[ -e "$MEMORY/block_size_bytes" ] || skip_all "no CONFIG_MEMORY_HOTPLUG"
need_bounds
need_disk
# There, nobody maps in hard interrupts
case $(uname -v) in
*PREEMPT_RT*) DONE=${DONE/hardirq /} ;;
esac
# Where data races are looked for, that is done
kcsan=$DEBUGFS/kcsan
watching=0
[ ! -e "$kcsan" ] || watching=1
# Where lockdep is, the locks of areas and of the zone are never held together
chains=/proc/lockdep_chains
lockdep=0
[ ! -e $chains ] || lockdep=2
# shellcheck disable=SC2086	# lists of words
tap_plan $((5 + 3 + $(echo $DONE $FOUND | wc -w) + 6 + 6 + watching + lockdep))

# 1. Direct DMA to lent pages
wait_for $LENT_AGAIN lent_percent 98
echo "$LENT_PAGES" >"$TEST_DEV/lent"
figures "direct DMA"
at_least "direct DMA: lent pages" "$(figure lent)" $((LENT_PAGES / 2))
equal "direct DMA: mappings that failed" "$(figure failed)" 0
equal "direct DMA: taken for a bounce" "$(figure bounced)" 0
equal "direct DMA: wrong words" "$(figure data_errors)" 0
equal "direct DMA: violations of invariants" "$(figure violations)" 0

# 2. Torture
counts=$(mktemp -d)
: >"$counts/compacted"
: >"$counts/refused"
pressure_start
check "pressure uses $USED_PERCENT% of the lent memory" \
	wait_for "$USED_SECONDS" lent_used "$USED_PERCENT"
echo "$TORTURE_SEED" >"$TEST_DEV/torture_seed"
compact_memory &
compact=$!
offline_blocks &
offline=$!
state "before"
echo $((MINUTES * 60)) >"$TEST_DEV/torture" &
torture=$!
wait "$torture"
torture=
state "after"
end "$compact"
end "$offline"
compact=
offline=
check "data of the processes and of the file are as they were" pressure_stop

while read -r line; do
	diag "$line"
done < <(dmesg | sed -n 's/.*test_swiotlb: \(torture: .*\)/\1/p' | tail -n 30)
equal "status" "$(result status)" SUCCESS
for key in $DONE; do
	at_least "$key" "$(result "$key")" 1
done
for key in $FOUND; do
	equal "$key" "$(result "$key")" 0
done
check "the log says so" grep -q "End of test: SUCCESS" <(dmesg)
at_least "lines of statistics" "$(dmesg | grep -c "torture: [0-9]* s: map")" 2
at_least "compactions of all memory" "$(wc -l <"$counts/compacted")" 1
at_least "memory blocks of the pool that were refused to go offline" "$(wc -l <"$counts/refused")" 1
# Who unmaps or syncs what is of another is refused, and that is said once
equal "warnings of stale addresses" "$(dmesg | grep -c "refused to unmap or sync")" 1
equal "memory blocks that are offline" "$(grep -l offline "$MEMORY"/memory*/state | wc -l)" 0
# No slot and no page has been lost: all of the pool can be owned, and mapped
echo 0 >"$SYSFS/enabled"
check "all that was lent is owned" wait_for $LENT_AGAIN lent_is 0
check "nothing is mapped" wait_for 10 nothing_used
map_pool "in the end"
echo 1 >"$SYSFS/enabled"
[ "$watching" -eq 0 ] ||
	at_least "accesses that KCSAN watched" "$(sed -n 's/^setup_watchpoints: //p' "$kcsan")" 1
if [ "$lockdep" -gt 0 ]; then
	read -r areas both < <(awk 'BEGIN { RS = "" }
		/areas\[i\]\.lock/ { areas++; if (/&zone->lock/) both++ }
		END { print areas + 0, both + 0 }' $chains)
	at_least "chains of locks with that of an area" "$areas" 1
	equal "and that of a zone" "$both" 0
fi
