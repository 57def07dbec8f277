# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034,SC2153
#
# What all scripts of the rig share: paths, messages, progress, checks, the lock.
# To be sourced. Variables that the caller may set in the environment:
#
#   ARCH      x86_64 or arm64
#   FLAVOUR   one of FLAVOURS below
#   KVER      kernel base, a folder below patches/ (6.12)

export LC_ALL=C

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
BUILD=$ROOT/build
KVER=${KVER:-6.12}
SRC=$BUILD/src/$KVER
PATCHES=${RIG_PATCHES:-$ROOT/patches/$KVER}
OVERLAY_ROOTS=(mm kernel include lib Documentation tools/testing)
FLAVOURS=(stock dynamic first reclaim reclaim-dynamic debug kcsan rt mutant mutant-reclaim-dynamic mutant-debug
	  others others-stock)

# The repository may belong to somebody else than root; git would refuse it.
# Only command scope counts for this setting, so it has to be the environment.
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE

# A bare chroot may have no /proc, which bash needs for <(...), and QEMU as well.
# Mounted for as long as we run.
if [ ! -e /proc/self/fd ] && [ "$(id -u)" -eq 0 ]; then
	if ! mount -t proc proc /proc 2>/dev/null; then
		echo "rig: error: /proc is not mounted, and mounting it failed" >&2
		echo "rig:   mount it: mount -t proc proc /proc" >&2
		exit 1
	fi
	RIG_PROC=$$
fi

# Nothing of the calling make may reach the makes that we start.
unset MAKEFLAGS MAKELEVEL MFLAGS MAKEOVERRIDES MAKEFILES
NPROC=${JOBS:-$(nproc)}

# --------------------------------------------------------------- messages

say() { printf '%s\n' "rig: $*" >&2; }
warn() { printf '%s\n' "rig: warning: $*" >&2; }

# die MESSAGE [NEXT-STEP...]
died=
die()
{
	died=1
	progress_clear
	printf '%s\n' "rig: error: $1" >&2
	shift
	local line
	for line in "$@"; do
		printf '%s\n' "rig:   $line" >&2
	done
	exit 1
}

# --------------------------------------------------------------- progress
#
# A terminal gets one line that is rewritten; a log gets a line every 10 s.

if [ -t 2 ]; then RIG_TTY=1; else RIG_TTY=; fi
progress_shown=
progress_last=0

hms()
{
	if [ "$1" -ge 60 ]; then
		printf '%d min %02d s' $(($1 / 60)) $(($1 % 60))
	else
		printf '%d s' "$1"
	fi
}

progress_clear()
{
	[ -z "$progress_shown" ] || printf '\r\033[K' >&2
	progress_shown=
}

# progress STAGE PERCENT SECONDS-SO-FAR SECONDS-LEFT(or -)
progress()
{
	local line left=
	[ "$4" = - ] || left=", $(hms "$4") left"
	line="$1: $2%, $(hms "$3")$left"
	if [ -n "$RIG_TTY" ]; then
		printf '\r\033[K%s' "rig: $line" >&2
		progress_shown=1
	elif [ $((SECONDS - progress_last)) -ge 10 ]; then
		printf '%s\n' "rig: $line" >&2
		progress_last=$SECONDS
	fi
}

# What a stage took or counted the last time; the default before that.
recall()
{
	local n=
	[ ! -r "$BUILD/times/$1" ] || read -r n <"$BUILD/times/$1" || true
	case $n in ''|*[!0-9]*) n=$2 ;; esac
	echo "$n"
}

remember()
{
	mkdir -p "$BUILD/times"
	echo "$2" >"$BUILD/times/$1"
}

# Commands that must not outlive us, and must not hold our lock: when this
# shell dies, even by SIGKILL, they get SIGTERM (make passes it on to its jobs).
guarded()
{
	exec setpriv --pdeathsig TERM -- "$@" 9>&-
}

# No failure without a word: where a command failed that nobody asked about.
failed_at=
set -E
trap 'failed_at="$? ${BASH_SOURCE[0]##*/}:$LINENO: $BASH_COMMAND"' ERR

