#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Logs in to the iSCSI sessions that a target lies on: a file of arguments for iscsistart each, one
# per line, since secrets may be among them. In turn, because two of iscsistart share one socket,
# and again until all are there: the network comes up meanwhile.

# Without the kernel's part iscsistart waits for its own other half, for minutes.
while [ ! -e /sys/class/iscsi_transport/tcp ]; do
	sleep 1
done
while :; do
	missing=
	for session in /etc/ukdump/iscsi/*; do
		done=/run/ukdump/iscsi.${session##*/}
		[ ! -e "$done" ] || continue
		set --
		while IFS= read -r argument; do
			set -- "$@" "$argument"
		done < "$session"
		if iscsistart "$@"; then
			: > "$done"
		else
			missing=yes
		fi
	done
	[ -n "$missing" ] || exit 0
	sleep 1
done
