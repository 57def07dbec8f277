#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What it costs and what it gains, beside the stock kernel: boots every variant of
# each row of bench/rows/ in turn, and writes bench/out/report.md, .csv and .svg.
#
#   ARCH=x86_64|arm64   only this one (what the row says)
#   ROWS="1 4"          only these rows; what the others measured before stays
#   CASES="64M"         only these cases of them
#   VARIANTS="static"   only these variants
#   QUICK=1             only what fits in 15 minutes on 2 CPUs (make bench-quick)
#   RIG_NO_BUILD=1      take kernels and guests as they are
#   REPS=N              so many boots of each, instead of what the row says
#
# A row is a script that runs in the guest and prints lines "@ r KEY VALUE". Its
# comments say what is booted and what is to be reached:
#
#   # bench: NAME=VALUE  what, how        for the report
#                        archs, variants  which are booted
#                        base             the variant that ratios refer to
#                        icount=1         time counts instructions; one CPU
#                        mem, smp, disk   of the guest; disk=SIZE is ext4 on NVMe, empty,
#                                         disk=files has 1.5 GiB of files, and
#                                         disk=compiler a compiler and what it compiles
#                        disk_bps         bytes per second that it moves, at most
#                        total, floor     of the pool, with K or M
#                        reps, quick_reps boots of each; quick_variants, quick_archs
#                        oom=1            the out-of-memory killer may come
#                        timeout          seconds for a boot
#   # case: NAME [NAME=VALUE...]          the same names for one case of several;
#                        cmdline          added to the kernel's command line
#                        force=0          without swiotlb=force
#                        quick=1          part of make bench-quick
#                        any NAME         in capitals becomes BENCH_NAME in the guest
#   # key: KEY UNIT TEXT                  a figure, in the order of the report
#   # target: VARIANTS KEYS <=|>= NUMBER [x|+ VARIANT[:KEY]] [in CASES]
#                        KEY may be NAME_*, for the end that the key has after its first _
#   # curve: PREFIX X-AXIS, Y-AXIS        figures KEY<number> of that prefix, drawn
#   # note: TEXT                          for the report
#   # cause: TEXT                         why a target is missed, if it is
#
# The exit status is not 0 only if something could not be measured.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

QUICK=${QUICK:-}
one_of QUICK "$QUICK" '' 1
REPS=${REPS:-}
[ -z "$REPS" ] || check_number REPS "$REPS" 1 100
case ${ARCH:-} in
'') only_arch= ;;
*) check_arch; only_arch=$ARCH ;;
esac
known=()
for f in "$ROOT"/bench/rows/*.sh; do
	n=${f##*/}
	n=${n%%-*}
	[[ " ${known[*]} " == *" $((10#$n)) "* ]] || known+=("$((10#$n))")
done
rows=()
for n in ${ROWS:-${known[*]}}; do
	one_of ROWS "$n" "${known[@]}"
	rows+=("$(printf '%02d' "$n")")
done
declare -A of_flavour=([none]=stock [static]=stock [cma]=stock [dynamic]=dynamic [off]=reclaim
		       [reclaim]=reclaim [reclaim+dynamic]=reclaim-dynamic)
VARIANTS=${VARIANTS:-}
for v in $VARIANTS; do
	one_of VARIANTS "$v" "${!of_flavour[@]}"
done
CASES=${CASES:-}
for c in $CASES; do
	grep -q "^# case: $c " "$ROOT"/bench/rows/*.sh || die "CASES: no row has a case '$c'" \
		"cases: $(sed -n 's/^# case: \([^ ]*\) .*/\1/p' "$ROOT"/bench/rows/*.sh | sort -u | tr '\n' ' ')"
done
need_root
take_lock
unset ARCH FLAVOUR CMDLINE SCRIPT MEM SMP ICOUNT DISK MODULES QEMU_EXTRA MONITOR TIMEOUT DISK_BPS

# The same for all that is compared
MIN_FREE_KB=16384
THP=madvise

out=$ROOT/bench/out
work=$BUILD/bench
mkdir -p "$out/raw" "$work"

# --------------------------------------------------- 1. what there is to boot

