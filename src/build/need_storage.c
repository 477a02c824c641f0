// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the layers below a target need: dracut's own modules, which bring them up by udev and its
 * queue, told exactly what to bring up, and nothing else; the kernel's side of each layer.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "build/device.h"
#include "build/luks.h"
#include "build/needs.h"
#include "build/storage.h"
#include "util/secret.h"

/*
 * Seconds after which dracut's queue activates what is degraded (at two thirds; it begins anew
 * then, see 53ukdump-full), well below the 90 s that the program waits for a device.
 */
#define QUEUE_RETRY_S 30

static int need_each(struct needs *n, const char *const *names, struct ukd_error *e)
{
	int r = 0;

	/* Not every kernel has all of them; the first one is what the layer is made of. */
	if (names[0])
		r = need_driver_strictly(n, names[0], e);
	for (unsigned int i = 1; r >= 0 && names[i]; i++)
		r = need_driver(n, names[i], e);
	return r < 0 ? r : 0;
}

/* What the program looks for to say which layer did not come up. */
static int need_link(struct needs *n, unsigned int target, const char *link, const char *what,
		     const char *name, struct ukd_error *e)
{
	return need_fact(n, e, "layer.%u=/dev/disk/by-id/%s %s %s", target, link, what, name);
}

static int need_map(struct needs *n, const struct layer *l, unsigned int target, const char *what,
		    struct ukd_error *e)
{
	char link[256];

	(void)snprintf(link, sizeof(link), "dm-uuid-%s", l->uuid);
	return need_link(n, target, link, what, l->name, e);
}

static int need_lvm(struct needs *n, const struct layer *l, unsigned int target,
		    struct ukd_error *e)
{
	static const char *const drivers[] = {"dm_mod", NULL};
	int r = need_each(n, drivers, e);

	if (r >= 0)
		r = need_dracut(n, "lvm", e);
	if (r >= 0)
		r = need_parameter(n, e, "rd.lvm.lv=%s", l->name);
	return r < 0 ? r : need_map(n, l, target, "LVM volume", e);
}

/* What a volume that is more than a piece of disks is made of, told by the names of its parts. */
static int need_lvm_part(struct needs *n, const struct layer *l, struct ukd_error *e)
{
	static const struct {
		const char *word;
		const char *const drivers[8];
	} kinds[] = {
		{"_rimage_", {"dm_raid", "raid1", "raid10", "raid456", "raid0"}},
		{"_rmeta_", {"dm_raid", "raid1", "raid10", "raid456", "raid0"}},
		{"_mimage_", {"dm_mirror", "dm_log"}},
		{"-tpool", {"dm_thin_pool"}},
		{"_tdata", {"dm_thin_pool"}},
		{"_tmeta", {"dm_thin_pool"}},
		{"-real", {"dm_snapshot"}},
		{"-cow", {"dm_snapshot"}},
		{"_corig", {"dm_cache", "dm_cache_smq"}},
		{"_cvol", {"dm_cache", "dm_cache_smq"}},
		{"_cdata", {"dm_cache", "dm_cache_smq"}},
		{"_cmeta", {"dm_cache", "dm_cache_smq"}},
		{"_wcorig", {"dm_writecache"}},
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strstr(l->name, kinds[i].word))
			return need_each(n, kinds[i].drivers, e);
	return ukd_refuse(e, "target",
			  "lies on %s (%s), a kind of LVM volume that is not supported; set "
			  "another Target= in ukdump.conf",
			  l->node, l->name);
}

static int need_multipath(struct needs *n, const struct layer *l, unsigned int target,
			  struct ukd_error *e)
{
	static const char *const drivers[] = {
		"dm_multipath",	   "dm_service_time", "dm_round_robin",
		"dm_queue_length", "scsi_dh_alua",    "scsi_dh_rdac",
		"scsi_dh_emc",	   "scsi_dh_hp_sw",   NULL};
	char known[256];
	int len = snprintf(known, sizeof(known), "/%s/\n", l->uuid + strlen("mpath-"));
	int r = need_each(n, drivers, e);

	if (r >= 0)
		r = need_dracut(n, "multipath", e);
	/* With "find_multipaths strict", dracut's default, only these become maps. */
	if (r >= 0)
		r = need_file_more(n, "/etc/multipath/wwids",
				   (struct bytes){(uint8_t *)known, (size_t)len}, 0600, e);
	return r < 0 ? r : need_map(n, l, target, "multipath device", e);
}

static int need_raid(struct needs *n, const struct layer *l, unsigned int target,
		     struct ukd_error *e)
{
	static const char *const raid456[] = {"raid4", "raid5", "raid6"};
	const char *drivers[] = {"md_mod", NULL};
	const char *level = l->level;
	char link[256];
	int r = need_each(n, drivers, e);

	for (size_t i = 0; i < ARRAY_SIZE(raid456); i++)
		if (!strcmp(level, raid456[i]))
			level = "raid456";
	if (r >= 0)
		r = need_driver_strictly(n, level, e);
	if (r >= 0)
		r = need_dracut(n, "mdraid", e);
	if (r >= 0)
		r = need_parameter(n, e, "rd.md.uuid=%s", l->uuid);
	(void)snprintf(link, sizeof(link), "md-uuid-%s", l->uuid);
	return r < 0 ? r : need_link(n, target, link, "RAID array", l->node, e);
}

