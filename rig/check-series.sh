#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Does each mail of the series compile by itself, and the whole of it with every
# combination of the options?
#
#   ARCH=x86_64|arm64   only this one (both)
#   PART=each|options   only one half
#
# Each commit in turn compiles what it touches with W=1: mm/ and kernel/dma/ as
# a whole if a header changed, else the directories of its files there, and single
# objects elsewhere. Warnings that the plain source does not have are errors here.
#
# With the option off, struct zone must have the layout of the plain source.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

case ${ARCH:-} in
'') archs=(x86_64 arm64) ;;
*) check_arch; archs=("$ARCH") ;;
esac
PART=${PART:-}
one_of PART "$PART" '' each options
need_root
take_lock
for ARCH in "${archs[@]}"; do
	need_packages $(packages_kernel) dwarves
done

tree=$BUILD/tree/$KVER
dir=$BUILD/check-series
src=$dir/src
log=$BUILD/log/check-series.log
export CCACHE_BASEDIR=$BUILD CCACHE_NOHASHDIR=1
export KBUILD_BUILD_TIMESTAMP='2024-11-17 22:15:08 UTC' KBUILD_BUILD_USER=rig KBUILD_BUILD_HOST=rig KBUILD_BUILD_VERSION=1

# --------------------------------------------------- 1. a checkout to build in

call "$ROOT/rig/tree.sh" series
need_space 2000 "objects"
mkdir -p "$dir"
version=$(cat "$SRC/stock.version")
rm -rf "$dir/.tmp.src"
if [ "$(cat "$dir/src.version" 2>/dev/null)" != "$version" ]; then
	# Hard links: quick and small. A file is replaced here, never written to.
	rm -rf "$src" "$dir/src.version"
	timed "link the plain source" 10 "$log" cp -al "$SRC/stock" "$dir/.tmp.src" ||
		die "cannot link the source" "$(tail -n 1 "$log")"
	mv "$dir/.tmp.src" "$src"
	git -C "$tree" rev-parse base >"$dir/src.commit"
	echo "$version" >"$dir/src.version"
fi

# go COMMIT: make the checkout that of COMMIT; files that do not differ keep their date
go()
{
	local from to f
	from=$(cat "$dir/src.commit")
	to=$(git -C "$tree" rev-parse "$1")
	# What an interrupted change may have touched as well
	{ cat "$dir/src.list" 2>/dev/null || true
	  git -C "$tree" diff --name-only --no-renames "$from" "$to"; } | sort -u >"$dir/src.new"
	mv "$dir/src.new" "$dir/src.list"
	while read -r f; do
		if git -C "$tree" cat-file -e "$to:$f" 2>/dev/null; then
			mkdir -p "$src/${f%/*}"
			git -C "$tree" cat-file blob "$to:$f" >"$src/$f.rig-new"
			[ "$(git -C "$tree" ls-tree "$to" -- "$f" | cut -c 1-6)" != 100755 ] ||
				chmod 755 "$src/$f.rig-new"
			mv -f "$src/$f.rig-new" "$src/$f"
		else
			rm -f "$src/$f"
		fi
	done <"$dir/src.list"
	echo "$to" >"$dir/src.commit"
	rm "$dir/src.list"
}

