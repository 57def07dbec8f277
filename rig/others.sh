#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Other people's tests, as they are, on a stock kernel and on ours, side by side: the
# kernel's selftests/mm and selftests/dma, the KUnit suites of mm/ and lib/,
# stressapptest, and fio's verification on ext4 over bounced NVMe with swap on the same
# disk. Both have the same pool; ours lends it. Part of the memory is held, on both
# alike, so that the tests get lent memory. Prints one table, and "N same,
# N better, N worse" last. What they printed stays in build/others/$ARCH/.
#
#   ARCH=x86_64|arm64   (x86_64)
#   TESTS="cow fio-direct"   only these of rig/guest/others.list
#
# A result that differs is tried twice more on both, and what came most often counts.
# Once is enough to be worse, if it is never seen on stock, for a failure of what moves
# data ("load" in that list), for a guest that does not come to its end, and for a
# complaint of the kernel. Each run of ours must have used lent memory.
# Exit status: 1 if there is one that is worse, or if nothing could be compared.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

ARCH=${ARCH:-x86_64}
check_arch
list=$ROOT/rig/guest/others.list
mapfile -t tests < <(sed -n 's/^[a-z][a-z]* *\([^ ]*\) .*/\1/p' "$list")
for t in ${TESTS:-}; do
	[[ " ${tests[*]} " == *" $t "* ]] ||
		die "TESTS: there is no test '$t'" "tests: ${tests[*]}"
done
[ -z "${TESTS:-}" ] || read -r -a tests <<<"$TESTS"
unset FLAVOUR CMDLINE SCRIPT MEM SMP ICOUNT DISK MODULES QEMU_EXTRA MONITOR TIMEOUT DISK_BPS TESTS
need_root
take_lock

declare -A flavour=([stock]=others-stock [ours]=others)
# 262144 slots are 512 MiB
declare -A pool=([stock]="swiotlb=262144,force" [ours]="swiotlb=force,reclaim=512M")
# The guest has two nodes of 1 GiB with two CPUs and one: a test of migration wants three.
# The pool is in the second node, and half of that. What is held, of the node of which
# CPU: of the first most, so that tests have the second's memory, too, and of that what
# makes lent memory more than the rest is. From then on movable pages are lent ones in turn.
hold="680:0 160:2"
# MiB of lent memory that are in use at one time in each run of ours, at least; where all
# tests of a boot have run, beside what is held
lent_least=64
base=$BUILD/others
dir=$base/$ARCH
triplet=x86_64-linux-gnu
[ "$ARCH" = x86_64 ] || triplet=aarch64-linux-gnu
mkdir -p "$dir"

# --------------------------------------------------- 1. kernels and user land

[ -e "$SRC/stock" ] || need_space 6500 "the tests (source, two kernels, a guest, a disk)"
need_packages $(packages_kernel) $(packages_guest)
export ARCH
for side in ours stock; do
	call env FLAVOUR="${flavour[$side]}" "$ROOT/rig/kernel.sh"
done
call "$ROOT/rig/guest.sh"

# --------------------------------------------------- 2. the programs
#
# Debian's in an image of their own, with the libraries that the selftests are linked
# with: these are of ARCH, and need not be installed here.

packages=libnuma-dev,libcap-dev,liburing-dev
# Debian has none for arm64
[ "$ARCH" = arm64 ] || packages+=,stressapptest
root=$dir/root
stamp="$(guest_suite) $packages"
if [ "$(cat "$root.stamp" 2>/dev/null)" != "$stamp" ]; then
	need_space 1000 "other people's programs"
	rm -rf "$root.stamp" "$root"
	extract_debian "others' user land $ARCH" "$packages" "$root"
	echo "$stamp" >"$root.stamp"
fi

programs=$(sed -n "s,^selftests.* \./\([^ ]*\).*,$root/tests/\1,p" "$list" |
	   grep -v /dma_map | sort -u)

