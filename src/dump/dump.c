// SPDX-License-Identifier: GPL-2.0-or-later
/* A dump and its pages: see dump.h. */
#include "dump/dump.h"

#include <errno.h>
#include <inttypes.h>
#include <libkdumpfile/kdumpfile.h>
#include <stdlib.h>
#include <string.h>

#include "dump/header.h"
#include "dump/vmem.h"
#include "dump/printk.h"
#include "util/cleanup.h"

struct dump {
	struct dump_header h;
	kdump_ctx_t *kdump;
	int fd;
	char *name;
};

void dump_close(struct dump *d)
{
	if (!d)
		return;
	if (d->kdump)
		kdump_free(d->kdump);
	if (d->fd >= 0)
		(void)close(d->fd);
	dump_header_free(&d->h);
	free(d->name);
	free(d);
}

/*
 * For compressed pages only: libkdumpfile 0.5.1 dereferences NULL on a few damaged ELF headers,
 * and an ELF dump needs no more than pread().
 */
static int open_library(struct dump *d, struct ukd_error *e)
{
	if (d->h.facts.format != DUMP_KDUMP)
		return 0;
	d->kdump = kdump_new();
	if (!d->kdump)
		return ukd_oom(e);
	if (kdump_open_fd(d->kdump, d->fd) != KDUMP_OK)
		return ukd_refuse(e, "dump.library", "libkdumpfile does not take it: %s",
				  kdump_get_err(d->kdump));
	return 0;
}

int dump_open(int dirfd, const char *path, struct dump **ret, struct ukd_error *e)
{
	_dump_ struct dump *d = calloc(1, sizeof(*d));
	uint64_t size;
	int r;

	if (!d)
		return ukd_oom(e);
	d->fd = -1;
	d->name = strdup(path);
	if (!d->name)
		return ukd_oom(e);
	r = file_open_regular(dirfd, path, &d->fd, &size, e);
	if (r < 0)
		return r;
	r = dump_header_read(d->fd, size, &d->h, e);
	if (r >= 0)
		r = open_library(d, e);
	if (r < 0)
		return ukd_prefix(e, "%s", path);
	*ret = take_ptr(&d);
	return 0;
}

const struct dump_facts *dump_facts(const struct dump *d)
{
	return &d->h.facts;
}

/* Reads from the one ELF segment that has all of [paddr, paddr + len). */
static int read_elf(const struct dump *d, uint64_t paddr, void *buf, size_t len)
{
	for (unsigned int i = 0; i < d->h.n_segments; i++) {
		const struct dump_segment *s = &d->h.segments[i];

		if (paddr >= s->paddr && paddr - s->paddr <= s->filesz &&
		    len <= s->filesz - (paddr - s->paddr))
			return fd_pread_full(d->fd, buf, len, s->off + (paddr - s->paddr));
	}
	return -ENODATA;
}

static int read_phys(void *ctx, uint64_t paddr, void *buf, size_t len)
{
	struct dump *d = ctx;

	if (!d->kdump)
		return read_elf(d, paddr, buf, len);
	if (kdump_read(d->kdump, KDUMP_MACHPHYSADDR, paddr, buf, &len) != KDUMP_OK)
		return -ENODATA;
	return 0;
}

int dump_read_log(struct dump *d, struct buffer *ret, uint64_t *ret_lost, struct ukd_error *e)
{
	struct vmem m = {.read_phys = read_phys, .ctx = d};
	struct bytes info = buffer_bytes(&d->h.vmcoreinfo);
	struct printk_stats stats;
	int r;

	if (!info.len)
		return ukd_fail(e, -ENODATA, "the dump has no vmcoreinfo");
	if (strcmp(d->h.facts.machine, "x86_64"))
		return ukd_fail(e, -ENOTSUP, "it is read from x86_64 dumps only");
	r = vmem_init(&m, info, e);
	if (r >= 0)
		r = printk_read(&m, info, ret, &stats, e);
	if (r < 0)
		return r;
	*ret_lost = stats.lost;
	return 0;
}

struct walker {
	struct dump *d;
	bool (*each)(void *ctx, uint64_t paddr, struct bytes page);
	void *ctx;
	struct dump_walk result;
	uint8_t *page;
};

/* Reads one page and hands it on. False ends the walk. */
static bool walk_page(struct walker *w, uint64_t paddr)
{
	size_t len = w->d->h.facts.page_size;
	int r = read_phys(w->d, paddr, w->page, len);

	if (r >= 0) {
		w->result.read++;
		return !w->each || w->each(w->ctx, paddr, (struct bytes){w->page, len});
	}
	if (!w->result.errors++)
		(void)snprintf(w->result.first_error, sizeof(w->result.first_error),
			       "page at 0x%" PRIx64 ": %s", paddr,
			       w->d->kdump ? kdump_get_err(w->d->kdump) : strerror(-r));
	return true;
}

static int walk_bitmap(struct walker *w, struct ukd_error *e)
{
	const struct dump_header *h = &w->d->h;
	uint8_t chunk[4096];

	for (uint64_t pfn = 0; pfn < h->max_pfn; pfn++) {
		uint64_t byte = pfn / 8, at = byte % sizeof(chunk);

		if (!at && !(pfn % 8)) {
			uint64_t left = h->present_bitmap.len - byte;
			int r = fd_pread_full(w->d->fd, chunk,
					      left < sizeof(chunk) ? left : sizeof(chunk),
					      h->present_bitmap.off + byte);

			if (r < 0)
				return ukd_fail_errno(e, r, "%s: cannot read the page bitmap",
						      w->d->name);
		}
		if ((chunk[at] >> (pfn % 8) & 1) && !walk_page(w, pfn * h->facts.page_size))
			break;
	}
	return 0;
}

static void walk_segments(struct walker *w)
{
	const struct dump_header *h = &w->d->h;

	for (unsigned int i = 0; i < h->n_segments; i++) {
		const struct dump_segment *s = &h->segments[i];
		uint64_t pages = s->filesz / h->facts.page_size;

		for (uint64_t n = 0; n < pages; n++)
			if (!walk_page(w, s->paddr + n * h->facts.page_size))
				return;
	}
}

int dump_walk_pages(struct dump *d, bool (*each)(void *ctx, uint64_t paddr, struct bytes page),
		    void *ctx, struct dump_walk *ret, struct ukd_error *e)
{
	_free_ uint8_t *page = malloc(d->h.facts.page_size);
	struct walker w = {.d = d, .each = each, .ctx = ctx, .page = page};
	int r = 0;

	if (!page)
		return ukd_oom(e);
	if (d->h.facts.format == DUMP_KDUMP)
		r = walk_bitmap(&w, e);
	else
		walk_segments(&w);
	if (r < 0)
		return r;
	*ret = w.result;
	return 0;
}

struct search {
	struct bytes pattern;
	uint64_t count, first;
};

static bool search_page(void *ctx, uint64_t paddr, struct bytes page)
{
	struct search *s = ctx;
	const uint8_t *hit = memmem(page.p, page.len, s->pattern.p, s->pattern.len);

	if (hit && !s->count++)
		s->first = paddr + (uint64_t)(hit - page.p);
	return true;
}

int dump_find(struct dump *d, struct bytes pattern, uint64_t *ret_count, uint64_t *ret_first,
	      struct ukd_error *e)
{
	struct search s = {.pattern = pattern};
	struct dump_walk walk;
	int r = dump_walk_pages(d, search_page, &s, &walk, e);

	if (r < 0)
		return r;
	*ret_count = s.count;
	*ret_first = s.first;
	return 0;
}
