#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The pressure suite: stress-ng's memory stressors, one class after another, with
# verification, bounced I/O and swap on the same disk, on the stock kernel and on ours
# in turn. Ends in one table. Fails if data were wrong, a stressor's verification
# failed, or a kernel complained.
#
#   MINUTES=n           for all of it, stressors only (12)
#   MEM=1G              of the guest
#   ARCH=x86_64|arm64   (x86_64)
#
# Both have a pool of 256 MiB; stock reserves it. The table is build/stress/$ARCH.txt.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

ARCH=${ARCH:-x86_64}
MINUTES=${MINUTES:-12}
MEM=${MEM:-1G}
check_arch
check_number MINUTES "$MINUTES" 1 10000
mib MEM "$MEM" >/dev/null
need_root
take_lock
mem=$MEM
export ARCH
unset CMDLINE SCRIPT MODULES QEMU_EXTRA MONITOR ICOUNT TIMEOUT DISK MEM

# Class and stressors; stress-ng 0.15 has all of them
classes=(
	"vm:vm bigheap"
	"map:mmapfork mremap madvise memfd"
	"share:shm userfaultfd secretmem"
	"move:pageswap pagemove swap numa"
	"file:iomix readahead sendfile splice"
)
variants=(stock reclaim)
declare -A cmdline=([stock]='swiotlb=131072,force' [reclaim]='swiotlb=force,reclaim=256M')

dir=$BUILD/stress
mkdir -p "$dir"
[ -e "$SRC/stock" ] || need_space 6500 "the pressure suite (source, two kernels, guest)"
need_packages $(packages_kernel) $(packages_guest)
for v in "${variants[@]}"; do
	call env FLAVOUR="$v" "$ROOT/rig/kernel.sh"
done
call "$ROOT/rig/guest.sh"

declare -A result=()
stressors=0
for c in "${classes[@]}"; do
	for s in ${c#*:}; do stressors=$((stressors + 1)); done
done
each=$((MINUTES * 60 / stressors / ${#variants[@]}))
[ "$each" -ge 2 ] || each=2

# one CLASS STRESSORS VARIANT: boot, run, keep the results
one()
{
	local disk=$dir/disk.img out=$dir/$ARCH-$1-$3 n=0 s key value status=0
	for s in $2; do n=$((n + 1)); done
	rm -f "$disk"
	truncate -s 2G "$disk"
	mkfs.ext4 -q -F "$disk"
	call env FLAVOUR="$3" CMDLINE="${cmdline[$3]}" MEM="$mem" SMP=2 DISK="$disk" RIG_NO_BUILD=1 RIG_QUIET=1 \
		JUDGE_ALLOW_OOM=1 SCRIPT="$ROOT/rig/guest/stress.sh" BOOT_STAGE="stress $ARCH $1 $3" \
		JOB_ENV="export CLASS='$2' SECONDS_EACH=$each" TIMEOUT=$((n * each * 3 + 240)) \
		LOG="$out.console" "$ROOT/rig/boot.sh" >"$out.out" || status=$?
	rm -f "$disk"
	while read -r _ _ key value; do
		result[$1,$3,$key]=$value
	done < <(grep '^@ r ' "$out.out" || true)
	if [ "$status" -ne 0 ]; then
		failed+=("$1 on $3: status $status, see ${out#"$ROOT"/}.out and .console")
		grep -v '^@ r ' "$out.out" | tail -n 10 >&2 || true
	fi
}

failed=()
for c in "${classes[@]}"; do
	for v in "${variants[@]}"; do
		one "${c%%:*}" "${c#*:}" "$v"
	done
done

get() { echo "${result[$1,$2,$3]:--}"; }
ratio()	# OURS STOCK
{
	awk -v a="$1" -v b="$2" 'BEGIN { if (b + 0 > 0 && a != "-") printf "%.2f", a / b; else printf "-" }'
}

{
	echo "Pressure suite: $ARCH, $mem guest with 2 CPUs, pool of 256 MiB, $each s per stressor,"
	echo "Linux $(cat "$SRC/stock.version"), $(cut -d' ' -f1 "$BUILD/accel-$ARCH" 2>/dev/null || echo tcg)"
	echo
	printf '%-8s %-14s %10s %10s %7s\n' class stressor stock reclaim ratio
	for c in "${classes[@]}"; do
		name=${c%%:*}
		for s in ${c#*:}; do
			a=$(get "$name" stock "bogo_$s") b=$(get "$name" reclaim "bogo_$s")
			printf '%-8s %-14s %10s %10s %7s\n' "$name" "$s" "$a" "$b" "$(ratio "$b" "$a")"
		done
	done
	echo
	printf '%-8s %-8s %9s %9s %9s %12s %9s %9s\n' \
		class kernel 'fio' OOM buffer allocation lent lent \
		'' '' 'runs ok' kills full stalls 'used KiB' 'at most'
	for c in "${classes[@]}"; do
		name=${c%%:*}
		for v in "${variants[@]}"; do
			printf '%-8s %-8s %9s %9s %9s %12s %9s %9s\n' "$name" "$v" "$(get "$name" "$v" io_runs)" \
				"$(get "$name" "$v" oom_kills)" "$(get "$name" "$v" buffer_full)" \
				"$(get "$name" "$v" stalls)" "$(get "$name" "$v" lent_used_mean)" \
				"$(get "$name" "$v" lent_used_most)"
		done
	done
	echo
	echo "buffer full: lines in the log, which is limited in rate; each is a request that was tried again."
	for f in "${failed[@]}"; do echo "FAILED: $f"; done
	[ "${#failed[@]}" -gt 0 ] || echo "No stressor's verification and no fio job failed, no kernel complained."
} | tee "$dir/$ARCH.txt"
[ "${#failed[@]}" -eq 0 ]