mapfile -t commits < <(git -C "$tree" rev-list --reverse base..refs/rig/series)
total=0 done_steps=0 bad=0
[ "$PART" = options ] || total=$((${#archs[@]} * (${#commits[@]} + 1)))
[ "$PART" = each ] || total=$((total + ${#archs[@]} * 8))

# build NAME OUT TARGET...: warnings and errors, without positions, to OUT.warnings
build()
{
	local name=$1 out=$2 status=0
	shift 2
	done_steps=$((done_steps + 1))
	counted "step $done_steps of $total, $name" 150 "$log" \
		make -C "$src" O="$out" ARCH="$ARCH" CROSS_COMPILE="$(cross_prefix)" \
		CC="ccache $(cross_prefix)gcc" HOSTCC="ccache gcc" -j"$NPROC" W=1 "$@" || status=$?
	grep -E '(warning|error):' "$log" | sed 's/:[0-9][0-9]*:[0-9:]*/:/' | sort -u >"$out.warnings" || true
	return "$status"
}

# configure OUT LINES...: allnoconfig with our fragments and these lines
configure()
{
	local out=$1
	shift
	mkdir -p "$out"
	{ cat "$ROOT/configs/base.config" "$ROOT/configs/$ARCH.config"; printf '%s\n' "$@"; } >"$out.fragments"
	make -C "$src" O="$out" ARCH="$ARCH" CROSS_COMPILE="$(cross_prefix)" CC="ccache $(cross_prefix)gcc" \
		HOSTCC="ccache gcc" KCONFIG_ALLCONFIG="$out.fragments" allnoconfig >"$log" 2>&1 9>&- ||
		die "cannot configure" "$(tail -n 3 "$log")"
}

# zone_layout OUT: as pahole prints it. mm/page_alloc.o has been built there, and is
# compiled once more the same way, with debugging information.
zone_layout()
{
	local cmd

	cmd=$(sed -n '1s/^[^=]*:= //p' "$1/mm/.page_alloc.o.cmd")
	(cd "$1" && eval "${cmd%% ; *} -g -o $1.zone.o") >"$log" 2>&1 || return
	pahole -C zone "$1.zone.o"
}

verdict()	# NAME STATUS OUT BASELINE
{
	local new
	new=$(comm -23 "$3.warnings" "$4")
	if [ "$2" -ne 0 ] || [ -n "$new" ]; then
		bad=$((bad + 1))
		echo "FAIL - $1"
		grep -E -A3 '(warning|error):|\*\*\*' "$log" | head -n 30 | sed 's/^/    /' || true
	else
		echo "ok - $1"
	fi
}

# --------------------------------------------------- 2. each commit

reclaim=("CONFIG_SWIOTLB_RECLAIM=y" "CONFIG_SWIOTLB_RECLAIM_KUNIT_TEST=y"
	 "CONFIG_SWIOTLB_KUNIT_TEST=y" "CONFIG_TEST_SWIOTLB=m")
if [ "$PART" != options ]; then
	for ARCH in "${archs[@]}"; do
		out=$dir/$ARCH
		go base
		configure "$out" "${reclaim[@]}"
		build "$ARCH, the plain source" "$out" mm/ kernel/dma/ || die "the plain source does not compile" "log: $log"
		sort -u "$out.warnings" >"$out.baseline"
		zone_layout "$out" >"$out.zone" || die "cannot tell the layout of struct zone" "log: $log"
		n=0
		for c in "${commits[@]}"; do
			n=$((n + 1))
			go "$c"
			title=$(git -C "$tree" log -1 --format=%s "$c")
			targets=()
			while read -r f; do
				case $f in
				tools/*|Documentation/*) ;;
				mm/*.[ch]) targets+=(mm/) ;;
				kernel/dma/*.[ch]) targets+=(kernel/dma/) ;;
				*.h|*Kconfig*) targets+=(mm/ kernel/dma/) ;;
				*.c) targets+=("${f%.c}.o") ;;
				mm/*|kernel/dma/*) targets+=("${f%/*}/") ;;
				esac
			done < <(git -C "$tree" diff-tree -r --no-commit-id --name-only --diff-filter=d "$c")
			configure "$out" "${reclaim[@]}"
			mapfile -t targets < <(printf '%s\n' "${targets[@]}" | sort -u | grep . || true)
			name="$ARCH $n/${#commits[@]} $title (${targets[*]:-nothing to compile})"
			status=0
			if [ "${#targets[@]}" -gt 0 ]; then
				build "$ARCH, mail $n" "$out" "${targets[@]}" || status=$?
			else
				done_steps=$((done_steps + 1))
				: >"$out.warnings"
			fi
			verdict "$name" "$status" "$out" "$out.baseline"
		done
	done
fi

# --------------------------------------------------- 3. the options

if [ "$PART" != each ]; then
	go refs/rig/series
	for ARCH in "${archs[@]}"; do
		for r in y n; do for c in y n; do for d in y n; do
			lines=()
			[ $r = n ] || lines+=("${reclaim[@]}")
			[ $r = y ] || lines+=("# CONFIG_SWIOTLB_RECLAIM is not set")
			[ $c = y ] || lines+=("# CONFIG_CMA is not set")
			[ $d = n ] || lines+=("CONFIG_SWIOTLB_DYNAMIC=y")
			out=$dir/$ARCH-options
			configure "$out" "${lines[@]}"
			name="$ARCH SWIOTLB_RECLAIM=$r CMA=$c SWIOTLB_DYNAMIC=$d"
			for o in SWIOTLB_RECLAIM:$r CMA:$c SWIOTLB_DYNAMIC:$d; do
				got=n
				! grep -q "^CONFIG_${o%:*}=y" "$out/.config" || got=y
				[ "$got" = "${o#*:}" ] || { bad=$((bad + 1)); echo "FAIL - $name: ${o%:*} is $got"; }
			done
			status=0
			targets=(mm/ kernel/dma/)
			[ ! -e "$src/lib/test_swiotlb.c" ] || targets+=(lib/test_swiotlb.o)
			build "$name" "$out" "${targets[@]}" || status=$?
			[ -e "$dir/$ARCH.baseline" ] || : >"$dir/$ARCH.baseline"
			verdict "$name" "$status" "$out" "$dir/$ARCH.baseline"
			if [ "$status" -ne 0 ] || [ $r$c$d != nyn ] || [ ! -s "$dir/$ARCH.zone" ]; then
				continue
			fi
			name="$ARCH, the option off: struct zone is that of the plain source"
			if [ "$(zone_layout "$out")" = "$(cat "$dir/$ARCH.zone")" ]; then
				echo "ok - $name"
			else
				bad=$((bad + 1))
				echo "FAIL - $name"
			fi
		done; done; done
	done
fi
[ "$bad" -eq 0 ] || die "$bad of $total steps failed"
say "all $total steps compile without a new warning"
