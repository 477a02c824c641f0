// SPDX-License-Identifier: GPL-2.0-or-later
/* ukdumpctl inspect: describes an image, one line per section; judges nothing, loads nothing. */
#include <fcntl.h>
#include <stdio.h>

#include "ctl/image/inspect.h"
#include "util/cleanup.h"
#include "util/parse.h"

enum {
	OPT_PCR = OPT_LONG,
	OPT_JSON
};

static const char usage[] =
	"Usage: ukdumpctl inspect [OPTION]... FILE\n\n"
	"Describe an image or an addon: kind, kernel, command line, profiles, sections,\n"
	"signatures. Says nothing about trust; see 'ukdumpctl verify' for that.\n\n"
	"      --pcr   also, for each profile, what systemd-stub measures into TPM PCR 11\n"
	"              when firmware boots the image, and the signed PCR policies\n"
	"      --json  facts as JSON\n"
	"  -h, --help  this text\n\n"
	"Exit: 0 described, 1 not a UKI or damaged, 2 usage.\n";

static void print_flags(uint32_t flags)
{
	if (flags & SEALED_FOR_NORMAL_KEXEC)
		printf("option        for a normal kexec\n");
	if (flags & SEALED_KEEP_DMCRYPTKEYS)
		printf("option        keeps dmcryptkeys=\n");
}

static void print_text(const struct judgement *j)
{
	char id[2 * AUTH_SHA256_LEN + 1], size[FORMAT_SIZE_MAX];
	const struct pe_image *pe = &j->uki.pe;
	char name[PATH_MAX];

	(void)snprintf(name, sizeof(name), "%s", j->uki.name);
	text_printable(name);
	format_hex((struct bytes){j->auth.image_id, AUTH_SHA256_LEN}, id);
	printf("file          %s\n", name);
	printf("size          %s\n", format_size(pe->file_size, size));
	printf("kind          %s\n", uki_kind_name(j->uki.kind));
	printf("image id      %s\n", id);
	inspect_parts_print(j);
	if (j->uki.kind == UKI_SEALED) {
		printf("memory        %s (init_size)\n",
		       format_size(j->facts.outer.init_size, size));
		print_flags(j->facts.flags);
	}
	if (uki_text(&j->uki, UKI_UNAME))
		printf("uname         %s\n", uki_text(&j->uki, UKI_UNAME));
	if (uki_text(&j->uki, UKI_CMDLINE))
		printf("command line  %s\n", uki_text(&j->uki, UKI_CMDLINE));
	printf("signatures    %u\n", j->auth.n_signatures);
	if (j->auth.n_chain)
		printf("signer        %s\n", j->auth.chain[0].subject);
	printf("\nsection   offset    size       RVA\n");
	for (unsigned int i = 0; i < pe->n_sections; i++) {
		const struct pe_section *s = &pe->section[i];

		printf("%-8s  %08x  %-9u  %08x\n", s->name, s->raw, pe_section_len(s), s->vaddr);
	}
}

static struct json_object *sections_json(const struct pe_image *pe)
{
	struct json_object *array = json_array_checked();

	for (unsigned int i = 0; i < pe->n_sections; i++) {
		struct json_object *o = json_object_checked();

		json_text(o, "name", pe->section[i].name);
		json_number(o, "offset", pe->section[i].raw);
		json_number(o, "bytes", pe_section_len(&pe->section[i]));
		json_number(o, "rva", pe->section[i].vaddr);
		json_append(array, o);
	}
	return array;
}

static struct json_object *to_json(const struct judgement *j)
{
	struct json_object *o = json_object_checked();

	json_number(o, "schema", 1);
	json_text(o, "file", j->uki.name);
	json_number(o, "bytes", j->uki.pe.file_size);
	json_text(o, "kind", uki_kind_name(j->uki.kind));
	json_flag(o, "sealed", j->uki.kind == UKI_SEALED);
	json_hex(o, "image", j->auth.image_id, AUTH_SHA256_LEN);
	json_text(o, "uname", uki_text(&j->uki, UKI_UNAME));
	json_text(o, "cmdline", uki_text(&j->uki, UKI_CMDLINE));
	if (j->uki.kind == UKI_SEALED) {
		json_number(o, "init_size", j->facts.outer.init_size);
		json_flag(o, "for_normal_kexec", j->facts.flags & SEALED_FOR_NORMAL_KEXEC);
		json_flag(o, "keeps_dmcryptkeys", j->facts.flags & SEALED_KEEP_DMCRYPTKEYS);
	}
	json_number(o, "signatures", j->auth.n_signatures);
	json_text(o, "signer", j->auth.n_chain ? j->auth.chain[0].subject : NULL);
	json_number(o, "profiles", j->uki.n_profiles);
	inspect_parts_json(j, o);
	json_add(o, "sections", sections_json(&j->uki.pe));
	return o;
}

static int inspect(const char *name, bool json, bool pcr)
{
	_judgement_ struct judgement j = {0};
	_auth_policy_ struct auth_policy nobody = {.trust = auth_trust_new()};
	struct json_object *o = NULL;
	struct ukd_error e = {0};
	_close_ int fd = -1;
	uint64_t size;

	if (!nobody.trust) {
		(void)ukd_oom(&e);
		return verb_failed(&e);
	}
	if (file_open_regular(AT_FDCWD, name, &fd, &size, &e) < 0 ||
	    image_judge(fd, name, size, &nobody, &j, &e) < 0)
		return verb_failed(&e);
	if (json)
		o = to_json(&j);
	else
		print_text(&j);
	if (pcr && inspect_pcr(&j.uki, o, &e) < 0) {
		json_object_put(o);
		return verb_failed(&e);
	}
	if (json)
		json_print(o);
	return EXIT_DONE;
}

static int run(int argc, char **argv)
{
	static const struct option options[] = {
		{"pcr", no_argument, NULL, OPT_PCR},
		{"json", no_argument, NULL, OPT_JSON},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	bool json = false, pcr = false;
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
		switch (c) {
		case OPT_PCR:
			pcr = true;
			break;
		case OPT_JSON:
			json = true;
			break;
		case 'h':
			return verb_help(&verb_inspect);
		default:
			return verb_misuse(&verb_inspect, NULL);
		}
	}
	if (optind == argc)
		return verb_misuse(&verb_inspect, "inspect: which file?");
	if (argc - optind > 1)
		return verb_too_many(&verb_inspect, argv[optind + 1]);
	return inspect(argv[optind], json, pcr);
}

const struct verb verb_inspect = {
	.name = "inspect",
	.summary = "describe an image, one line per section",
	.run = run,
	.usage = usage,
};
