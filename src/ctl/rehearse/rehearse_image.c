// SPDX-License-Identifier: GPL-2.0-or-later
/* See rehearse_image.h. What is inside a verified image is its signer's, trusted. */
#include "ctl/rehearse/rehearse_image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "auth/judge.h"
#include "build/modules.h"
#include "crashkernel/size.h"
#include "ctl/loader.h"
#include "util/cleanup.h"
#include "util/cpio.h"
#include "util/parse.h"
#include "util/process.h"

#define UNPACK_S    60
#define ARCHIVE_MAX MIB(1024)

void rehearse_image_close(struct rehearse_image *i)
{
	if (i->file.p)
		(void)munmap((void *)i->file.p, i->file.len);
	if (i->fd >= 0)
		(void)close(take_fd(&i->fd));
	buffer_free(&i->archive);
	settings_free(&i->settings);
}

static int map(struct rehearse_image *i, uint64_t size, struct ukd_error *e)
{
	void *p = mmap(NULL, size, PROT_READ, MAP_SHARED, i->fd, 0);

	if (p == MAP_FAILED)
		return ukd_fail_errno(e, -errno, "%s: mmap", i->path);
	i->file = (struct bytes){p, size};
	return 0;
}

static struct bytes section(const struct rehearse_image *i, const struct pe_section *s)
{
	return s ? (struct bytes){i->file.p + s->raw, pe_section_len(s)} : (struct bytes){0};
}

static int take_parts(struct rehearse_image *i, const struct judgement *j, struct ukd_error *e)
{
	const struct pe_image *pe = &j->uki.pe;
	struct bytes uname = section(i, pe_find(pe, UKI_UNAME));

	if (j->uki.kind != UKI_SEALED)
		return ukd_refuse(e, "rehearse.plain",
				  "%s is a %s: only sealed images are rehearsed, one file that is "
				  "all that is loaded",
				  i->path, uki_kind_name(j->uki.kind));
	if (j->auth.verdict != AUTH_TRUSTED)
		return ukd_refuse(e, j->auth.check, "%s: %s", i->path, j->auth.reason);
	i->inner = section(i, pe_find(pe, UKI_LINUX));
	i->comfort = image_need(j->facts.outer.init_size, j->facts.outer.kernel_alignment,
				j->facts.initrd_len, 0)
			     .comfort;
	format_hex((struct bytes){j->auth.image_id, sizeof(j->auth.image_id)}, i->id);
	(void)snprintf(i->kernel, sizeof(i->kernel), "%.*s", (int)uname.len,
		       uname.p ? (const char *)uname.p : "");
	return 0;
}

/* The program that unpacks what begins so; NULL: none is known. */
static const char *unpacker(struct bytes b)
{
	static const struct {
		const char *magic;
		size_t len;
		const char *program;
	} known[] = {{"\x28\xb5\x2f\xfd", 4, "zstd"},
		     {"\x1f\x8b", 2, "gzip"},
		     {"\xfd"
		      "7zXZ",
		      5, "xz"},
		     {"\x02\x21\x4c\x18", 4, "lz4"}};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (b.len >= known[i].len && !memcmp(b.p, known[i].magic, known[i].len))
			return known[i].program;
	return NULL;
}

static int unpack(const struct rehearse_image *i, struct bytes packed, struct buffer *ret,
		  struct ukd_error *e)
{
	const char *argv[] = {unpacker(packed), "-dc", NULL};
	struct process p = {PROCESS_DEFAULTS, .argv = argv, .output = ret,
			    .output_max = ARCHIVE_MAX};
	_close_ int in = -1;
	int r;

	if (!argv[0])
		return ukd_refuse(e, "rehearse.initrd", "how its initrd is packed is not known");
	r = memfd_open(&in, e);
	if (r >= 0)
		r = fd_copy(i->fd, (uint64_t)(packed.p - i->file.p), packed.len, in);
	if (r < 0 || lseek(in, 0, SEEK_SET) < 0)
		return ukd_fail(e, -EIO, "cannot copy the initrd");
	p.stdin_fd = in;
	p.timeout_s = UNPACK_S;
	return process_run_ok(&p, e);
}

/* What stands behind len bytes and the zeros that may follow them. */
static struct bytes behind(struct bytes b, size_t len)
{
	while (len < b.len && !b.p[len])
		len++;
	return (struct bytes){b.p + len, b.len - len};
}

/* The last archive is that of dracut; one with keys may stand before it (build/luks.h). */
static int unpack_initrd(struct rehearse_image *i, struct bytes initrd, struct ukd_error *e)
{
	struct bytes archive = {0};

	while (initrd.len) {
		size_t n = cpio_length(initrd);

		if (!n)
			return unpack(i, initrd, &i->archive, e);
		archive = (struct bytes){initrd.p, n};
		initrd = behind(initrd, n);
	}
	i->archive.data = malloc(archive.len + 1);
	if (!i->archive.data)
		return ukd_oom(e);
	if (archive.len)
		memcpy(i->archive.data, archive.p, archive.len);
	i->archive.len = archive.len;
	return 0;
}

static int read_initrd(struct rehearse_image *i, struct bytes initrd, struct ukd_error *e)
{
	struct bytes conf;
	int r = unpack_initrd(i, initrd, e);

	if (r >= 0)
		r = settings_init(&i->settings, e);
	if (r < 0)
		return r;
	if (!cpio_find_file(buffer_bytes(&i->archive), "etc/ukdump/capture.conf", &conf))
		return ukd_refuse(e, "rehearse.initrd",
				  "its initrd has no etc/ukdump/capture.conf: not made by ukdump");
	(void)!cpio_find_file(buffer_bytes(&i->archive), "etc/ukdump/build.conf", &i->facts);
	return settings_parse(&i->settings, conf, "capture.conf", e);
}