/* "aes-xts-plain64", "aes-cbc-essiv:sha256": every module that goes by one of the words. */
static int need_cipher(struct needs *n, const char *cipher, struct ukd_error *e)
{
	char words[64], *save = NULL, name[80];
	int r = 0;

	(void)snprintf(words, sizeof(words), "%s", cipher);
	for (char *word = strtok_r(words, "-:", &save); r >= 0 && word;
	     word = strtok_r(NULL, "-:", &save)) {
		(void)snprintf(name, sizeof(name), "crypto-%s", word);
		r = need_driver(n, name, e);
	}
	return r < 0 ? r : 0;
}

/* The key of enroll, or the one that an earlier image has. */
static int find_key(struct needs *n, const char *node, const char *uuid, struct luks_key *ret,
		    struct ukd_error *e)
{
	if (!n->luks_key)
		return luks_find_key(n->root, n->images, node, uuid, ret, e);
	*ret = *n->luks_key;
	return 0;
}

/* crypttab(5): our slot only, no question to anybody, and no limit but the program's own. */
static int need_crypttab(struct needs *n, const char *uuid, int slot, struct ukd_error *e)
{
	char line[512];
	int len = snprintf(line, sizeof(line),
			   "luks-%s UUID=%s /" LUKS_KEY_DIR "/%s.key luks,key-slot=%d,tries=1,"
			   "headless=true,nofail,x-systemd.device-timeout=0\n",
			   uuid, uuid, uuid, slot);

	return need_file(n, "/etc/crypttab", (struct bytes){(uint8_t *)line, (size_t)len}, 0600, e);
}

/* One device: a second crypttab line or key archive would have to be merged. */
static int check_only_one(const struct needs *n, const char *uuid, struct ukd_error *e)
{
	if (!n->luks_uuid[0] || !strcmp(n->luks_uuid, uuid))
		return 0;
	return ukd_refuse(
		e, "target",
		"lies on a second encrypted device (%s besides %s); one is supported: set "
		"another Target= in ukdump.conf",
		uuid, n->luks_uuid);
}

static int need_key(struct needs *n, const char *node, const char *uuid, struct ukd_error *e)
{
	struct luks_key key = {.slot = LUKS_ANY_SLOT};
	int r = luks_check_images(n->root, n->images, uuid, e);

	if (r >= 0)
		r = process_keep_secrets(e);
	if (r >= 0)
		r = find_key(n, node, uuid, &key, e);
	if (r >= 0)
		r = luks_archive(uuid, &key, &n->secrets, e);
	if (r >= 0)
		r = need_crypttab(n, uuid, key.slot, e);
	explicit_bzero(&key, sizeof(key));
	if (r < 0)
		return r;
	(void)snprintf(n->luks_uuid, sizeof(n->luks_uuid), "%s", uuid);
	return 0;
}

static int need_luks(struct needs *n, const struct layer *l, unsigned int target,
		     struct ukd_error *e)
{
	/* af_alg, algif_skcipher: libcryptsetup decrypts the key slot by the kernel's ciphers. */
	static const char *const drivers[] = {"dm_crypt", "af_alg", "algif_skcipher", NULL};
	char uuid[LUKS_UUID_MAX], node[80], link[96];
	struct luks_info info;
	int r = layer_luks_uuid(l, uuid, e);

	(void)snprintf(node, sizeof(node), "/dev/%s", l->below);
	if (r >= 0)
		r = check_only_one(n, uuid, e);
	if (r >= 0)
		r = luks_read(node, &info, e);
	if (r >= 0)
		r = need_each(n, drivers, e);
	if (r >= 0)
		r = need_cipher(n, info.cipher, e);
	if (r >= 0)
		r = need_dracut(n,
				need_has_dracut(n, "systemd-cryptsetup") ? "systemd-cryptsetup" :
									   "crypt",
				e);
	if (r >= 0 && !n->luks_uuid[0])
		r = need_key(n, node, uuid, e);
	(void)snprintf(link, sizeof(link), "%.44s-luks-%s", l->uuid, uuid);
	if (r >= 0)
		r = need_fact(n, e, "luks.%u=%s", target, uuid);
	return r < 0 ? r :
		       need_fact(n, e, "layer.%u=/dev/disk/by-id/dm-uuid-%s encrypted device %s",
				 target, link, uuid);
}

static int need_layer(struct needs *n, const struct layer *l, unsigned int target,
		      struct ukd_error *e)
{
	switch (l->kind) {
	case LAYER_DISK:
		return 0;
	case LAYER_ISCSI:
		return need_iscsi(n, l, target, e);
	case LAYER_MULTIPATH:
		return need_multipath(n, l, target, e);
	case LAYER_RAID:
		return need_raid(n, l, target, e);
	case LAYER_LUKS:
		return need_luks(n, l, target, e);
	case LAYER_LVM:
		return need_lvm(n, l, target, e);
	case LAYER_LVM_PART:
		return need_lvm_part(n, l, e);
	}
	return 0;
}

int need_storage(struct needs *n, const struct storage *s, unsigned int target, struct ukd_error *e)
{
	enum layer_kind top = s->layers[s->n - 1].kind;
	int r = 0;

	for (unsigned int i = 0; r >= 0 && i < s->n; i++)
		r = need_layer(n, &s->layers[i], target, e);
	if (top == LAYER_DISK || top == LAYER_ISCSI)
		return r;
	if (r >= 0)
		r = need_dracut(n, "dracut-systemd", e);
	if (r >= 0)
		r = need_parameter(n, e, "rd.auto=0 rd.retry=%d", QUEUE_RETRY_S);
	return r;
}
