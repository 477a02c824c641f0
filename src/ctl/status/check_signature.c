// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Preconditions of trust: would the image be armed again, whom does the kernel trust, and is there
 * a key for the next one. The image is the armed one, else the one that `start` would take.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/judge.h"
#include "auth/keyring.h"
#include "ctl/key/find_key.h"
#include "ctl/key/host_key.h"
#include "ctl/image/images.h"
#include "ctl/status/status.h"
#include "ctl/key/trust.h"
#include "util/cleanup.h"

static void check_signature_result(struct status *s, const char *path, const struct auth_result *a)
{
	struct finding *f;

	if (a->verdict == AUTH_TRUSTED) {
		f = finding_add(&s->findings, "image.signature",
				a->warning[0] ? VERDICT_WARNING : VERDICT_OK,
				"%s; trusted by %s%s%s", a->n_chain ? a->chain[0].subject : "?",
				a->anchor, a->warning[0] ? "; " : "", a->warning);
		if (a->warning[0])
			finding_mend(f, "ukdumpctl sign, with another certificate");
		return;
	}
	f = finding_add(&s->findings, "image.signature", VERDICT_FAILED, "%s: %s [%s]", path,
			a->reason, a->check);
	finding_needed(f, "a good signature by a certificate of /etc/ukdump/trust.d, UEFI db or "
			  "the MOK list");
	finding_mend(f, a->verdict == AUTH_UNTRUSTED ?
				"put the signer's certificate into /etc/ukdump/trust.d, or "
				"ukdumpctl refresh --force" :
				"ukdumpctl refresh --force");
	finding_problem(f, "%s would be refused by 'start': %s", path, a->reason);
}

static void mend_for_kernel(struct finding *f, const struct kernel_answer *a, const char *anchor)
{
	switch (a->opinion) {
	case KERNEL_LACKS_KEY:
		finding_mend(f,
			     "openssl x509 -in %s -outform der -out mok.der; mokutil --import "
			     "mok.der; reboot",
			     anchor[0] == '/' ? anchor : "CERTIFICATE");
		break;
	case KERNEL_LACKS_ALGORITHM:
		finding_mend(f, "sign with RSA and SHA-256");
		break;
	default:
		finding_mend(f, "sign with a key that is not revoked");
	}
}

/* That the kernel does not know the signer of what it holds was no obstacle, so it is no problem. */
static void check_kernel_answer(struct status *s, const char *path, const struct kernel_answer *a,
				const char *anchor)
{
	bool refuses = s->enforced && !s->armed;
	struct finding *f;

	if (a->opinion == KERNEL_TRUSTS) {
		(void)finding_add(&s->findings, "image.keyring", VERDICT_OK, "%s%s%s", a->key,
				  a->keyring[0] ? " in " : "", a->keyring);
		return;
	}
	f = finding_add(&s->findings, "image.keyring",
			a->opinion == KERNEL_UNKNOWN ? VERDICT_UNKNOWN :
			refuses			     ? VERDICT_FAILED :
						       VERDICT_WARNING,
			"%s", a->reason);
	if (a->opinion == KERNEL_UNKNOWN)
		return;
	finding_needed(f, "a key in the kernel's keyrings that vouches for the signer%s",
		       s->enforced ? "" : ", once signatures are enforced");
	mend_for_kernel(f, a, anchor);
	if (refuses)
		finding_problem(f, "the kernel will refuse %s: %s", path, a->reason);
}

static void check_keyring(const struct root *root, struct status *s, const char *path,
			  const struct auth_result *a)
{
	struct kernel_answer answer = {0};

	if (s->key) {
		(void)finding_add(&s->findings, "image.keyring", VERDICT_OK, "%s%s%s", s->key,
				  s->keyring && *s->keyring ? " in " : "",
				  s->keyring ? s->keyring : "");
		return;
	}
	kernel_ask(root, a, &answer);
	check_kernel_answer(s, path, &answer, a->anchor);
}

