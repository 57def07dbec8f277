#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The demonstration: a guest whose bounce buffers are lent, used under memory
# pressure, taken back by I/O whose data is checked, and lent again; then what
# that gains over the stock kernel. Exits non-zero if data differed, an I/O
# failed, or the memory did not come back.
#
#   ARCH=x86_64|arm64
#   IDLE, PRESSURE, IO, BACK   length of the phases (10, 35, 60 s; limit 30 s)
#
# Leaves timeline.csv, timeline.svg and summary.txt in build/run/$ARCH/.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

ARCH=${ARCH:-x86_64}
check_arch
for v in IDLE:10 PRESSURE:35 IO:60 BACK:30; do
	name=${v%:*}
	declare "$name=${!name:-${v#*:}}"
	check_number "$name" "${!name}" 3 86400
done
need_root
take_lock
export ARCH
unset CMDLINE SCRIPT MODULES QEMU_EXTRA MONITOR ICOUNT TIMEOUT DISK

dir=$BUILD/run/$ARCH
rm -rf "$dir"
mkdir -p "$dir"
csv=$dir/timeline.csv

# --------------------------------------------------- 1. kernel, guest, disk

[ -e "$SRC/stock" ] || need_space 8000 "the demonstration (source, two kernels, guest, disk)"
need_packages $(packages_kernel) $(packages_guest) gnuplot-nox
call env FLAVOUR=reclaim "$ROOT/rig/kernel.sh"
call "$ROOT/rig/guest.sh"

disk_of_files
disk=$FILES_DISK

# --------------------------------------------------- 2. the table

declare -A result=()
header()
{
	printf '%5s %-10s %8s %8s %8s %8s %9s %8s %8s %6s %6s\n' \
		'' '' '' 'lent' 'free' 'used' 'Mem-' 'taken' 'taken by' 'not' 'maps' \
		's' 'phase' 'total' 'KiB' 'lent' 'KiB' 'Available' 'free' 'migrat.' 'taken' 'failed'
}

# The guest's lines: samples to the table and the file, results to result
table()
{
	local line last='' t ph rest
	echo 'seconds,phase,total_kb,lent_kb,free_lent_kb,used_kb,mem_available_kb,take_free,take_migrate,take_fail,lend,map_fail' >"$csv"
	while IFS= read -r line; do
		case $line in
		"@ s "*)
			read -r _ _ t ph rest <<<"$line"
			if [ "$ph" != "$last" ]; then
				case $ph in
				idle) echo "-- idle: the pool is lent" ;;
				pressure) echo "-- memory pressure: anonymous memory and files larger than memory" ;;
				io) echo "-- I/O with verification over the bounced disk, the pressure goes on" ;;
				idle-again) echo "-- idle again" ;;
				esac
				header
				last=$ph
			fi
			local total lent free used avail tf tm tx lend mf
			read -r total lent free used avail tf tm tx lend mf <<<"$rest"
			printf '%5s %-10s %8s %8s %8s %8s %9s %8s %8s %6s %6s\n' \
				"$t" "$ph" "$total" "$lent" "$free" "$used" "$avail" "$tf" "$tm" "$tx" "$mf"
			echo "$t,$ph,$total,$lent,$free,$used,$avail,$tf,$tm,$tx,$lend,$mf" >>"$csv" ;;
		"@ r "*)
			echo "${line#@ r }" >>"$dir/results" ;;
		*)
			printf '%s\n' "guest: $line" ;;
		esac
	done
}

status=0
mkfifo "$dir/pipe"
table <"$dir/pipe" &
printer=$!
call env FLAVOUR=reclaim SCRIPT="$ROOT/rig/guest/demo.sh" DISK="$disk" DISK_SNAPSHOT=1 DISK_BPS=50000000 \
	MEM=1G SMP=2 CMDLINE='swiotlb=force,reclaim=256M' RIG_NO_BUILD=1 LOG="$dir/console.log" \
	TIMEOUT=$((IDLE + PRESSURE + IO * 4 + BACK + 180)) \
	JOB_ENV="export IDLE=$IDLE PRESSURE=$PRESSURE IO=$IO BACK=$BACK" \
	"$ROOT/rig/boot.sh" >"$dir/pipe" || status=$?
wait "$printer"
rm -f "$dir/pipe"

# --------------------------------------------------- 3. the same without

call env FLAVOUR=stock "$ROOT/rig/kernel.sh"

# measure NAME FLAVOUR CMDLINE
measure()
{
	local line
	if ! call env FLAVOUR="$2" CMDLINE="$3" SCRIPT="$ROOT/rig/guest/measure.sh" MEM=1G SMP=2 RIG_NO_BUILD=1 \
	     RIG_QUIET=1 JUDGE_ALLOW_OOM=1 BOOT_STAGE="measure $1" TIMEOUT=180 LOG="$dir/measure-$1.log" \
	     "$ROOT/rig/boot.sh" >"$dir/measure"; then
		warn "the measurement of $1 failed (log: ${dir#"$ROOT"/}/measure-$1.log)"
		status=1
	fi
	while IFS= read -r line; do
		case $line in "@ r "*) echo "$1_${line#@ r }" >>"$dir/results" ;; esac
	done <"$dir/measure"
	rm -f "$dir/measure"
}
measure reclaim reclaim swiotlb=force,reclaim=256M
measure stock256 stock swiotlb=131072,force
measure stock stock swiotlb=force

# --------------------------------------------------- 4. picture and summary

while read -r name value; do
	if [ "$name" = fio ]; then
		result[fio]+="    $value"$'\n'
	else
		result[$name]=$value
	fi
done < <(cat "$dir/results" 2>/dev/null || true)
rm -f "$dir/results"