# build_selftests: from a copy of what they need of the source, as they write into it
build_selftests()
{
	local src=$SRC/stock tree=$dir/tree cross make status=0
	local st=tools/testing/selftests
	cross=$(cross_prefix)
	rm -rf "$tree" "$root/tests"
	mkdir -p "$tree/$st" "$tree/mm" "$tree/include"/{linux,vdso} "$root/tests"
	make -C "$src" O="$tree" ARCH="$ARCH" headers
	cp -r "$src/$st"/{mm,dma,x86,*.h,lib.mk} "$tree/$st/"
	cp -r "$src/tools/include" "$tree/tools/"
	cp "$src/mm/gup_test.h" "$tree/mm/"
	cp "$src/include/linux/map_benchmark.h" "$tree/include/linux/"
	cp "$src/include/vdso/time64.h" "$tree/include/vdso/"
	export C_INCLUDE_PATH=$root/usr/include:$root/usr/include/$triplet
	# Static: the guest need not have the libraries. The environment's CFLAGS reach
	# dma, EXTRA_CFLAGS reach mm. A khugepaged.c of 6.12 forgets to include KSFT_SKIP.
	export EXTRA_CFLAGS="-static -L$root/usr/lib/$triplet -DKSFT_SKIP=4" CFLAGS=-static
	make=(make -k ARCH="$ARCH" CROSS_COMPILE="$cross" OUTPUT="$root/tests" -C)
	# shellcheck disable=SC2086  # a list
	"${make[@]}" "$tree/$st/mm" $programs || status=$?
	"${make[@]}" "$tree/$st/dma" || status=$?
	return "$status"
}

stamp=$({ declare -f build_selftests; echo "$programs"
	  cat "$SRC/stock.version" "$root.stamp"; } | sha256sum)
image=$dir/programs.img
if [ ! -e "$image" ] || [ "$(cat "$image.stamp" 2>/dev/null)" != "$stamp" ]; then
	rm -f "$image.stamp" "$image"
	export -f build_selftests cross_prefix host_arch deb_arch
	export SRC dir root programs triplet
	log=$BUILD/log/others-$ARCH.log
	# What cannot be built for ARCH is listed as such
	timed "selftests $ARCH" 60 "$log" bash -c build_selftests ||
		grep -E 'error:|cannot find|No rule' "$log" | sort -u | head -n 20 >&2 || true
	[ -x "$root/tests/compaction_test" ] ||
		die "the kernel's selftests do not build" "full log: ${log#"$ROOT"/}"
	size=$(($(du -sm "$root" | cut -f 1) * 5 / 4 + 32))
	mkfs.ext4 -q -F -O ^has_journal -m 0 -d "$root" "$image" "${size}M" >>"$log" 2>&1
	echo "$stamp" >"$image.stamp"
fi

# --------------------------------------------------- 3. run

# limit_of BOOT NAMES: seconds that these may take
limit_of()
{
	local boot name limit rest sum=300
	while read -r boot name limit rest; do
		[[ $boot != "$1" || $2 != *" $name "* ]] || sum=$((sum + limit + 20))
	done <"$list"
	echo "$sum"
}

