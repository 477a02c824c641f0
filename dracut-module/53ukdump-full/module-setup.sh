#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# dracut module "ukdump-full": systemd and udev around the program, for targets that need more than
# kernel modules and a mount. Which of dracut's own modules bring the target up (systemd-networkd,
# lvm, mdraid, multipath, iscsi, systemd-cryptsetup, ...) is said by `ukdumpctl build` with -m.
#
# The program is /init here, too: it starts the watchdogs before anything else can hang, becomes
# `systemd --unit=ukdump.target` (by itself systemd would start initrd.target), and is run again by
# ukdump-capture.service.

check() {
	return 255
}

depends() {
	echo ukdump systemd systemd-initrd systemd-udevd udev-rules
	return 0
}

install() {
	# shellcheck disable=SC2154 # dracut's own: the tree's directory of units, this module's own
	local units=$systemdsystemunitdir name

	for name in ukdump-capture.service ukdump-iscsi.service ukdump.target; do
		inst_simple "${moddir:?}/$name" "$units/$name" || exit 1
	done
	inst_simple "$moddir/system.conf" /etc/systemd/system.conf.d/50-ukdump.conf || exit 1
	inst_simple "$moddir/multipathd.conf" \
		"${systemdsystemconfdir:?}/multipathd.service.d/50-ukdump.conf" || exit 1
	mkdir -p "${initdir:?}$units/ukdump.target.wants"
	for name in emergency rescue; do
		# shellcheck disable=SC2154 # dracut's own: the directory of units that override
		inst_simple "$moddir/emergency.target" "${systemdsystemconfdir:?}/$name.target" || exit 1
	done
	# Modules with a higher number are not there yet: whether a unit exists is found out at boot.
	for name in systemd-networkd.service multipathd.service ukdump-iscsi.service cryptsetup.target \
		dracut-cmdline.service dracut-pre-udev.service dracut-pre-trigger.service \
		dracut-initqueue.service; do
		ln -sfn "../$name" "$initdir$units/ukdump.target.wants/$name"
	done
	inst_simple "$moddir/iscsi.sh" /usr/lib/ukdump/iscsi.sh || exit 1
	# Storage comes up piece by piece: what dracut's queue did not find in time it looks for again.
	inst_hook initqueue/timeout 99 "$moddir/keep-looking.sh"
	# There is no modules.dep: the real one would fail, too, with a message on the console each time.
	rm -f "$initdir/usr/sbin/modprobe"
	printf '#!/bin/sh\nexit 1\n' > "$initdir/usr/sbin/modprobe" || exit 1
	chmod 0755 "$initdir/usr/sbin/modprobe" || exit 1
	# dracut's own would ask for addresses on every other interface, too.
	rm -f "$initdir/etc/systemd/network/zzzz-dracut-default.network"
	ln -sfn usr/bin/ukdump-capture "$initdir/init"
}
