# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# For other scripts of the guest, in bash: memory that somebody holds, and how much of
# the lent memory is used.

POOL=/sys/kernel/mm/swiotlb_reclaim

# vmstat REGEXP: the sum of these counters
vmstat() { awk -v re="^($1)\$" '$1 ~ re { n += $2 } END { print n + 0 }' /proc/vmstat; }
# meminfo NAME: in KiB
meminfo() { awk -v name="$1:" '$1 == name { print $2 }' /proc/meminfo; }

# hold MIB [CPU]: somebody has that much memory and keeps it, of the node of that CPU.
# It is locked, so that no swap helps, and neither is it what an out-of-memory killer takes.
# Advice that stress-ng gives at random would have KSM merge it, and count it in KSM's tests.
held=()
hold()
{
	local i want=$(($(meminfo Mlocked) + $1 * 1024))

	(echo -1000 >"/proc/$BASHPID/oom_score_adj"
	 exec ${2:+taskset -c "$2"} stress-ng -q --no-oom-adjust --no-madvise --vm 1 --vm-bytes "$1M" \
		--vm-locked --vm-keep --vm-hang 0 --vm-method write64 --timeout 0) &
	held+=($!)
	for ((i = 0; i < 120; i++)); do
		[ "$(meminfo Mlocked)" -lt "$want" ] || return 0
		sleep 1
	done
	echo "nobody holds $1 MiB: $(meminfo Mlocked) of $want KiB are locked after 120 s"
	return 1
}

let_go()
{
	[ "${#held[@]}" -gt 0 ] || return 0
	kill "${held[@]}"
	wait "${held[@]}"
	held=()
}

# watch_pool FILE END: how much of the lent memory was in use on average, at most, at first,
# and how much was lent at most, in KiB, into FILE once there is a file END
watch_pool()
{
	local lent used n=0 sum=0 first=0 most=0 most_lent=0

	while [ ! -e "$2" ]; do
		if [ -e $POOL/lent_kb ]; then
			read -r lent <$POOL/lent_kb
			used=$((lent - $(vmstat nr_free_swiotlb) * 4))	# pages of 4 KiB
			used=$((used < 0 ? 0 : used))	# read one after the other
			[ "$n" -gt 0 ] || first=$used
			sum=$((sum + used))
			most=$((used > most ? used : most))
			most_lent=$((lent > most_lent ? lent : most_lent))
			n=$((n + 1))
		fi
		sleep 1
	done
	echo "$((n ? sum / n : 0)) $most $first $most_lent" >"$1"
}
