// SPDX-License-Identifier: GPL-2.0-or-later
/* See uki_conf.h. The file is read as Python's configparser does for ukify: '=' separates, '#'
 * begins a comment wherever it stands, blanks around names and values do not count. */
#include "ctl/key/uki_conf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/parse.h"

static void assign(struct uki_conf *c, const char *name, const char *value)
{
	const struct {
		const char *name;
		char *value;
		size_t size;
	} keys[] = {
		{"SecureBootPrivateKey", c->key, sizeof(c->key)},
		{"SecureBootCertificate", c->cert, sizeof(c->cert)},
		{"SecureBootSigningTool", c->tool, sizeof(c->tool)},
		{"SigningEngine", c->engine, sizeof(c->engine)},
		{"SigningProvider", c->provider, sizeof(c->provider)},
		{"CertificateProvider", c->certificate_provider, sizeof(c->certificate_provider)},
	};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (!strcmp(keys[i].name, name))
			(void)snprintf(keys[i].value, keys[i].size, "%s", value);
}

static void parse(char *text, struct uki_conf *c)
{
	char *save = NULL;
	bool ours = false;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *equals;

		line[strcspn(line, "#")] = 0;
		line = text_trim(line);
		equals = strchr(line, '=');
		if (*line == '[') {
			ours = !strcmp(line, "[UKI]");
		} else if (ours && equals) {
			*equals = 0;
			assign(c, text_trim(line), text_trim(equals + 1));
		}
	}
}

int uki_conf_read(const struct root *root, struct uki_conf *ret, struct ukd_error *e)
{
	static const char *const paths[] = {"/etc/kernel/uki.conf", "/run/kernel/uki.conf",
					    "/usr/local/lib/kernel/uki.conf",
					    "/usr/lib/kernel/uki.conf"};
	_buffer_ struct buffer text = {0};
	int r = -ENOENT;

	*ret = (struct uki_conf){0};
	for (size_t i = 0; r == -ENOENT && i < ARRAY_SIZE(paths); i++) {
		r = root_read(root, paths[i], KIB(256), &text, e);
		if (r >= 0)
			ret->path = paths[i];
	}
	if (r >= 0)
		parse((char *)text.data, ret);
	return r == -ENOENT ? 0 : r;
}

const char *uki_conf_unsupported(const struct uki_conf *c)
{
	if (c->engine[0])
		return "SigningEngine= is set: OpenSSL's engines are not supported, its providers are";
	if (c->provider[0] && strcmp(c->provider, "pkcs11") != 0)
		return "SigningProvider= is set to another one than pkcs11";
	if (c->certificate_provider[0])
		return "CertificateProvider= is set: the certificate must be a file";
	if (!strcmp(c->tool, "pesign"))
		return "SecureBootSigningTool=pesign: keys in an NSS database are not supported";
	return NULL;
}
