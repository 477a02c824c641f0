// SPDX-License-Identifier: GPL-2.0-or-later
/* A dump and its pages: see dump.h. */
#include "dump/dump.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "dump/flat.h"
#include "dump/header.h"
#include "dump/kallsyms.h"
#include "dump/pager.h"
#include "dump/printk.h"
#include "dump/stack.h"
#include "dump/vmem.h"
#include "util/cleanup.h"
#include "util/tempfile.h"

#define CACHE_SLOTS 256u /* of the pages that a log is read from, page tables among them */

struct dump {
	struct dump_header h;
	struct pager *pager; /* kdump-compressed only: an ELF dump needs no more than pread() */
	int fd;		     /* the file, or its content in order if it is flattened */
	void (*progress)(unsigned int percent);
	uint8_t *cache;		      /* CACHE_SLOTS pages */
	uint64_t cached[CACHE_SLOTS]; /* page number + 1; 0: empty */
};

void dump_close(struct dump *d)
{
	if (!d)
		return;
	pager_close(d->pager);
	if (d->fd >= 0)
		(void)close(d->fd);
	dump_header_free(&d->h);
	free(d->cache);
	free(d);
}

/* Replaces a flattened file by one with its content in order. */
static int put_in_order(struct dump *d, uint64_t size, bool *ret_cut, struct ukd_error *e)
{
	_close_ int to = -1;
	int r = temporary_file("the dump in order", size, &to, e);

	if (r >= 0)
		r = flat_unpack(d->fd, size, to, d->progress, ret_cut, e);
	if (r < 0)
		return r;
	(void)close(d->fd);
	d->fd = take_fd(&to);
	return 0;
}

static int open_headers(struct dump *d, struct ukd_error *e)
{
	uint8_t raw[16] = {0};
	bool flat, cut = false;
	struct stat st;
	int r;

	if (fstat(d->fd, &st) < 0)
		return ukd_fail_errno(e, -errno, "cannot read");
	flat = fd_pread_full(d->fd, raw, sizeof(raw), 0) == 0 &&
	       flat_is((struct bytes){raw, sizeof(raw)});
	r = flat ? put_in_order(d, (uint64_t)st.st_size, &cut, e) : 0;
	if (r >= 0 && flat && fstat(d->fd, &st) < 0)
		r = ukd_fail_errno(e, -errno, "cannot read");
	if (r >= 0)
		r = dump_header_read(d->fd, (uint64_t)st.st_size, &d->h, e);
	if (r >= 0 && d->h.facts.format == DUMP_KDUMP)
		r = pager_open(d->fd, &d->h.facts, &d->pager, e);
	if (cut && r < 0)
		return ukd_prefix(e, "truncated flattened dump");
	if (cut)
		d->h.facts.incomplete = "truncated, the end of the flattened dump is missing";
	d->h.facts.flattened = flat;
	return r;
}

int dump_open(int fd, const char *path, void (*progress)(unsigned int percent), struct dump **ret,
	      struct ukd_error *e)
{
	_close_ int own = fd;
	_dump_ struct dump *d = calloc(1, sizeof(*d));

	if (!d)
		return ukd_oom(e);
	d->fd = take_fd(&own);
	d->progress = progress;
	if (open_headers(d, e) < 0)
		return ukd_prefix(e, "%s", path);
	*ret = take_ptr(&d);
	return 0;
}

const struct dump_facts *dump_facts(const struct dump *d)
{
	return &d->h.facts;
}

/*
 * Reads from an ELF segment that has all of [paddr, paddr + len): if any of those that begin at or
 * before it has, so has the one that reaches furthest.
 */
