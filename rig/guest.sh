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

# ---------------------------------------------- 1. which Debian, from where

suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
case $suite in
bookworm|trixie) ;;
*) suite=trixie ;;
esac

# The machine's own apt sources: whatever it can install from, so can we.
debian_sources()
{
	local key=/usr/share/keyrings/debian-archive-keyring.gpg opt=
	[ ! -r "$key" ] || opt="[signed-by=$key] "
	# shellcheck disable=SC2016  # these are apt's fields
	apt-get indextargets --format "deb $opt"'$(REPO_URI) $(RELEASE) $(COMPONENT)' \
		'Created-By: Packages' 'Origin: Debian' "Codename: $1" | sort -u
}

# ---------------------------------------------- 2. extract

stamp="$suite $packages"
if [ "$(cat "$dir/root.stamp" 2>/dev/null)" != "$stamp" ]; then
	need_space 1500 "the guest's file system"
	rm -rf "$dir/root.stamp" "$dir/root" "$image"
	mkdir -p "$dir"
	{ debian_sources "$suite"
	  debian_sources "$suite-updates"
	  debian_sources "$suite-security"; } >"$dir/sources.list"
	if [ ! -s "$dir/sources.list" ]; then
		timed "package lists" 15 "$BUILD/log/apt.log" apt-get -q update || true
		debian_sources "$suite" >"$dir/sources.list"
	fi
	[ -s "$dir/sources.list" ] ||
		die "apt on this machine knows no source of Debian $suite" \
		    "add one to /etc/apt/sources.list and run apt-get update"
	opts=()
	while IFS= read -r line; do
		opts+=("--aptopt=$line")
	done < <(apt-config dump | grep -E '^Acquire::(http|https|Check-Valid-Until|Check-Date|Retries)' |
		 grep -v ' "";$')
	timed "guest user land $ARCH" 40 "$BUILD/log/guest-$ARCH.log" \
		mmdebstrap --variant=extract --architectures="$(deb_arch "$ARCH")" "${opts[@]}" \
		--include="$packages" "$suite" "$dir/root" "$dir/sources.list" || {
		tail -n 8 "$BUILD/log/guest-$ARCH.log" >&2
		die "cannot get the guest's packages ($packages)" \
		    "full log: build/log/guest-$ARCH.log" "check the network and the apt sources"
	}
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

# ---------------------------------------------- 3. our part, and the image

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
