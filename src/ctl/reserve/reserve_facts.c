// SPDX-License-Identifier: GPL-2.0-or-later
/* What this machine tells about the crash memory that it needs: see reserve_facts.h. */
#include "ctl/reserve/reserve_facts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/bootproto.h"
#include "build/gather.h"
#include "crashkernel/cmdline.h"
#include "crashkernel/machine.h"
#include "ctl/ctl.h"
#include "ctl/image/images.h"
#include "pe/uki.h"
#include "store/machine.h"
#include "store/store.h"
#include "util/cleanup.h"

#define CRASH_DIR    "/var/crash" /* where dumps go by default */
#define MANIFEST_MAX MIB(1)
/* Where there is no image yet: those of docs/SIZING.md, and the largest of three Debian kernels. */
#define TYPICAL_INIT_SIZE      MIB(64)
#define TYPICAL_INITRD	       MIB(6)
#define TYPICAL_NETWORK_INITRD MIB(20)

static bool read_setup(int fd, uint64_t off, struct setup_header *ret)
{
	uint8_t head[0x290];

	return fd_pread_full(fd, head, sizeof(head), off) == 0 &&
	       !setup_header_parse((struct bytes){head, sizeof(head)}, ret);
}

struct image_sizes {
	uint64_t init_size, initrd_len;
	struct image_need need;
};

/* Headers only: whether the image is sound is judged when it is armed. */
static bool measure_image(int dirfd, const char *name, struct image_sizes *ret)
{
	struct setup_header outer, inner;
	const struct pe_section *kernel, *initrd;
	_uki_ struct uki u = {0};
	struct ukd_error ignored;
	_close_ int fd = -1;
	uint64_t size;

	if (file_open_regular(dirfd, name, &fd, &size, &ignored) < 0 ||
	    uki_open(fd, name, size, &u, &ignored) < 0)
		return false;
	kernel = pe_find(&u.pe, UKI_LINUX);
	initrd = pe_find(&u.pe, UKI_INITRD);
	if (!kernel || !initrd || !read_setup(fd, kernel->raw, &inner))
		return false;
	if (!read_setup(fd, 0, &outer)) /* a plain UKI has no setup header of its own */
		outer = inner;
	ret->init_size = inner.init_size;
	ret->initrd_len = pe_section_len(initrd);
	ret->need = image_need(outer.init_size, outer.kernel_alignment, ret->initrd_len, 0);
	return true;
}

static void read_images(const struct root *root, const char *path, struct reserve_state *s)
{
	_closedir_ DIR *dir = root_opendir(root, path);
	struct dirent *d;

	while (dir && (d = readdir(dir))) {
		const char *ext = strrchr(d->d_name, '.');
		struct image_sizes m;

		if (!ext || strcmp(ext, IMAGE_EXT) != 0 ||
		    !measure_image(dirfd(dir), d->d_name, &m) || m.need.comfort <= s->facts.comfort)
			continue;
		s->facts.minimum = m.need.minimum;
		s->facts.comfort = m.need.comfort;
		s->facts.init_size = m.init_size;
		s->facts.initrd_len = m.initrd_len;
		(void)snprintf(s->image, sizeof(s->image), "%s", d->d_name);
	}
}

static void assume_sizes(const struct root *root, struct reserve_state *s)
{
	_buffer_ struct buffer kernel = {0};
	struct setup_header setup;
	struct ukd_error ignored;
	char kver[KVER_MAX];

	s->facts.init_size = TYPICAL_INIT_SIZE;
	s->facts.initrd_len = s->facts.network ? TYPICAL_NETWORK_INITRD : TYPICAL_INITRD;
	if (find_kernel_version(root, NULL, kver, &ignored) < 0 ||
	    read_kernel(root, kver, &kernel, &ignored) < 0 ||
	    setup_header_parse(buffer_bytes(&kernel), &setup))
		return;
	s->facts.init_size = setup.init_size;
	(void)snprintf(s->kernel, sizeof(s->kernel), "%s", kver);
}

