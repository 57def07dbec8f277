#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Boot a kernel that "make kernel" built, run a script as root in it, stream
# what the script prints to stdout, and exit with its status.
#
#   ARCH=x86_64|arm64  FLAVOUR=...   which kernel
#   SCRIPT=file        what to run (interpreter by its #! line)
#   CMDLINE="..."      added to the kernel's command line
#   MEM=1G SMP=2       size of the guest
#   ICOUNT=1           count instructions: one CPU, guest time = instructions
#   DISK=image         a raw image, becomes an NVMe drive
#   MODULES="a.ko b.ko"   loaded before the script, in this order
#   QEMU_EXTRA="..."   added to QEMU's arguments
#   MONITOR=1          the guest has QEMU's monitor (QMP) at the virtio port rig.monitor
#   TIMEOUT=600        seconds until the guest counts as hanging
#   STILL=180          seconds without a word on the console after which a guest that lends
#                      nothing and has not begun its script is booted again, twice at
#                      most (TCG only); what it said is kept in $LOG.still-1, -2, -3
#   LOG=file           where the console goes (build/log/boot-$ARCH-$FLAVOUR.log)
#   COMPLAINTS=file    what the kernel complained of, a line each, without the times
#   JUDGE_ALLOW_OOM=1  a report of the out-of-memory killer is not a failure
#   JUDGE_ALLOW_ALLOC=1   the same for one that an allocation failed
#   DISK_SNAPSHOT=1    what the guest writes to DISK is dropped
#   DISK_BPS=n         DISK moves that many bytes per second
#   BOOT_STAGE=name    show progress by time under this name
#   JOB_FILES, JOB_ENV files to put into /job, lines of shell for the guest's init
#   RIG_NO_BUILD=1     take kernel and user land as they are
#
# A run passes if the script exits with 0, the end marker arrives in time, and
# the console shows no warning, oops, leak or lock report. Exit status: that of
# the script; 124 on the time limit; 1 for a bad console with a script that
# exited with 0; 125 if the guest ended without an end marker.
# shellcheck disable=SC2030,SC2031,SC2054,SC2317  # QEMU's commas; cleanup() is called by lib.sh
set -euo pipefail
. "$(dirname "$0")/lib.sh"

ARCH=${ARCH:-x86_64}
FLAVOUR=${FLAVOUR:-reclaim}
MEM=${MEM:-1G}
SMP=${SMP:-2}
ICOUNT=${ICOUNT:-}
DISK=${DISK:-}
MODULES=${MODULES:-}
CMDLINE=${CMDLINE:-}
QEMU_EXTRA=${QEMU_EXTRA:-}
TIMEOUT=${TIMEOUT:-600}
STILL=${STILL:-180}
MONITOR=${MONITOR:-}
INTERACTIVE=${INTERACTIVE:-}
BOOT_STAGE=${BOOT_STAGE:-}
LOG=${LOG:-$BUILD/log/boot-$ARCH-$FLAVOUR.log}

# --------------------------------------------------- 1. check what was asked

check_arch
check_flavour
# Where time counts instructions, an idle guest's time flies while the host reads
# a disk, also before such settings are read: that a task waited for 120 s says
# nothing there, so the kernel is built with that check off.
one_of MONITOR "$MONITOR" '' 0 1
case $ICOUNT in
''|0) CMDLINE="sysctl.kernel.hung_task_timeout_secs=120 $CMDLINE" ;;
*) CMDLINE="rig.icount=1 $CMDLINE" ;;
esac
# Built in, and off unless asked for
[ "$(config_of "$FLAVOUR")" != debug ] || CMDLINE="page_poison=1 page_owner=on $CMDLINE"
mem=$(mib MEM "$MEM")
[ "$mem" -ge 64 ] || die "MEM=$MEM is too small for the guest" "MEM is at least 64M"
check_number SMP "$SMP" 1 64
check_number TIMEOUT "$TIMEOUT" 1 1000000
check_number STILL "$STILL" 1 1000000
case $ICOUNT in
''|0) ICOUNT= ;;
1) SMP=1 ;;
*) die "ICOUNT='$ICOUNT' is not 0 or 1" ;;
esac
if [ -z "$INTERACTIVE" ]; then
	[ -n "${SCRIPT:-}" ] || die "SCRIPT is not set" "say what to run: make boot SCRIPT=file"
	[ -f "$SCRIPT" ] || die "SCRIPT=$SCRIPT: there is no such file"
	IFS= read -r first <"$SCRIPT" || true
	[[ ${first:-} == '#!'* ]] || die "SCRIPT=$SCRIPT does not begin with #!" "give it an interpreter, such as #!/bin/bash"
