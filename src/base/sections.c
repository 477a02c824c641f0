// SPDX-License-Identifier: GPL-2.0-or-later
/* UKI section names: see sections.h. No pointers in the table: the kexec stub has no relocations. */
#include "base/sections.h"

const struct uki_section_info uki_sections[UKI_SECTION_MAX] = {
	[UKI_LINUX] = {".linux", 0},
	[UKI_OSREL] = {".osrel", UKI_TEXT},
	[UKI_CMDLINE] = {".cmdline", UKI_TEXT},
	[UKI_INITRD] = {".initrd", 0},
	[UKI_UCODE] = {".ucode", UKI_NOT_SEALED},
	[UKI_SPLASH] = {".splash", 0},
	[UKI_DTB] = {".dtb", UKI_HARDWARE | UKI_NOT_SEALED},
	[UKI_DTBAUTO] = {".dtbauto", UKI_HARDWARE | UKI_REPEATS | UKI_NOT_SEALED},
	[UKI_HWIDS] = {".hwids", 0},
	[UKI_UNAME] = {".uname", UKI_TEXT},
	[UKI_SBAT] = {".sbat", UKI_TEXT},
	[UKI_PCRSIG] = {".pcrsig", UKI_TEXT},
	[UKI_PCRPKEY] = {".pcrpkey", UKI_TEXT},
	[UKI_PROFILE] = {".profile", UKI_TEXT | UKI_NOT_SEALED},
	[UKI_EFIFW] = {".efifw", UKI_HARDWARE | UKI_REPEATS | UKI_NOT_SEALED},
	[UKI_SBOM] = {".sbom", 0},
	[UKI_KEXEC] = {".kexec", 0},
};

enum uki_section uki_section_by_name(const uint8_t name[PE_SECTION_NAME_LEN])
{
	for (unsigned int i = 0; i < UKI_SECTION_MAX; i++) {
		struct bytes known = {(const uint8_t *)uki_sections[i].name, PE_SECTION_NAME_LEN};

		if (bytes_equal(known, (struct bytes){name, PE_SECTION_NAME_LEN}))
			return (enum uki_section)i;
	}
	return UKI_OTHER;
}
