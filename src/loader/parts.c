// SPDX-License-Identifier: GPL-2.0-or-later
/* Takes plain UKIs apart: see parts.h. Bounds were validated when the snapshots were judged. */
#include "loader/parts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/cpio.h"
#include "util/file.h"

void parts_free(struct parts *p)
{
	cleanup_closep(&p->kernel);
	cleanup_closep(&p->initrd);
	free(p->cmdline);
	p->cmdline = NULL;
}

/*
 * What a firmware boot hands to hardware and a crash kernel on x86 would not get: the kernel takes
 * no devicetree from the caller, firmware is not called.
 */
static int check_sections(const struct uki *u, const struct uki_profile *p, struct ukd_error *e)
{
	for (unsigned int id = 0; id < UKI_SECTION_MAX; id++)
		if (p->section[id] && uki_sections[id].flags & UKI_HARDWARE)
			return ukd_refuse(e, "parts.section",
					  "%s: has a '%.8s' section, which kexec cannot hand to "
					  "the kernel",
					  u->name, uki_sections[id].name);
	return 0;
}

/* ---- the initrd: archives one behind the other ---- */

static int pad_archive(int out, uint64_t *len)
{
	static const char zeros[INITRD_ALIGN];
	uint64_t padding = align_up(*len, INITRD_ALIGN) - *len;

	*len += padding;
	return fd_write_full(out, zeros, padding);
}

static int append_section(const struct snapshot *from, const struct pe_section *s, int out,
			  uint64_t *len)
{
	int r;

	if (!s)
		return 0;
	r = fd_copy(from->memfd, s->raw, pe_section_len(s), out);
	if (r < 0)
		return r;
	*len += pe_section_len(s);
	return pad_archive(out, len);
}

/* The section's content comes from the same snapshot, where uki_read() kept it. */
static int append_extra(const struct uki *u, const struct pe_section *s, const char *name, int out,
			uint64_t *len)
{
	_free_ char *archive = NULL;
	char path[64];
	size_t n = 0;
	FILE *memory;

	if (!s)
		return 0;
	memory = open_memstream(&archive, &n);
	if (!memory)
		return -ENOMEM;
	(void)snprintf(path, sizeof(path), ".extra/%s", name);
	/* As systemd-stub (262) does it: the capture environment finds what a boot by firmware has.
	 */
	cpio_write_file(memory, path, 0555, 0444, uki_content(u, s));
	if (fclose(memory) != 0)
		return -ENOMEM;
	*len += n;
	return fd_write_full(out, archive, n);
}

/* systemd-stub's order (262, enum of initrds in stub.c). */
static int append_extras(const struct uki *u, const struct uki_profile *p, int out, uint64_t *len)
{
	static const struct {
		enum uki_section id;
		const char *name;
	} table[] = {
		{UKI_PCRSIG, "tpm2-pcr-signature.json"},
		{UKI_PCRPKEY, "tpm2-pcr-public-key.pem"},
		{UKI_OSREL, "os-release"},
		{UKI_PROFILE, "profile"},
	};
	int r = 0;

	for (unsigned int i = 0; r >= 0 && i < ARRAY_SIZE(table); i++)
		r = append_extra(u, p->section[table[i].id], table[i].name, out, len);
	return r;
}

static int append_initrd(const struct snapshot *image, const struct uki_profile *p,
			 const struct snapshot *addons, unsigned int n_addons, int out,
			 uint64_t *len)
{
	int r = 0;

	/* the kernel takes the first microcode it finds: the last addon's wins */
	for (unsigned int i = n_addons; r >= 0 && i-- > 0;)
		r = append_section(&addons[i], pe_find(&addons[i].j.uki.pe, UKI_UCODE), out, len);
	if (r >= 0)
		r = append_section(image, p->section[UKI_UCODE], out, len);
	if (r >= 0)
		r = append_section(image, p->section[UKI_INITRD], out, len);
	if (r >= 0)
		r = append_extras(&image->j.uki, p, out, len);
	for (unsigned int i = 0; r >= 0 && i < n_addons; i++)
		r = append_section(&addons[i], pe_find(&addons[i].j.uki.pe, UKI_INITRD), out, len);
	return r;
}

/* ---- the command line ---- */

static int make_cmdline(const struct uki *u, const struct uki_profile *p,
			const struct snapshot *addons, unsigned int n_addons, char **ret)
{
	const char *line = uki_profile_text(u, p, UKI_CMDLINE);
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return -ENOMEM;
	if (line)
		(void)fputs(line, out);
	for (unsigned int i = 0; i < n_addons; i++) {
		const char *more = uki_text(&addons[i].j.uki, UKI_CMDLINE);

		if (more && *more)
			(void)fprintf(out, "%s%s", ftello(out) ? " " : "", more);
	}
	if (fclose(out) != 0) {
		free(text);
		return -ENOMEM;
	}
	*ret = text;
	return 0;
}

static int fill(const struct snapshot *image, const struct uki_profile *profile,
		const struct snapshot *addons, unsigned int n_addons, struct parts *p)
{
	const struct pe_section *kernel = profile->section[UKI_LINUX];
	int r = fd_copy(image->memfd, kernel->raw, pe_section_len(kernel), p->kernel);

	if (r >= 0)
		r = append_initrd(image, profile, addons, n_addons, p->initrd, &p->initrd_len);
	if (r >= 0)
		r = make_cmdline(&image->j.uki, profile, addons, n_addons, &p->cmdline);
	return r;
}

int parts_make(const struct snapshot *image, const struct uki_profile *profile,
	       const struct snapshot *addons, unsigned int n_addons, struct parts *ret,
	       struct ukd_error *e)
{
	const char *name = image->j.uki.name;
	_parts_ struct parts p = PARTS_NONE;
	int r = check_sections(&image->j.uki, profile, e);

	for (unsigned int i = 0; r >= 0 && i < n_addons; i++) {
		struct uki_profile only;

		uki_profile_get(&addons[i].j.uki, 0, &only);
		r = check_sections(&addons[i].j.uki, &only, e);
	}
	if (r >= 0)
		r = memfd_open(&p.kernel, e);
	if (r >= 0)
		r = memfd_open(&p.initrd, e);
	if (r < 0)
		return r;
	r = fill(image, profile, addons, n_addons, &p);
	if (r < 0)
		return ukd_fail_errno(e, r, "%s: cannot take it apart", name);
	r = memfd_seal(p.kernel, name, e);
	if (r >= 0)
		r = memfd_seal(p.initrd, name, e);
	if (r < 0)
		return r;
	*ret = p;
	p = (struct parts)PARTS_NONE;
	return 0;
}
