#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# dracut module "ukdump": what every capture image has. The program, makedumpfile, vmcore-dmesg, the
# kernel modules that the stage directory lists and the settings for the capture environment.
#
# `ukdumpctl build` runs dracut with UKDUMP_STAGE=DIR in the environment; DIR holds
#	capture.conf	settings, as in ukdump.conf(5)
#	modules.list	kernel modules in load order, one absolute path per line
#	programs.list	programs to install: "SOURCE [DESTINATION]" per line
#	parameters.conf	parameters for dracut's own modules, such as rd.lvm.lv=vg/lv
#	files/		copied over the root of the image
#	modules-NAME.list	likewise, loaded only if the target has the file system NAME, or if
#			hardware.alias has a device for it; may be missing
#	kernel-unpacks	if it exists: modules of the lists modules-NAME.list stay compressed
#	hardware.alias	"ALIAS NAME" per line, as in modules.alias; may be missing
#	build.conf	facts about the machine (ukdump-capture(8)); may be missing
#
# Works in a chroot without /proc, /sys and /dev; Debian's dracut 059 and 106.

# Only on demand (-m ukdump), never in the system's own initrd.
check() {
	return 255
}

depends() {
	return 0
}

# Kernel modules are listed exactly; nothing that dracut finds by itself is wanted.
installkernel() {
	return 0
}

# Unpacks a kernel module, so that the capture kernel need not, and the initrd as a whole packs
# better. Its signature is inside and stays. Prints the path it has in the image. Without the
# tool for it, or if that is asked for, the module goes in as it is: Linux >= 5.17 unpacks it.
ukdump_module() {
	local path=$1 keep=$2 plain tool

	case $keep$path in
		yes*) tool= ;;
		*.ko.xz) tool=xz ;;
		*.ko.zst) tool=zstd ;;
		*.ko.gz) tool=gzip ;;
		*) tool= ;;
	esac
	plain=${path%.*}
	if [ -n "$tool" ] && command -v "$tool" > /dev/null; then
		mkdir -p "${initdir:?}${plain%/*}" || return 1
		"$tool" -dc < "$path" > "$initdir$plain" || return 1
		chmod 0644 "$initdir$plain" || return 1
		echo "$plain"
	else
		inst_simple "$path" || return 1
		echo "$path"
	fi
}

ukdump_modules() {
	local list=$1 path parameters installed keep=

	[ "${list##*/}" = modules.list ] || [ ! -e "${list%/*}/kernel-unpacks" ] || keep=yes
	while read -r path parameters; do
		case $path in
			'' | '#'*) continue ;;
		esac
		if ! installed=$(ukdump_module "$path" "$keep"); then
			dfatal "ukdump: cannot install kernel module $path"
			return 1
		fi
		echo "$installed${parameters:+ $parameters}"
	done < "$list" > "$initdir/etc/ukdump/${list##*/}"
}

ukdump_program() {
	local path

	for path in /usr/lib/ukdump/ukdump-capture /usr/local/lib/ukdump/ukdump-capture \
		/usr/sbin/ukdump-capture /usr/bin/ukdump-capture; do
		# shellcheck disable=SC2154 # dracut's own: the tree that is packed
		[ -x "$dracutsysrootdir$path" ] || continue
		inst_binary "$path" /usr/bin/ukdump-capture
		return
	done
	dfatal "ukdump: ukdump-capture is not installed"
	return 1
}

# Programs with their libraries; inst follows the interpreter of a script.
ukdump_programs() {
	local source destination

	while read -r source destination; do
		if ! inst "$source" "${destination:-$source}"; then
			dfatal "ukdump: cannot install program $source"
			return 1
		fi
	done < "$1"
}

install() {
	local stage=${UKDUMP_STAGE-} list

	if [ ! -r "$stage/capture.conf" ] || [ ! -r "$stage/modules.list" ]; then
		dfatal "ukdump: UKDUMP_STAGE names no directory with capture.conf and modules.list"
		exit 1
	fi
	ukdump_program || exit 1
	inst_binary makedumpfile || exit 1
	# Second choice for the kernel log is makedumpfile itself.
	inst_binary vmcore-dmesg || dwarn "ukdump: no vmcore-dmesg (kexec-tools)"

	mkdir -p "$initdir/etc/ukdump"
	inst_simple "$stage/capture.conf" /etc/ukdump/capture.conf || exit 1
	[ ! -e "$stage/build.conf" ] || inst_simple "$stage/build.conf" /etc/ukdump/build.conf || exit 1
	[ ! -e "$stage/programs.list" ] || ukdump_programs "$stage/programs.list" || exit 1
	if [ -s "$stage/parameters.conf" ]; then
		inst_simple "$stage/parameters.conf" /etc/cmdline.d/90-ukdump.conf || exit 1
	fi
	[ ! -d "$stage/files" ] || cp -a "$stage/files/." "$initdir/" || exit 1
	[ ! -e "$stage/hardware.alias" ] || inst_simple "$stage/hardware.alias" /etc/ukdump/hardware.alias || exit 1
	for list in "$stage"/modules*.list; do
		ukdump_modules "$list" || exit 1
	done
}