fi
if [ -n "$DISK" ]; then
	[ -f "$DISK" ] || [ -b "$DISK" ] || die "DISK=$DISK: there is no such file" \
		"make one: truncate -s 512M $DISK && mkfs.ext4 -F $DISK"
	DISK=$(realpath "$DISK")
	[[ $DISK != *,* ]] || die "DISK=$DISK: QEMU takes no comma in a path"
fi
out=$BUILD/$KVER-$ARCH/$FLAVOUR
modules=()
for m in $MODULES; do
	[ -f "$m" ] || [ ! -f "$out/$m" ] || m=$out/$m
	modules+=("$m")
done
need_root
take_lock

# --------------------------------------------------- 2. kernel and user land

if [ -z "${RIG_NO_BUILD:-}" ]; then
	call env RIG_QUIET=1 ARCH="$ARCH" FLAVOUR="$FLAVOUR" "$ROOT/rig/kernel.sh"
	call env ARCH="$ARCH" "$ROOT/rig/guest.sh"
fi
for i in "${!modules[@]}"; do
	m=${modules[i]}
	[ -f "$m" ] || { m=$out/$m; modules[i]=$m; }
	[ -f "$m" ] || die "MODULES: there is no ${m#"$out"/}, neither here nor in ${out#"$ROOT"/}"
done
case $ARCH in
x86_64) qemu=qemu-system-x86_64 kernel=$out/arch/x86/boot/bzImage console=ttyS0 \
	early=earlycon=uart8250,io,0x3f8 ;;
arm64)  qemu=qemu-system-aarch64 kernel=$out/arch/arm64/boot/Image console=ttyAMA0 \
	early=earlycon ;;
esac
[ -r "$kernel" ] || die "there is no kernel ${kernel#"$ROOT"/}" "build it: make kernel ARCH=$ARCH FLAVOUR=$FLAVOUR"
root=$BUILD/guest/$ARCH/root.img
[ -r "$root" ] || die "there is no guest image ${root#"$ROOT"/}"
command -v "$qemu" >/dev/null || die "$qemu is not installed" \
	"install it: apt-get install $(packages_guest | tr ' ' '\n' | grep qemu)"

# --------------------------------------------------- 3. the job disk

mkdir -p "$BUILD/tmp" "$BUILD/log"
work=$(mktemp -d "$BUILD/tmp/boot.XXXXXX")
reader=
cleanup()
{
	[ -z "$reader" ] || kill "$reader" 2>/dev/null || true
	rm -rf "$work"
	[ -z "$INTERACTIVE" ] || [ ! -t 0 ] || stty sane || true
}

job=$work/job
mkdir -p "$job/modules"
{
	printf 'interactive=%q\n' "$INTERACTIVE"
	printf 'export RIG_ARCH=%q RIG_FLAVOUR=%q\n' "$ARCH" "$FLAVOUR"
	[ ! -t 0 ] || printf 'export RIG_SIZE=%q\n' "$(stty size | tr ' ' x)"
	printf '%s\n' "${JOB_ENV:-}"
} >"$job/env"
[ -n "$INTERACTIVE" ] || cp "$SCRIPT" "$job/script"
n=10
for m in "${modules[@]}"; do
	cp "$m" "$job/modules/$n-$(basename "$m")"
	n=$((n + 1))