CHILD=
on_exit()
{
	local status=$?
	progress_clear
	# shellcheck disable=SC2016  # the text of a command
	case $failed_at in
	*/rig/*.sh*|*'=$('*|*'return "$status"') ;;	# it has said why
	"$status "*) [ -n "$died" ] || printf '%s\n' "rig: error: stopped at ${failed_at#* }" >&2 ;;
	esac
	if [ -n "$CHILD" ]; then
		kill "$CHILD" 2>/dev/null || true
		wait "$CHILD" 2>/dev/null || true
	fi
	if declare -F cleanup >/dev/null; then
		cleanup
	fi
	[ "${RIG_PROC:-}" != $$ ] || umount -l /proc 2>/dev/null || true
	exit "$status"
}
trap on_exit EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# call COMMAND...: one of our own scripts. In the background, because bash acts on
# a signal only after a foreground command has ended.
call()
{
	local status=0
	(exec setpriv --pdeathsig TERM -- "$@") &
	CHILD=$!
	wait "$CHILD" || status=$?
	CHILD=
	return "$status"
}

# timed STAGE SECONDS LOG COMMAND...
# Run a command with its output in LOG. Progress is by time: SECONDS is what to
# expect the first time; later the time of the last success is expected.
timed()
{
	local stage=$1 key est log=$3 start=$SECONDS status=0 ran pct
	key=${stage//[^a-zA-Z0-9_.-]/-}
	est=$(recall "$key" "$2")
	shift 3
	mkdir -p "$(dirname "$log")"
	progress_last=$SECONDS
	guarded "$@" >"$log" 2>&1 </dev/null &
	CHILD=$!
	while kill -0 "$CHILD" 2>/dev/null; do
		ran=$((SECONDS - start))
		pct=$((est > 0 ? ran * 100 / est : 99))
		[ "$pct" -lt 99 ] || pct=99
		[ "$ran" -lt 2 ] || progress "$stage" "$pct" "$ran" "$((est > ran ? est - ran : 1))"
		sleep 0.2
	done
	wait "$CHILD" || status=$?
	CHILD=
	progress_clear
	if [ "$status" -eq 0 ]; then
		ran=$((SECONDS - start))
		remember "$key" "$ran"
		[ "$ran" -lt 3 ] || say "$stage: done, $(hms "$ran")"
	fi
	return "$status"
}

# counted STAGE LINES LOG COMMAND...
# The same with progress by the lines the command writes; LINES is the first guess.
counted()
{
	local stage=$1 key expect log=$3 start=$SECONDS status=0 ran pct n=0 left
	key=${stage//[^a-zA-Z0-9_.-]/-}
	expect=$(recall "$key" "$2")
	shift 3
	mkdir -p "$(dirname "$log")"
	: >"$log"
	progress_last=$SECONDS
	guarded "$@" >"$log" 2>&1 </dev/null &
	CHILD=$!
	while kill -0 "$CHILD" 2>/dev/null; do
		ran=$((SECONDS - start))
		if [ "$ran" -ge 2 ]; then
			n=$(wc -l <"$log")
			pct=$((expect > 0 ? n * 100 / expect : 99))
			[ "$pct" -lt 99 ] || pct=99
			left=-
			if [ "$n" -gt 20 ]; then
				left=$((expect > n ? ran * (expect - n) / n + 1 : 2))
			fi
			progress "$stage" "$pct" "$ran" "$left"
		fi
		sleep 0.5
	done
	wait "$CHILD" || status=$?
	CHILD=
	progress_clear
	if [ "$status" -eq 0 ]; then
		ran=$((SECONDS - start))
		n=$(wc -l <"$log")
		# An incremental run says nothing about a full one.
		[ "$n" -lt $((expect / 2)) ] || remember "$key" "$n"
		[ "$ran" -lt 3 ] || say "$stage: done, $(hms "$ran")"
	fi
	return "$status"
}

# ----------------------------------------------------------------- checks

one_of()
{
	local name=$1 value=$2 v
	shift 2
	for v in "$@"; do
		[ "$value" != "$v" ] || return 0
	done
	die "unknown $name '$value'" "$name is one of: $*"
}

check_arch() { one_of ARCH "$ARCH" x86_64 arm64; }
check_flavour() { one_of FLAVOUR "$FLAVOUR" "${FLAVOURS[@]}"; }

# config_of FLAVOUR: whose configuration it has. That of mutant is that of reclaim.
config_of()
{
	case $1 in
	mutant) echo reclaim ;;
	*) echo "${1#mutant-}" ;;
	esac
}

check_number()
{
	local name=$1 value=$2 min=$3 max=$4
	case $value in
	''|*[!0-9]*) die "$name='$value' is not a number" "$name is $min to $max" ;;
	esac
	if [ "${#value}" -gt 9 ] || [ "$((10#$value))" -lt "$min" ] || [ "$((10#$value))" -gt "$max" ]; then
		die "$name=$value is out of range" "$name is $min to $max"
	fi
}

check_number JOBS "$NPROC" 1 4096

# check_test NAME: whether make test knows it
check_test()
{
	local tests
	tests=$(cd "$ROOT/tools/testing/selftests/swiotlb" && printf '%s ' *.sh)
	tests="rig kunit ${tests/swiotlb_lib.sh /}"
	[[ " $tests" == *" $1 "* ]] || die "TESTS: there is no test '$1'" "tests: $tests"
}

# A size with M or G, in MiB
mib()
{
	local name=$1 value=$2 n
	[[ $value =~ ^[0-9]{1,7}[MG]$ ]] ||
		die "$name='$value' is not a size" "give a number with M or G, such as $name=1G"
	n=$((10#${value%?}))
	[ "${value: -1}" = M ] || n=$((n * 1024))
	echo "$n"
}

check_kver()
{
	[[ $KVER =~ ^[0-9]+\.[0-9]+$ ]] || die "KVER='$KVER' is not a kernel version such as 6.12"
	[ "$KVER" = 6.12 ] || [ -d "$PATCHES" ] ||
		die "there are no patches for kernel $KVER" "folders in patches/: $(ls "$ROOT/patches")"
}

need_root()
{
	[ "$(id -u)" -eq 0 ] ||
		die "this needs root: it installs packages and packs a guest file system" \
		    "run it as root, for instance: sudo make ..."
}

# need_space MIB WHAT: room in build/
need_space()
{
	local have
	mkdir -p "$BUILD"
	have=$(df -Pm "$BUILD" | awk_field 4)
	[ "$have" -ge "$1" ] ||
		die "not enough disk space for $2: $1 MiB needed, $have MiB found in $BUILD" \
		    "free some space (make clean drops built kernels), or move the folder to a bigger disk"
}

# The N-th field of the last line; bare systems have no awk worth relying on.
awk_field()
{
	local -a f=()
	local line
	while read -r line; do
		read -r -a f <<<"$line"
	done
	echo "${f[$1 - 1]}"
}

# One run per folder. The lock is on descriptor 9, which guarded() closes for
# everything that lives longer than we do; scripts called by scripts inherit it.
take_lock()
{
	[ -z "${RIG_LOCKED:-}" ] || return 0
	mkdir -p "$BUILD"
	exec 9>>"$BUILD/.lock"
	if ! flock -n 9; then
		die "another run is going on in this folder (process $(cat "$BUILD/.lock.pid" 2>/dev/null || echo unknown))" \
		    "wait for it to end, or use another clone"
	fi
	echo "$$" >"$BUILD/.lock.pid"
	export RIG_LOCKED=$$
	# What a killed run left behind
	rm -rf "$BUILD/tmp"
}

# --------------------------------------------------------------- packages

host_arch() { dpkg --print-architecture; }

deb_arch()
{
	case $1 in
	x86_64) echo amd64 ;;
	arm64) echo arm64 ;;
	esac
}

# Prefix of the tools that build for ARCH; empty for the machine's own
cross_prefix()
{
	[ "$(host_arch)" != "$(deb_arch "$ARCH")" ] || return 0
	case $ARCH in
	x86_64) echo x86_64-linux-gnu- ;;
	arm64) echo aarch64-linux-gnu- ;;
	esac
}

packages_compiler()
{
	echo gcc libc6-dev
	if [ -n "$(cross_prefix)" ]; then
		case $ARCH in
		x86_64) echo gcc-x86-64-linux-gnu libc6-dev-amd64-cross ;;
		arm64) echo gcc-aarch64-linux-gnu libc6-dev-arm64-cross ;;
		esac
	fi
}

packages_source() { echo "linux-source-$KVER" tar xz-utils git; }

packages_kernel()
{
	packages_source
	packages_compiler
	echo make bc bison flex perl libelf-dev libssl-dev ccache kmod cpio rsync
}

packages_guest()
{
	packages_compiler
	echo mmdebstrap e2fsprogs
	case $ARCH in
	x86_64) echo qemu-system-x86 ;;
	arm64) echo qemu-system-arm ;;
	esac
}

# need_packages NAME...: install what is missing
need_packages()
{
	local p missing=() log=$BUILD/log/apt.log
	for p in "$@"; do
		[ "$(dpkg-query -W -f='${db:Status-Status}' "$p" 2>/dev/null)" = installed ] ||
			missing+=("$p")
	done
	[ "${#missing[@]}" -gt 0 ] || return 0
	need_space 1500 "packages and their download"
	say "installing packages: ${missing[*]}"
	mkdir -p "$BUILD/log"
	if ! timed "package lists" 15 "$log" apt-get -q update; then
		warn "apt-get update failed (see ${log#"$ROOT"/}); trying with the lists that are there"
	fi
	if ! timed "packages" 120 "$log" env DEBIAN_FRONTEND=noninteractive \
	     apt-get -q -y --no-install-recommends install "${missing[@]}"; then
		tail -n 5 "$log" >&2
		die "could not install: ${missing[*]}" \
		    "full log: ${log#"$ROOT"/}" \
		    "check the network and the apt sources, or install these packages by hand"
	fi
}

# ------------------------------------------------------ a Debian for the guest

guest_suite()
{
	local suite
	suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
	case $suite in
	bookworm|trixie) ;;
	*) suite=trixie ;;
	esac
	echo "$suite"
}

# The machine's own apt sources: whatever it can install from, so can we.
debian_sources()
{
	local key=/usr/share/keyrings/debian-archive-keyring.gpg opt=
	[ ! -r "$key" ] || opt="[signed-by=$key] "
	# shellcheck disable=SC2016  # these are apt's fields
	apt-get indextargets --format "deb $opt"'$(REPO_URI) $(RELEASE) $(COMPONENT)' \
		'Created-By: Packages' 'Origin: Debian' "Codename: $1" | sort -u
}

# extract_debian STAGE A,B,... DIR: packages of ARCH and what they depend on, into
# DIR, without running any of their scripts
extract_debian()
{
	local suite line opts=() log=$BUILD/log/${1//[^a-zA-Z0-9_.-]/-}.log
	suite=$(guest_suite)
	{ debian_sources "$suite"
	  debian_sources "$suite-updates"
	  debian_sources "$suite-security"; } >"$3.sources.list"
	if [ ! -s "$3.sources.list" ]; then
		timed "package lists" 15 "$BUILD/log/apt.log" apt-get -q update || true
		debian_sources "$suite" >"$3.sources.list"
	fi
	[ -s "$3.sources.list" ] ||
		die "apt on this machine knows no source of Debian $suite" \
		    "add one to /etc/apt/sources.list and run apt-get update"
	while IFS= read -r line; do
		opts+=("--aptopt=$line")
	done < <(apt-config dump | grep -E '^Acquire::(http|https|Check-Valid-Until|Check-Date|Retries)' |
		 grep -v ' "";$')
	timed "$1" 40 "$log" \
		mmdebstrap --variant=extract --architectures="$(deb_arch "$ARCH")" "${opts[@]}" \
		--include="$2" "$suite" "$3" "$3.sources.list" || {
		tail -n 8 "$log" >&2
		die "cannot get the guest's packages ($2)" \
		    "full log: ${log#"$ROOT"/}" "check the network and the apt sources"
	}
}

# ------------------------------------------------------------------- disk
#
# 24 files of 64 MiB, for guests that read more than they have memory

FILES_DISK=$BUILD/guest/demo.img

make_disk_of_files()
{
	local dir=$BUILD/guest/files i
	mkdir -p "$dir/files"
	# No zeros: mkfs would leave holes, and reading them would be no I/O
	head -c 4194304 /dev/urandom >"$dir/chunk"
	for ((i = 0; i < 24; i++)); do
		for _ in {1..16}; do cat "$dir/chunk"; done >"$dir/files/$i"
	done
	rm "$dir/chunk"
	mkfs.ext4 -q -F -m 0 -d "$dir" "$FILES_DISK.tmp" 2500M
}

disk_of_files()
{
	[ ! -e "$FILES_DISK" ] || return 0
	need_space 4500 "a disk full of files"
	rm -rf "$BUILD/guest/files" "$FILES_DISK.tmp"
	export BUILD FILES_DISK
	export -f make_disk_of_files
	timed "disk with 1.5 GiB of files" 20 "$BUILD/log/disk.log" bash -ec make_disk_of_files || {
		rm -rf "$BUILD/guest/files" "$FILES_DISK.tmp"
		die "cannot make the disk" "$(tail -n 1 "$BUILD/log/disk.log")"
	}
	rm -rf "$BUILD/guest/files"
	mv "$FILES_DISK.tmp" "$FILES_DISK"
}

# ------------------------------------------------------- series and our files

# read_series: the mails in order, into series
read_series()
{
	local line
	series=()
	[ -r "$PATCHES/series" ] || return 0
	while read -r line; do
		case $line in ''|'#'*) continue ;; esac
		[ -r "$PATCHES/$line" ] ||
			die "patches/$KVER/series names $line, which is not there"
		series+=("$line")
	done <"$PATCHES/series"
}

# read_overlay: the files that we add to the kernel, into files
read_overlay()
{
	local f all
	files=()
	if git -C "$ROOT" rev-parse --is-inside-work-tree >/dev/null 2>&1; then
		mapfile -t all < <(git -C "$ROOT" ls-files -co --exclude-standard -- "${OVERLAY_ROOTS[@]}" | sort -u)
	else
		mapfile -t all < <(cd "$ROOT" && find "${OVERLAY_ROOTS[@]}" -type f ! -name '*~' ! -name '.*' 2>/dev/null | sort)
	fi
	for f in "${all[@]}"; do
		# A file may be tracked and yet removed
		[ ! -f "$ROOT/$f" ] || files+=("$f")
	done
}

# hunk_of PATCH FILE LINE: which hunk of FILE begins at LINE
hunk_of()
{
	local line n=0 in=
	while IFS= read -r line; do
		case $line in
		"--- "*) in=; n=0 ;;
		"+++ b/$2"*) in=1 ;;
		"@@ -"*)
			[ -n "$in" ] || continue
			n=$((n + 1))
			if [[ $line =~ ^@@\ -$3[,\ ] ]]; then
				echo "$n ($line)"
				return
			fi ;;
		esac
	done <"$1"
	echo "?"
}

# apply_failed PATCH LOG-OF-GIT-APPLY BASE NEXT-STEP
apply_failed()
{
	local line lines=()
	while IFS= read -r line; do
		if [[ $line =~ ^error:\ patch\ failed:\ (.*):([0-9]+)$ ]]; then
			lines+=("file ${BASH_REMATCH[1]}, line ${BASH_REMATCH[2]}, hunk $(hunk_of \
				"$PATCHES/$1" "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}")")
		else
			lines+=("$line")
		fi
	done <"$2"
	die "patches/$KVER/$1 does not apply to $3" "${lines[@]}" "$4"
}

check_kver
