// SPDX-License-Identifier: GPL-2.0-or-later
/* src/build/efi_stub.c: EFI stubs of others in sealed images. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "build/efi_stub.h"
#include "fixture_checks.h"
#include "fixture_pe.h"
#include "fixture_seal.h"
#include "fixture_sealed.h"

#define SYSTEMD_STUB "/usr/lib/systemd/boot/efi/linuxx64.efi.stub"

#define CODE(text)                                          \
	{                                                   \
		".text", text, sizeof(text) - 1, 0x60000020 \
	}
#define S FIXTURE_SECTION

static void test_foreign_stub_is_kept(void **state _unused_)
{
	static const struct fixture_section s[] = {CODE("\xf4\xeb\xfd"), S(".data", "stub data"),
						   S(".sbat", "sbat,1,x\nstub,1,y")};
	_buffer_ struct buffer stub = {0}, image = {0};
	struct ukd_error e = {0};
	uint32_t data;

	fixture_pe_make(s, 3, &stub);
	assert_int_equal(assemble_on(&stub, &image, &e), 0);
	(void)expect_valid(&image);
	data = sealed_header_of(&image, ".data");
	assert_int_equal(at32(&image, data + 12), 0x2000); /* its RVA */
	assert_string_equal((char *)image.data + at32(&image, data + 20), "stub data");
	assert_memory_equal(image.data + sealed_raw_of(&image, ".sbat"),
			    "sbat,1,x\nstub,1,y\nukdump,1,", 27);
}

static void test_stub_of_large_file_alignment(void **state _unused_)
{
	static const struct fixture_section s[] = {CODE("\xf4"), S(".sbat", "sbat,1,x\n")};
	_buffer_ struct buffer stub = {0}, image = {0};
	struct ukd_error e = {0};

	fixture_pe_make(s, 2, &stub);
	/* both sections a page in the file */
	stub.data = realloc(stub.data, 0x3001);
	memset(stub.data + stub.len, 0, 0x3001 - stub.len);
	stub.len = 0x3000;
	memcpy(stub.data + 0x2000, "sbat,1,x\n", 10);
	memset(stub.data + 0x1200, 0, 16);
	store_le32(stub.data + FIXTURE_OPT_OFFSET + 36, 0x1000);
	store_le32(stub.data + FIXTURE_SECTION_TABLE + 16, 0x1000);
	store_le32(stub.data + FIXTURE_SECTION_TABLE + 40 + 16, 0x1000);
	store_le32(stub.data + FIXTURE_SECTION_TABLE + 40 + 20, 0x2000);
	if (assemble_on(&stub, &image, &e) < 0)
		fail_msg("%s", e.text);
	(void)expect_valid(&image);
}

static void test_stubs_that_are_refused(void **state _unused_)
{
	static const struct fixture_section uki[] = {CODE("x"), S(".linux", "k")};
	static const struct fixture_section empty[] = {CODE("x"), {".sbat", "\0\0\0\0", 4, 0}};
	struct fixture_section many[48];
	_buffer_ struct buffer stub = {0}, image = {0};
	struct ukd_error e = {0};

	fixture_pe_make(uki, 2, &stub);
	expect_refused(assemble_on(&stub, &image, &e), &e, "stub.kind", "a UKI");
	buffer_free(&stub);
	fixture_pe_make(empty, 2, &stub);
	expect_refused(assemble_on(&stub, &image, &e), &e, "stub.sbat", "empty .sbat");
	buffer_free(&stub);
	fixture_pe_make(uki, 1, &stub);
	fixture_attach(&stub, (struct bytes){(const uint8_t *)"\x30\x04kkkk", 6});
	expect_refused(assemble_on(&stub, &image, &e), &e, "stub.signed", "signed");
	buffer_free(&stub);
	for (unsigned int i = 0; i < 48; i++)
		many[i] = (struct fixture_section){".text", "x", 1, 0x60000020};
	fixture_pe_make(many, 48, &stub);
	expect_refused(assemble_on(&stub, &image, &e), &e, "sealed.stub", "48 sections");
	stub.len = 5;
	expect_refused(assemble_on(&stub, &image, &e), &e, "pe.truncated", "truncated");
	assert_null(image.data);
}

/* As systemd-stub 252 comes: symbols behind the sections, SizeOfImage not rounded. */
static void test_symbols_and_tail_are_dropped(void **state _unused_)
{
	static const struct fixture_section s[] = {CODE("x"), S(".sbat", "sbat,1,x\n")};
	_buffer_ struct buffer stub = {0}, image = {0};
	struct ukd_error e = {0};

	fixture_pe_make(s, 2, &stub);
	store_le32(stub.data + FIXTURE_PE_OFFSET + 12, (uint32_t)stub.len);
	store_le32(stub.data + FIXTURE_PE_OFFSET + 16, 5);
	store_le32(stub.data + FIXTURE_PE_OFFSET + 8, 0x67452301); /* time stamp */
	store_le32(stub.data + FIXTURE_OPT_OFFSET + 56, 0x2f01);
	stub.data = realloc(stub.data, stub.len + 101);
	memset(stub.data + stub.len, 's', 100);
	stub.len += 100;
	if (assemble_on(&stub, &image, &e) < 0)
		fail_msg("%s", e.text);
	(void)expect_valid(&image);
	assert_int_equal(at32(&image, 0x640 + 8), 0);
	assert_int_equal(at32(&image, 0x640 + 12), 0);
	assert_int_equal(at32(&image, 0x640 + 16), 0);
}

static void test_installed_systemd_stub(void **state _unused_)
{
	_buffer_ struct buffer stub = {0}, image = {0};
	struct ukd_error e = {0};
	struct efi_stub parsed;

	if (file_read(AT_FDCWD, SYSTEMD_STUB, MIB(16), &stub, &e) < 0)
		skip();
	if (assemble_on(&stub, &image, &e) < 0)
		fail_msg("%s", e.text);
	(void)expect_valid(&image);
	assert_int_equal(efi_stub_load(buffer_bytes(&stub), &parsed, &e), 0);
	for (unsigned int i = 0; i < parsed.pe.n_sections; i++) {
		const struct pe_section *s = &parsed.pe.section[i];
		uint32_t h;

		if (s->id == UKI_SBAT)
			continue;
		h = sealed_header_of(&image, s->name);
		assert_int_equal(at32(&image, h + 12), s->vaddr);
		assert_int_equal(at32(&image, h + 8), s->vsize);
		assert_memory_equal(image.data + at32(&image, h + 20), stub.data + s->raw,
				    s->raw_size);
	}
	assert_int_equal(at32(&image, 0x640 + 24 + 16), parsed.pe.entry);
	assert_non_null(strstr((char *)image.data + sealed_raw_of(&image, ".sbat"), "systemd"));
	efi_stub_free(&parsed);
}

static void test_every_check_was_seen(void **state _unused_)
{
	expect_all_checks_seen("src/build/efi_stub.c", "stub.");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_foreign_stub_is_kept),
		cmocka_unit_test(test_stub_of_large_file_alignment),
		cmocka_unit_test(test_stubs_that_are_refused),
		cmocka_unit_test(test_symbols_and_tail_are_dropped),
		cmocka_unit_test(test_installed_systemd_stub),
		cmocka_unit_test(test_every_check_was_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