static int read_elf(struct dump *d, uint64_t paddr, void *buf, size_t len)
{
	const struct dump_segment *v = d->h.segments;
	unsigned int low = 0, high = d->h.n_segments;

	while (low < high) {
		unsigned int middle = low + (high - low) / 2;

		if (v[middle].paddr <= paddr)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return -ENODATA;
	v += v[low - 1].reaching;
	if (paddr - v->paddr > v->filesz || len > v->filesz - (paddr - v->paddr))
		return -ENODATA;
	return fd_pread_full(d->fd, buf, len, v->off + (paddr - v->paddr));
}

/* As pager_read(), for both formats. */
static int read_pages(struct dump *d, const uint64_t *paddr, unsigned int n, uint8_t *pages,
		      bool *ok, char *why, struct ukd_error *e)
{
	uint32_t size = d->h.facts.page_size;

	if (d->pager)
		return pager_read(d->pager, paddr, n, pages, ok, why, e);
	for (unsigned int i = 0; i < n; i++) {
		int r = read_elf(d, paddr[i], pages + (size_t)i * size, size);

		ok[i] = r >= 0;
		if (r < 0)
			(void)snprintf(why, PAGER_WHY_MAX, "%s", strerror(-r));
	}
	return 0;
}

/* The cached page with this number, or NULL if the dump does not have it. */
static const uint8_t *cached_page(struct dump *d, uint64_t number)
{
	uint32_t size = d->h.facts.page_size;
	size_t slot = number % CACHE_SLOTS;
	uint8_t *page = d->cache + slot * size;
	uint64_t paddr = number * size;
	char why[PAGER_WHY_MAX];
	struct ukd_error e;
	bool ok = false;

	if (d->cached[slot] == number + 1)
		return page;
	d->cached[slot] = 0;
	if (read_pages(d, &paddr, 1, page, &ok, why, &e) < 0 || !ok)
		return NULL;
	d->cached[slot] = number + 1;
	return page;
}

/* struct vmem's reader; a read stays inside one page of at least 4 KiB. */
static int read_phys(void *ctx, uint64_t paddr, void *buf, size_t len)
{
	struct dump *d = ctx;
	uint32_t size = d->h.facts.page_size;
	const uint8_t *page = cached_page(d, paddr / size);

	if (!page || paddr % size + len > size)
		return -ENODATA;
	memcpy(buf, page + paddr % size, len);
	return 0;
}

/* The crashed kernel's memory, by its own page tables. */
static int open_memory(struct dump *d, struct vmem *ret, struct ukd_error *e)
{
	struct bytes info = buffer_bytes(&d->h.vmcoreinfo);

	if (!info.len)
		return ukd_fail(e, -ENODATA, "the dump has no vmcoreinfo");
	if (strcmp(d->h.facts.machine, "x86_64"))
		return ukd_fail(e, -ENOTSUP, "it is read from x86_64 dumps only");
	if (!d->cache)
		d->cache = calloc(CACHE_SLOTS, d->h.facts.page_size);
	if (!d->cache)
		return ukd_oom(e);
	*ret = (struct vmem){.read_phys = read_phys, .ctx = d};
	return vmem_init(ret, info, e);
}

int dump_read_log(struct dump *d, struct buffer *ret, uint64_t *ret_lost, struct ukd_error *e)
{
	struct printk_stats stats;
	struct vmem m;
	int r = open_memory(d, &m, e);

	if (r >= 0)
		r = printk_read(&m, buffer_bytes(&d->h.vmcoreinfo), ret, &stats, e);
	if (r < 0)
		return r;
	*ret_lost = stats.lost;
	return 0;
}

int dump_read_stack(struct dump *d, struct dump_stack *ret, struct ukd_error *e)
{
	_kallsyms_ struct kallsyms *k = NULL;
	struct vmem m;
	int r = open_memory(d, &m, e);

	if (r >= 0)
		r = kallsyms_read(&m, buffer_bytes(&d->h.vmcoreinfo), &k, e);
	return r < 0 ? r : stack_read(&m, k, ret, e);
}

struct walker {
	struct dump *d;
	bool (*each)(void *ctx, uint64_t paddr, struct bytes page);
	void *ctx;
	struct dump_walk result;
	uint64_t paddr[PAGER_BATCH];
	unsigned int n;
	uint8_t *pages; /* PAGER_BATCH of them */
	bool ended;	/* by each() */
};

/* Reads what has been collected and hands it on. */
static int walk_flush(struct walker *w, struct ukd_error *e)
{
	uint32_t size = w->d->h.facts.page_size;
	bool ok[PAGER_BATCH];
	char why[PAGER_WHY_MAX];
	int r = read_pages(w->d, w->paddr, w->n, w->pages, ok, why, e);

	for (unsigned int i = 0; r >= 0 && !w->ended && i < w->n; i++) {
		struct bytes page = {w->pages + (size_t)i * size, size};

		w->result.read += ok[i];
		if (ok[i])
			w->ended = w->each && !w->each(w->ctx, w->paddr[i], page);
		else if (!w->result.errors++)
			(void)snprintf(w->result.first_error, sizeof(w->result.first_error),
				       "page at 0x%" PRIx64 ": %s", w->paddr[i], why);
	}
	w->n = 0;
	if (w->d->progress && w->d->h.facts.pages_present)
		w->d->progress((unsigned int)((w->result.read + w->result.errors) * 100 /
					      w->d->h.facts.pages_present));
	return r;
}

static int walk_page(struct walker *w, uint64_t paddr, struct ukd_error *e)
{
	w->paddr[w->n++] = paddr;
	return w->n == PAGER_BATCH ? walk_flush(w, e) : 0;
}

static int walk_bitmap(struct walker *w, struct ukd_error *e)
{
	const struct dump_header *h = &w->d->h;
	uint8_t part[DUMP_BITMAP_PART];
	uint64_t off = 0;
	size_t len = 0;
	int r;

	do {
		r = dump_bitmap_part(w->d->fd, h->present_bitmap, h->max_pfn, &off, part, &len, e);
		for (uint64_t i = 0; r >= 0 && !w->ended && i < (uint64_t)len * 8; i++)
			if (part[i / 8] >> (i % 8) & 1)
				r = walk_page(w, (off * 8 + i) * h->facts.page_size, e);
		off += len;
	} while (r >= 0 && !w->ended && len);
	return r;
}

static int walk_segment(struct walker *w, const struct dump_segment *s, struct ukd_error *e)
{
	uint64_t size = w->d->h.facts.page_size, pages = s->filesz / size;
	int r = 0;

	for (uint64_t n = 0; r >= 0 && !w->ended && n < pages; n++) {
		uint64_t off = s->off + n * size;

		/* Asked once a batch, holes make at most a batch of work. */
		if (!w->n) {
			uint64_t data = dump_next_data(w->d->fd, off, s->off + pages * size);
			uint64_t hole = (data - off) / size;

			w->result.read += hole;
			n += hole;
		}
		if (n < pages)
			r = walk_page(w, s->paddr + n * size, e);
	}
	return r;
}

static int walk_segments(struct walker *w, struct ukd_error *e)
{
	const struct dump_header *h = &w->d->h;
	int r = 0;

	for (unsigned int i = 0; r >= 0 && !w->ended && i < h->n_segments; i++)
		r = walk_segment(w, &h->segments[i], e);
	return r;
}

int dump_walk_pages(struct dump *d, bool (*each)(void *ctx, uint64_t paddr, struct bytes page),
		    void *ctx, struct dump_walk *ret, struct ukd_error *e)
{
	_free_ uint8_t *pages = calloc(PAGER_BATCH, d->h.facts.page_size);
	struct walker w = {.d = d, .each = each, .ctx = ctx, .pages = pages};
	int r;

	if (!pages)
		return ukd_oom(e);
	r = d->pager ? walk_bitmap(&w, e) : walk_segments(&w, e);
	if (r >= 0 && w.n && !w.ended)
		r = walk_flush(&w, e);
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
