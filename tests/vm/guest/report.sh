# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
#
# Sourced by every guest script: the result channel and a few helpers.
# File descriptor 9 is the virtio-serial port "ukdump.report"; a port can be opened only once at
# a time, so it is opened here if it was not inherited, and stays open.

report_port() {
	for port_name in /sys/class/virtio-ports/*/name; do
		[ -r "$port_name" ] || continue
		[ "$(cat "$port_name")" = ukdump.report ] || continue
		port_name=${port_name%/name}
		echo "/dev/${port_name##*/}"
	done
}

# report_from KEY: sends {"key": KEY, "value": standard input}.
report_from() {
	awk -v key="$1" '
		BEGIN {
			for (i = 1; i < 32; i++) escape[sprintf("%c", i)] = sprintf("\\u%04x", i)
			escape["\\"] = "\\\\"
			escape["\""] = "\\\""
			printf "{\"key\": \"%s\", \"value\": \"", key
		}
		NR > 1 { printf "\\n" }
		# Character by character: awks disagree about backslashes in the text of gsub().
		/[\001-\037"\\]/ {
			for (i = 1; i <= length($0); i++) {
				c = substr($0, i, 1)
				printf "%s", (c in escape ? escape[c] : c)
			}
			next
		}
		{ printf "%s", $0 }
		END { print "\"}" }' >&9
}

# report KEY VALUE...: one result line. KEY holds no quotes or backslashes.
report() {
	report_key=$1
	shift
	printf '%s\n' "$*" | report_from "$report_key"
}

# attempt KEY COMMAND...: runs a command that may fail; reports what it printed as KEY and its
# exit status as KEY.status. Always succeeds, so that it can be used under `set -e`.
attempt() {
	attempt_key=$1
	shift
	attempt_status=0
	"$@" >/tmp/attempt.out 2>&1 || attempt_status=$?
	cat /tmp/attempt.out
	report_from "$attempt_key" </tmp/attempt.out
	report "$attempt_key.status" "$attempt_status"
}

# disk SERIAL: the block device of the disk that the host attached under that name.
disk() {
	for disk_serial in /sys/block/*/serial; do
		[ -r "$disk_serial" ] || continue
		[ "$(cat "$disk_serial")" = "$1" ] || continue
		disk_serial=${disk_serial%/serial}
		echo "/dev/${disk_serial##*/}"
		return 0
	done
	return 1
}

# crash: panics the running kernel; returns only if that failed.
crash() {
	sync
	report crash now
	echo 1 >/proc/sys/kernel/sysrq
	echo c >/proc/sysrq-trigger
	sleep 5
	report crash "still alive"
	return 1
}

if [ ! -e /proc/self/fd/9 ]; then
	report_device=$(report_port)
	exec 9>"${report_device:-/dev/null}"
fi