# run SIDE N BOOT NAMES...: into $dir/SIDE-BOOT-N.out
run()
{
	local side=$1 n=$2 boot=$3 out=$dir/$1-$3-$2.out status=0 cmdline job_env said=$dir/complaints
	shift 3
	job_env="export OTHERS=' $* '"
	[ "$boot" = kunit ] || job_env+=" HOLD='$hold'"
	: >"$said"
	# A warning is to be seen, and is no reason not to run the rest
	cmdline="panic_on_warn=0 ${pool[$side]}"
	[ "$boot" != kunit ] || cmdline+=" kunit.enable=1"
	rm -f "$dir/disk.img"
	truncate -s 2G "$dir/disk.img"
	mkfs.ext4 -q -F "$dir/disk.img"
	call env RIG_NO_BUILD=1 RIG_QUIET=1 JUDGE_ALLOW_OOM=1 FLAVOUR="${flavour[$side]}" \
		SCRIPT="$ROOT/rig/guest/others.sh" JOB_FILES="$list $ROOT/rig/guest/lent.sh" \
		JOB_ENV="$job_env" COMPLAINTS="$said" \
		CMDLINE="$cmdline" MEM=2G SMP=3 DISK="$dir/disk.img" \
		QEMU_EXTRA="-drive if=none,id=others,file=programs.img,format=raw,readonly=on \
-device virtio-blk-pci,drive=others -device pci-testdev" \
		TIMEOUT="$(limit_of "$boot" " $* ")" LOG="${out%.out}.console" \
		BOOT_STAGE="$ARCH $side, $boot, run $n" \
		"$ROOT/rig/boot.sh" >"$out" 2> >(tee "$out.err" >&2) || status=$?
	rm -f "$dir/disk.img"
	# What is not the same in any two boots is made so: addresses, numbers
	sed -E 's/\b(0x[0-9a-f]+|[0-9a-f]{8,})\b/N/g; s/[0-9]+/N/g' "$said" | sort -u >"${out%.out}.complaints"
	# Having complained is no failure to come to its end
	[ "$status" -ne 1 ] || [ ! -s "$said" ] || status=0
	rm -f "$said"
	echo "@ guest $status" >>"$out"
}

# 3 is a pass, 2 a skip, 1 a failure; nothing if there is no such result
declare -A rank=()
points=()
declare -A known=()
# Why it was skipped
declare -A reason=()
# How often a test, or a boot, has run
declare -A times=()
# MiB of lent memory: the most that a run of ours has used, with what was held alone, lent
declare -A lent=()

# point SIDE N TEST NAME RANK: leaves its name in key
point()
{
	local n=1
	key="$3: $4"
	while [ -n "${rank[$1/$2/$key]:-}" ]; do
		n=$((n + 1))
		key="$3: $4 ($n)"
	done
	rank[$1/$2/$key]=$5
	[ -n "${known[$key]:-}" ] || { known[$key]=$3; points+=("$key"); }
}

