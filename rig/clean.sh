#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# rig/clean.sh clean: built kernels, guests, logs. rig/clean.sh distclean: everything
# generated. Both refuse to drop commits of the editable tree that exist nowhere else.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

what=${1:-clean}
one_of "kind of cleaning" "$what" clean distclean
take_lock
case $what in
clean)
	rm -rf "$BUILD/log" "$BUILD/tmp" "$BUILD/run" "$BUILD/test" "$BUILD/mutate" "$BUILD/others" "$BUILD/bench" "$BUILD/stress" "$BUILD/soak" "$BUILD/test-long" "$BUILD/guest" "$BUILD"/accel-* \
		"$BUILD"/check-series "$BUILD"/*-x86_64 "$BUILD"/*-arm64
	;;
distclean)
	"$ROOT/rig/tree.sh" guard
	rm -rf "$ROOT/dist" "$ROOT/bench/out"
	rm -rf "$BUILD"
	;;
esac