/* Did that capture have a target on a network in its list? */
static bool used_network(struct json_object *manifest)
{
	struct json_object *list = json_member(manifest, "targets", json_type_array);

	for (size_t i = 0; list && i < json_object_array_length(list); i++)
		if (strstr(json_member_text(json_object_array_get_idx(list, i), "uri"), "://"))
			return true;
	return false;
}

/* What this machine's captures are told by. */
struct own {
	char machine[MACHINE_NAMES][MACHINE_MAX];
	unsigned int n;
	bool network; /* only such that used one count */
};

static bool is_own(const struct own *own, const char *machine)
{
	for (unsigned int i = 0; i < own->n; i++)
		if (!strcmp(own->machine[i], machine))
			return true;
	return false;
}

/* memory.peak of a complete capture of this machine, with a network if one is needed; else 0. */
static uint64_t manifest_peak(struct json_object *manifest, const struct own *own)
{
	struct json_object *memory = json_member(manifest, "memory", json_type_object);
	int64_t peak = json_object_get_int64(json_member(memory, "peak", json_type_int));

	if (strcmp(json_member_text(manifest, "state"), "complete") != 0 ||
	    !is_own(own, json_member_text(manifest, "machine")) ||
	    (own->network && !used_network(manifest)))
		return 0;
	return peak > 0 ? (uint64_t)peak : 0;
}

static uint64_t read_peak(int dirfd, const char *name, const struct own *own)
{
	_close_ int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	_json_ struct json_object *manifest = NULL;
	_buffer_ struct buffer text = {0};
	struct ukd_error ignored;

	if (fd < 0 || store_read_file(fd, "manifest.json", MANIFEST_MAX, &text, &ignored) < 0)
		return 0;
	manifest = json_parse_object(&text);
	return manifest_peak(manifest, own);
}

static void read_peaks(const struct root *root, const char *path, const struct own *own,
		       struct reserve_facts *f)
{
	_closedir_ DIR *dir = root_opendir(root, path);
	struct dirent *d;

	while (dir && (d = readdir(dir))) {
		uint64_t peak;

		if (d->d_name[0] == '.' || !store_is_own(dirfd(dir), d->d_name))
			continue;
		peak = read_peak(dirfd(dir), d->d_name, own);
		if (peak > f->peak)
			f->peak = peak;
	}
}

/* What was measured lies where dumps are found without mounting anything. */
static void read_captures(const struct root *root, const struct settings *s,
			  struct reserve_facts *f)
{
	static const char file[] = "file:";
	struct own own = {.network = f->network};

	own.n = machine_names(root, own.machine);
	read_peaks(root, CRASH_DIR, &own, f);
	for (unsigned int i = 0; i < s->dump.target.n; i++)
		if (!strncmp(s->dump.target.v[i], file, strlen(file)))
			read_peaks(root, s->dump.target.v[i] + strlen(file), &own, f);
}

int reserve_state_read(const struct root *root, const struct settings *settings,
		       struct reserve_state *ret, struct ukd_error *e)
{
	struct reserve_state s = {0};
	struct reserve_facts *f = &s.facts;
	int r = crash_memory_read(root, &s.now, e);

	/* in the tree of a system that does not run nothing is reserved */
	if (r < 0 && !(r == -EOPNOTSUPP && root->path[0]))
		return r;
	f->memory = machine_memory(root);
	if (!f->memory)
		return ukd_fail(e, -ENODATA,
				"%s/proc/meminfo: does not tell how much memory there is",
				root->path);
	f->cpus = machine_cpus(root);
	f->threads = settings->dump.threads ? settings->dump.threads : 1;
	for (unsigned int i = 0; i < settings->dump.target.n; i++)
		f->network |= strstr(settings->dump.target.v[i], "://") != NULL;
	read_images(root, IMAGE_DIR, &s);
	read_images(root, FLEET_DIR, &s);
	if (!f->comfort)
		assume_sizes(root, &s);
	read_captures(root, settings, f);
	s.distribution = distribution_crashkernel(root);
	if (!crashkernel_size(s.distribution, f->memory, &f->default_size))
		f->default_size = 0;
	reserve_estimate(f, &s.estimate);
	*ret = s;
	return 0;
}