# read_results SIDE N BOOT NAMES...: of one run
read_results()
{
	local side=$1 n=$2 boot=$3 out=$dir/$1-$3-$2.out
	local line text title test='' status plan=0 seen=0 ended=' ' r
	shift 3
	while IFS= read -r line; do
		line=${line%$'\r'}
		if [[ $line =~ ^@\ begin\ (.*) ]]; then
			test=${BASH_REMATCH[1]} plan=0 seen=0 title=
		elif [[ $line =~ ^@\ end\ ([^ ]*)\ ([0-9]+) ]]; then
			ended+="$test "
			status=${BASH_REMATCH[2]}
			# Where there are results, the status repeats them
			case $status in
			0) r=3 ;;
			4) r=2 ;;
			1) r=$((seen ? 3 : 1)) ;;
			*) r=1 ;;
			esac
			[ "$seen" -ge "$plan" ] || [ "$r" -eq 2 ] || r=1
			point "$side" "$n" "$test" "ends" "$r"
			test=
		elif [[ $line =~ ^@\ guest\ ([0-9]+) ]]; then
			r=3
			[ "${BASH_REMATCH[1]}" -eq 0 ] || r=1
			point "$side" "$n" "$boot" "comes to its end" "$r"
		elif [[ $line =~ ^@\ lent\ [0-9]+\ ([0-9]+)\ ([0-9]+)\ ([0-9]+) ]]; then
			lent[$side/$n/$boot]="$((BASH_REMATCH[1] / 1024)) $((BASH_REMATCH[2] / 1024)) $((BASH_REMATCH[3] / 1024))"
		elif [[ -n $test && $line =~ ^1\.\.([0-9]+) ]]; then
			plan=${BASH_REMATCH[1]}
		elif [[ -n $test && $line =~ ^#\ \[RUN\]\ (.*) ]]; then
			title=${BASH_REMATCH[1]}
		elif [[ -n $test && $line =~ ^(ok|not\ ok)\ [0-9]+\ *-?\ *(.*)$ ]]; then
			seen=$((seen + 1))
			text=${BASH_REMATCH[2]}
			r=1
			[ "${BASH_REMATCH[1]}" != ok ] || r=3
			[[ $text != *'# SKIP'* ]] || r=2
			# Where there is a title, results differ in their text
			point "$side" "$n" "$test" "${title:-${text%% #*}}" "$r"
			[[ $r -ne 2 ]] || reason[$key]=${text#*# SKIP }
		fi
	done <"$out"
	for test in "$@"; do
		[[ $ended == *" $test "* ]] || point "$side" "$n" "$test" "ends" 1
	done
}

# all_of BOOT NAME...: those of them that belong to it, into members
all_of()
{
	local want=$1 boot name rest
	shift
	members=()
	while read -r boot name rest; do
		[[ $boot != "$want" || " $* " != *" $name "* ]] || members+=("$name")
	done <"$list"
}

# both N NAMES...
both()
{
	local n=$1 boot side name
	shift
	for boot in kunit selftests load; do
		all_of "$boot" "$@"
		[ "${#members[@]}" -gt 0 ] || continue
		for name in "$boot" "${members[@]}"; do
			times[$name]=$n
		done
		for side in stock ours; do
			run "$side" "$n" "$boot" "${members[@]}"
			read_results "$side" "$n" "$boot" "${members[@]}"
		done
	done
}

# complaints SIDE BOOT: those of all runs
complaints() { sort -u "$dir/$1-$2"-*.complaints; }

# only_on SIDE OTHER BOOT: complaints that only SIDE has had
only_on() { comm -23 <(complaints "$1" "$3") <(complaints "$2" "$3"); }

# never SIDE KEY RUNS: whether that never failed
never()
{
	local n
	for ((n = 1; n <= $3; n++)); do
		[ "${rank[$1/$n/$2]:-0}" -gt 1 ] || return 1
	done
}

# usual SIDE KEY RUNS: the result that most runs had
usual()
{
	local n all=()
	for ((n = 1; n <= $3; n++)); do
		all+=("${rank[$1/$n/$2]:-0}")
	done
	mapfile -t all < <(printf '%s\n' "${all[@]}" | sort -n)
	echo "${all[$3 / 2]}"
}

# QEMU's arguments are split at blanks: a path in them must have none
cd "$dir"
rm -f "$dir"/*.out "$dir"/*.err "$dir"/*.console "$dir"/*.complaints
both 1 "${tests[@]}"
again=()
for key in "${points[@]}"; do
	[ "${rank[stock/1/$key]:-0}" != "${rank[ours/1/$key]:-0}" ] || continue
	t=${known[$key]}
	members=("$t")
	# All of a boot
	[[ " ${tests[*]} " == *" $t "* ]] || all_of "$t" "${tests[@]}"
	[[ " ${again[*]:-} " == *" ${members[*]} "* ]] || again+=("${members[@]}")
done
for boot in kunit selftests load; do
	if [ -z "${times[$boot]:-}" ] || [ -z "$(only_on ours stock "$boot")" ]; then
		continue
	fi
	all_of "$boot" "${tests[@]}"
	again+=("${members[@]}")
done
if [ "${#again[@]}" -gt 0 ]; then
	say "results differ, twice more: ${again[*]}"
	both 2 "${again[@]}"
	both 3 "${again[@]}"
fi

# --------------------------------------------------- 4. the table

words=(none FAIL skip ok)
results()	# SIDE KEY RUNS
{
	local n text=()
	for ((n = 1; n <= $3; n++)); do
		text+=("${words[${rank[$1/$n/$2]:-0}]}")
	done
	echo "${text[*]}"
}

same=0 better=0 worse=0 unsteady=0 passed=0
row() { printf '%-76s %-14s %-14s %s\n' "$@"; }

# What passes on both, and what is skipped on both for one reason, is one row for a test
declare -A alike=()
rows_alike()	# TEST
{
	local what
	for what in "${!alike[@]}"; do
		row "$1: ${alike[$what]} results${what#*:}" "${what%%:*}" "${what%%:*}" same
	done
	alike=()
}

# once_is_enough KEY TEST: whether to fail once is enough to be worse
once_is_enough()
{
	local boot name rest
	[[ $1 != *": comes to its end" ]] || return 0
	while read -r boot name rest; do
		[ "$name" != "$2" ] || [ "$boot" != load ] || return 0
	done <"$list"
	return 1
}

# ran_all N BOOT: whether that run had all tests of it
ran_all()
{
	local boot name rest
	while read -r boot name rest; do
		[ "$boot" != "$2" ] || [ "${times[$name]:-0}" -ge "$1" ] || return 1
	done <"$list"
}

# rows_of_boot BOOT: the kernel's complaints, and whether lent memory was used
rows_of_boot()
{
	local new verdict=same n most first all own
	new=$(only_on ours stock "$1")
	if [ -n "$new" ]; then
		worse=$((worse + 1)) verdict=WORSE
	else
		same=$((same + 1))
	fi
	row "$1: different complaints of the kernel" "$(complaints stock "$1" | wc -l)" \
		"$(complaints ours "$1" | wc -l)" "$verdict"
	[ -z "$new" ] || printf '    only on ours: %s\n' "${new//$'\n'/$'\n    only on ours: '}"
	[ "$1" != kunit ] || return 0
	for ((n = 1; n <= times[$1]; n++)); do
		read -r most first all <<<"${lent[ours/$n/$1]:-0 0 0}"
		own=$most
		! ran_all "$n" "$1" || own=$((most - first))
		if [ "$own" -lt "$lent_least" ]; then
			worse=$((worse + 1)) verdict="WORSE, $own are less than $lent_least"
		else
			same=$((same + 1)) verdict=same
		fi
		row "$1: lent memory was used, run $n (MiB; $first at first)" - "$most of $all" "$verdict"
	done
}

table()
{
	local key t last='' runs s o verdict boot
	row test stock ours ''
	for key in "${points[@]}"; do
		t=${known[$key]}
		[ "$t" = "$last" ] || rows_alike "$last"
		last=$t
		runs=${times[$t]}
		s=$(usual stock "$key" "$runs") o=$(usual ours "$key" "$runs")
		if once_is_enough "$key" "$t" && never stock "$key" "$runs" && ! never ours "$key" "$runs"; then
			worse=$((worse + 1)) verdict=WORSE
		elif [ "$o" -eq "$s" ]; then
			same=$((same + 1)) verdict=same
		elif [ "$o" -gt "$s" ]; then
			better=$((better + 1)) verdict=better
		else
			worse=$((worse + 1)) verdict=WORSE
		fi
		[ "$s" -lt 3 ] || passed=$((passed + 1))
		s=$(results stock "$key" "$runs") o=$(results ours "$key" "$runs")
		case $(tr ' ' '\n' <<<"$s $o" | sort -u) in
		ok) s="ok:" ;;
		skip) s="skip: (${reason[$key]:-it says so})" ;;
		*)
			if [ "$verdict" = same ] && [[ $s$o == *ok* || $s != "$o" ]]; then
				verdict="same, not each time"
				unsteady=$((unsteady + 1))
			fi
			row "$key" "$s" "$o" "$verdict"
			continue ;;
		esac
		alike[$s]=$((${alike[$s]:-0} + 1))
	done
	rows_alike "$last"
	for boot in kunit selftests load; do
		[ -z "${times[$boot]:-}" ] || rows_of_boot "$boot"
	done
}
table >"$dir/table"
cat "$dir/table"
[ "$unsteady" -eq 0 ] || echo "$unsteady of the same did not come out the same each time"
say "done, $(hms "$SECONDS"); what the tests printed is in ${dir#"$ROOT"/}"
echo "$same same, $better better, $worse worse"
[ "$worse" -eq 0 ] && [ "$passed" -gt 0 ]
