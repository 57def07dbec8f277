#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Write dist/$KVER/: the complete mail series, our new files folded in, that
# "git am" applies to a plain kernel. Checked by applying it.
#
# patches/$KVER/cover.txt, if there: first line the subject, then the text. It becomes
# 0000-cover-letter.txt, so that "git am *.patch" takes all there is.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

need_root
take_lock
need_packages $(packages_source)
tree=$BUILD/tree/$KVER
dist=$ROOT/dist/$KVER
work=
cleanup()
{
	[ -z "$work" ] || rm -rf "$work"
	[ ! -d "$tree/.git" ] || git -C "$tree" worktree prune
}

rgit()
{
	GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null git -c gc.auto=0 -c core.abbrev=12 \
		-c diff.algorithm=myers -c user.name=rig -c user.email=rig@localhost "$@"
}

# 1. The commits
read_series
[ "${#series[@]}" -gt 0 ] || die "patches/$KVER/series is missing or empty: there is no series to write"
call "$ROOT/rig/tree.sh" series
work=$BUILD/tree/.tmp.series
rm -rf "$work" "$work".am
mkdir "$work"

# 2. The mails
args=(-q -n --no-signature --zero-commit --abbrev=12 --no-renames -o "$work")
[ ! -r "$PATCHES/cover.txt" ] || args+=(--cover-letter)
rgit -C "$tree" format-patch "${args[@]}" base..refs/rig/series
if [ -r "$PATCHES/cover.txt" ]; then
	cover=$(echo "$work"/0000-*.patch)
	IFS= read -r subject <"$PATCHES/cover.txt"
	# What git put in: a header, placeholders, the list of patches, a statistic
	author=$(rgit -C "$tree" log -1 --format='%an <%ae>' refs/rig/series)
	date=$(rgit -C "$tree" log -1 --format='%aD' refs/rig/series)
	count=$(rgit -C "$tree" rev-list --count base..refs/rig/series)
	{
		echo "From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001"
		echo "From: $author"
		echo "Date: $date"
		printf 'Subject: [PATCH %0*d/%d] %s\n' "${#count}" 0 "$count" "$subject"
		echo "MIME-Version: 1.0"
		echo "Content-Type: text/plain; charset=UTF-8"
		echo "Content-Transfer-Encoding: 8bit"
		echo
		tail -n +2 "$PATCHES/cover.txt" | sed '1{/^$/d}'
		echo
		sed -e '1,/^\*\*\* BLURB HERE \*\*\*$/d' "$cover" | sed '1{/^$/d}'
	} >"$work/cover"
	rm -f "$cover"
	# Not *.patch, at which git am would stop: there is no change in it
	mv "$work/cover" "$work/0000-cover-letter.txt"
fi

# 3. Does it apply to the plain source, and give what the rig builds?
rgit -C "$tree" worktree prune
rgit -C "$tree" worktree add -q --no-checkout --detach "$work.am" base
(
	cd "$work.am"
	rgit read-tree HEAD
	mapfile -t mails < <(find "$work" -name '*.patch' | sort)
	# Files are checked out as git am asks for them
	if ! rgit am -q "${mails[@]}" >"$work.log" 2>&1; then
		cat "$work.log" >&2
		die "the series does not apply by git am"
	fi
	[ "$(rgit rev-parse 'HEAD^{tree}')" = "$(rgit rev-parse 'refs/rig/series^{tree}')" ] ||
		die "the series, applied by git am, gives another tree than the rig builds"
)
rm -rf "$work.am" "$work.log"

mkdir -p "$ROOT/dist"
rm -rf "$dist"
mv "$work" "$dist"
say "dist/$KVER: $(find "$dist" -name '*.patch' | wc -l) mails; git am applies them to the plain source (checked)"
