#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Make the guest's user land: build/guest/$ARCH/root.img, a Debian extracted
# without running any of its scripts (so a foreign architecture needs no
# emulator), with rig/guest/init as its init and our helpers compiled in.
#
#   ARCH=x86_64|arm64 rig/guest.sh
set -euo pipefail
. "$(dirname "$0")/lib.sh"

ARCH=${ARCH:-x86_64}
check_arch
need_root
take_lock

dir=$BUILD/guest/$ARCH
image=$dir/root.img
packages=bash,coreutils,busybox,stress-ng,fio,e2fsprogs,kmod,util-linux,mount,procps,grep,sed,findutils
need_packages $(packages_guest)

# ---------------------------------------------- 1. extract

stamp="$(guest_suite) $packages"
if [ "$(cat "$dir/root.stamp" 2>/dev/null)" != "$stamp" ]; then
	need_space 1500 "the guest's file system"
	rm -rf "$dir/root.stamp" "$dir/root" "$image"
	mkdir -p "$dir"
	extract_debian "guest user land $ARCH" "$packages" "$dir/root"
	# Some releases leave /bin and /lib to a package script: merge them here.
	for d in bin sbin lib lib64; do
		if [ -d "$dir/root/$d" ] && [ ! -L "$dir/root/$d" ]; then
			mkdir -p "$dir/root/usr/$d"
			cp -a "$dir/root/$d/." "$dir/root/usr/$d/"
			rm -rf "${dir:?}/root/$d"
			ln -s "usr/$d" "$dir/root/$d"
		fi
	done
	rm -rf "$dir/root/usr/share/doc" "$dir/root/usr/share/man" "$dir/root/usr/share/locale" \
		"$dir/root/usr/share/info" "$dir/root/var/cache" "$dir/root/var/lib/apt" \
		"$dir/root/usr/share/i18n" "$dir/root/usr/lib/udev"
	echo "$stamp" >"$dir/root.stamp"
fi

# ---------------------------------------------- 2. our part, and the image

inputs=$(cat "$dir/root.stamp" "$ROOT"/rig/guest/{init,shell.rc,*.c} "$0" | sha256sum)
if [ ! -e "$image" ] || [ "$(cat "$dir/image.stamp" 2>/dev/null)" != "$inputs" ]; then
	rm -f "$dir/image.stamp" "$image.tmp"
	mkdir -p "$dir/root/rig" "$dir/root/job" "$dir/root/mnt" "$dir/root/dev" "$dir/root/proc" \
		"$dir/root/sys" "$dir/root/tmp" "$dir/root/run" "$dir/root/root" "$dir/root/etc"
	rm -f "$dir/root/rig"/*
	for f in "$ROOT"/rig/guest/*.c; do
		"$(cross_prefix)gcc" -O2 -Wall -static -o "$dir/root/rig/$(basename "$f" .c)" "$f"
	done
	for f in init shell.rc; do
		cp "$ROOT/rig/guest/$f" "$dir/root/rig/$f"
	done
	chmod 755 "$dir/root/rig"/*
	echo 'root:x:0:0:root:/root:/bin/bash' >"$dir/root/etc/passwd"
	echo 'root:x:0:' >"$dir/root/etc/group"
	echo 'none / none defaults 0 0' >"$dir/root/etc/fstab"
	size=$(($(du -sm "$dir/root" | cut -f 1) * 5 / 4 + 96))
	timed "pack guest image $ARCH" 5 "$BUILD/log/guest-image-$ARCH.log" \
		mkfs.ext4 -q -F -O ^has_journal -m 0 -L rig -d "$dir/root" "$image.tmp" "${size}M" || {
		tail -n 5 "$BUILD/log/guest-image-$ARCH.log" >&2
		die "cannot pack the guest's file system"
	}
	mv "$image.tmp" "$image"
	echo "$inputs" >"$dir/image.stamp"
fi
