#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Build and boot a kernel with the series and run the tests: the rig's own, KUnit,
# and tools/testing/selftests/swiotlb. The last line is "N passed, N failed".
#
#   ARCH=x86_64|arm64   only this one (both)
#   FLAVOUR=reclaim|reclaim-dynamic|debug|kcsan|rt|first   the kernel (reclaim); of first, which
#                       has the first mail alone, "kunit" is all that can be run
#   TESTS="a.sh b.sh"   only these selftests; "kunit" and "rig" name the others
#   LONG=1              those, too, that take too long for each commit
#   MINUTES=n           how long torture.sh, ping_pong.sh and forward_progress.sh run (1, 10 and 30)
#
# A selftest says what it needs in comments; tests in a row that need the same
# share one boot:
#
#   # rig: cmdline=swiotlb=force,reclaim=256M    several lines: it runs with each
#   # rig: mem=1G        # rig: smp=2           # rig: icount=1
#   # rig: disk=512M     an ext4 file system on NVMe (/dev/nvme0n1)
#   # rig: disk_bps=64000000   bytes per second that it moves, at most
#   # rig: flavour=reclaim
#   # rig: modules=lib/test_swiotlb.ko
#   # rig: qemu=-device virtio-mem-pci    added to QEMU's arguments
#   # rig: qemu-x86_64=-machine hpet=off   the same, only there
#   # rig: monitor=1     QEMU's monitor (QMP) at the virtio port rig.monitor
#   # rig: timeout=300   seconds, for this test
#   # rig: oom=1         a report of the out-of-memory killer is not a failure
#   # rig: minutes=1     of them it runs for MINUTES, which is 1 unless given
#   # rig: arch=x86_64   only there
#   # rig: long=1        only with LONG=1, or named in TESTS
set -euo pipefail
. "$(dirname "$0")/lib.sh"

case ${ARCH:-} in
'') archs=(x86_64 arm64) ;;
*) check_arch; archs=("$ARCH") ;;
esac
TESTS=${TESTS:-}
LONG=${LONG:-}
one_of LONG "$LONG" '' 1
minutes=${MINUTES:-}
[ -z "$minutes" ] || check_number MINUTES "$minutes" 1 10000
for t in $TESTS; do
	check_test "$t"
done
under_test=${FLAVOUR:-reclaim}
one_of FLAVOUR "$under_test" reclaim reclaim-dynamic debug kcsan rt first mutant mutant-reclaim-dynamic mutant-debug
if [ "$under_test" = first ]; then
	one_of "TESTS of FLAVOUR=first" "$TESTS" kunit
fi
# Everything takes longer where everything is checked
slower=1
case $(config_of "$under_test") in debug|kcsan|rt) slower=4 ;; esac
unset ARCH FLAVOUR CMDLINE SCRIPT MEM SMP ICOUNT DISK MODULES QEMU_EXTRA MONITOR TIMEOUT DISK_BPS MINUTES STILL
need_root
take_lock

selftests=tools/testing/selftests/swiotlb
dir=$BUILD/test
rm -rf "$dir"
mkdir -p "$dir"
passed=0 failed=0 skipped=0
failures=()