static void judge(const struct root *root, struct status *s, const char *path)
{
	_auth_policy_ struct auth_policy policy = {0};
	_judgement_ struct judgement j = {0};
	struct ukd_error e = {0};
	_close_ int fd = -1;
	struct finding *f;
	uint64_t size;
	int r = auth_policy_of_host(root, &policy, &e);

	if (r >= 0)
		r = file_open_regular(AT_FDCWD, path, &fd, &size, &e);
	if (r >= 0)
		r = image_judge(fd, path, size, &policy, &j, &e);
	if (r == -EACCES || r == -EPERM) {
		f = finding_add(&s->findings, "image.signature", VERDICT_UNKNOWN, "%s", e.text);
		finding_mend(f, MEND_AS_ROOT);
	} else if (r < 0 && r != -ENOENT) { /* "image.file" tells of one that is gone */
		f = finding_add(&s->findings, "image.signature", VERDICT_FAILED, "%s", e.text);
		finding_mend(f, "ukdumpctl refresh --force");
		finding_problem(f, "%s would be refused by 'start': %s", path, e.text);
	} else if (r >= 0) {
		check_signature_result(s, path, &j.auth);
		if (j.auth.verdict == AUTH_TRUSTED)
			check_keyring(root, s, path, j.uki.kind == UKI_PLAIN ? &j.inner : &j.auth);
	}
}

static void judge_next(const struct root *root, struct status *s)
{
	_images_ struct images images = {0};
	const struct image *image = NULL;
	char release[KVER_MAX];
	struct ukd_error e = {0};
	struct finding *f;
	int r = root_kernel_release(root, release, sizeof(release), &e);

	if (r >= 0)
		r = images_read(root, &images, &e);
	if (r >= 0)
		image = images_choose(&images, release);
	if (image) {
		judge(root, s, image->path);
		return;
	}
	f = finding_add(&s->findings, "image.file",
			r < 0 && r != -EACCES ? VERDICT_FAILED :
			r < 0		      ? VERDICT_UNKNOWN :
						VERDICT_FAILED,
			"%s%s", r < 0 ? e.text : "no capture image for kernel ",
			r < 0 ? "" : release);
	finding_mend(f, "%s", r == -EACCES ? MEND_AS_ROOT : "ukdumpctl build");
}

/* The one that `build` would sign with, or NULL. */
static const struct found_key *build_key(const struct found_keys *keys, const struct settings *s)
{
	const char *set = s->image.key;
	bool automatic = set && !strcmp(set, KEY_AUTO);

	for (unsigned int i = 0; i < keys->n; i++) {
		const struct found_key *k = &keys->v[i];

		if (automatic ? k->usable && strcmp(k->key, HOST_KEY) != 0 :
				!strcmp(k->key, set ? set : HOST_KEY))
			return k;
	}
	return NULL;
}

static void check_found_key(const struct root *root, struct status *s, const struct found_key *k)
{
	const char *set = s->targets.settings.image.key;
	struct finding *f;

	if (!k && !set) {
		(void)finding_add(&s->findings, "key", VERDICT_OK,
				  "none yet; the first build makes a host key");
	} else if (!k || !k->usable) {
		f = finding_add(&s->findings, "key", VERDICT_FAILED, "%s%s",
				k ? k->why.text : "no usable key: Key=", k ? "" : set);
		finding_needed(f, "a key and its certificate, for the next image");
		finding_mend(f, "ukdumpctl sign --list-keys shows what there is");
		finding_problem(f, "the next image cannot be signed: %s", f->seen);
	} else if (!set && !host_key_trusted(root)) {
		f = finding_add(&s->findings, "key", VERDICT_FAILED, "%s is not trusted here",
				HOST_CERT);
		finding_needed(f, HOST_TRUST);
		finding_mend(f, "cp " HOST_CERT " " HOST_TRUST);
		finding_problem(f, HOST_TRUST " is missing: start will refuse the next image");
	} else {
		(void)finding_add(&s->findings, "key", VERDICT_OK, "%s (%s)", k->key, k->place);
	}
}

static void check_key(const struct root *root, struct status *s)
{
	_free_ struct found_keys *keys = calloc(1, sizeof(*keys));
	struct ukd_error e = {0};

	if (s->settings_error.code)
		return;
	if (s->targets.settings.image.sign == SIGN_EXTERNAL)
		(void)finding_add(&s->findings, "key", VERDICT_OK,
				  "signatures are made elsewhere (Sign=external)");
	else if (geteuid() != 0)
		finding_mend(finding_add(&s->findings, "key", VERDICT_UNKNOWN,
					 "keys cannot be looked at by this user"),
			     MEND_AS_ROOT);
	else if (!keys || keys_find(root, &s->targets.settings, keys, &e) < 0)
		(void)finding_add(&s->findings, "key", VERDICT_UNKNOWN, "%s",
				  keys ? e.text : "out of memory");
	else
		check_found_key(root, s, build_key(keys, &s->targets.settings));
}

void check_signature(const struct root *root, struct status *s)
{
	if (s->armed && s->path)
		judge(root, s, s->path);
	else if (!s->armed)
		judge_next(root, s);
	check_key(root, s);
}