done
if [ -d "$ROOT/tools/testing/selftests/swiotlb" ]; then
	cp -r "$ROOT/tools/testing/selftests/swiotlb" "$job/selftests"
	mkdir -p "$BUILD/guest/$ARCH/selftests"
	for f in "$ROOT"/tools/testing/selftests/swiotlb/*.c; do
		program=$BUILD/guest/$ARCH/selftests/$(basename "$f" .c)
		if [ ! -e "$program" ] || [ "$f" -nt "$program" ]; then
			"$(cross_prefix)gcc" -O2 -Wall -Werror -static -o "$program.tmp" "$f" ||
				die "cannot compile ${f#"$ROOT"/}"
			mv "$program.tmp" "$program"
		fi
		cp "$program" "$job/selftests/"
	done
fi
for f in ${JOB_FILES:-}; do
	cp "$f" "$job/"
done
tar -C "$job" --owner=0 --group=0 -cf "$work/job.tar" .
truncate -s %1M "$work/job.tar"

# --------------------------------------------------- 4. QEMU

# What a kernel complains with
bad='BUG[: ]|WARNING: |Call [Tt]race|Oops|KASAN:|UBSAN:|unreferenced object|blocked for more than|Kernel panic'
bad+='|possible (recursive|circular|irq|deadlock)|inconsistent lock state|suspicious RCU|Invalid wait context'
bad+='|INFO: (trying|task|rcu)|soft lockup|DMA-API: .*(device driver|error)'
# And with what it says that it no longer looks
bad+='|leak detector disabled|DMA-API: debugging out of memory|turning off the locking|lockdep is turned off'

# start_qemu ACCEL LOG: leaves the process in CHILD, the script's output on stdout
start_qemu()
{
	local -a q=("$qemu" -nodefaults -no-user-config -display none -monitor none -no-reboot)
	local cpu=max snapshot=off throttle="" smp=$SMP nodes=1
	[ -z "${DISK_SNAPSHOT:-}" ] || snapshot=on
	[ -z "${DISK_BPS:-}" ] || throttle=,throttling.bps-total=$DISK_BPS
	case $ARCH in
	x86_64)
		# On a busy machine the timer's interrupts seem not to arrive
		early+=" no_timer_check"
		# TCG does "rep stosb" byte by byte. A busy machine, which has interrupts
		# to deliver between any two, does not get on: without erms it is eight
		# bytes at a time.
		cpu+=,-erms
		[ "$1" = tcg ] || cpu=host
		q+=(-machine "q35,accel=$1" -cpu "$cpu") ;;
	arm64)
		cpu=cortex-a72
		[ "$1" = tcg ] || cpu=host
		q+=(-machine "virt,gic-version=3,accel=$1" -cpu "$cpu") ;;
	esac
	case $FLAVOUR in rt|others|others-stock) nodes=2 smp+=,sockets=$SMP ;; esac
	q+=(-m "${mem}M" -smp "$smp")
	if [ "$nodes" -eq 2 ]; then
		# The first CPUs are on the first
		q+=(-object "memory-backend-ram,id=node0,size=$((mem / 2))M"
		    -object "memory-backend-ram,id=node1,size=$((mem - mem / 2))M"
		    -numa "node,nodeid=0,memdev=node0,cpus=0-$(((SMP + 1) / 2 - 1))"
		    -numa "node,nodeid=1,memdev=node1$([ "$SMP" -lt 2 ] || echo ",cpus=$(((SMP + 1) / 2))-$((SMP - 1))")")
	fi
	[ -z "$ICOUNT" ] || q+=(-icount shift=0,sleep=off)
	q+=(-kernel "$kernel" -append "console=$console $early root=/dev/vda rw init=/rig/init \
panic=-1 panic_print=0x4b panic_on_warn=1 oops=panic hung_task_panic=1 watchdog_thresh=60 rcupdate.rcu_cpu_stall_timeout=120 $CMDLINE")
	q+=(-drive "if=none,id=root,file=$root,format=raw,snapshot=on" -device virtio-blk-pci,drive=root
	    -drive "if=none,id=job,file=$work/job.tar,format=raw,readonly=on" -device virtio-blk-pci,drive=job
	    -device virtio-serial-pci,max_ports=4)
	if [ -n "$INTERACTIVE" ]; then
		# Ctrl-A X leaves a guest that hangs.
		q+=(-chardev "stdio,id=con,mux=on,signal=off,logfile=$2" -serial chardev:con
		    -mon chardev=con,mode=readline)
	else
		q+=(-serial "file:$2"
		    -chardev "file,id=out,path=$work/out" -device virtserialport,chardev=out,name=rig.out)
	fi
	q+=(-chardev "file,id=verdict,path=$work/verdict" -device virtserialport,chardev=verdict,name=rig.verdict)
	if [ -n "$DISK" ]; then
		q+=(-drive "if=none,id=nvme,file=$DISK,format=raw,cache=writeback,snapshot=$snapshot$throttle" -device nvme,drive=nvme,serial=rig)
	fi
	if [ "$MONITOR" = 1 ]; then
		# QEMU talks to itself: what is a device of the guest at one end is the monitor at the other
		q+=(-chardev "socket,id=monitor,path=$work/monitor,server=on,wait=off" -mon chardev=monitor,mode=control
		    -chardev "socket,id=port,path=$work/monitor" -device virtserialport,chardev=port,name=rig.monitor)
	fi
	local extra=()
	read -r -a extra <<<"$QEMU_EXTRA" || true
	q+=("${extra[@]}")
	rm -f "$work/verdict" "$work/out"
	: >"$2"
	if [ -n "$INTERACTIVE" ]; then
		# In the foreground: QEMU needs the terminal.
		(export TMPDIR=$work; guarded "${q[@]}") 2>"$work/stderr" || true
		return
	fi
	mkfifo "$work/out"
	cat "$work/out" 9>&- &
	reader=$!
	(export TMPDIR=$work; guarded "${q[@]}") </dev/null >/dev/null 2>"$work/stderr" &
	CHILD=$!
}

# has_begun LOG: whether the kernel is done and the script's turn has come
has_begun()
{
	grep -a -q 'as init process' "$1" 2>/dev/null
}

# wait_qemu SECONDS [LOG]: 1 on the time limit; 2 if nothing was added to LOG for STILL
# seconds before the script had begun
wait_qemu()
{
	local start=$SECONDS end=$((SECONDS + $1)) over=0 n expect pct
	local log=${2:-} looked=$SECONDS
	expect=$(recall "boot-${BOOT_STAGE//[^a-zA-Z0-9_.-]/-}" 60)
	while kill -0 "$CHILD" 2>/dev/null; do
		if [ "$SECONDS" -ge "$end" ]; then
			over=1
		elif [ -n "$log" ] && [ "$SECONDS" -ne "$looked" ]; then
			looked=$SECONDS
			if has_begun "$log"; then
				log=
			elif [ $((EPOCHSECONDS - $(stat -c %Y "$log"))) -ge "$STILL" ]; then
				over=2
			fi
		fi
		if [ "$over" -ne 0 ]; then
			kill -KILL "$CHILD" 2>/dev/null || true
			break
		fi
		if [ -n "$BOOT_STAGE" ]; then
			n=$((SECONDS - start))
			pct=$((expect > 0 ? n * 100 / expect : 99))
			[ "$n" -lt 2 ] || progress "$BOOT_STAGE" "$((pct < 99 ? pct : 99))" "$n" \
				"$((expect > n ? expect - n : 1))"
		fi
		sleep 0.1
	done
	progress_clear
	wait "$CHILD" 2>/dev/null || true
	CHILD=
	# The reader ends with QEMU, unless QEMU never opened the pipe.
	for ((n = 0; n < 30; n++)); do
		kill -0 "$reader" 2>/dev/null || break
		sleep 0.1
	done
	kill "$reader" 2>/dev/null || true
	wait "$reader" 2>/dev/null || true
	reader=
	return "$over"
}

# emulator_slipped: whether the first thing the kernel had to complain about was an
# int3 that its own dump of the code around it does not show. While the kernel replaces
# an instruction it has an int3 there; TCG of QEMU 7.2 may translate that while it is
# put right on another CPU, and keep it: seen in 3 of 400 boots of two CPUs, where static
# branches are switched at boot, and at times in one after the other. No code of the
# guest can do this, so where the script has not begun there is no reason not to boot
# again.
SLIPS_MAX=6
emulator_slipped()
{
	local line

	line=$(tr -d '\r' <"$LOG" | grep -a -E -A 6 -m 1 "$bad" || true)
	[[ $line == *"Oops: int3: "* ]] && [[ $line =~ Code:[0-9a-f\ ]*\ ([0-9a-f]{2})\ \<[0-9a-f]{2}\> ]] &&
		[ "${BASH_REMATCH[1]}" != cc ]
}

# --------------------------------------------------- 5. accelerator
#
# /dev/kvm may be there and still run no guest: decide by a trial, once.

accel=tcg
if [ -z "$ICOUNT" ] && [ "$(host_arch)" = "$(deb_arch "$ARCH")" ] && [ -r /dev/kvm ] && [ -w /dev/kvm ]; then
	accel=$(cat "$BUILD/accel-$ARCH" 2>/dev/null || true)
	if [ "${accel% *}" = kvm ] || [ "${accel% *}" = tcg ] && [ "${accel#* }" = "$(uname -r)" ]; then
		accel=${accel% *}
	else
		accel=tcg
		say "trying hardware virtualisation (at most 20 s)"
		interactive=$INTERACTIVE
		INTERACTIVE=
		start_qemu kvm "$work/trial.log" >/dev/null 2>&1
		end=$((SECONDS + 20))
		{ while kill -0 "$CHILD" 2>/dev/null && [ "$SECONDS" -lt "$end" ]; do
			# Alive and printing is enough
			if grep -q 'init as init process' "$work/trial.log" 2>/dev/null; then
				accel=kvm
				break
			fi
			sleep 0.1
		done
		kill -KILL "$CHILD" || true
		wait_qemu 5 || true; } 2>/dev/null
		INTERACTIVE=$interactive
		echo "$accel $(uname -r)" >"$BUILD/accel-$ARCH"
	fi
fi
case $accel in
kvm) how="KVM" ;;
tcg) how="TCG, no hardware virtualisation" ;;
esac
[ -z "$ICOUNT" ] || how="TCG, counting instructions"

# --------------------------------------------------- 6. run

if [ -n "$INTERACTIVE" ]; then
	say "booting $ARCH $FLAVOUR, ${mem} MiB, $SMP CPUs ($how); console log: ${LOG#"$ROOT"/}"
	start_qemu "$accel" "$LOG"
	grep -q '^rig-verdict' "$work/verdict" 2>/dev/null || {
		cat "$work/stderr" >&2
		die "the guest ended without leaving the shell" "console log: ${LOG#"$ROOT"/}"
	}
	exit 0
fi

[ -n "${RIG_QUIET:-}" ] ||
	say "booting $ARCH $FLAVOUR, ${mem} MiB, $SMP CPUs ($how), time limit $(hms "$TIMEOUT"); console log: ${LOG#"$ROOT"/}"
mkdir -p "$(dirname "$LOG")"
stills=0 slips=0 watched=
# What does not come to its script may be our fault where memory is lent, and where the
# console says so. KUnit runs before the script, too, and a quiet kernel says nothing.
case "$accel $CMDLINE" in
tcg*reclaim*|tcg*kunit*|tcg*quiet*|tcg*loglevel*) ;;
tcg*) [ -n "$ICOUNT" ] || watched=$LOG ;;
esac
start=$SECONDS
while :; do
	over=0
	start_qemu "$accel" "$LOG"
	if [ -n "$BOOT_STAGE" ]; then
		wait_qemu "$TIMEOUT" "$watched" || over=$?
	else
		{ wait_qemu "$TIMEOUT" "$watched" || over=$?; } 2>/dev/null
	fi
	if [ "$over" -eq 2 ] && ! grep -a -q -E "$bad" "$LOG"; then
		# Seen once in some two thousand boots, with nothing on the console to say why
		cp "$LOG" "$LOG.still-$((stills + 1))"
		[ "$stills" -lt 2 ] || break
		stills=$((stills + 1))
		say "no word from the guest for $STILL s, and its script has not begun; booting again"
		continue
	fi
	if [ "$over" -eq 2 ] || [ "$accel" != tcg ] || ! emulator_slipped; then
		break
	fi
	slips=$((slips + 1))
	if [ "$slips" -eq "$SLIPS_MAX" ] || has_begun "$LOG"; then
		say "QEMU ran an int3 that is not in the guest's memory: not the guest's fault; a newer QEMU may do better"
		break
	fi
	say "QEMU ran an int3 that is not in the guest's memory; booting again"
done
[ "$over" -ne 0 ] || [ -z "$BOOT_STAGE" ] ||
	remember "boot-${BOOT_STAGE//[^a-zA-Z0-9_.-]/-}" "$((SECONDS - start))"

# --------------------------------------------------- 7. judge

allow=()
[ -z "${JUDGE_ALLOW_OOM:-}" ] || allow=(-e '/invoked oom-killer/,/Mem-Info:/d')
[ -z "${JUDGE_ALLOW_ALLOC:-}" ] || allow+=(-e '/page allocation failure:/,/Mem-Info:/d')

# complaints: all of them. A call trace says nothing by itself: with the line before it
# that tells why
complaints()
{
	local line why=
	tr -d '\r' <"$LOG" | sed -e '' "${allow[@]}" | grep -a -E -B 8 "$bad" | while IFS= read -r line; do
		[[ ! $line =~ ^\[\ *[0-9.]+\]\ (.*) ]] || line=${BASH_REMATCH[1]}
		case $line in
		CPU:*|Tainted:*|'Hardware name:'*) ;;
		*'Call '[Tt]race*) echo "$line $why" ;;
		*)
			why=$line
			[[ ! $line =~ $bad ]] || echo "$line"
			;;
		esac
	done
}
[ -z "${COMPLAINTS:-}" ] || complaints >"$COMPLAINTS" || true

# What a guest that did not come to its end left on the console: from the first
# complaint on, or the last lines
last_lines()
{
	local first
	first=$(tr -d '\r' <"$LOG" | grep -a -n -m 1 -E "$bad" | cut -d: -f1 || true)
	if [ -n "$first" ]; then
		printf '%s\n' "--- the console from the first complaint on:" >&2
		tr -d '\r' <"$LOG" | sed -n "$((first > 2 ? first - 2 : 1)),$((first + 60))p" >&2
	else
		printf '%s\n' "--- last lines of the console:" >&2
		tail -n 20 "$LOG" | tr -d '\r' >&2
	fi
}

if [ "$over" -ne 0 ]; then
	last_lines
	progress_clear
	what="the guest was still running after $TIMEOUT s" limit=TIMEOUT
	[ "$over" -eq 1 ] || limit=STILL what="no word from the guest for $STILL s before its script, $((stills + 1)) boots"
	printf '%s\n' "rig: error: time limit: $what" \
		"rig:   full console log: $LOG" "rig:   a longer limit: $limit=seconds" >&2
	exit 124
fi

hits=$(tr -d '\r' <"$LOG" | sed -e '' "${allow[@]}" | grep -a -n -E "$bad" | head -n 20 || true)

status=
if [ -r "$work/verdict" ]; then
	while read -r word value; do
		[ "$word" != rig-verdict ] || status=$value
	done <"$work/verdict"
fi
if [ -z "$status" ]; then
	cat "$work/stderr" >&2
	last_lines
	progress_clear
	printf '%s\n' "rig: error: the guest ended without an end marker (crash, or QEMU did not start)" \
		"rig:   full console log: $LOG" >&2
	exit 125
fi
if [ -n "$hits" ]; then
	printf '%s\n' "rig: error: the kernel complained:" "$hits" "rig:   full console log: $LOG" >&2
	[ "$status" -ne 0 ] || status=1
fi
[ "$status" -eq 0 ] || [ -n "${RIG_QUIET:-}" ] || say "the script exited with status $status"
exit "$status"
