// SPDX-License-Identifier: GPL-2.0-or-later
/* Publishes images: see publish.h. */
#include "ctl/image/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "build/build.h"
#include "ctl/ctl.h"
#include "util/cleanup.h"
#include "util/parse.h"
#include "util/self.h"

/* Its final name is known when it has been verified; IMAGE_DIR may be a file system of its own. */
#define TEMP_NAME IMAGE_DIR "/new"

/* Judges the bytes on disk, not those in memory. */
static int verify_written(const struct publish_spec *spec, const struct new_file *f, uint64_t size,
			  struct auth_result *ret, struct ukd_error *e)
{
	_judgement_ struct judgement j = {0};
	_auth_policy_ struct auth_policy policy = {.trust = auth_trust_new()};
	int r = policy.trust ? 0 : ukd_oom(e);

	if (r >= 0 && spec->cert)
		r = auth_trust_add_file(policy.trust, spec->cert_root, spec->cert, e);
	if (r >= 0)
		r = image_judge(f->fd, spec->out ? spec->out : "the image", size, &policy, &j, e);
	if (r < 0)
		return r;
	if (j.auth.verdict != (spec->cert ? AUTH_TRUSTED : AUTH_UNSIGNED))
		return ukd_refuse(e, j.auth.check, "%s: what was made does not verify: %s",
				  spec->out ? spec->out : "the image", j.auth.reason);
	*ret = j.auth;
	return 0;
}

static int final_path(const struct publish_spec *spec, const struct auth_result *auth, char *ret)
{
	char id[13];
	int n;

	if (spec->out) {
		n = snprintf(ret, 4096, "%s", spec->out);
	} else {
		format_hex((struct bytes){auth->image_id, 6}, id);
		n = snprintf(ret, 4096, "%s/%s-%s" IMAGE_EXT, &IMAGE_DIR[1], spec->kver, id);
	}
	return n < 0 || n >= 4096 ? -ENAMETOOLONG : 0;
}

bool record_path(const char *image, char *ret, size_t size)
{
	size_t n = strlen(image), ext = strlen(IMAGE_EXT);

	return n > ext && !strcmp(image + n - ext, IMAGE_EXT) &&
	       (size_t)snprintf(ret, size, "%.*s" INPUTS_EXT, (int)(n - ext), image) < size;
}

/* Before the image: after a power cut in between there is none without its record. */
static int publish_inputs(const struct publish_spec *spec, const char *image, struct ukd_error *e)
{
	char path[4096];

	if (spec->out || !spec->inputs || !spec->inputs->len)
		return 0;
	if (!record_path(image, path, sizeof(path)))
		return ukd_fail_errno(e, -ENAMETOOLONG, "%s", image);
	return file_replace(spec->root->fd, path, 0600, buffer_bytes(spec->inputs), e);
}

/* Signing is no reason to take a file away from those who could read it, or to give it to others. */
static int keep_mode(const struct publish_spec *spec, const struct new_file *f, struct ukd_error *e)
{
	struct stat st;

	if (!spec->keep_mode || stat(spec->out, &st) < 0)
		return 0;
	if (fchown(f->fd, st.st_uid, st.st_gid) < 0)
		return ukd_fail_errno(e, -errno,
				      "%s: cannot keep its owner; write another file with -o",
				      spec->out);
	if (fchmod(f->fd, st.st_mode & 0777) < 0)
		return ukd_fail_errno(e, -errno, "%s: cannot keep its mode", spec->out);
	return 0;
}

int output_check(const char *path, struct ukd_error *e)
{
	struct stat st;

	if (!path || lstat(path, &st) < 0 || S_ISREG(st.st_mode))
		return 0;
	return ukd_refuse(e, "file.type", "%s: exists and is %s; name a regular file, or a new one",
			  path,
			  S_ISDIR(st.st_mode) ? "a directory" :
			  S_ISLNK(st.st_mode) ? "a symbolic link" :
						"no regular file");
}

