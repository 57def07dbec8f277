#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Bring the kernel source in build/src/$KVER/ up to date.
#
#   rig/source.sh stock     build/src/$KVER/stock: as the Debian package has it
#   rig/source.sh patched   also build/src/$KVER/patched: with our patches and files
#   rig/source.sh first     also build/src/$KVER/first: with the first mail alone
#
# Only files whose content changes are written, so that the next build compiles
# only what it has to. Our patches are tried on copies of the files they touch
# first: if a hunk does not apply, the tree stays as it was.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

what=${1:-stock}
one_of "kind of source" "$what" stock patched first
need_root
take_lock

tarball=/usr/src/linux-source-$KVER.tar.xz
package=linux-source-$KVER
work=

cleanup() { [ -z "$work" ] || rm -rf "$work"; }

# ------------------------------------------------- 1. the plain source

need_packages $(packages_source)

version=$(dpkg-query -W -f='${Version}' "$package")
mkdir -p "$SRC" "$BUILD/log"
# What an interrupted run left behind
rm -rf "$SRC"/.tmp.*

if [ "$(cat "$SRC/stock.version" 2>/dev/null)" != "$version" ]; then
	[ -r "$tarball" ] || die "package $package is installed but $tarball is missing" \
		"reinstall it: apt-get install --reinstall $package"
	need_space 4000 "the unpacked kernel source"
	rm -rf "$SRC"/{stock,patched,first}{.version,}
	mkdir "$SRC/.tmp.stock"
	# -m: new dates, so that objects built from an older package are stale
	timed "unpack $package $version" 20 "$BUILD/log/unpack.log" \
		tar -xmf "$tarball" -C "$SRC/.tmp.stock" --strip-components=1 ||
		die "cannot unpack $tarball" "$(tail -n 1 "$BUILD/log/unpack.log")"
	mv "$SRC/.tmp.stock" "$SRC/stock"
	echo "$version" >"$SRC/stock.version"
fi

[ "$what" != stock ] || exit 0

# ------------------------------------------------- 2. what we change and add

read_series
[ "${#series[@]}" -gt 0 ] ||
	die "patches/$KVER/series is missing or empty: there is nothing to build this flavour from" \
	    "FLAVOUR=stock and FLAVOUR=dynamic work without"
read_overlay
if [ "$what" = first ]; then
	series=("${series[0]}")
	mapfile -t files < <(sed -n "s,^${series[0]} ,,p" "$PATCHES/new-files")
fi
for f in "${files[@]}"; do
	[ ! -e "$SRC/stock/$f" ] ||
		die "$f exists in the plain kernel: it cannot be a file of ours" \
		    "change it by a patch in patches/$KVER/ instead"
done

# ------------------------------------------------- 3. try the patches on copies

work=$SRC/.tmp.apply
mkdir "$work"
mapfile -t touched < <(sed -n 's,^[-+][-+][-+] [ab]/\([^	]*\).*,\1,p' \
	"${series[@]/#/$PATCHES/}" | sort -u)
for f in "${touched[@]}"; do
	[ -f "$SRC/stock/$f" ] || continue
	mkdir -p "$work/$(dirname "$f")"
	cp -p "$SRC/stock/$f" "$work/$f"
done

for p in "${series[@]}"; do
	# Without the ceiling, git would take the paths as relative to our repository.
	if ! (cd "$work" && GIT_CEILING_DIRECTORIES=$SRC git apply --whitespace=nowarn \
	      "$PATCHES/$p") >"$BUILD/log/apply.log" 2>&1; then
		apply_failed "$p" "$BUILD/log/apply.log" "$package $version" \
			"the source tree was left as it was; rebase the patch (make tree, make refresh)"
	fi
done

for f in "${files[@]}"; do
	[ ! -e "$work/$f" ] ||
		die "$f is created by a patch and is a file of the repository as well" \
		    "keep one of them"
	mkdir -p "$work/$(dirname "$f")"
	cp "$ROOT/$f" "$work/$f"
done

# ------------------------------------------------- 4. carry over what differs

if [ "$(cat "$SRC/$what.version" 2>/dev/null)" != "$version" ]; then
	need_space 2500 "the patched kernel source"
	rm -rf "$SRC/$what".{version,files} "$SRC/${what:?}"
	timed "copy the source" 20 "$BUILD/log/unpack.log" \
		cp -a "$SRC/stock" "$SRC/.tmp.$what" || die "cannot copy the kernel source"
	mv "$SRC/.tmp.$what" "$SRC/$what"
	echo "$version" >"$SRC/$what.version"
fi

# Files that differ from stock: those of the last run and those of this one.
# The union is on disk before the first change, so an interrupted run heals.
mapfile -t wanted < <(printf '%s\n' "${touched[@]}" "${files[@]}" | sort -u)
mapfile -t all < <({ printf '%s\n' "${wanted[@]}"; cat "$SRC/$what.files" 2>/dev/null; } | sort -u)
printf '%s\n' "${all[@]}" >"$SRC/.tmp.files"
mv "$SRC/.tmp.files" "$SRC/$what.files"

changed=0
declare -A is_wanted=()
for f in "${wanted[@]}"; do is_wanted[$f]=1; done
for f in "${all[@]}"; do
	dst=$SRC/$what/$f
	if [ -n "${is_wanted[$f]:-}" ]; then
		new=$work/$f
	else
		new=$SRC/stock/$f
	fi
	if [ ! -e "$new" ]; then
		[ ! -e "$dst" ] || { rm -f "$dst"; changed=$((changed + 1)); }
	elif ! cmp -s "$new" "$dst"; then
		mkdir -p "$(dirname "$dst")"
		cp "$new" "$dst.rig-new"
		if [ -x "$new" ]; then chmod 755 "$dst.rig-new"; else chmod 644 "$dst.rig-new"; fi
		mv "$dst.rig-new" "$dst"
		changed=$((changed + 1))
	fi
done
printf '%s\n' "${wanted[@]}" >"$SRC/.tmp.files"
mv "$SRC/.tmp.files" "$SRC/$what.files"
[ "$changed" -eq 0 ] || say "source: ${#series[@]} patches, ${#files[@]} files of ours, $changed files updated"
