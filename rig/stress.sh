#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The pressure suite: stress-ng's memory stressors, one class after another, with
# verification, compaction, and bounced I/O and swap on the same disk beside them, on
# the stock kernel and on ours in turn. Ends in one table. Fails if data were wrong, a
# stressor failed, or a kernel complained; if fio did not come to the end of a job, or if
# on ours no lent memory to speak of was used.
#
#   MINUTES=n           for the stressors, of both kernels together (16)
#   MEM=1G              of the guest
#   PART="vm map"       only these classes: vm, map, share, move, file
#   ARCH=x86_64|arm64   (x86_64)
#
# Both kernels have a pool of 256 MiB; stock reserves it. Most stressors need little
# memory, so part of what stock has besides is held, on both alike. The table stays in
# build/stress/$ARCH.txt, what each boot printed beside it.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

# Class: stressors, as stress-ng 0.15 has them
CLASSES=(
	"vm: vm bigheap"
	"map: mmapfork mremap madvise memfd"
	"share: shm userfaultfd secretmem"
	"move: pageswap pagemove swap numa"
	"file: iomix readahead sendfile splice"
)
KERNELS=(stock reclaim)
declare -A CMDLINES=([stock]='swiotlb=131072,force' [reclaim]='swiotlb=force,reclaim=256M')

# What is held, in percent of the memory without the pool. Those of vm and share take it all.
declare -A HOLD=([vm]=0 [map]=58 [share]=0 [move]=58 [file]=58)
LENT_LEAST=32768	# KiB of lent memory that are in use at one time in each class, at least

ARCH=${ARCH:-x86_64}
MINUTES=${MINUTES:-16}
MEM=${MEM:-1G}
check_arch
check_number MINUTES "$MINUTES" 1 10000
[ "$(mib MEM "$MEM")" -ge 768 ] || die "MEM=$MEM is too small beside a pool of 256 MiB" "MEM is at least 768M"
for p in ${PART:-}; do
	one_of PART "$p" "${CLASSES[@]%%:*}"
done
for i in "${!CLASSES[@]}"; do
	[[ -z ${PART:-} || " $PART " == *" ${CLASSES[i]%%:*} "* ]] || unset "CLASSES[i]"
done
need_root
take_lock
export ARCH MEM
unset CMDLINE SCRIPT MODULES QEMU_EXTRA MONITOR ICOUNT TIMEOUT DISK_BPS

dir=$BUILD/stress
disk=$dir/disk.img
mkdir -p "$dir"
cleanup() { rm -f "$disk"; }

# --------------------------------------------------- 1. what it takes

[ -e "$SRC/stock" ] || need_space 6500 "the pressure suite (source, two kernels, guest)"
need_packages $(packages_kernel) $(packages_guest)
for k in "${KERNELS[@]}"; do
	call env FLAVOUR="$k" "$ROOT/rig/kernel.sh"
done
call "$ROOT/rig/guest.sh"
need_space 2500 "the guest's disk"

# --------------------------------------------------- 2. run

nr=$(printf "%s " "${CLASSES[@]#*:}" | wc -w)
each=$((MINUTES * 60 / nr / ${#KERNELS[@]}))
[ "$each" -ge 2 ] || each=2
declare -A got=()
failures=()

# run_class NAME STRESSORS KERNEL: boot, and keep the results in got[NAME,KERNEL,*]
run_class()
{
	local out=$dir/$ARCH-$1-$3 key value status=0 hold

	hold=$((($(mib MEM "$MEM") - 256) * HOLD[$1] / 100))
	rm -f "$disk"
	truncate -s 2G "$disk"
	mkfs.ext4 -q -F "$disk"
	call env FLAVOUR="$3" CMDLINE="${CMDLINES[$3]}" SMP=2 DISK="$disk" RIG_NO_BUILD=1 RIG_QUIET=1 \
		JUDGE_ALLOW_OOM=1 SCRIPT="$ROOT/rig/guest/stress.sh" BOOT_STAGE="stress $ARCH, $1 on $3" \
		JOB_ENV="export CLASS='$2' SECONDS_EACH=$each HOLD=$hold" JOB_FILES="$ROOT/rig/guest/lent.sh" \
		LOG="$out.console" \
		TIMEOUT=$(($(wc -w <<<"$2") * (each * 3 + 60) + 240)) "$ROOT/rig/boot.sh" >"$out.out" || status=$?
	while read -r _ _ key value; do
		got[$1,$3,$key]=$value
	done < <(grep '^@ r ' "$out.out" || true)
	if [ "$status" -ne 0 ]; then
		failures+=("$1 on $3: status $status, see ${out#"$ROOT"/}.out and .console")
		grep -v '^@ r ' "$out.out" | tail -n 10 >&2 || true
		return
	fi
	[ "${got[$1,$3,fio_runs]:-0}" -gt 0 ] || failures+=("$1 on $3: fio did not come to the end of a job")
	[ "$3" != reclaim ] || [ "${got[$1,$3,used_most]:-0}" -ge "$LENT_LEAST" ] ||
		failures+=("$1 on $3: ${got[$1,$3,used_most]:-0} KiB of lent memory were used at most, not $LENT_LEAST")
}

for c in "${CLASSES[@]}"; do
	for k in "${KERNELS[@]}"; do
		run_class "${c%%:*}" "${c#*:}" "$k"
	done
done

# --------------------------------------------------- 3. the table

get() { echo "${got[$1]:--}"; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { if (a + 0 > 0 && b + 0 > 0) printf "%.2f", a / b; else printf "-" }'; }

table()
{
	local c k s name row='%-7s %-13s %11s %11s %6s\n'

	echo "Pressure suite: $ARCH guest of $MEM with 2 CPUs, pool of 256 MiB, $each s per stressor,"
	echo "Linux $(cat "$SRC/stock.version"), accelerator $(cat "$BUILD/accel-$ARCH" 2>/dev/null || echo unknown)"
	echo
	# shellcheck disable=SC2059  # the same format for all
	printf "$row" class "bogo-ops of" stock reclaim ratio
	for c in "${CLASSES[@]}"; do
		name=${c%%:*}
		for s in ${c#*:}; do
			# shellcheck disable=SC2059
			printf "$row" "$name" "$s" "$(get "$name,stock,bogo_$s")" "$(get "$name,reclaim,bogo_$s")" \
				"$(ratio "$(get "$name,reclaim,bogo_$s")" "$(get "$name,stock,bogo_$s")")"
		done
	done
	echo
	row='%-7s %-8s %8s %6s %9s %11s %14s %9s\n'
	# shellcheck disable=SC2059
	printf "$row" class kernel "fio jobs" "OOM" "failed" "allocation" "lent and used," "" \
		"" "" "all right" "kills" "mappings" "stalls" "mean KiB" "most KiB"
	for c in "${CLASSES[@]}"; do
		name=${c%%:*}
		for k in "${KERNELS[@]}"; do
			# shellcheck disable=SC2059
			printf "$row" "$name" "$k" "$(get "$name,$k,fio_runs")" "$(get "$name,$k,kills")" \
				"$(get "$name,$k,failed_maps")" "$(get "$name,$k,stalls")" \
				"$(get "$name,$k,used_mean")" "$(get "$name,$k,used_most")"
		done
	done
	echo
	for c in "${failures[@]}"; do
		echo "FAILED: $c"
	done
	[ "${#failures[@]}" -gt 0 ] || echo "No stressor and no verification failed, and no kernel complained."
}

table | tee "$dir/$ARCH.txt"
[ "${#failures[@]}" -eq 0 ]