# read_row FILE: its comments into row, and cases
declare -A row
read_row()
{
	local line
	row=([variants]="none static dynamic off reclaim reclaim+dynamic" [archs]="x86_64"
	     [icount]='' [mem]=1G [smp]=2 [disk]='' [total]=64M [floor]=1M [reps]=1
	     [quick_reps]='' [quick_variants]='' [quick_archs]='' [oom]='' [timeout]=600
	     [disk_bps]=''
	     [what]='' [how]='' [base]=static)
	cases=()
	while IFS= read -r line; do
		case $line in
		'# bench: '*)
			line=${line#'# bench: '}
			[ -n "${row[${line%%=*}]+set}" ] || die "${1#"$ROOT"/}: unknown name '${line%%=*}'"
			row[${line%%=*}]=${line#*=} ;;
		'# case: '*) cases+=("${line#'# case: '}") ;;
		esac
	done <"$1"
	[ "${#cases[@]}" -gt 0 ] || cases=("-")
}

# slots SIZE: of 2 KiB
slots()
{
	case $1 in
	*K) echo $((${1%K} / 2)) ;;
	*M) echo $((${1%M} * 512)) ;;
	*) die "'$1' is not a size in K or M" ;;
	esac
}

# swiotlb_of VARIANT TOTAL FLOOR FORCE: the value of the boot parameter
swiotlb_of()
{
	local total floor force=,force
	total=$(slots "$2")
	floor=$(slots "$3")
	[ "$4" != 0 ] || force=
	# Stock takes the default's own size on arm64 for one that was not given
	[ "$total" != 32768 ] || [[ $1 == reclaim* ]] || total=32896
	case $1 in
	none|dynamic) echo "$floor$force" ;;
	cma) echo "$floor$force cma=$2" ;;
	static|off) echo "$total$force" ;;
	*) echo "$floor$force,reclaim=$2" ;;
	esac
}

# plan: lines "ROW-FILE|ARCH|REP|VARIANT|CASE" in the order of booting
plan()
{
	local n f arch rep reps variants archs c v
	for n in "${rows[@]}"; do
		for f in "$ROOT/bench/rows/$n"-*.sh; do
			read_row "$f"
			archs=${row[archs]} variants=${row[variants]} reps=${row[reps]}
			if [ -n "$QUICK" ]; then
				archs=${row[quick_archs]:-$archs}
				variants=${row[quick_variants]:-$variants}
				reps=${row[quick_reps]:-$reps}
			fi
			reps=${REPS:-$reps}
			for arch in $archs; do
				[ -z "$only_arch" ] || [ "$arch" = "$only_arch" ] || continue
				for ((rep = 1; rep <= reps; rep++)); do
					for c in "${cases[@]}"; do
						[ -z "$QUICK" ] || [[ "$c " == *" quick=1 "* ]] ||
							[ "$c" = - ] || continue
						[ -z "$CASES" ] || [[ " $CASES " == *" ${c%% *} "* ]] || continue
						for v in $variants; do
							[ -z "$VARIANTS" ] || [[ " $VARIANTS " == *" $v "* ]] || continue
							echo "$f|$arch|$rep|$v|$c"
						done
					done
				done
			done
		done
	done
}

mapfile -t boots < <(plan)
[ "${#boots[@]}" -gt 0 ] || die "there is nothing to measure with ROWS='${rows[*]}' ARCH='$only_arch' CASES='$CASES' VARIANTS='$VARIANTS' QUICK='$QUICK'"

# --------------------------------------------------- 2. kernels, guests, modules

declare -A builds=() archs_used=()
for b in "${boots[@]}"; do
	IFS='|' read -r f arch rep variant c <<<"$b"
	builds[$arch:${of_flavour[$variant]}]=1
	archs_used[$arch]=1
done
[ -e "$SRC/stock" ] || need_space 12000 "the comparison (source, kernels, guests)"
for ARCH in "${!archs_used[@]}"; do
	need_packages $(packages_kernel) $(packages_guest) gnuplot-nox python3
	[ -n "${RIG_NO_BUILD:-}" ] || call env ARCH="$ARCH" "$ROOT/rig/guest.sh"
done

# build_modules ARCH FLAVOUR: one source of both, against any kernel
build_modules()
{
	local k=$BUILD/$KVER-$1/$2 m=$work/modules-$1-$2
	mkdir -p "$m/lib" "$m/mm"
	cp -u "$ROOT/lib/test_swiotlb.c" "$ROOT/bench/bench_swiotlb.c" "$m/lib/"
	# The test module looks for it there if the kernel lends
	cp -u "$ROOT/mm/swiotlb_reclaim.h" "$m/mm/"
	printf '# SPDX-License-Identifier: GPL-2.0\nobj-m := test_swiotlb.o bench_swiotlb.o\n' >"$m/lib/Kbuild"
	timed "modules $1 $2" 10 "$BUILD/log/bench-modules-$1-$2.log" make -C "$k" M="$m/lib" || {
		tail -n 20 "$BUILD/log/bench-modules-$1-$2.log" >&2
		die "the modules of the comparison do not build for $1 $2"
	}
}