# Where the phases begin, for the picture
arrows='' last='' n=0
while IFS=, read -r t ph _; do
	[[ $t != seconds && $ph != "$last" ]] || continue
	n=$((n + 1))
	last=$ph
	arrows+="set arrow from $t, graph 0 to $t, graph 1 nohead dt 3 lc rgb '#888888'"$'\n'
	arrows+="set label $n '$ph' at $t, graph 0.97 offset 0.5,0 font ',10' tc rgb '#444444'"$'\n'
done <"$csv"
gnuplot 2>"$dir/gnuplot.log" <<END || { warn "gnuplot failed: $(tail -n 1 "$dir/gnuplot.log")"; status=1; }
set terminal svg noenhanced size 1000,760 font 'sans,12' background rgb 'white'
set output '$dir/timeline.svg'
set datafile separator ','
set multiplot layout 2,1 title 'Bounce buffers lent and taken back, $ARCH, Linux $(cut -d- -f1 "$SRC/stock.version")'
set key outside right top
set grid ytics lc rgb '#dddddd'
set lmargin 10
set rmargin 26
set yrange [0:*]
set autoscale xfix
$arrows
set ylabel 'MiB'
plot '$csv' every ::1 using 1:(\$3/1024) with lines lw 1 lc rgb '#000000' title 'pool', \
     '' every ::1 using 1:(\$4/1024) with lines lw 2 lc rgb '#1b7837' title 'lent', \
     '' every ::1 using 1:((\$4-\$5)/1024) with filledcurves y1=0 fs solid 0.25 lc rgb '#1b7837' title 'lent and in use', \
     '' every ::1 using 1:(\$5/1024) with lines lw 2 lc rgb '#7fbf7b' title 'lent and free', \
     '' every ::1 using 1:(\$6/1024) with lines lw 2 lc rgb '#d6604d' title 'used for I/O', \
     '' every ::1 using 1:(\$7/1024) with lines lw 1 dt 2 lc rgb '#2166ac' title 'MemAvailable'
set ylabel 'segments of 256 KiB'
set xlabel 'seconds'
plot '$csv' every ::1 using 1:8 with lines lw 2 lc rgb '#2166ac' title 'taken free', \
     '' every ::1 using 1:9 with lines lw 2 lc rgb '#d6604d' title 'taken by migrating', \
     '' every ::1 using 1:10 with lines lw 2 lc rgb '#762a83' title 'not taken', \
     '' every ::1 using 1:11 with lines lw 1 dt 2 lc rgb '#1b7837' title 'lent'
END
[ -s "$dir/gnuplot.log" ] || rm -f "$dir/gnuplot.log"

mb()	# NAME: a result in KiB as MiB
{
	local v=${result[$1]:-}
	if [ -n "$v" ]; then echo "$(((v + 512) / 1024))"; else echo -; fi
}

{
	accel=$(cat "$BUILD/accel-$ARCH" 2>/dev/null || echo tcg)
	case $ARCH in x86_64) q=qemu-system-x86_64 ;; arm64) q=qemu-system-aarch64 ;; esac
	echo
	echo "Summary: $ARCH, 1 GiB guest with 2 CPUs, Linux $(cat "$SRC/stock.version"),"
	echo "QEMU $("$q" --version | sed -n 's/^QEMU emulator version \([^ ]*\).*/\1/p') (${accel%% *}) on $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2>/dev/null | head -n 1)"
	echo
	printf '%-42s %10s %10s %10s\n' "MiB" "reclaim" "stock" "stock" \
		"kernel command line: swiotlb=" "256M lent" "131072" "(default)" \
		"MemTotal" "$(mb reclaim_total)" "$(mb stock256_total)" "$(mb stock_total)" \
		"MemAvailable at idle" "$(mb reclaim_available)" "$(mb stock256_available)" "$(mb stock_available)" \
		"memory a process could fault in" "$(mb reclaim_faultin)" "$(mb stock256_faultin)" "$(mb stock_faultin)"
	echo
	if [ -n "${result[pool]:-}" ]; then
		lendable=$((result[pool] - result[floor]))
		echo "At idle $((result[idle_lent] / 1024)) MiB of the $((result[pool] / 1024)) MiB pool were lent: $((result[idle_lent] * 100 / lendable))% of (total - floor)."
		if [ -n "${result[reclaim_faultin]:-}" ] && [ -n "${result[stock256_faultin]:-}" ]; then
			gain=$((result[reclaim_faultin] - result[stock256_faultin]))
			echo "A process got $((gain / 1024)) MiB more than on stock with the same pool: $((gain * 100 / lendable))% of (total - floor)."
		fi
		echo "Under pressure up to $(((result[idle_lent] - result[pressure_free_lent]) / 1024)) MiB of it were in use."
		echo "The I/O took back ${result[io_take_free]:--} free segments and ${result[io_take_migrate]:--} by migrating; ${result[io_map_fail]:--} mappings failed."
		if [ "${result[fio_status]:-1}" = 0 ]; then
			echo "fio read back what it wrote, 0 verify errors, 0 I/O errors:"
		else
			echo "fio FAILED:"
		fi
		printf '%s' "${result[fio]:-}"
		if [ "${result[back]:--}" != - ]; then
			echo "${result[back]} s after the I/O at least 95% was lent again."
		else
			echo "The memory did NOT come back within $BACK s."
		fi
	fi
	[ "$status" -eq 0 ] || echo "The demonstration FAILED (status $status); console log: ${dir#"$ROOT"/}/console.log"
	echo
	echo "Timeline: ${dir#"$ROOT"/}/timeline.svg and timeline.csv"
} | tee "$dir/summary.txt"
exit "$status"
