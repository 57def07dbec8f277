#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Do the tests notice? Break one line of the kernel, for each file in rig/mutations/,
# build, run the tests that the file names, and see them fail. The last line is
# "N noticed, N missed", and how many do not build, if any.
#
#   ARCH=x86_64|arm64   for which architecture (x86_64)
#   MUTATION="a b"      only these: names of files, without .sed
#   MINUTES=n           as for "make test" (on debug 5: in one, hardly anything is done)
#
# A mutation is a sed script, whose first lines say what it does:
#
#   # breaks: 2, area->used is what is mapped and what is lent
#   # file: kernel/dma/swiotlb.c
#   # tests: kunit burst.sh     as in TESTS of "make test"
#   # flavour: debug            whose configuration the kernel has: reclaim unless given,
#                               reclaim-dynamic or debug
#
# The number is that of the invariant in Documentation/core-api/swiotlb-reclaim.rst, or
# what comes first is the name of a section there. Of the sixth, the order of stores, a run
# shows only what takes its time; the rest is in Documentation/litmus-tests/swiotlb/.
# The source in build/src/ is broken in place and put right again, by the next build at
# the latest; the kernel is a flavour of its own, for each configuration.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

ARCH=${ARCH:-x86_64}
check_arch
mutations=()
for f in "$ROOT"/rig/mutations/*.sed; do
	name=$(basename "$f" .sed)
	[[ -z ${MUTATION:-} || " $MUTATION " == *" $name "* ]] && mutations+=("$name")
done
for name in ${MUTATION:-}; do
	[ -f "$ROOT/rig/mutations/$name.sed" ] ||
		die "MUTATION: there is no mutation '$name'" \
		    "mutations: $(cd "$ROOT/rig/mutations" && echo *.sed | sed 's/\.sed//g')"
done
need_root
take_lock
export ARCH
out=$BUILD/$KVER-$ARCH
dir=$BUILD/mutate
mkdir -p "$dir"

# what NAME KEY: what the mutation's file says
what() { sed -n "s/^# $2: //p" "$ROOT/rig/mutations/$1.sed"; }

# config NAME: the flavour whose configuration its kernel has
config()
{
	local f
	f=$(what "$1" flavour)
	echo "${f:-reclaim}"
}

# mutant CONFIG: the flavour that is broken
mutant()
{
	case $1 in
	reclaim) echo mutant ;;
	*) echo "mutant-$1" ;;
	esac
}

# run CONFIG TESTS LOG: status of the tests, on the source as it is
run()
{
	local minutes=${MINUTES:-}
	[ "$1" != debug ] || minutes=${minutes:-5}
	: >"$3.err"
	env MINUTES="$minutes" FLAVOUR="$(mutant "$1")" TESTS="$2" "$ROOT/rig/test.sh" >"$3" 2> >(tee -a "$3.err" >&2)
}

# Files that differ from what they should be are written anew, and so built anew
restore() { "$ROOT/rig/source.sh" patched; }
cleanup() { restore; }

# --------------------------------------------------- 1. source, and all tests pass

declare -A tests=()	# of each configuration
for name in "${mutations[@]}"; do
	c=$(config "$name")
	one_of "rig/mutations/$name.sed: flavour" "$c" reclaim reclaim-dynamic debug
	for t in $(what "$name" tests); do
		check_test "$t"
		# What a test needs that only another kernel has
		f=
		[[ $t != *.sh ]] || f=$(sed -n 's/^# rig: flavour=//p' "$ROOT/tools/testing/selftests/swiotlb/$t")
		[[ " reclaim $c " == *" ${f:-reclaim} "* ]] ||
			die "rig/mutations/$name.sed: $t does not run on $c" "it says flavour=$f"
		[[ " ${tests[$c]:-} " == *" $t "* ]] || tests[$c]+=" $t"
	done
done
call "$ROOT/rig/source.sh" patched
for c in "${!tests[@]}"; do
	m=$out/$(mutant "$c")
	# Nearly all objects are the same, if there are any
	if [ ! -e "$m" ] && [ -e "$out/$c/vmlinux" ]; then
		need_space 600 "the kernel that is broken"
		rm -rf "$m.tmp"
		cp -a "$out/$c" "$m.tmp"
		mv "$m.tmp" "$m"
	fi
done
for name in "${mutations[@]}"; do
	file=$(what "$name" file)
	[ -f "$SRC/patched/$file" ] || die "rig/mutations/$name.sed: there is no file '$file'"
	! sed -f "$ROOT/rig/mutations/$name.sed" "$SRC/patched/$file" | cmp -s - "$SRC/patched/$file" ||
		die "rig/mutations/$name.sed changes nothing in $file" "bring its pattern up to date with the code"
	# Whatever an interrupted run has built from it is stale
	touch "$SRC/patched/$file"
done
for c in "${!tests[@]}"; do
	say "== nothing broken, $c:${tests[$c]}"
	run "$c" "${tests[$c]# }" "$dir/none-$c.out" || {
		tail -n 20 "$dir/none-$c.out" >&2
		die "the tests fail although nothing is broken" "see ${dir#"$ROOT"/}/none-$c.out"
	}
done

# --------------------------------------------------- 2. one after the other

noticed=0 missed=0 unbuilt=0 n=0
for name in "${mutations[@]}"; do
	n=$((n + 1))
	file=$(what "$name" file)
	say "== $n of ${#mutations[@]}: $name ($(hms "$SECONDS") since the start)"
	sed -i -f "$ROOT/rig/mutations/$name.sed" "$SRC/patched/$file"
	status=0
	run "$(config "$name")" "$(what "$name" tests)" "$dir/$name.out" || status=$?
	restore
	by=$(sed -n 's/^FAIL - //p' "$dir/$name.out" | head -n 1)
	if [[ $by == *": build of "* ]]; then
		unbuilt=$((unbuilt + 1))
		printf 'NOT BUILT - %s does not build\n          see %s\n' "$name" "${dir#"$ROOT"/}/$name.out.err"
	elif [ "$status" -ne 0 ] && [ -n "$by" ]; then
		noticed=$((noticed + 1))
		printf 'noticed - %s (%s)\n          by %s\n' "$name" "$(what "$name" breaks)" "$by"
	else
		missed=$((missed + 1))
		printf 'MISSED  - %s (%s)\n' "$name" "$(what "$name" breaks)"
	fi
done
say "== done ($(hms "$SECONDS") since the start)"
printf '%d noticed, %d missed' "$noticed" "$missed"
[ "$unbuilt" -eq 0 ] || printf ', %d not built' "$unbuilt"
printf '\n'
[ $((missed + unbuilt)) -eq 0 ] && [ "$noticed" -gt 0 ]
