# SPDX-License-Identifier: GPL-2.0-or-later
# What belongs to what. Every source is named, so that the layers are visible here;
# scripts/check-layers checks who includes whom. One name per line,
# so that merges do not meet.

SRC_base := \
	bytes.c \
	sections.c \
	bootproto.c \
	sealed.c
SRC_util := \
	connect.c \
	cpio.c \
	error.c \
	file.c \
	log.c \
	parse.c \
	url.c \
	process.c \
	root.c \
	scratch.c \
	secret.c \
	self.c \
	sys.c \
	tempfile.c \
	terminal.c \
	kconfig.c \
	lockfile.c \
	lockdown.c \
	efivarfs.c
SRC_conf := conf.c value.c settings.c
SRC_migrate := \
	import.c \
	shell.c \
	kdump_conf.c \
	makedumpfile.c \
	cmdline.c \
	target.c \
	text.c \
	fedora.c \
	debian.c \
	suse.c
SRC_pe := \
	pe.c \
	cert.c \
	uki.c \
	uki_check.c \
	sbat.c \
	profile.c \
	kernel.c \
	sealed.c
SRC_auth := \
	judge.c \
	measure.c \
	pcrsig.c \
	sidecar.c \
	keyring.c \
	algorithm.c \
	embedded.c \
	kernel_cert.c \
	revoked.c \
	revoked_lists.c \
	efivar.c \
	ossl.c \
	der.c \
	spc.c \
	signature.c \
	digest.c \
	signed_pe.c \
	inner.c \
	verify.c \
	siglist.c \
	trust.c \
	key.c \
	key_uri.c \
	key_store.c \
	sign.c \
	hostkey.c
SRC_build := \
	assemble.c \
	pewrite.c \
	reseal.c \
	addon.c \
	attach.c \
	efi_stub.c \
	gather.c \
	modules.c \
	device.c \
	storage.c \
	luks.c \
	luks_image.c \
	luks_target.c \
	mounts.c \
	target.c \
	needs.c \
	need_disk.c \
	need_storage.c \
	need_iscsi.c \
	need_watchdog.c \
	need_ends.c \
	need_virtiofs.c \
	need_encrypt.c \
	need_upload.c \
	need_exec.c \
	need_nfs.c \
	need_ssh.c \
	inputs.c \
	sources.c \
	need_network.c \
	network_lookup.c \
	network_stack.c \
	initrd.c \
	makedumpfile.c \
	stub_blob.S
SRC_crashkernel := \
	bootloader.c \
	boot_plan.c \
	grub.c \
	grubby.c \
	kernel_install.c \
	cmdline.c \
	estimate.c \
	machine.c \
	size.c
SRC_loader := \
	main.c \
	load.c \
	plan.c \
	check.c \
	parts.c \
	after.c \
	sysctl.c \
	snapshot.c \
	armed.c \
	lastgood.c \
	host.c \
	ima.c \
	explain.c
SRC_triage := \
	line.c \
	event.c \
	facts.c \
	signature.c \
	triage.c
SRC_store := store.c retention.c machine.c
SRC_capture := \
	main.c \
	init.c \
	leave.c \
	watchdog.c \
	keeper.c \
	hooks.c \
	panic.c \
	json.c \
	result.c \
	sequence.c \
	record.c \
	manifest.c \
	budget.c \
	guard.c \
	memory.c \
	facts.c \
	modules.c \
	hardware.c \
	elfcore.c \
	dumpcheck.c \
	blockdev.c \
	target.c \
	mount.c \
	local.c \
	virtiofs.c \
	directory.c \
	retention.c \
	kernellog.c \
	log_triage.c \
	plans.c \
	collector.c \
	tool.c \
	words.c \
	progress.c \
	copy.c \
	directory_dump.c \
	flattened.c \
	flow.c \
	arguments.c \
	stream.c \
	encrypt.c \
	upload.c \
	exec.c \
	net.c \
	nfs.c \
	ssh.c
SRC_dump := \
	dump.c \
	flat.c \
	header.c \
	header_elf.c \
	header_kdump.c \
	kallsyms.c \
	pager.c \
	printk.c \
	stack.c \
	vmcoreinfo.c \
	vmem.c
SRC_upload := \
	main.c \
	credentials.c \
	explain.c \
	http.c \
	input.c \
	many.c \
	parts.c \
	remote.c \
	put.c \
	s3.c \
	s3reply.c \
	transfer.c \
	xml.c
