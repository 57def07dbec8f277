#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Build a kernel into build/$KVER-$ARCH/$FLAVOUR/, a kernel output folder that
# outside modules can be built against (make -C build/... M=...).
#
#   ARCH=x86_64|arm64 FLAVOUR=stock|dynamic|first|reclaim|reclaim-dynamic|debug|kcsan|rt|others|others-stock|
#                             mutant|mutant-reclaim-dynamic|mutant-debug
#
#   JOBS   compile jobs (number of CPUs)
set -euo pipefail
. "$(dirname "$0")/lib.sh"

ARCH=${ARCH:-x86_64}
FLAVOUR=${FLAVOUR:-reclaim}
check_arch
check_flavour
need_root
take_lock

out=$BUILD/$KVER-$ARCH/$FLAVOUR
log=$BUILD/log/kernel-$ARCH-$FLAVOUR.log
fragments=("$ROOT/configs/base.config" "$ROOT/configs/$ARCH.config")
kind=patched
config=$(config_of "$FLAVOUR")
case $config in
stock)           kind=stock ;;
first)           kind=first; fragments+=("$ROOT/configs/first.config") ;;
dynamic)         kind=stock; fragments+=("$ROOT/configs/dynamic.config") ;;
reclaim)         fragments+=("$ROOT/configs/reclaim.config") ;;
reclaim-dynamic) fragments+=("$ROOT/configs/reclaim.config" "$ROOT/configs/dynamic.config") ;;
others)          fragments+=("$ROOT/configs/reclaim.config" "$ROOT/configs/others.config") ;;
others-stock)    kind=stock; fragments+=("$ROOT/configs/others.config") ;;
debug|kcsan|rt)  fragments+=("$ROOT/configs/reclaim.config" "$ROOT/configs/$config.config") ;;
esac
extra=$ROOT/configs/${config%-stock}-$ARCH.config
[ ! -e "$extra" ] || fragments+=("$extra")
case $ARCH in
x86_64) image=arch/x86/boot/bzImage ;;
arm64)  image=arch/arm64/boot/Image ;;
esac

# --------------------------------------------------- 1. packages and source

need_packages $(packages_kernel)
# rig/mutate.sh has just broken that of a mutant
[[ $FLAVOUR == mutant* ]] || call "$ROOT/rig/source.sh" "$kind"
src=$SRC/$kind
[ -d "$src" ] || die "FLAVOUR=$FLAVOUR has no source" "make mutate makes and builds it"
cross=$(cross_prefix)
[ -e "$out/vmlinux" ] || need_space 1500 "a kernel"
mkdir -p "$out"

# Same objects in every clone, so that ccache hits across them
export CCACHE_BASEDIR=$BUILD CCACHE_NOHASHDIR=1
export KBUILD_BUILD_TIMESTAMP='2024-11-17 22:15:08 UTC' KBUILD_BUILD_USER=rig KBUILD_BUILD_HOST=rig KBUILD_BUILD_VERSION=1

kmake=(make -C "$src" O="$out" ARCH="$ARCH" CROSS_COMPILE="$cross" CC="ccache ${cross}gcc" HOSTCC="ccache gcc")
# Of kcsan only our files are instrumented, and those that look bounce buffers up: all that
# is reported is about them, and others' accesses to their data are noticed by the change of
# the value. mm/page_alloc.c is not, with what we have there: the kernel itself excludes it.
[ "$FLAVOUR" != kcsan ] || kmake+=(KCSAN_SANITIZE=n KCSAN_SANITIZE_swiotlb.o=y
	KCSAN_SANITIZE_swiotlb_reclaim.o=y KCSAN_SANITIZE_swiotlb_cushion.o=y KCSAN_SANITIZE_test_swiotlb.o=y
	KCSAN_SANITIZE_direct.o=y KCSAN_SANITIZE_mapping.o=y)

# --------------------------------------------------- 2. configuration
#
# allnoconfig plus the fragments. It is made anew when a fragment, a Kconfig
# file or the compiler changed.