for b in "${!builds[@]}"; do
	ARCH=${b%:*} FLAVOUR=${b#*:}
	[ -n "${RIG_NO_BUILD:-}" ] || call env RIG_QUIET=1 ARCH="$ARCH" FLAVOUR="$FLAVOUR" "$ROOT/rig/kernel.sh"
	build_modules "$ARCH" "$FLAVOUR"
done
unset ARCH FLAVOUR

# --------------------------------------------------- 3. boot and note

# where ARCH ICOUNT: what the figures were measured on, as comments of a csv
where()
{
	local accel q
	accel=$(cat "$BUILD/accel-$1" 2>/dev/null || echo tcg)
	accel=${accel%% *}
	[ "$1" = x86_64 ] || accel=tcg
	case $1 in x86_64) q=qemu-system-x86_64 ;; arm64) q=qemu-system-aarch64 ;; esac
	echo "# date: $(date -u '+%Y-%m-%d %H:%M UTC')"
	echo "# kernel: Linux $(cut -d- -f1 "$SRC/stock.version"), series $(git -C "$ROOT" describe --always --dirty 2>/dev/null || echo unknown)"
	echo "# guest: QEMU $("$q" --version | sed -n 's/^QEMU emulator version \([^ ]*\).*/\1/p'), ${accel^^}${2:+ counting instructions}"
	echo "# host: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) CPUs, load $(cut -d ' ' -f 1 /proc/loadavg) when it began"
	echo "# fixed: min_free_kbytes=$MIN_FREE_KB transparent_hugepage=$THP"
	echo "# size: ${QUICK:+quick}"
}

# What is compiled in a guest: files of the kernel that take about as long each
COMPILED="kernel/fork kernel/workqueue kernel/sched/core kernel/sched/fair mm/memory mm/page_alloc
	  mm/slub mm/vmscan fs/namei fs/ext4/inode fs/ext4/extents block/blk-mq"

# make_disk_of_compiler: cc1 alone, of x86-64 and of the release that the guest is, and
# preprocessed files of a kernel that has been built for it
make_disk_of_compiler()
{
	local dir=$work/compiler image=$1 f k
	need_space 1500 "a disk with a compiler"
	rm -rf "$dir" "$image.tmp"
	ARCH=x86_64 extract_debian "compiler" cpp "$dir"
	mkdir -p "$dir/compiler" "$dir/source"
	cp "$(find "$dir/usr" -name cc1 -type f | head -n 1)" "$dir/compiler/cc1" ||
		die "there is no cc1 in the package cpp"
	for k in "$BUILD/$KVER-x86_64"/{reclaim,stock}; do
		[ ! -e "$k/vmlinux" ] || break
	done
	# shellcheck disable=SC2086  # words
	timed "preprocessed files" 20 "$BUILD/log/bench-compiler.log" make -C "$k" $(printf '%s.i ' $COMPILED) ||
		die "the files to be compiled cannot be preprocessed" "full log: build/log/bench-compiler.log"
	for f in $COMPILED; do
		mv "$k/$f.i" "$dir/source/${f//\//-}.i"
	done
	rm -rf "$dir"/usr/share/{doc,man,locale,info} "${dir:?}"/{usr/lib/gcc,var}
	mkfs.ext4 -q -F -m 0 -O ^has_journal -d "$dir" "$image.tmp" 1200M
	mv "$image.tmp" "$image"
	rm -rf "$dir"
}

# disk_of SIZE|files|compiler: an image with a file system, made once
disk_of()
{
	local image=$work/disk-$1.img
	if [ "$1" = compiler ]; then
		[ -e "$image" ] || make_disk_of_compiler "$image" >&2
		echo "$image"
		return
	fi
	if [ "$1" = files ]; then
		disk_of_files
		echo "$FILES_DISK"
		return
	fi
	if [ ! -e "$image" ]; then
		truncate -s "$1" "$image.tmp"
		mkfs.ext4 -q -F -m 0 -O ^has_journal "$image.tmp"
		mv "$image.tmp" "$image"
	fi
	echo "$image"
}

failures=()
began=$SECONDS