# The last line comes whatever happens.
cleanup()
{
	local f
	progress_clear
	[ "${#failures[@]}" -eq 0 ] || printf '\nFailed:\n'
	for f in "${failures[@]}"; do
		printf '  %s\n' "$f"
	done
	[ -n "$finished" ] || { echo "  the tests did not run to the end"; failed=$((failed + 1)); }
	printf '%d passed, %d failed' "$passed" "$failed"
	[ "$skipped" -eq 0 ] || printf ', %d skipped' "$skipped"
	printf '\n'
	rm -f "$dir"/*.img
}
finished=

pass() { progress_clear; passed=$((passed + 1)); echo "ok - $*"; }
skip() { progress_clear; skipped=$((skipped + 1)); echo "skip - $*"; }
fail() { progress_clear; failed=$((failed + 1)); failures+=("$*"); echo "FAIL - $*"; }
stage() { say "== $* ($(hms "$SECONDS") since the start)"; }

wanted() { [ -z "$TESTS" ] || [[ " $TESTS " == *" $1 "* ]]; }

# --------------------------------------------------- 1. packages and builds

[ -e "$SRC/stock" ] || need_space 6500 "the tests (source, two kernels, two guests, a disk)"
for ARCH in "${archs[@]}"; do
	stage "build $ARCH"
	need_packages $(packages_kernel) $(packages_guest) shellcheck
	export ARCH
	if call env FLAVOUR="$under_test" "$ROOT/rig/kernel.sh" && call "$ROOT/rig/guest.sh"; then
		pass "$ARCH: the $under_test kernel and the guest are built"
	else
		fail "$ARCH: build of the $under_test kernel or the guest"
		finished=1
		exit 1
	fi
done
export RIG_NO_BUILD=1 RIG_QUIET=1

# boot STAGE SECONDS OUTPUT [NAME=value...]: status of rig/boot.sh, errors in OUTPUT.err
boot()
{
	local stage=$1 limit=$2 output=$3
	shift 3
	call env BOOT_STAGE="$stage" TIMEOUT="$limit" LOG="${output%.out}.console" "$@" "$ROOT/rig/boot.sh" \
		>"$output" 2> >(tee "$output.err" >&2)
}

# --------------------------------------------------- 2. the rig itself

# refuses NAME REGEXP COMMAND...: it fails and says why
refuses()
{
	local name=$1 re=$2 status=0
	shift 2
	"$@" >"$dir/refuse.out" 2>&1 </dev/null || status=$?
	if [ "$status" -ne 0 ] && grep -qE "$re" "$dir/refuse.out"; then
		pass "rig: $name"
	else
		fail "rig: $name (status $status, no message like '$re')"
		tail -n 5 "$dir/refuse.out" >&2
	fi
}

# judged NAME STATUS REGEXP SCRIPT-TEXT [NAME=value...]
judged()
{
	local name=$1 want=$2 re=$3 status=0
	printf '#!/bin/bash\n%s\n' "$4" >"$dir/script"
	shift 4
	env ARCH="${archs[0]}" FLAVOUR="$under_test" SCRIPT="$dir/script" TIMEOUT=$((240 * slower)) LOG="$dir/judged.console" \
		"$@" "$ROOT/rig/boot.sh" >"$dir/judged.out" 2>"$dir/judged.err" </dev/null || status=$?
	if [ "$status" -eq "$want" ] && grep -qE "$re" "$dir/judged.out" "$dir/judged.err"; then
		pass "rig: $name"
	else
		fail "rig: $name (status $status, expected $want and '$re')"
		cat "$dir/judged.err" >&2
	fi
}

# shellcheck disable=SC2016  # what bash -c runs is not for us to expand
rig_tests()
{
	local p f line before after scripts
	stage "rig"
	mapfile -t scripts < <(cd "$ROOT" && printf '%s\n' rig/*.sh rig/guest/init rig/guest/*.sh rig/guest/*.rc \
		"$selftests"/*.sh .ci/run bench/*.sh bench/rows/*.sh)
	for f in "${!scripts[@]}"; do
		[ -f "$ROOT/${scripts[f]}" ] || unset "scripts[f]"
	done
	if (cd "$ROOT" && shellcheck "${scripts[@]}") >&2; then
		pass "rig: shellcheck of ${#scripts[@]} scripts"
	else
		fail "rig: shellcheck"
	fi

	refuses "an unknown ARCH is refused" "unknown ARCH 'mips'" env ARCH=mips "$ROOT/rig/kernel.sh"
	refuses "an unknown FLAVOUR is refused" "unknown FLAVOUR 'vanilla'" env FLAVOUR=vanilla "$ROOT/rig/kernel.sh"
	refuses "a MEM that is no size is refused" "MEM='lots' is not a size" \
		env MEM=lots SCRIPT="$0" "$ROOT/rig/boot.sh"
	refuses "a SCRIPT that is not there is refused" "no such file" env SCRIPT=/nonexistent "$ROOT/rig/boot.sh"
	refuses "a DISK that is not there is refused" "no such file" \
		env SCRIPT="$0" DISK=/nonexistent "$ROOT/rig/boot.sh"
	refuses "an unknown row is refused" "unknown ROWS '99'" env ROWS=99 "$ROOT/rig/bench.sh"
	refuses "an unknown variant is refused" "unknown VARIANTS 'best'" env VARIANTS=best "$ROOT/rig/bench.sh"
	refuses "a misspelt variable is refused" "FLAVOR" make -C "$ROOT" kernel FLAVOR=stock
	refuses "a second run in the same folder is refused" "another run is going on.*process $$" \
		env -u RIG_LOCKED "$ROOT/rig/kernel.sh" 9>&-
	refuses "a full disk is noticed" "not enough disk space.*needed.*found" \
		bash -c '. "$0" && need_space 100000000 "a test"' "$ROOT/rig/lib.sh"
	refuses "a package that cannot be installed is named" "could not install: rig-no-such-package" \
		bash -c '. "$0" && need_packages rig-no-such-package' "$ROOT/rig/lib.sh"

	# A hunk that does not apply: change a line of context in a copy of the series
	cp -r "$PATCHES" "$dir/patches"
	read_series
	p=${series[0]}
	sed -i '/^@@/,$ s/^ \(.*[a-z].*\)$/ \1 rig-test/' "$dir/patches/$p"
	f=$(sed -n 's,^+++ b/\([^	]*\).*,\1,p' "$PATCHES/$p" | head -n 1)
	line=$SRC/patched/$f
	before=$(cd "$SRC/patched" && xargs -a "$SRC/patched.files" sha256sum 2>/dev/null | sha256sum)
	refuses "a hunk that does not apply is named" "file $f, line [0-9]+, hunk [0-9]+" \
		env RIG_PATCHES="$dir/patches" "$ROOT/rig/source.sh" patched
	after=$(cd "$SRC/patched" && xargs -a "$SRC/patched.files" sha256sum 2>/dev/null | sha256sum)
	if [ "$before" = "$after" ]; then
		pass "rig: the tree is as it was after a hunk that did not apply"
	else
		fail "rig: the tree changed although a hunk did not apply"
	fi

	judged "the script's output and status come back" 3 "hello from the guest" \
		'echo hello from the guest; exit 3'
	# As the kernel writes them; lockdep's begin with WARNING or BUG
	for line in "WARNING: possible circular locking dependency detected" "WARNING: CPU: 0 PID: 1 at rig/test.c:1" \
		    "BUG: KASAN: slab-use-after-free in rig_test" "BUG: KCSAN: data-race in rig_test" \
		    "unreferenced object 0xffff888000000000 (size 64):" "Call Trace:" \
		    "INFO: task rig:1 blocked for more than 122 seconds."; do
		judged "'$line' in the kernel log fails a run" 1 "${line%%[:(]*}" "echo '<3>$line' >/dev/kmsg"
	done
	if [ "$under_test" = debug ]; then
		judged "memory that a module leaks fails a run" 1 "unreferenced object" \
			'exit 0' MODULES=samples/kmemleak/kmemleak-test.ko
	fi
	judged "QEMU's own failure before the script ran has it booted again, and again" 125 "not in the guest's memory; booting again" \
		'echo the script ran' CMDLINE="root=/dev/none Oops: int3: Code: 66 <90> e8"
	judged "later it fails the run, and is named" 1 "not the guest's fault" \
		"echo '<3>Oops: int3: 0000 [#1] Code: 66 <90> e8' >/dev/kmsg"
	judged "an int3 that is in the guest's memory fails the run" 1 "the kernel complained" \
		"echo '<3>Oops: int3: 0000 [#1] Code: cc <90> e8' >/dev/kmsg"
	if grep -q "not the guest's fault" "$dir/judged.err"; then
		fail "rig: it is called QEMU's failure"
	else
		pass "rig: it is not called QEMU's failure"
	fi
	judged "a guest that hangs is ended and reported" 124 "time limit.*15 s" \
		'while :; do sleep 1; done' TIMEOUT=15
	# The second where there is hardware virtualisation
	judged "a guest that stands still before its script is booted again, and again" 124 "no word .* 3 boots|after 60 s" \
		'echo the script ran' CMDLINE="root=/dev/none rootwait" STILL=5 TIMEOUT=60
	rm -f "$dir"/judged.console.still-*
	judged "a guest that crashes fails the run" 125 "without an end marker" \
		'echo c >/proc/sysrq-trigger'
}

# --------------------------------------------------- 3. KUnit

# results PREFIX INDENT FILE: count the (K)TAP result lines with that indent
results()
{
	local prefix=$1 indent=$2 line text n=0 plan=
	while IFS= read -r line; do
		line=${line%$'\r'}
		[[ $line == "$indent"[!\ ]* ]] || continue
		text=${line#"$indent"}
		if [[ $text =~ ^1\.\.([0-9]+) ]]; then
			plan=${BASH_REMATCH[1]}
			if [ "$plan" -eq 0 ]; then
				skip "$prefix ${text#*# }"
			fi
		elif [[ $text =~ ^(not\ ok|ok)\ [0-9]+\ *-?\ *(.*)$ ]]; then
			n=$((n + 1))
			if [[ ${BASH_REMATCH[2]} == *"# SKIP"* ]]; then
				skip "$prefix ${BASH_REMATCH[2]}"
			elif [ "${BASH_REMATCH[1]}" = ok ]; then
				pass "$prefix ${BASH_REMATCH[2]}"
			else
				fail "$prefix ${BASH_REMATCH[2]}"
			fi
		fi
	done <"$3"
	if [ -z "$plan" ]; then
		[ "$n" -gt 0 ] || return 2
	elif [ "$n" -lt "$plan" ]; then
		fail "$prefix $n of $plan results"
	fi
}

kunit()
{
	local out=$dir/kunit-$ARCH.out status=0 f suites=0
	stage "KUnit $ARCH"
	cat >"$dir/kunit" <<'END'
#!/bin/bash
for r in /sys/kernel/debug/kunit/swiotlb*/results; do
	[ -e "$r" ] || continue
	echo "@ suite $(basename "$(dirname "$r")")"
	cat "$r"
done
END
	boot "KUnit $ARCH" $((180 * slower)) "$out" ARCH="$ARCH" FLAVOUR="$under_test" SCRIPT="$dir/kunit" MEM=1G SMP=2 \
		CMDLINE="kunit.enable=1 kunit.filter_glob=swiotlb* swiotlb=force,reclaim=64M" || status=$?
	rm -f "$dir"/suite-*
	f=$dir/none
	while IFS= read -r line; do
		case $line in
		"@ suite "*) f=$dir/suite-${line#@ suite }; : >"$f" ;;
		*) echo "$line" >>"$f" ;;
		esac
	done <"$out"
	for f in "$dir"/suite-*; do
		[ -e "$f" ] || continue
		suites=$((suites + 1))
		results "$ARCH kunit ${f##*/suite-}:" "    " "$f" ||
			fail "$ARCH kunit ${f##*/suite-}: no results"
	done
	if [ "$status" -ne 0 ]; then
		fail "$ARCH kunit: the guest failed (status $status, log ${out%.out}.console)"
		grep -aE '^\[[^]]*\] *(not ok|# .*(EXPECTATION|ASSERTION))' "${out%.out}.console" | head -n 20 >&2 || true
	elif [ "$suites" -eq 0 ]; then
		fail "$ARCH kunit: no suite ran"
	fi
}

