#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What a guest has: "@ r NAME KIB" for MemTotal, MemAvailable at idle, and the
# memory that a process can really fault in.

sleep 3
while read -r k v _; do
	case $k in
	MemTotal:) echo "@ r total $v" ;;
	MemAvailable:) echo "@ r available $v" ;;
	esac
done </proc/meminfo
got=$(faultin) || exit 1
echo "@ r faultin $got"