# measure ROW-FILE ARCH REP VARIANT CASE NUMBER
measure()
{
	local f=$1 arch=$2 rep=$3 variant=$4 name=${5%% *} number base csv flavour m word env='' line
	local -A o=()
	local status=0 seen=0 modules grows=
	number=${f##*/}
	number=${number%%-*}
	base=${f##*/}
	base=${base%.sh}
	csv=$out/raw/$base.$arch.csv
	read_row "$f"
	for word in ${5#"$name"}; do
		case ${word%%=*} in
		mem|smp|disk|total|floor|timeout|cmdline|force|oom) o[${word%%=*}]=${word#*=} ;;
		quick) ;;
		*) env+="export BENCH_${word%%=*}=${word#*=};" ;;
		esac
	done
	for word in mem smp disk total floor timeout oom; do
		o[$word]=${o[$word]-${row[$word]}}
	done
	if [ -z "${started[$csv]:-}" ]; then
		where "$arch" "${row[icount]}" >"$csv"
		started[$csv]=1
	fi
	flavour=${of_flavour[$variant]}
	# Stock SWIOTLB_DYNAMIC has it logged when a pool cannot be allocated
	[[ $flavour != *dynamic ]] || grows=1
	m=$work/modules-$arch-$flavour/lib
	modules="$m/test_swiotlb.ko $m/bench_swiotlb.ko"
	env+="export BENCH_VARIANT=$variant BENCH_CASE=$name BENCH_QUICK=$QUICK;"
	env+="export BENCH_TOTAL_KB=$(($(slots "${o[total]}") * 2)) BENCH_FLOOR_KB=$(($(slots "${o[floor]}") * 2))"
	say "bench: $6 of ${#boots[@]}, row $((10#$number)), $arch, $name, $variant$( ((rep == 1)) || echo ", repetition $rep"), $(hms $((SECONDS - began)))"
	call env ARCH="$arch" FLAVOUR="$flavour" SCRIPT="$f" MEM="${o[mem]}" SMP="${o[smp]}" \
		ICOUNT="${row[icount]}" TIMEOUT="${o[timeout]}" MODULES="$modules" JOB_ENV="$env" \
		JOB_FILES="$ROOT/bench/guest.sh" DISK="${o[disk]:+$(disk_of "${o[disk]}")}" DISK_SNAPSHOT=1 DISK_BPS="${row[disk_bps]}" \
		JUDGE_ALLOW_OOM="${o[oom]}" JUDGE_ALLOW_ALLOC="${grows:+1}" RIG_QUIET=1 RIG_NO_BUILD=1 BOOT_STAGE="row $((10#$number)), $arch" \
		CMDLINE="swiotlb=$(swiotlb_of "$variant" "${o[total]}" "${o[floor]}" "${o[force]:-}") transparent_hugepage=$THP sysctl.vm.min_free_kbytes=$MIN_FREE_KB ${o[cmdline]:-}" \
		LOG="$work/$base-$arch-$name-$variant.console" "$ROOT/rig/boot.sh" >"$work/printed" || status=$?
	while IFS= read -r line; do
		case $line in
		'@ r '*)
			read -r _ _ word line <<<"$line"
			echo "$((10#$number)),$arch,$name,$variant,$rep,$word,$line" >>"$csv"
			seen=$((seen + 1)) ;;
		*) printf '%s\n' "guest: $line" >&2 ;;
		esac
	done <"$work/printed"
	if [ "$status" -ne 0 ] || [ "$seen" -eq 0 ]; then
		failures+=("row $((10#$number)), $arch, $name, $variant: status $status, $seen figures")
		warn "${failures[-1]}"
	fi
}

declare -A started=()
for i in "${!boots[@]}"; do
	IFS='|' read -r f arch rep variant c <<<"${boots[i]}"
	measure "$f" "$arch" "$rep" "$variant" "$c" "$((i + 1))"
done

# --------------------------------------------------- 4. the report

python3 "$ROOT/bench/report.py" "$ROOT/bench/rows" "$out" || die "the report could not be written"
gnuplot "$out/report.gp" 2>"$work/gnuplot.log" || warn "gnuplot failed: $(tail -n 1 "$work/gnuplot.log")"
rm -f "$out/report.gp"
say "bench: $(hms $((SECONDS - began))); ${out#"$ROOT"/}/report.md, .csv and .svg"
[ "${#failures[@]}" -eq 0 ] || die "not measured:" "${failures[@]}"