# --------------------------------------------------- 4. kselftests

need()	# FILE KEY DEFAULT
{
	local v
	v=$(sed -n "s/^# rig: $2=//p" "$1" | head -n 1)
	echo "${v:-$3}"
}

needs_of()	# FILE N: with its Nth command line, all but the time limit, on one line
{
	printf '%s|' "$(sed -n 's/^# rig: cmdline=//p' "$1" | sed -n "$2p")" \
		"$(need "$1" mem 1G)" "$(need "$1" smp 2)" "$(need "$1" disk "")" \
		"$(need "$1" flavour reclaim)" "$(need "$1" icount "")" "$(need "$1" modules "")" \
		"$(need "$1" qemu "") $(need "$1" "qemu-$ARCH" "")" "$(need "$1" monitor "")" \
		"$(need "$1" disk_bps "")" "$(need "$1" oom "")"
}

limit_of()	# FILE: its limit of time in seconds
{
	local m run=0
	m=$(need "$1" minutes 0)
	[ "$m" -eq 0 ] || run=${minutes:-$m}
	echo $((($(need "$1" timeout 120) - m * 60) * slower + run * 60))
}

run_group()	# NUMBER COUNT NEEDS FILE...
{
	local no=$1 count=$2 cmdline mem smp disk flavour icount modules qemu monitor disk_bps oom f name limit=$((60 * slower)) t m status=0
	local out line prefix test_status
	local -a image=()
	IFS='|' read -r cmdline mem smp disk flavour icount modules qemu monitor disk_bps oom <<<"$3"
	shift 3
	{
		echo '#!/bin/bash'
		echo 'cd /job/selftests || exit 1'
		for f in "$@"; do
			name=${f##*/}
			m=$(need "$f" minutes "")
			t=$(limit_of "$f")
			limit=$((limit + t))
			# timeout(1) runs it in a process group of its own, and ends that. A clock
			# that counts instructions leaps while the guest waits for its disk: there
			# only the limit of the boot holds.
			[ -z "$icount" ] || t=0
			printf 'echo "@ begin %s"; SLOWER=%d %s timeout -k 10 %d ./%s; echo "@ end %s $?"\n' \
				"$name" "$slower" "${m:+MINUTES=${minutes:-$m}}" "$t" "$name" "$name"
		done
	} >"$dir/group"
	if [ -n "$disk" ]; then
		rm -f "$dir/disk.img"
		truncate -s "$disk" "$dir/disk.img"
		mkfs.ext4 -q -F "$dir/disk.img"
		image=(DISK="$dir/disk.img")
	fi
	if [ "$flavour" = reclaim ] || [ "$flavour" = "$(config_of "$under_test")" ]; then
		flavour=$under_test
	else
		call env RIG_NO_BUILD= FLAVOUR="$flavour" "$ROOT/rig/kernel.sh" ||
			{ fail "$ARCH $flavour: the kernel does not build"; return 0; }
	fi
	out=$dir/selftest-$ARCH-$no.out
	boot "selftests $ARCH, boot $no of $count" "$limit" "$out" ARCH="$ARCH" FLAVOUR="$flavour" SCRIPT="$dir/group" \
		CMDLINE="$cmdline" MEM="$mem" SMP="$smp" ICOUNT="$icount" MODULES="$modules" QEMU_EXTRA="$qemu" MONITOR="$monitor" \
		DISK_BPS="$disk_bps" JUDGE_ALLOW_OOM="$oom" "${image[@]}" || status=$?
	rm -f "$dir/disk.img"
	for f in "$@"; do
		name=${f##*/}
		prefix="$ARCH $name:"
		sed -n "/^@ begin $name\$/,/^@ end $name /p" "$out" >"$dir/one"
		test_status=$(sed -n "s/^@ end $name //p" "$dir/one")
		local before=$failed
		if results "$prefix" "" "$dir/one"; then
			case ${test_status:-none} in
			0|4) ;;
			none) fail "$prefix did not end" ;;
			124|137) fail "$prefix did not end within $(limit_of "$f") s" ;;
			*) [ "$failed" -gt "$before" ] || fail "$prefix ended with status $test_status" ;;
			esac
		else
			case ${test_status:-none} in
			0) pass "$prefix exit status" ;;
			4) skip "$prefix exit status" ;;
			none) fail "$prefix did not end" ;;
			*) fail "$prefix ended with status $test_status" ;;
			esac
		fi
		# What the test measured is worth seeing, what failed all the more
		if [ "$failed" -gt "$before" ]; then
			tail -n 40 "$dir/one" | sed 's/^/    /'
		else
			grep '^# ' "$dir/one" | tail -n 12 | sed 's/^/    /' || true
		fi
	done
	[ "$status" -eq 0 ] || fail "$ARCH selftests, boot $no: the guest failed (status $status, log ${out%.out}.console)"
}

