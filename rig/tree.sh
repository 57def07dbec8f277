#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The series as a git tree, and back.
#
#   rig/tree.sh tree      build/tree/$KVER: the plain source (tag "base"), then a commit
#                         for each mail of patches/$KVER/series with its new files
#   rig/tree.sh refresh   the commits base..HEAD of it -> patches/$KVER/ and our files
#   rig/tree.sh series    the commits as refs/rig/series, the working tree untouched
#   rig/tree.sh guard     fail if the tree holds work that exists nowhere else
#
#   FORCE=1   tree: replace such work (it stays reachable on a branch saved-*)
#
# patches/$KVER/new-files says which mail brings which of our files: "<mail> <path>".
# Our files that it does not name yet become one last commit; see $unassigned.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

cmd=${1:-tree}
one_of command "$cmd" tree refresh series guard
FORCE=${FORCE:-}
one_of FORCE "$FORCE" '' 0 1
tree=$BUILD/tree/$KVER
unassigned="overlay: files not assigned yet"
work=

cleanup() { [ -z "$work" ] || rm -rf "$work"; }

# The user's settings must not change what we write.
rgit()
{
	GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null git -C "$tree" -c gc.auto=0 \
		-c core.abbrev=12 -c diff.algorithm=myers -c core.autocrlf=false "$@"
}

# What the repository says: patches, order, map and our files
repo_state()
{
	local f
	read_series
	read_overlay
	(cd "$ROOT"
	 for f in "${series[@]}"; do sha256sum "patches/$KVER/$f"; done
	 printf '%s\n' "${series[@]}" | sha256sum
	 { sort "patches/$KVER/new-files" 2>/dev/null || true; } | grep -v '^#' | sha256sum || true
	 for f in "${files[@]}"; do sha256sum "$f"; [ ! -x "$f" ] || echo x; done)
}

# Lines that say what in the tree would be lost; nothing if nothing would
unsaved()
{
	local head synced
	[ -d "$tree/.git" ] || return 0
	head=$(rgit rev-parse HEAD)
	synced=$(cat "$tree/.git/rig-synced" 2>/dev/null || echo none)
	if [ "$head" != "$synced" ]; then
		echo "commits that were not refreshed:"
		rgit log --oneline -n 20 "$(rgit merge-base HEAD "$synced" 2>/dev/null || echo base)..HEAD" | sed 's/^/  /'
	fi
	if [ -n "$(rgit status --porcelain | head -n 1)" ]; then
		echo "changes that were not committed:"
		rgit status --porcelain | head -n 20 | sed 's/^/  /'
	fi
}

guard()
{
	local lost
	mapfile -t lost < <(unsaved)
	[ "${#lost[@]}" -eq 0 ] ||
		die "build/tree/$KVER holds work that is nowhere else" "${lost[@]}" "$@"
}

if [ "$cmd" = guard ]; then
	guard "keep it: make refresh" "or drop it: make tree FORCE=1"
	exit 0
fi

need_root
take_lock
need_packages $(packages_source)
mkdir -p "$BUILD/log" "$BUILD/tree"

# ------------------------------------------------------- 1. the base commit