int image_publish(const struct publish_spec *spec, struct bytes image, char *ret_path,
		  struct auth_result *ret, struct ukd_error *e)
{
	_stops_held_ sigset_t
		before; /* who is stopped here would leave the temporary file behind */
	_discard_ struct new_file f = NEW_FILE_NONE;
	int dirfd = spec->out ? AT_FDCWD : spec->root->fd, r = output_check(spec->out, e);

	stops_hold(&before);
	if (r >= 0 && !spec->out)
		r = root_check_plain(spec->root, IMAGE_DIR, e);
	if (r >= 0 && !spec->out)
		r = make_directories(dirfd, &IMAGE_DIR[1], 0700, e);
	if (r >= 0)
		r = file_create(dirfd, spec->out ? spec->out : &TEMP_NAME[1], 0600, &f, e);
	if (r < 0)
		return r;
	r = fd_write_full(f.fd, image.p, image.len);
	if (r < 0)
		return ukd_fail_errno(e, r, "%s: cannot write", f.temp);
	r = verify_written(spec, &f, image.len, ret, e);
	if (r >= 0)
		r = keep_mode(spec, &f, e);
	if (r < 0)
		return r;
	r = final_path(spec, ret, f.path);
	if (r < 0)
		return ukd_fail_errno(e, r, "image path");
	r = publish_inputs(spec, f.path, e);
	if (r < 0)
		return r;
	r = file_publish(&f, e);
	if (r < 0)
		return r;
	(void)snprintf(ret_path, PUBLISH_PATH_MAX, "%s%s%s", spec->out ? "" : spec->root->path,
		       spec->out ? "" : "/", f.path);
	return 0;
}

int image_memory_file(struct bytes image, int *ret_fd, struct ukd_error *e)
{
	_close_ int fd = -1;
	int r = memfd_open(&fd, e);

	if (r < 0)
		return r;
	r = fd_write_full(fd, image.p, image.len);
	if (r < 0)
		return ukd_fail_errno(e, r, "cannot write a memory file");
	*ret_fd = take_fd(&fd);
	return 0;
}

/* Makes a signature by key the only one of the image. */
static int image_sign(struct buffer *image, const struct auth_key *key, struct ukd_error *e)
{
	_buffer_ struct buffer der = {0};
	uint8_t digest[AUTH_SHA256_LEN];
	_close_ int fd = -1;
	int r = image_memory_file(buffer_bytes(image), &fd, e);

	if (r >= 0)
		r = auth_image_digest(fd, "image", image->len, digest, e);
	if (r >= 0)
		r = auth_sign_digest(key, digest, &der, e);
	return r < 0 ? r : image_attach(image, buffer_bytes(&der), e);
}

int image_sign_publish(struct publish_spec *spec, const struct signing_key *key,
		       struct buffer *image, char *ret_path, struct auth_result *ret,
		       struct ukd_error *e)
{
	int r = key->key ? image_sign(image, key->key, e) : 0;

	spec->cert = key->key ? key->cert : NULL;
	spec->cert_root = key->cert_root;
	return r < 0 ? r : image_publish(spec, buffer_bytes(image), ret_path, ret, e);
}

void publish_print(const char *path, uint64_t size, const struct auth_result *a)
{
	char text[FORMAT_SIZE_MAX];

	printf("%s: %s, %s%s%s\n", path, format_size(size, text),
	       a->n_chain ? "signed by '" : "unsigned", a->n_chain ? a->chain[0].subject : "",
	       a->n_chain ? "'" : "");
}

struct json_object *publish_json(const char *path, uint64_t size, const struct auth_result *a)
{
	struct json_object *o = json_object_checked();

	json_number(o, "schema", 1);
	json_text(o, "file", path);
	json_number(o, "bytes", size);
	json_hex(o, "image", a->image_id, AUTH_SHA256_LEN);
	json_text(o, "signer", a->n_chain ? a->chain[0].subject : NULL);
	return o;
}