kselftests()
{
	local f only last='' needs no=0 i lines
	local -a groups=() members=()
	stage "kselftests $ARCH"
	for f in "$ROOT/$selftests"/*.sh; do
		case $f in *_lib.sh|*'*'*) continue ;; esac
		wanted "${f##*/}" || continue
		only=$(need "$f" arch "")
		[ -z "$only" ] || [[ " $only " == *" $ARCH "* ]] || continue
		[ -n "$LONG$TESTS" ] || [ -z "$(need "$f" long "")" ] || continue
		lines=$(grep -c '^# rig: cmdline=' "$f" || true)
		for ((i = 1; i <= (lines ? lines : 1); i++)); do
			needs=$(needs_of "$f" "$i")
			if [ "$needs" != "$last" ]; then
				groups+=("$needs")
				members+=("")
				last=$needs
			fi
			members[${#groups[@]} - 1]+=" $f"
		done
	done
	if [ "${#groups[@]}" -eq 0 ]; then
		if [ -z "$TESTS" ]; then
			fail "$ARCH: there are no selftests in $selftests"
		elif [[ $TESTS == *.sh* ]]; then
			skip "$ARCH: none of these tests is for it: $TESTS"
		fi
		return 0
	fi
	for i in "${!groups[@]}"; do
		no=$((i + 1))
		# shellcheck disable=SC2086  # a list of paths below the repository
		run_group "$no" "${#groups[@]}" "${groups[i]}" ${members[i]}
	done
}

if wanted rig; then
	rig_tests
fi
for ARCH in "${archs[@]}"; do
	! wanted kunit || kunit
	kselftests
done
# One in thousands does under QEMU 7.2, whatever the kernel
mapfile -t still < <(compgen -G "$dir/*.still-*")
case ${#still[@]} in
0) ;;
1) skip "a guest stood still before its script, and did not when booted again (log ${still[0]})" ;;
*) fail "guests stood still before their scripts ${#still[@]} times (logs ${still[*]})" ;;
esac
stage "done"
finished=1
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