base_repo()
{
	local version tmp=$BUILD/tree/.tmp.$KVER
	call "$ROOT/rig/source.sh" stock
	version=$(cat "$SRC/stock.version")
	rm -rf "$tmp"
	if [ -d "$tree/.git" ] && [ "$(cat "$tree/.git/rig-base" 2>/dev/null)" = "$version" ]; then
		return
	fi
	need_space 5000 "the editable tree"
	if [ -d "$tree/.git" ]; then
		guard "the package linux-source-$KVER has changed, and the tree has to be made anew" \
		      "keep the work first: make refresh"
		rm -rf "$tree"
	fi
	timed "copy the source for the tree" 25 "$BUILD/log/tree.log" cp -a "$SRC/stock" "$tmp" ||
		die "cannot copy the source" "$(tail -n 1 "$BUILD/log/tree.log")"
	(
		cd "$tmp"
		export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
		git init -q -b work .
		git config gc.auto 0
		git config core.compression 0
		git config advice.detachedHead false
	)
	timed "commit the base" 60 "$BUILD/log/tree.log" env GIT_CONFIG_GLOBAL=/dev/null \
		git -C "$tmp" add -A -f || die "cannot fill the git tree" "$(tail -n 1 "$BUILD/log/tree.log")"
	GIT_AUTHOR_NAME=rig GIT_AUTHOR_EMAIL=rig@localhost GIT_AUTHOR_DATE='2024-11-17T22:15:08Z' \
	GIT_COMMITTER_NAME=rig GIT_COMMITTER_EMAIL=rig@localhost GIT_COMMITTER_DATE='2024-11-17T22:15:08Z' \
		git -C "$tmp" commit -q -m "Linux $KVER as in linux-source-$KVER $version" >"$BUILD/log/tree.log" 2>&1 ||
		die "cannot commit the base" "$(tail -n 1 "$BUILD/log/tree.log")"
	git -C "$tmp" tag base
	git -C "$tmp" rev-parse HEAD >"$tmp/.git/rig-synced"
	echo "$version" >"$tmp/.git/rig-base"
	mv "$tmp" "$tree"
}

# ------------------------------------------------------- 2. mails -> commits
#
# Done on an index of its own: no file of the working tree is touched before
# all mails have applied. Sets head.

make_commits()
{
	local p f patch mode blob parent id who mail when title
	local -A mine=()
	work=$BUILD/tree/.tmp.am
	rm -rf "$work"
	mkdir "$work"
	read_series
	read_overlay
	declare -A present=() assigned=()
	for f in "${files[@]}"; do present[$f]=1; done
	for p in "${series[@]}"; do mine[$p]=""; done
	if [ -r "$PATCHES/new-files" ]; then
		while read -r patch f; do
			case $patch in ''|'#'*) continue ;; esac
			[ -n "${mine[$patch]+x}" ] ||
				die "patches/$KVER/new-files names $patch, which is not in the series"
			[ -n "${present[$f]:-}" ] ||
				die "patches/$KVER/new-files names $f, which is not in the repository"
			mine[$patch]+="$f"$'\n'
			assigned[$f]=1
		done <"$PATCHES/new-files"
	fi

	export GIT_INDEX_FILE=$work/index
	rgit read-tree base
	parent=$(rgit rev-parse base)

	add_files()	# stdin: paths
	{
		while read -r f; do
			[ -n "$f" ] || continue
			mode=100644
			[ ! -x "$ROOT/$f" ] || mode=100755
			blob=$(rgit hash-object -w --no-filters "$ROOT/$f")
			rgit update-index --add --cacheinfo "$mode,$blob,$f"
		done
	}

	for p in "${series[@]}"; do
		rgit mailinfo "$work/msg" "$work/patch" <"$PATCHES/$p" >"$work/info" 2>"$work/err" ||
			die "patches/$KVER/$p is not a mail that git understands" "$(cat "$work/err")"
		who=$(sed -n 's/^Author: //p' "$work/info")
		mail=$(sed -n 's/^Email: //p' "$work/info")
		when=$(sed -n 's/^Date: //p' "$work/info")
		title=$(sed -n 's/^Subject: //p' "$work/info")
		[[ $who && $title ]] || die "patches/$KVER/$p has no author or no subject"
		rgit apply --cached --whitespace=nowarn "$work/patch" >"$work/err" 2>&1 ||
			apply_failed "$p" "$work/err" "$(cat "$SRC/stock.version")" \
				"build/tree/$KVER was left as it was"
		add_files <<<"${mine[$p]}"
		{ echo "$title"; echo; cat "$work/msg"; } | rgit stripspace >"$work/full"
		id=$(GIT_AUTHOR_NAME=$who GIT_AUTHOR_EMAIL=$mail GIT_AUTHOR_DATE=$when \
		     GIT_COMMITTER_NAME=$who GIT_COMMITTER_EMAIL=$mail GIT_COMMITTER_DATE=$when \
		     rgit commit-tree "$(rgit write-tree)" -p "$parent" -F "$work/full")
		parent=$id
	done
	for f in "${files[@]}"; do
		[ -n "${assigned[$f]:-}" ] || echo "$f"
	done >"$work/rest"
	if [ -s "$work/rest" ]; then
		warn "patches/$KVER/new-files names no mail for: $(tr '\n' ' ' <"$work/rest")"
		add_files <"$work/rest"
		parent=$(GIT_AUTHOR_NAME=rig GIT_AUTHOR_EMAIL=rig@localhost GIT_AUTHOR_DATE='2024-11-17T22:15:08Z' \
			 GIT_COMMITTER_NAME=rig GIT_COMMITTER_EMAIL=rig@localhost \
			 GIT_COMMITTER_DATE='2024-11-17T22:15:08Z' \
			 rgit commit-tree "$(rgit write-tree)" -p "$parent" -m "$unassigned")
	fi
	unset GIT_INDEX_FILE
	head=$parent
}