SRC_ctl := \
	main.c \
	output.c \
	json.c \
	text_record.c \
	program.c \
	loader.c \
	kdumpctl.c \
	hookdir.c \
	cmd_refresh.c \
	cmd_build.c \
	cmd_luks.c \
	cmd_seal.c \
	cmd_addon.c \
	cmd_sign.c \
	cmd_verify.c \
	cmd_inspect.c \
	cmd_arm.c \
	cmd_status.c \
	cmd_check.c \
	cmd_report.c \
	cmd_reserve.c \
	cmd_estimate.c \
	cmd_import.c \
	cmd_propagate.c \
	cmd_rehearse.c \
	cmd_test.c \
	cmd_info.c \
	cmd_list.c \
	cmd_dmesg.c \
	cmd_verify_dump.c \
	cmd_clean.c \
	dumps/result.c \
	dumps/info_open.c \
	dumps/decrypt.c \
	dumps/info_print.c \
	dumps/info_stack.c \
	dumps/info_triage.c \
	dumps/ask_info.c \
	dumps/records.c \
	dumps/records_remote.c \
	dumps/remote_reader.c \
	dumps/dump_path.c \
	dumps/dump_verdict.c \
	dumps/triage_object.c \
	image/publish.c \
	image/images.c \
	image/arming.c \
	image/target_check.c \
	image/build_image.c \
	image/freshness.c \
	image/outcome.c \
	image/refresh_plan.c \
	image/refresh.c \
	image/leftovers.c \
	image/verify_print.c \
	image/verify_json.c \
	image/inspect_parts.c \
	image/inspect_pcr.c \
	key/trust.c \
	key/host_key.c \
	key/uki_conf.c \
	key/find_key.c \
	key/list_keys.c \
	key/build_key.c \
	rehearse/rehearse.c \
	rehearse/rehearse_disk.c \
	rehearse/rehearse_guest.c \
	rehearse/rehearse_image.c \
	rehearse/rehearse_init.S \
	rehearse/rehearse_judge.c \
	rehearse/rehearse_memory.c \
	rehearse/rehearse_serial.c \
	rehearse/rehearse_target.c \
	report/journal.c \
	report/left_result.c \
	report/crash.c \
	report/crash_examine.c \
	report/report_boot.c \
	report/report_state.c \
	report/proof.c \
	report/test_result.c \
	reserve/reserve_facts.c \
	reserve/reserve_addon.c \
	reserve/reserve_print.c \
	status/host_state.c \
	status/findings.c \
	status/findings_print.c \
	status/check_capture.c \
	status/check_cmdline.c \
	status/check_image.c \
	status/check_kernel.c \
	status/check_machine.c \
	status/check_past.c \
	status/check_signature.c \
	status/status.c \
	status/status_json.c \
	status/status_metrics.c \
	status/status_print.c \
	status/check_proof.c
SRC_stub := \
	entry.S \
	main.c \
	plan.c \
	crash.c \
	apply.c \
	console.c \
	mem.c
SRC_rehearse := init.c

COMPONENTS := base util conf migrate pe auth build crashkernel loader store triage capture dump upload ctl

# program: components, first its own; libraries
PROGRAM_ukdumpctl := ctl store triage build upload auth pe dump migrate conf crashkernel util base
LIBS_ukdumpctl := $(LIBS_crypto) $(LIBS_json) $(LIBS_kdump) $(LIBS_md)
PROGRAM_ukdump-load := loader auth pe conf crashkernel util base
LIBS_ukdump-load := $(LIBS_crypto)
PROGRAM_ukdump-capture := capture store triage conf util base
LIBS_ukdump-capture := $(LIBS_json) $(LIBS_blkid) $(LIBS_md)
PROGRAM_ukdump-upload := upload util base
LIBS_ukdump-upload := $(LIBS_curl) $(LIBS_md)

PROGRAM_NAMES := ukdumpctl ukdump-load ukdump-capture ukdump-upload
PROGRAMS := $(addprefix $(BUILD)/,$(PROGRAM_NAMES))

