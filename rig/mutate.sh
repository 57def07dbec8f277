#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Do the tests notice? Break one line of the kernel, for each file in rig/mutations/,
# build, run the tests that the file names, and see them fail. The last line is
# "N noticed, N missed".
#
#   ARCH=x86_64|arm64   for which architecture (x86_64)
#   MUTATION="a b"      only these: names of files, without .sed
#
# A mutation is a sed script, whose first lines say what it does:
#
#   # breaks: 2, area->used is what is mapped and what is lent
#   # file: kernel/dma/swiotlb.c
#   # tests: kunit burst.sh     as in TESTS of "make test"
#
# The number is that of the invariant in Documentation/core-api/swiotlb-reclaim.rst, or
# what comes first is the name of a section there. Of the sixth, the order of stores, a run
# shows only what takes its time; the rest is in Documentation/litmus-tests/swiotlb/.
# The source in build/src/ is broken in place and put right again, by the next build at
# the latest; the kernel is a flavour of its own.
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

# run TESTS LOG: status of the tests, on the source as it is
run()
{
	env TESTS="$1" "$ROOT/rig/test.sh" >"$2" 2> >(tee -a "$2.err" >&2)
}

# Files that differ from what they should be are written anew, and so built anew
restore() { "$ROOT/rig/source.sh" patched; }
cleanup() { restore; }

# --------------------------------------------------- 1. source, and all tests pass

call env FLAVOUR=reclaim "$ROOT/rig/kernel.sh"
# Nearly all objects are the same
if [ ! -e "$out/mutant" ]; then
	need_space 600 "the kernel that is broken"
	rm -rf "$out/mutant.tmp"
	cp -a "$out/reclaim" "$out/mutant.tmp"
	mv "$out/mutant.tmp" "$out/mutant"
fi
export FLAVOUR=mutant
tests=
for name in "${mutations[@]}"; do
	file=$(what "$name" file)
	[ -f "$SRC/patched/$file" ] || die "rig/mutations/$name.sed: there is no file '$file'"
	# Whatever an interrupted run has built from it is stale
	touch "$SRC/patched/$file"
	for t in $(what "$name" tests); do
		[[ " $tests " == *" $t "* ]] || tests+=" $t"
	done
done
say "== nothing broken:$tests"
run "${tests# }" "$dir/none.out" || {
	tail -n 20 "$dir/none.out" >&2
	die "the tests fail although nothing is broken" "see ${dir#"$ROOT"/}/none.out"
}

# --------------------------------------------------- 2. one after the other

noticed=0 missed=0 n=0
for name in "${mutations[@]}"; do
	n=$((n + 1))
	file=$(what "$name" file)
	say "== $n of ${#mutations[@]}: $name ($(hms "$SECONDS") since the start)"
	cp "$SRC/patched/$file" "$dir/sound"
	sed -i -f "$ROOT/rig/mutations/$name.sed" "$SRC/patched/$file"
	if cmp -s "$dir/sound" "$SRC/patched/$file"; then
		die "rig/mutations/$name.sed changes nothing in $file" "bring its pattern up to date with the code"
	fi
	status=0
	run "$(what "$name" tests)" "$dir/$name.out" || status=$?
	restore
	by=$(sed -n 's/^FAIL - //p' "$dir/$name.out" | head -n 1)
	if [[ $by == *": build of "* ]]; then
		die "the kernel does not build with $name" "see ${dir#"$ROOT"/}/$name.out.err"
	elif [ "$status" -ne 0 ] && [ -n "$by" ]; then
		noticed=$((noticed + 1))
		printf 'noticed - %s (%s)\n          by %s\n' "$name" "$(what "$name" breaks)" "$by"
	else
		missed=$((missed + 1))
		printf 'MISSED  - %s (%s)\n' "$name" "$(what "$name" breaks)"
	fi
done
say "== done ($(hms "$SECONDS") since the start)"
printf '%d noticed, %d missed\n' "$noticed" "$missed"
[ "$missed" -eq 0 ] && [ "$noticed" -gt 0 ]