if [ "$cmd" = series ]; then
	base_repo
	make_commits
	[ ! -s "$work/rest" ] ||
		die "a mail series needs every file of ours in a mail" \
		    "assign them in patches/$KVER/new-files, or in make tree: rebase the last commit into others, make refresh"
	rgit update-ref refs/rig/series "$head"
	exit 0
fi

# ------------------------------------------------------- 3. tree

if [ "$cmd" = tree ]; then
	if [ "$FORCE" = 1 ] && [ -d "$tree/.git" ]; then
		if [ -n "$(unsaved)" ]; then
			saved=saved-$(date +%Y%m%d-%H%M%S)
			rgit add -A
			rgit -c user.name=rig -c user.email=rig@localhost commit -q -m "not committed" || true
			rgit branch "$saved"
			rgit rev-parse HEAD >"$tree/.git/rig-synced"
			say "what was there is on branch $saved of build/tree/$KVER"
		fi
	else
		guard "keep it: make refresh" "or replace it (it stays on a branch): make tree FORCE=1"
	fi
	base_repo
	make_commits
	rgit checkout -q -f -B work "$head" || die "cannot check out build/tree/$KVER"
	echo "$head" >"$tree/.git/rig-synced"
	repo_state >"$tree/.git/rig-repo"
	say "build/tree/$KVER: ${#series[@]} mails and ${#files[@]} files of ours on top of tag base"
	say "edit and commit there (git rebase -i base), then: make refresh"
	exit 0
fi

# ------------------------------------------------------- 4. refresh

[ -d "$tree/.git" ] || die "there is no build/tree/$KVER" "make it first: make tree"
if [ -n "$(rgit status --porcelain | head -n 1)" ]; then
	mapfile -t lines < <(rgit status --porcelain | head -n 20)
	die "build/tree/$KVER has changes that are not committed" "${lines[@]}" "commit or drop them first"
fi
repo_state >"$BUILD/tree/.tmp.repo"
if ! cmp -s "$BUILD/tree/.tmp.repo" "$tree/.git/rig-repo"; then
	die "patches/$KVER or our files changed since the tree was made: refreshing would undo that" \
	    "take the change into a new tree: make tree (with FORCE=1 if the tree has commits of its own:" \
	    "they stay on a branch saved-*, cherry-pick them from there)"
fi
rgit merge-base --is-ancestor base HEAD ||
	die "HEAD of build/tree/$KVER is not a descendant of tag base" "rebase your work: git rebase base"
[ -z "$(rgit rev-list --merges base..HEAD)" ] ||
	die "build/tree/$KVER has merge commits; a series is linear" "git rebase base"

work=$BUILD/tree/.tmp.refresh
rm -rf "$work"
mkdir -p "$work/patches" "$work/files"
printf '%s\n' "# SPDX-License-Identifier: GPL-2.0" "# The mails, in order. Written by make refresh." >"$work/series"
printf '%s\n' "# SPDX-License-Identifier: GPL-2.0" \
	"# Which mail brings which of our files. Written by make refresh." >"$work/new-files"
