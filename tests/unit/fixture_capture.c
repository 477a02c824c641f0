// SPDX-License-Identifier: GPL-2.0-or-later
/* Fixture trees for the capture program: see fixture_capture.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <elf.h>
#include <fcntl.h>
#include <ftw.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "fixture_capture.h"
#include "util/file.h"

const char *tree_path(const struct tree *t, const char *name)
{
	static char paths[4][1280];
	static unsigned int next;
	char *p = paths[next++ % 4];

	(void)snprintf(p, sizeof(paths[0]), "%s%s", t->path, name);
	return p;
}

static void write_bytes(const char *path, const void *p, size_t len, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_full(fd, p, len), 0);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

void tree_write(const struct tree *t, const char *name, const char *text)
{
	char dir[1280];
	struct ukd_error e;

	(void)snprintf(dir, sizeof(dir), "%s", tree_path(t, name));
	*strrchr(dir, '/') = 0;
	assert_int_equal(make_directories(AT_FDCWD, dir, 0755, &e), 0);
	write_bytes(tree_path(t, name), text, strlen(text), 0644);
}

void tree_tool(const struct tree *t, const char *name, const char *body)
{
	char script[4096] = "#!/bin/sh\n", path[600];
	size_t n = strlen(script);

	for (; *body && n + sizeof(t->path) < sizeof(script); body++) {
		if (*body == '@')
			n += (size_t)sprintf(script + n, "%s", t->path);
		else
			script[n++] = *body;
	}
	script[n] = 0;
	(void)snprintf(path, sizeof(path), "/bin/%s", name);
	write_bytes(tree_path(t, path), script, n, 0755);
}

void tree_makedumpfile(const struct tree *t, const char *body)
{
	static const char head[] =
		"case $1 in\n"
		"-v) printf 'makedumpfile: version 1.7.6 (released on 23 Oct 2024)\\n"
		"lzo\\tenabled\\nsnappy\\tdisabled\\nzstd\\tenabled\\n'; exit 0 ;;\n"
		"--dump-dmesg) echo 'log by makedumpfile' >\"$3\"; exit 0 ;;\n"
		"esac\n"
		"for out; do :; done\n";
	char script[2048];

	(void)snprintf(script, sizeof(script), "%s%s\n", head, body);
	tree_tool(t, "makedumpfile", script);
}

static uint64_t put_note(uint8_t *p, const char *name, const char *desc, uint32_t type)
{
	uint32_t namesz = (uint32_t)strlen(name) + 1, descsz = (uint32_t)strlen(desc);

	store_le32(p, namesz);
	store_le32(p + 4, descsz);
	store_le32(p + 8, type);
	memcpy(p + 12, name, namesz);
	memcpy(p + 12 + align_up(namesz, 4), desc, descsz);
	return 12 + align_up(namesz, 4) + align_up(descsz, 4);
}

static void put_phdr(uint8_t *p, uint32_t type, uint64_t off, uint64_t size)
{
	store_le32(p, type);
	store_le64(p + 8, off);
	store_le64(p + 32, size);
	store_le64(p + 40, size);
}

uint8_t *make_core(const char *vmcoreinfo, uint64_t load, size_t *len)
{
	const uint64_t notes = 64 + 2 * 56, data = 4096;
	uint8_t *p = calloc(1, data + load);
	uint64_t n;

	assert_non_null(p);
	memcpy(p, ELFMAG "\2\1\1", 7);
	p[16] = ET_CORE;
	p[18] = EM_X86_64;
	store_le64(p + 32, 64);
	store_le16(p + 54, 56);
	store_le16(p + 56, 2);
	n = put_note(p + notes, "CORE", "registers", 1);
	n += put_note(p + notes + n, "VMCOREINFO", vmcoreinfo, 0);
	put_phdr(p + 64, PT_NOTE, notes, n);
	put_phdr(p + 64 + 56, PT_LOAD, data, load);
	memset(p + data, 0x5a, load);
	*len = data + load;
	return p;
}

uint8_t *make_kdump(size_t *len)
{
	const size_t page = 100;
	uint8_t *p = calloc(1, KDUMP_DATA + KDUMP_PAGES * page);

	assert_non_null(p);
	memcpy(p, "KDUMP   ", 8);
	store_le32(p + 8, 6);
	store_le32(p + 424, 0x20);
	store_le32(p + 428, KDUMP_BLOCK);
	store_le32(p + 432, 1);
	store_le32(p + 436, 2);
	store_le32(p + 440, 1024);
	store_le64(p + KDUMP_BLOCK + 96, 1024);
	p[2 * KDUMP_BLOCK] = 0xff;
	p[3 * KDUMP_BLOCK] = 0xff; /* KDUMP_PAGES bits */
	for (size_t i = 0; i < KDUMP_PAGES; i++) {
		store_le64(p + KDUMP_DESCRIPTORS + i * 24, KDUMP_DATA + i * page);
		store_le32(p + KDUMP_DESCRIPTORS + i * 24 + 8, (uint32_t)page);
	}
	*len = KDUMP_DATA + KDUMP_PAGES * page;
	return p;
}