# Those that take longest, waiting for time limits, come first.
UNIT_TESTS := \
	test_capture_target \
	test_capture \
	test_init \
	test_flow \
	test_ends \
	test_capture_stream \
	test_capture_disk \
	test_process \
	test_base \
	test_file \
	test_parse \
	test_pe \
	test_uki \
	test_profile \
	test_kernel \
	test_seal \
	test_sealed \
	test_efi_stub \
	test_stub \
	test_stub_crash \
	test_loader \
	test_host \
	test_sysctl \
	test_keyring \
	test_algorithm \
	test_embedded \
	test_ima \
	test_parts \
	test_lastgood \
	test_sidecar \
	test_modules \
	test_target \
	test_device \
	test_gather \
	test_storage \
	test_need_storage \
	test_luks \
	test_url \
	test_target_check \
	test_journal \
	test_report \
	test_network \
	test_need_ssh \
	test_conf \
	test_dump \
	test_kallsyms \
	test_stack \
	test_auth \
	test_signature \
	test_signature_bytes \
	test_der \
	test_kernel_cert \
	test_measure \
	test_terminal \
	test_trust \
	test_key \
	test_revoked \
	test_revoked_lists \
	test_sbat \
	test_inner \
	test_upload \
	test_capture_formats \
	test_dumpcheck \
	test_encrypt \
	test_need_upload \
	test_needs \
	test_inputs \
	test_refresh \
	test_store \
	test_triage \
	test_reserve
LIBS_tests := -lcmocka $(LIBS_crypto) $(LIBS_json) $(LIBS_kdump) $(LIBS_blkid) $(LIBS_md) \
	$(LIBS_curl)

