// SPDX-License-Identifier: GPL-2.0-or-later
/* See key_uri.h; PKCS#11 URIs are those of RFC 7512. */
#include "auth/key_uri.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "auth/auth.h"
#include "util/file.h"

#define PKCS11_SCHEME "pkcs11:"

bool key_is_uri(const char *key)
{
	const char *p = key;

	while (isalnum((unsigned char)*p) || *p == '+' || *p == '.' || *p == '-')
		p++;
	return p > key + 1 && *p == ':' && isalpha((unsigned char)*key) &&
	       strncasecmp(key, "file:", 5) != 0;
}

bool key_is_pkcs11(const char *key)
{
	return !strncasecmp(key, PKCS11_SCHEME, strlen(PKCS11_SCHEME));
}

const char *key_path(const char *key)
{
	if (!strncasecmp(key, "file:", 5)) {
		key += 5;
		if (!strncmp(key, "//", 2))
			key += 2;
	}
	return key;
}

static int hex_digit(char c)
{
	if (isdigit((unsigned char)c))
		return c - '0';
	return isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10 : -1;
}

/* Decodes %XX of the first n characters of s; too long a text is cut. */
static void decode(const char *s, size_t n, char *ret, size_t size)
{
	size_t out = 0;

	for (size_t i = 0; i < n && out + 1 < size; i++) {
		int high = s[i] == '%' && n - i > 2 ? hex_digit(s[i + 1]) : -1;
		int low = high >= 0 ? hex_digit(s[i + 2]) : -1;
		int c = low >= 0 ? 16 * high + low : s[i];

		ret[out++] = (char)c;
		i += low >= 0 ? 2 : 0;
	}
	ret[out] = 0;
}

/* Name and decoded value of the next attribute of the path or the query. False at the end. */
static bool next_attribute(const char **at, char name[32], char value[PATH_MAX])
{
	size_t len = strcspn(*at, ";&?"), name_len = strcspn(*at, "=;&?");

	if (!**at)
		return false;
	decode(*at, name_len, name, 32);
	decode(*at + name_len + 1, len > name_len ? len - name_len - 1 : 0, value, PATH_MAX);
	*at += len + ((*at)[len] != 0);
	return true;
}

/* Both halves of a URI are searched: what stands in the wrong one is no less readable. */
static bool find_attribute(const char *uri, const char *wanted, char value[PATH_MAX])
{
	const char *at = uri + strlen(PKCS11_SCHEME);
	char name[32];

	while (next_attribute(&at, name, value))
		if (!strcasecmp(name, wanted))
			return true;
	return false;
}

int key_uri_check(const char *uri, struct ukd_error *e)
{
	char value[PATH_MAX];
	struct stat st;

	if (!key_is_pkcs11(uri))
		return 0;
	if (find_attribute(uri, "pin-value", value))
		return ukd_refuse(
			e, "key.pin",
			"the key's URI holds the PIN (pin-value), readable for all; take "
			"it out and type the PIN when asked, or name a file of mode 0600: "
			"?pin-source=file:/PATH");
	if (!find_attribute(uri, "pin-source", value))
		return 0;
	if (stat(key_path(value), &st) < 0)
		return ukd_fail_errno(e, -errno, "pin-source %s", key_path(value));
	if (st.st_mode & 077)
		return ukd_refuse(e, "key.mode",
				  "pin-source %s has mode %04o, needed is 0600: group and others "
				  "must have no access",
				  key_path(value), st.st_mode & 07777);
	return 0;
}

void auth_key_display(const char *key, char ret[AUTH_KEY_TEXT_MAX])
{
	char value[PATH_MAX];
	int n = (int)strlen(key);

	if (key_is_uri(key))
		n = (int)strcspn(key, "?");
	if (key_is_pkcs11(key) && find_attribute(key, "pin-value", value))
		n = (int)strlen(PKCS11_SCHEME);
	(void)snprintf(ret, AUTH_KEY_TEXT_MAX, "%.*s%s", n, key, key[n] ? "..." : "");
}