static void make_base(struct tree *t)
{
	ssize_t n = readlink("/proc/self/exe", t->path, sizeof(t->path) - 1);

	assert_true(n > 0);
	t->path[n] = 0;
	strcpy(strrchr(t->path, '/'), "/capture-XXXXXX");
	assert_non_null(mkdtemp(t->path));
}

static void set_tool_path(struct tree *t)
{
	char path[2048];

	t->old_path = strdup(getenv("PATH"));
	(void)snprintf(path, sizeof(path), "%s/bin:%s", t->path, t->old_path);
	assert_int_equal(setenv("PATH", path, 1), 0);
}

void tree_make(struct tree *t)
{
	static const char *const dirs[] = {"/bin", "/crash", "/dev", "/etc", "/etc/ukdump",
					   "/lib", "/proc",  "/run", "/sys"};
	struct ukd_error e;
	uint8_t *data;
	size_t len;

	make_base(t);
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		assert_int_equal(mkdir(tree_path(t, dirs[i]), 0755), 0);
	data = make_core("OSRELEASE=6.12.107+deb13-amd64\nCRASHTIME=1795286302\n", CORE_LOAD, &len);
	write_bytes(tree_path(t, "/proc/vmcore"), data, len, 0400);
	free(data);
	data = make_kdump(&len);
	write_bytes(tree_path(t, "/good"), data, len, 0644);
	free(data);
	tree_write(t, "/proc/meminfo",
		   "MemTotal:         100000 kB\nMemFree: 10 kB\nMemAvailable:      40000 kB\n");
	tree_tool(t, "vmcore-dmesg",
		  "echo '[    1.000000] log by vmcore-dmesg'\n"
		  "echo '[    2.000000] Kernel panic - not syncing: a fixture'");
	set_tool_path(t);
	assert_int_equal(root_open(t->path, &t->root, &e), 0);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void tree_remove(struct tree *t)
{
	root_close(&t->root);
	(void)setenv("PATH", t->old_path, 1);
	free(t->old_path);
	assert_int_equal(nftw(t->path, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

struct run *run_make(void)
{
	struct run *r = calloc(1, sizeof(*r));
	struct ukd_error e;

	assert_non_null(r);
	(void)umask(077);
	tree_make(&r->tree);
	tree_write(&r->tree, "/etc/ukdump/build.conf", "machine_id=0123abc\nimage=test\n");
	r->c.root = &r->tree.root;
	assert_int_equal(settings_init(&r->c.settings, &e), 0);
	return r;
}

int run_remove(void **state)
{
	struct run *r = *state;

	settings_free(&r->c.settings);
	tree_remove(&r->tree);
	free(r);
	return 0;
}

void run_set(struct run *r, const char *fmt, ...)
{
	char conf[1024];
	struct ukd_error e;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(conf, sizeof(conf), fmt, ap);
	va_end(ap);
	if (settings_parse(&r->c.settings, (struct bytes){(uint8_t *)conf, (size_t)n}, "t", &e) < 0)
		fail_msg("%s", e.text);
}

const char *json_value(const char *text, const char *path)
{
	static char found[1024];
	struct json_object *o = json_tokener_parse(text), *v = o;
	char copy[128], *save = copy, *word;

	if (!o)
		fail_msg("no JSON: %s", text);
	(void)snprintf(copy, sizeof(copy), "%s", path);
	while ((word = strsep(&save, ".")) && v) {
		if (json_object_is_type(v, json_type_array))
			v = json_object_array_get_idx(v, strtoul(word, NULL, 10));
		else if (!json_object_object_get_ex(v, word, &v))
			v = NULL;
	}
	(void)snprintf(found, sizeof(found), "%s", v ? json_object_get_string(v) : "null");
	json_object_put(o);
	return found;
}