# unit test: components (default: all) and fixtures in tests/unit
TEST_test_auth := auth pe util base
FIXTURES_test_auth := fixture_pe.c fixture_pki.c fixture_auth.c
TEST_test_inner := build auth pe conf util base
FIXTURES_test_inner := fixture_pe.c fixture_pki.c fixture_auth.c fixture_seal.c
TEST_test_revoked := auth pe util base
FIXTURES_test_revoked := fixture_pe.c fixture_pki.c fixture_auth.c fixture_revoked.c
TEST_test_revoked_lists := $(TEST_test_revoked)
FIXTURES_test_revoked_lists := $(FIXTURES_test_revoked)
TEST_test_sbat := $(TEST_test_revoked)
FIXTURES_test_sbat := $(FIXTURES_test_revoked)
TEST_test_signature := auth pe util base
FIXTURES_test_signature := fixture_signature.c fixture_pki.c
TEST_test_signature_bytes := $(TEST_test_signature)
FIXTURES_test_signature_bytes := $(FIXTURES_test_signature)
TEST_test_der := auth pe util base
TEST_test_kernel_cert := auth pe util base
FIXTURES_test_kernel_cert := fixture_pki.c
TEST_test_measure := auth pe util base
FIXTURES_test_measure := fixture_pe.c fixture_pki.c
TEST_test_key := auth pe util base
FIXTURES_test_key := fixture_pki.c fixture_tree.c
TEST_test_trust := auth pe util base
FIXTURES_test_trust := fixture_pe.c fixture_pki.c fixture_auth.c
TEST_test_upload := upload util base
TEST_test_capture_formats := capture store triage conf util base
FIXTURES_test_capture_formats := fixture_capture.c
TEST_test_dumpcheck := $(TEST_test_capture_formats)
FIXTURES_test_dumpcheck := $(FIXTURES_test_capture_formats)
TEST_test_need_upload := build conf pe util base
FIXTURES_test_need_upload := fixture_tree.c fixture_checks.c
TEST_test_encrypt := build conf pe util base
TEST_test_capture_stream := capture store triage conf util base
FIXTURES_test_capture_stream := fixture_capture.c
TEST_test_flow := capture store triage conf util base
FIXTURES_test_flow := fixture_capture.c
TEST_test_capture := capture store triage conf util base
FIXTURES_test_capture := fixture_capture.c fixture_crash.c
TEST_test_capture_target := $(TEST_test_capture)
FIXTURES_test_capture_target := $(FIXTURES_test_capture)
TEST_test_init := $(TEST_test_capture)
FIXTURES_test_init := fixture_capture.c
TEST_test_needs := build pe conf util base
TEST_test_inputs := build pe conf util base
FIXTURES_test_inputs := fixture_tree.c
FIXTURES_test_needs := fixture_tree.c fixture_checks.c
TEST_test_ends := capture store triage conf util base
FIXTURES_test_ends := fixture_capture.c
TEST_test_conf := conf util base
FIXTURES_test_conf := fixture_tree.c
TEST_test_dump := dump util base
FIXTURES_test_dump := fixture_memory.c
TEST_test_kallsyms := dump util base
FIXTURES_test_kallsyms := fixture_kallsyms.c fixture_memory.c
TEST_test_stack := $(TEST_test_kallsyms)
FIXTURES_test_stack := $(FIXTURES_test_kallsyms)
TEST_test_capture_disk := capture store triage conf util base
FIXTURES_test_capture_disk := fixture_capture.c
TEST_test_store := store util base
TEST_test_triage := triage util base
TEST_test_reserve := crashkernel util base
FIXTURES_test_reserve := fixture_tree.c fixture_checks.c
TEST_test_base := build pe conf util base
FIXTURES_test_base := fixture_seal.c
TEST_test_pe := pe util base
FIXTURES_test_pe := fixture_pe.c fixture_checks.c
TEST_test_terminal := util base
TEST_test_process := util base
FIXTURES_test_process := fixture_tree.c
TEST_test_file := util base
FIXTURES_test_file := fixture_tree.c fixture_checks.c
TEST_test_parse := util base
TEST_test_url := util base
TEST_test_uki := build pe conf util base
FIXTURES_test_uki := fixture_pe.c fixture_seal.c fixture_checks.c
TEST_test_profile := pe util base
FIXTURES_test_profile := fixture_pe.c fixture_checks.c
TEST_test_kernel := build pe conf util base
FIXTURES_test_kernel := fixture_seal.c fixture_checks.c
TEST_test_seal := build pe conf util base
FIXTURES_test_seal := fixture_pe.c fixture_seal.c fixture_sealed.c fixture_checks.c
TEST_test_sealed := $(TEST_test_seal)
FIXTURES_test_sealed := $(FIXTURES_test_seal)
TEST_test_efi_stub := $(TEST_test_seal)
FIXTURES_test_efi_stub := $(FIXTURES_test_seal)
TEST_test_stub := build pe conf util base
# The stub's own sources, hosted; the fixture has a console of its own.
FIXTURES_test_stub := fixture_stub.c fixture_seal.c fixture_checks.c $(addprefix ../../src/stub/,main.c plan.c crash.c apply.c)
TEST_test_stub_crash := $(TEST_test_stub)
FIXTURES_test_stub_crash := $(FIXTURES_test_stub)
TEST_test_loader := loader build auth pe conf crashkernel util base
FIXTURES_test_loader := fixture_machine.c fixture_pe.c fixture_pki.c fixture_seal.c fixture_checks.c fixture_tree.c
TEST_test_host := $(TEST_test_loader)
FIXTURES_test_host := $(FIXTURES_test_loader)
TEST_test_sysctl := loader auth pe conf crashkernel util base
FIXTURES_test_sysctl := fixture_tree.c fixture_checks.c
TEST_test_keyring := auth pe util base
FIXTURES_test_keyring := fixture_tree.c
TEST_test_algorithm := auth pe util base
FIXTURES_test_algorithm := fixture_tree.c
TEST_test_embedded := auth pe util base
FIXTURES_test_embedded := fixture_pki.c fixture_checks.c
TEST_test_parts := loader build auth pe conf crashkernel util base
FIXTURES_test_parts := fixture_plain.c fixture_machine.c fixture_pe.c fixture_pki.c fixture_seal.c fixture_checks.c fixture_tree.c
TEST_test_lastgood := $(TEST_test_parts)
FIXTURES_test_lastgood := $(FIXTURES_test_parts)
TEST_test_sidecar := auth pe util base
FIXTURES_test_sidecar := fixture_checks.c fixture_tree.c
TEST_test_ima := loader auth pe conf crashkernel util base
FIXTURES_test_ima := fixture_tree.c fixture_checks.c
TEST_test_modules := build pe conf util base
FIXTURES_test_modules := fixture_tree.c
TEST_test_need_ssh := build pe conf util base
FIXTURES_test_need_ssh := fixture_tree.c fixture_checks.c
TEST_test_network := build pe conf util base
FIXTURES_test_network := fixture_tree.c fixture_checks.c
TEST_test_storage := build pe conf util base
FIXTURES_test_storage := fixture_storage.c fixture_tree.c fixture_checks.c
TEST_test_need_storage := $(TEST_test_storage)
FIXTURES_test_need_storage := $(FIXTURES_test_storage)
TEST_test_luks := build pe conf util base
FIXTURES_test_luks := fixture_tree.c fixture_checks.c fixture_pe.c
TEST_test_target := build pe conf util base
TEST_test_target_check := ctl build pe conf util base
TEST_test_report := ctl store triage build dump pe conf util base
FIXTURES_test_report := fixture_tree.c
TEST_test_journal := ctl conf util base
FIXTURES_test_journal := fixture_tree.c
FIXTURES_test_target_check := fixture_tree.c
FIXTURES_test_target := fixture_tree.c fixture_checks.c
TEST_test_device := $(TEST_test_target)
FIXTURES_test_device := $(FIXTURES_test_target)
TEST_test_gather := $(TEST_test_target)
FIXTURES_test_gather := $(FIXTURES_test_target)