n=0
declare -A seen=()
mapfile -t commits < <(rgit rev-list --reverse base..HEAD)
rgit ls-tree -r --name-only base | sort >"$work/base-files"
for c in "${commits[@]}"; do
	title=$(rgit log -1 --format=%s "$c")
	rgit diff-tree -r --no-commit-id --name-only --no-renames "$c" | sort >"$work/touched"
	mapfile -t old < <(comm -12 "$work/touched" "$work/base-files")
	mapfile -t new < <(comm -23 "$work/touched" "$work/base-files")
	for f in "${new[@]}"; do
		ok=
		for r in "${OVERLAY_ROOTS[@]}"; do
			[[ $f != "$r"/* ]] || ok=1
		done
		[ -n "$ok" ] || die "commit '$title' adds $f, which is outside of ${OVERLAY_ROOTS[*]}" \
			"move the file, or extend OVERLAY_ROOTS in rig/lib.sh"
	done
	if [ "$title" = "$unassigned" ] && [ "${#old[@]}" -eq 0 ]; then
		continue
	fi
	[ "${#old[@]}" -gt 0 ] ||
		die "commit '$title' touches only files that are ours" \
		    "it would vanish: give it the line that hooks the files in (Makefile, Kconfig, MAINTAINERS)," \
		    "or squash it into the commit that has it (git rebase -i base)"
	n=$((n + 1))
	mail=$(rgit format-patch -q -1 --start-number "$n" -o "$work/patches" --no-signature --zero-commit \
		--no-numbered --no-renames --abbrev=12 --subject-prefix=PATCH "$c" -- "${old[@]}")
	[ -z "$mail" ] || true
	mail=$(cd "$work/patches" && printf '%s\n' "$(printf '%04d' "$n")"-*.patch)
	echo "$mail" >>"$work/series"
	for f in "${new[@]}"; do
		[ -z "${seen[$f]:-}" ] || continue
		seen[$f]=1
		rgit cat-file -e "HEAD:$f" 2>/dev/null || continue
		echo "$mail $f" >>"$work/new-files"
	done
done

# Our files as HEAD has them
rgit ls-tree -r --name-only HEAD | sort | comm -23 - "$work/base-files" >"$work/ours"
while read -r f; do
	mkdir -p "$work/files/$(dirname "$f")"
	rgit cat-file blob "HEAD:$f" >"$work/files/$f"
	case $(rgit ls-tree HEAD -- "$f") in 100755*) chmod 755 "$work/files/$f" ;; *) chmod 644 "$work/files/$f" ;; esac
done <"$work/ours"

# Everything is there: now write, and only what differs.
put()
{
	if ! cmp -s "$1" "$2" || { [ -x "$1" ] && [ ! -x "$2" ]; } || { [ ! -x "$1" ] && [ -x "$2" ]; }; then
		mkdir -p "$(dirname "$2")"
		cp "$1" "$2"
		if [ -x "$1" ]; then chmod 755 "$2"; else chmod 644 "$2"; fi
		say "wrote ${2#"$ROOT"/}"
	fi
}
read_overlay
for f in "${files[@]}"; do
	[ -e "$work/files/$f" ] || { rm -f "$ROOT/$f"; say "removed $f"; }
done
while read -r f; do
	put "$work/files/$f" "$ROOT/$f"
done <"$work/ours"
for f in "$PATCHES"/*.patch; do
	[ -e "$f" ] || continue
	[ -e "$work/patches/${f##*/}" ] || { rm -f "$f"; say "removed ${f#"$ROOT"/}"; }
done
for f in "$work"/patches/*.patch; do
	[ ! -e "$f" ] || put "$f" "$PATCHES/${f##*/}"
done
put "$work/series" "$PATCHES/series"
put "$work/new-files" "$PATCHES/new-files"
rgit rev-parse HEAD >"$tree/.git/rig-synced"
repo_state >"$tree/.git/rig-repo"
say "refreshed: $n mails, $(wc -l <"$work/ours") files of ours"