/* *ret is ours to close even after a failure. */
static int open_path(const struct root *root, const char *path, struct rehearse_image *ret,
		     struct ukd_error *e)
{
	_auth_policy_ struct auth_policy policy = {0};
	_judgement_ struct judgement j = {0};
	_close_ int fd = -1;
	uint64_t size;
	int r = file_open_regular(AT_FDCWD, path, &fd, &size, e);

	(void)snprintf(ret->path, sizeof(ret->path), "%s", path);
	if (r >= 0)
		r = file_snapshot(fd, path, size, &ret->fd, e);
	if (r >= 0)
		r = auth_policy_of_host(root, &policy, e);
	if (r >= 0)
		r = image_judge(ret->fd, path, size, &policy, &j, e);
	if (r >= 0)
		r = map(ret, size, e);
	if (r >= 0)
		r = take_parts(ret, &j, e);
	if (r < 0)
		return r;
	(void)read_initrd(ret, section(ret, pe_find(&j.uki.pe, UKI_INITRD)), &ret->unreadable);
	return 0;
}

/* The armed image by its id: what lies at its path may be another one by now. */
static int open_armed(const struct root *root, struct rehearse_image *ret, struct ukd_error *e)
{
	struct armed_record armed;
	char last_good[PATH_MAX];
	int r = armed_record_read(root, &armed, e);

	if (r == -ENOENT)
		return ukd_refuse(e, "rehearse.armed",
				  "nothing is armed: run 'ukdumpctl start', or name an image");
	if (r == -ENODATA)
		return ukd_refuse(e, "rehearse.armed", ARMED_FILE " names no image");
	if (r < 0)
		return r;
	r = open_path(root, armed.path, ret, e);
	if (r >= 0 && !strcmp(ret->id, armed.image))
		return 0;
	rehearse_image_close(ret);
	*ret = (struct rehearse_image)REHEARSE_IMAGE_NONE;
	(void)snprintf(last_good, sizeof(last_good), "%s" LAST_GOOD, root->path);
	r = open_path(root, last_good, ret, e);
	if (r >= 0 && !strcmp(ret->id, armed.image))
		return 0;
	return ukd_refuse(e, "rehearse.armed",
			  "%s is not the image that is armed any more, nor is the last good one: "
			  "run 'ukdumpctl start'",
			  armed.path);
}

int rehearse_image_open(const struct root *root, const char *path, struct rehearse_image *ret,
			struct ukd_error *e)
{
	struct rehearse_image i = REHEARSE_IMAGE_NONE;
	int r = path ? open_path(root, path, &i, e) : open_armed(root, &i, e);

	if (r < 0)
		rehearse_image_close(&i);
	else
		*ret = i;
	return r;
}

/* The line at the beginning of *rest; false: the text is over. */
static bool next_line(struct bytes *rest, struct bytes *line)
{
	const uint8_t *end = rest->len ? memchr(rest->p, '\n', rest->len) : NULL;
	size_t n = end ? (size_t)(end - rest->p) : rest->len;

	if (!rest->len)
		return false;
	*line = (struct bytes){rest->p, n};
	n += end ? 1 : 0;
	*rest = (struct bytes){rest->p + n, rest->len - n};
	return true;
}

bool rehearse_image_fact(const struct rehearse_image *i, const char *key, char *ret, size_t size)
{
	struct bytes rest = i->facts, line;
	size_t n = strlen(key);

	while (next_line(&rest, &line)) {
		if (line.len <= n || memcmp(line.p, key, n) != 0 || line.p[n] != '=')
			continue;
		(void)snprintf(ret, size, "%.*s", (int)(line.len - n - 1),
			       (const char *)line.p + n + 1);
		return true;
	}
	return false;
}

/* "/usr/lib/modules/V/kernel/fs/ext4/ext4.ko.xz PARAMETERS" is of this module, and there. */
static bool names_module(const struct rehearse_image *i, struct bytes line, const char *name)
{
	char path[CPIO_PATH_MAX + 1], *base, *dot;
	struct bytes content;

	if (!line.len || line.len >= sizeof(path) || *line.p != '/')
		return false;
	(void)snprintf(path, sizeof(path), "%.*s", (int)line.len, (const char *)line.p);
	path[strcspn(path, " \t")] = 0;
	if (!cpio_find_file(buffer_bytes(&i->archive), path + 1, &content))
		return false;
	base = strrchr(path, '/') + 1;
	dot = strchr(base, '.');
	if (dot)
		*dot = 0;
	for (char *c = base; *c; c++)
		if (*c == '-')
			*c = '_';
	return !strcmp(base, name);
}

static bool is_listed(const struct rehearse_image *i, const char *list, const char *name)
{
	struct bytes rest, line;

	if (!cpio_find_file(buffer_bytes(&i->archive), list, &rest))
		return false;
	while (next_line(&rest, &line))
		if (names_module(i, line, name))
			return true;
	return false;
}

enum module_presence rehearse_image_module(const struct root *root, const struct rehearse_image *i,
					   const char *name)
{
	_module_tree_ struct module_tree *tree = NULL;
	_buffer_ struct buffer list = {0};
	struct ukd_error ignored;
	char own[CPIO_PATH_MAX];

	(void)snprintf(own, sizeof(own), "etc/ukdump/modules-%s.list", name);
	if (is_listed(i, "etc/ukdump/modules.list", name) || is_listed(i, own, name))
		return MODULE_IN_IMAGE;
	if (module_tree_load(root, i->kernel, &tree, &ignored) < 0 ||
	    module_add(tree, name, &list, &ignored) <= 0)
		return MODULE_UNKNOWN;
	return list.len ? MODULE_MISSING : MODULE_BUILT_IN;
}
