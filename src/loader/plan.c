// SPDX-License-Identifier: GPL-2.0-or-later
/* Plans what to load: see plan.h. Image, addons and their names are hostile. */
#include "loader/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pe/kernel.h"
#include "util/log.h"

void machine_free(struct machine *m)
{
	settings_free(&m->settings);
	auth_policy_free(&m->policy);
}

void plan_free(struct plan *p)
{
	for (unsigned int i = 0; i < p->n_addons; i++)
		snapshot_free(&p->addons[i]);
	free(p->addons);
	sidecars_free(&p->beside);
	parts_free(&p->parts);
	snapshot_free(&p->image);
}

static int check_kind(const struct machine *m, const struct plan *p, const char *path,
		      struct ukd_error *e)
{
	if (p->image.j.uki.kind == UKI_ADDON)
		return ukd_refuse(e, "plan.addon",
				  "%s: an addon, which goes into a UKI's .extra.d directory and is "
				  "loaded with that UKI",
				  path);
	if (!plan_is_sealed(p) && m->settings.arm.require_sealed)
		return ukd_refuse(e, "sealed.required",
				  "%s: a plain UKI, of which the kernel verifies only .linux, and "
				  "ukdump.conf says RequireSealed=yes; seal it with 'ukdumpctl "
				  "seal'",
				  path);
	return 0;
}

/* One line for all: names of foreign files are not worth more. */
static void tell_ignored(const struct sidecars *s)
{
	char more[32] = "";

	if (s->n_ignored > 1)
		(void)snprintf(more, sizeof(more), " and %u more", s->n_ignored - 1);
	if (s->n_ignored)
		log_warning("beside the image, and not applied by kexec (credentials, extensions): "
			    "%s%s",
			    s->ignored[0], more);
}

/* ---- a sealed image ---- */

static int plan_sealed(struct plan *p, const char *path, const char *profile, struct ukd_error *e)
{
	const struct sealed_facts *f = &p->image.j.facts;

	if (profile)
		return ukd_refuse(e, "uki.profile", "%s: a sealed image has no profiles", path);
	if (p->beside.n)
		log_warning("%s: the addons beside the image are not applied: a sealed image is "
			    "loaded as it is",
			    path);
	p->setup = f->outer;
	(void)snprintf(p->kernel, sizeof(p->kernel), "%s", f->version);
	p->need = image_need(f->outer.init_size, f->outer.kernel_alignment, f->initrd_len, 0);
	return 0;
}

/* ---- a plain UKI ---- */

/*
 * Takes one addon. systemd-stub boots without an addon that does not verify; here that refuses the
 * load: somebody reads the message, and the capture environment is the one that was meant.
 */
static int take_addon(const struct machine *m, int dirfd, const char *path, const char *uname,
		      struct plan *p, struct ukd_error *e)
{
	_snapshot_ struct snapshot s = SNAPSHOT_NONE;
	int r = snapshot_take(&m->policy, dirfd, path, &s, e);

	if (r < 0)
		return r;
	if (s.j.uki.kind != UKI_ADDON)
		return ukd_refuse(e, "plan.addon", "%s: not an addon: it has a '.linux' section",
				  path);
	if (!addon_applies(&s.j.uki, uname)) {
		log_warning("%s: for another kernel ('%.60s'), not applied", path,
			    uki_text(&s.j.uki, UKI_UNAME));
		return 0;
	}
	p->addons[p->n_addons++] = s;
	s = (struct snapshot)SNAPSHOT_NONE;
	return 0;
}

static int take_addons(const struct machine *m, int dirfd, const char *uname, struct plan *p,
		       struct ukd_error *e)
{
	int r = 0;

	if (!p->beside.n)
		return 0;
	p->addons = calloc(p->beside.n, sizeof(*p->addons));
	if (!p->addons)
		return ukd_oom(e);
	for (unsigned int i = 0; r >= 0 && i < p->beside.n; i++)
		r = take_addon(m, dirfd, p->beside.path[i], uname, p, e);
	return r;
}

/*
 * What any kernel would insist on. Whether .linux is a PE that can be verified is said by
 * judgement.inner, and matters only where signatures are enforced.
 */
static int read_kernel(struct plan *p, struct ukd_error *e)
{
	const struct uki *u = &p->image.j.uki;
	const struct pe_section *kernel = pe_find(&u->pe, UKI_LINUX);
	const struct bytes head = uki_content(u, kernel);
	const char *wrong = sealed_check_kernel(head, pe_section_len(kernel), &p->setup);

	if (wrong)
		return ukd_refuse(e, "plan.kernel", "%s: .linux: %s", u->name, wrong);
	kernel_version_string(head, p->kernel);
	return 0;
}

static int check_cmdline(const struct machine *m, const struct plan *p, struct ukd_error *e)
{
	const struct bytes line = {(const uint8_t *)p->parts.cmdline, strlen(p->parts.cmdline)};
	/* room for dmcryptkeys= where the kernel may add it */
	uint32_t flags = m->host.has_keys ? SEALED_KEEP_DMCRYPTKEYS : 0;
	int r = sealed_check_cmdline(line, p->setup.cmdline_size, flags, e);

	return r < 0 ? ukd_prefix(e, "%s", p->image.j.uki.name) : 0;
}

static int plan_plain(const struct machine *m, int dirfd, const char *name, struct plan *p,
		      struct ukd_error *e)
{
	const struct uki *u = &p->image.j.uki;
	struct uki_profile profile;
	int r = uki_profile_find(u, name, &profile, e);

	if (r < 0)
		return r;
	p->profile = profile.number;
	r = read_kernel(p, e);
	if (r >= 0)
		r = take_addons(m, dirfd, uki_profile_text(u, &profile, UKI_UNAME), p, e);
	if (r >= 0)
		r = parts_make(&p->image, &profile, p->addons, p->n_addons, &p->parts, e);
	if (r >= 0)
		r = check_cmdline(m, p, e);
	if (r < 0)
		return r;
	p->need = image_need(p->setup.init_size, p->setup.kernel_alignment, p->parts.initrd_len,
			     p->parts.initrd_len);
	return 0;
}

int plan_make(const struct machine *m, int dirfd, const char *path, const char *profile,
	      struct plan *ret, struct ukd_error *e)
{
	_plan_ struct plan p = PLAN_NONE;
	int r = snapshot_take(&m->policy, dirfd, path, &p.image, e);

	if (r >= 0)
		r = check_kind(m, &p, path, e);
	if (r >= 0)
		r = sidecars_find(dirfd, path, &p.beside, e);
	if (r < 0)
		return r;
	r = plan_is_sealed(&p) ? plan_sealed(&p, path, profile, e) :
				 plan_plain(m, dirfd, profile, &p, e);
	if (r < 0)
		return r;
	tell_ignored(&p.beside);
	*ret = p;
	p = (struct plan)PLAN_NONE;
	return 0;
}