inputs=$({ cat "${fragments[@]}" "$SRC/stock.version"; "${cross}gcc" --version
	   [ "$kind" = stock ] || grep Kconfig "$SRC/$kind.files" |
		while read -r f; do cat "$src/$f"; done || true; } | sha256sum)
if [ ! -e "$out/.config" ] || [ "$(cat "$out/.rig-config" 2>/dev/null)" != "$inputs" ]; then
	rm -f "$out/.rig-config"
	cat "${fragments[@]}" >"$out/.rig-fragments"
	[ ! -e "$out/.config" ] || cp -p "$out/.config" "$out/.rig-old"
	timed "configure $ARCH $FLAVOUR" 10 "$log" \
		"${kmake[@]}" KCONFIG_ALLCONFIG="$out/.rig-fragments" allnoconfig || {
		tail -n 20 "$log" >&2
		die "cannot configure the kernel" "full log: ${log#"$ROOT"/}"
	}
	# Every line of the fragments must have survived; the last one wins.
	declare -A want=()
	while IFS= read -r line; do
		if [[ $line =~ ^(CONFIG_[A-Za-z0-9_]+)=(.*)$ ]]; then
			want[${BASH_REMATCH[1]}]=${BASH_REMATCH[2]}
		elif [[ $line =~ ^#\ (CONFIG_[A-Za-z0-9_]+)\ is\ not\ set$ ]]; then
			want[${BASH_REMATCH[1]}]=n
		fi
	done <"$out/.rig-fragments"
	declare -A have=()
	while IFS='=' read -r name value; do
		[[ $name != CONFIG_* ]] || have[$name]=$value
	done <"$out/.config"
	lost=()
	for name in "${!want[@]}"; do
		[ "${have[$name]:-n}" = "${want[$name]}" ] ||
			lost+=("$name: wanted ${want[$name]}, got ${have[$name]:-n}")
	done
	if [ "${#lost[@]}" -gt 0 ]; then
		rm -f "$out/.config"
		die "the configuration for $ARCH $FLAVOUR lost options (unknown, or a dependency is missing)" \
		    "${lost[@]}"
	fi
	# An unchanged configuration keeps its date
	if cmp -s "$out/.config" "$out/.rig-old"; then
		mv "$out/.rig-old" "$out/.config"
	fi
	rm -f "$out/.rig-old"
	echo "$inputs" >"$out/.rig-config"
fi

# --------------------------------------------------- 3. build

start=$SECONDS
case $config in debug) guess=2900 ;; *) guess=2300 ;; esac
if ! counted "kernel $ARCH $FLAVOUR" "$guess" "$log" "${kmake[@]}" -j"$NPROC" all; then
	grep -E -B2 -A6 'error:|Error [0-9]|undefined reference|\*\*\*' "$log" | head -n 40 >&2 ||
		tail -n 20 "$log" >&2
	die "the kernel does not build" "full log: ${log#"$ROOT"/}"
fi
grep -E 'warning:' "$log" | sort -u | head -n 20 >&2 || true

# --------------------------------------------------- 4. ready for use by others
#
# GNU make prefers this file: make -C <here> M=... works without ARCH and
# CROSS_COMPILE. The kernel's own makefiles never read it.

cat >"$out/.GNUmakefile.new" <<END
# Generated by rig/kernel.sh
export ARCH ?= $ARCH
export CROSS_COMPILE ?= $cross
include $out/Makefile
END
if ! cmp -s "$out/.GNUmakefile.new" "$out/GNUmakefile"; then
	mv "$out/.GNUmakefile.new" "$out/GNUmakefile"
fi
rm -f "$out/.GNUmakefile.new"
for f in "$image" Module.symvers vmlinux; do
	[ -e "$out/$f" ] || die "the build ended without ${out#"$ROOT"/}/$f" "full log: ${log#"$ROOT"/}"
done
[ -n "${RIG_QUIET:-}" ] || say "kernel: ${out#"$ROOT"/}/$image ($(hms $((SECONDS - start))))"
