#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# dracut module "ukdump-lean": the program itself is init (pid 1); no shell, no udev, no systemd, no
# other dracut module. For targets that need kernel modules and a mount and nothing else.

check() {
	return 255
}

depends() {
	echo ukdump
	return 0
}

install() {
	ln -sfn usr/bin/ukdump-capture "${initdir:?}/init"
}
