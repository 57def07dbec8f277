#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Memory that is or may be lent cannot be taken offline, and so not be removed: that is
# refused, and nothing changes, whether it is in use or not. Memory that is plugged
# later is never lent, comes and goes as ever, and what is in it may move into lent
# memory.
#
# rig: cmdline=swiotlb=force,reclaim=512M
# rig: mem=1536M
# rig: smp=2
# rig: flavour=reclaim
# rig: monitor=1
# rig: qemu=-m maxmem=4G -object memory-backend-ram,id=mem0,size=512M -device virtio-mem-pci,id=vm0,memdev=mem0
# rig: timeout=300

. "$(dirname "$0")/swiotlb_lib.sh"

HOLD_KB=65536
PLUG_MB=256
DEVICE=/machine/peripheral/vm0
MEMORY=/sys/devices/system/memory

cleanup()
{
	hold_stop
	unmovable_stop
}

block_bytes()
{
	echo $((16#$(cat "$MEMORY/block_size_bytes")))
}

# pool_blocks: memory blocks that have memory of the pool; whole ones have nothing else
pool_blocks()
{
	local bytes nr from

	bytes=$(block_bytes)
	for ((nr = first / bytes; nr * bytes <= last; nr++)); do
		from=$((nr * bytes))
		if [ "$from" -ge $((first)) ] && [ $((from + bytes - 1)) -le $((last)) ]; then
			echo "$nr whole"
		else
			echo "$nr part"
		fi
	done
}

# refuses NR: the block cannot be taken offline, and stays as it was
refuses()
{
	local state=$MEMORY/memory$1/state error

	if error=$(LC_ALL=C; { echo offline >"$state"; } 2>&1); then
		diag "memory block $1 is $(cat "$state") now"
		return 1
	fi
	diag "memory block $1: ${error##*: }"
	[ "$(cat "$state")" = online ]
}

# all_refused WHEN
all_refused()
{
	local nr kind refused=0

	for nr in "${blocks[@]}"; do
		refuses "$nr" && refused=$((refused + 1))
	done
	equal "$1: memory blocks that stay online" "$refused" "${#blocks[@]}"
	equal "$1: pageblocks of the type" "$(swiotlb_blocks)" "$type_blocks"
	check "$1: all of them lent" lent_percent 98
}

plug()
{
	monitor_ask qom-set "{\"path\": \"$DEVICE\", \"property\": \"requested-size\", \"value\": $(($1 << 20))}"
}

# memory_kb LOW HIGH: whether there is so much memory now
memory_kb()
{
	[ "$(meminfo MemTotal)" -ge "$1" ] && [ "$(meminfo MemTotal)" -le "$2" ]
}

need_root
need_reclaim
need_debugfs
[ -e "$MEMORY/block_size_bytes" ] || skip_all "no CONFIG_MEMORY_HOTPLUG"
wait_for $LENT_AGAIN lent_percent 98
need_program unmovable
need_hold "$HOLD_KB"
mapfile -t blocks < <(pool_blocks)
whole=$(printf '%s\n' "${blocks[@]}" | grep -c whole)
blocks=("${blocks[@]% *}")
type_blocks=$(swiotlb_blocks)
total=$(meminfo MemTotal)
tap_plan $((1 + 3 + 2 + 3 + 1 + 7))

# 1. Offlining of what is lent and free, and of what is lent and in use
diag "pool $first-$last in memory blocks ${blocks[*]}, $whole of them whole"
at_least "memory blocks with nothing else" "$whole" 1
all_refused "free"
check "page tables in most of the regular memory" \
	unmovable_start $(($(free_regular_kb) - $(free_lent_kb) / 2)) 0 0 /
other_kb=0
hold pipe 0
diag "a process: $(tr '\n' ' ' <"$hold_out")"
at_least "KiB of lent memory a process has" $(($(field "$hold_out" lent) * PAGE_KB)) $((HOLD_KB / 2))
all_refused "in use"
let_go
equal "words that changed" "$(field "$hold_out" wrong)" 0
unmovable_stop

# 2. virtio-mem
plugging()
{
	local slack=8192 range pool="$first $last"

	echo online_movable >"$MEMORY/auto_online_blocks"
	plug "$PLUG_MB"
	check "$PLUG_MB MiB are plugged" \
		wait_for 30 memory_kb $((total + PLUG_MB * 1024 - slack)) $((total + PLUG_MB * 1024 + slack))
	range=$(sed -n 's/ *\([0-9a-f]*\)-\([0-9a-f]*\) : System RAM (virtio_mem)/0x\1 0x\2/p' /proc/iomem)
	diag "plugged: $range"
	# shellcheck disable=SC2086	# two words
	check "the pool is elsewhere" apart $range

	# Not the pool's pages are looked for, but plugged ones
	read -r first last <<<"$range"
	hold pipe 0
	diag "a process: $(tr '\n' ' ' <"$hold_out")"
	at_least "KiB of plugged memory a process has" \
		 $(($(field "$hold_out" lent) * PAGE_KB)) $((HOLD_KB / 2))
	plug 0
	check "they are unplugged" wait_for 60 memory_kb $((total - slack)) $((total + slack))
	let_go
	equal "words that changed" "$(field "$hold_out" wrong)" 0
	read -r first last <<<"$pool"
	equal "pageblocks of the type" "$(swiotlb_blocks)" "$type_blocks"
	check "all of them lent" lent_percent 98
}

if have_monitor && plug 0; then
	plugging
else
	for what in plugged elsewhere "in use" unplugged words type lent; do
		skip "virtio-mem: $what" "no virtio-mem device $DEVICE, or no monitor of QEMU"
	done
fi
