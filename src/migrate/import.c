// SPDX-License-Identifier: GPL-2.0-or-later
/* The lines of an import and what is decided about them: see migrate.h and rules.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/settings.h"
#include "migrate/rules.h"
#include "util/cleanup.h"

const char *const import_dialect_names[IMPORT_DIALECTS] = {"fedora", "debian", "suse"};

static const struct rules *const dialects[IMPORT_DIALECTS] = {
	&fedora_rules,
	&debian_rules,
	&suse_rules,
};

static void forget_made(struct import_line *l)
{
	for (size_t i = 0; i < l->n_made; i++)
		free(l->made[i].value);
	free(l->made);
	l->made = NULL;
	l->n_made = 0;
}

void import_free(struct import *im)
{
	for (size_t i = 0; i < im->n; i++) {
		forget_made(&im->v[i]);
		free(im->v[i].name);
		free(im->v[i].value);
		free(im->v[i].why);
	}
	free(im->v);
	strings_free(&im->files);
	*im = (struct import){0};
}

int import_add(struct import *im, const char *file, unsigned int line, const char *name,
	       const char *value, struct ukd_error *e)
{
	struct import_line *v;

	if (im->n == IMPORT_LINES_MAX)
		return ukd_refuse(e, "import.syntax", "%s:%u: more than %d options", file, line,
				  IMPORT_LINES_MAX);
	v = reallocarray(im->v, im->n + 1, sizeof(*v));
	if (!v)
		return ukd_oom(e);
	im->v = v;
	v = &v[im->n];
	*v = (struct import_line){.file = file, .line = line};
	v->name = strdup(name);
	v->value = strdup(value);
	im->n++;
	return v->name && v->value ? 0 : ukd_oom(e);
}

/* The name of a file as it stays valid with im. */
static const char *keep_name(struct import *im, const char *name, struct ukd_error *e)
{
	if (strings_add(&im->files, name) < 0) {
		(void)ukd_oom(e);
		return NULL;
	}
	import_clean(im->files.v[im->files.n - 1]); /* goes into comments */
	return im->files.v[im->files.n - 1];
}

int import_read(struct import *im, enum import_grammar grammar, struct bytes text, const char *name,
		struct ukd_error *e)
{
	const char *file = keep_name(im, name, e);

	if (!file)
		return -ENOMEM;
	return grammar == IMPORT_SHELL ? import_parse_shell(im, text, file, e) :
					 import_parse_kdump_conf(im, text, file, e);
}

int import_add_hook(struct import *im, const char *kind, const char *path, struct ukd_error *e)
{
	const char *file = keep_name(im, path, e);

	return file ? import_add(im, file, 0, kind, path, e) : -ENOMEM;
}

const char *import_value(const struct import *im, const char *name)
{
	const char *found = NULL;

	for (size_t i = 0; i < im->n; i++)
		if (!strcmp(im->v[i].name, name))
			found = im->v[i].value;
	return found && *found ? found : NULL;
}

void import_clean(char *text)
{
	size_t n = strlen(text);

	text_printable(text);
	if (n && text[n - 1] == '\\')
		text[n - 1] = '?';
}

static int say(struct import_line *l, bool append, struct ukd_error *e, const char *fmt, va_list ap)
{
	_free_ char *old = l->why, *text = NULL;

	l->why = NULL;
	if (vasprintf(&text, fmt, ap) < 0) {
		text = NULL;
		return ukd_oom(e);
	}
	import_clean(text);
	if (!append || !old)
		l->why = take_ptr(&text);
	else if (asprintf(&l->why, "%s; %s", old, text) < 0)
		l->why = NULL;
	return l->why ? 0 : ukd_oom(e);
}

int import_drop(struct import_line *l, struct ukd_error *e, const char *fmt, ...)
{
	va_list ap;
	int r;

	forget_made(l);
	l->fate = IMPORT_DROPPED;
	va_start(ap, fmt);
	r = say(l, false, e, fmt, ap);
	va_end(ap);
	return r;
}

int import_default(struct import_line *l, struct ukd_error *e, const char *fmt, ...)
{
	va_list ap;
	int r;

	forget_made(l);
	l->fate = IMPORT_DEFAULT;
	va_start(ap, fmt);
	r = say(l, false, e, fmt, ap);
	va_end(ap);
	return r;
}

int import_remark(struct import_line *l, struct ukd_error *e, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = say(l, true, e, fmt, ap);
	va_end(ap);
	return r;
}

/* A reason of our own parser without the place, which is try_setting()'s: "KEY:2: ". */
static const char *without_place(const char *reason, const char *key)
{
	size_t n = strlen(key);

	return !strncmp(reason, key, n) && !strncmp(reason + n, ":2: ", 4) ? reason + n + 4 :
									     reason;
}

/* Does our own parser take it? */
static int try_setting(const char *section, const char *key, const char *value, struct ukd_error *e)
{
	_settings_ struct settings scratch = {0};
	_free_ char *text = NULL;
	int r;

	for (const char *c = value; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return ukd_refuse(e, "import.settings", "the value has control characters");
	if (asprintf(&text, "[%s]\n%s=%s\n", section, key, value) < 0) {
		text = NULL;
		return ukd_oom(e);
	}
	r = settings_init(&scratch, e);
	return r < 0 ? r :
		       settings_parse(&scratch, (struct bytes){(uint8_t *)text, strlen(text)}, key,
				      e);
}

static bool is_set(const struct import *im, const char *key, const char *value)
{
	for (size_t i = 0; i < im->n; i++)
		for (size_t k = 0; k < im->v[i].n_made; k++)
			if (!strcmp(im->v[i].made[k].key, key) &&
			    !strcmp(im->v[i].made[k].value, value))
				return true;
	return false;
}

int import_set(struct import *im, struct import_line *l, const char *section, const char *key,
	       const char *value, struct ukd_error *e)
{
	struct ukd_error refused = {0};
	struct import_setting *made;
	int r;

	if (l->fate == IMPORT_DROPPED && l->why) /* by a setting before this one */
		return 0;
	r = try_setting(section, key, value, &refused);
	if (r == -EBADMSG)
		return import_drop(l, e, "%s", without_place(refused.text, key));
	if (r < 0) {
		*e = refused;
		return r;
	}
	l->fate = IMPORT_TRANSLATED;
	if (is_set(im, key, value)) /* such as AllowShell=yes, which two options may want */
		return l->n_made ? 0 : import_remark(l, e, "%s= has it already", key);
	made = reallocarray(l->made, l->n_made + 1, sizeof(*made));
	if (!made)
		return ukd_oom(e);
	l->made = made;
	made[l->n_made] = (struct import_setting){section, key, strdup(value)};
	return made[l->n_made++].value ? 0 : ukd_oom(e);
}

int import_action(struct import *im, struct import_line *l, const char *key, const char *action,
		  struct ukd_error *e)
{
	int r = import_set(im, l, "Action", key, action, e);

	if (r < 0 || l->fate != IMPORT_TRANSLATED || strcmp(action, "shell") != 0)
		return r;
	r = import_set(im, l, "Image", "AllowShell", "yes", e);
	return r < 0 ? r :
		       import_remark(l, e,
				     "whoever is at the console then reads the memory of the "
				     "crashed machine");
}

int import_program(struct import *im, struct import_line *l, const char *key, struct ukd_error *e)
{
	if (l->value[0] != '/' || strpbrk(l->value, " \t"))
		return import_drop(l, e,
				   "a hook is the absolute path of a program without arguments, no "
				   "line of a shell: write a script");
	return import_set(im, l, "Action", key, l->value, e);
}

static const struct rule *find_rule(const struct rules *rules, const char *name)
{
	for (size_t i = 0; i < rules->n; i++)
		if (!strcmp(rules->v[i].name, name))
			return &rules->v[i];
	return NULL;
}

/* A later line sets the same option: then that one counts. Of hooks in directories each counts. */
static const struct import_line *replaced_by(const struct import *im, const struct import_line *l)
{
	const struct import_line *later = NULL;

	for (const struct import_line *i = l + 1; l->line && i < im->v + im->n; i++)
		if (!strcmp(i->name, l->name))
			later = i;
	return later;
}

static bool is_standard(const struct rule *rule, const char *value)
{
	for (const char *const *s = rule->standard; s && *s; s++)
		if (!strcmp(*s, value))
			return true;
	return false;
}

static int translate_line(struct import *im, struct import_line *l, struct ukd_error *e)
{
	const struct rule *rule = find_rule(dialects[im->dialect], l->name);
	const struct import_line *later = replaced_by(im, l);
	int r;

	if (!rule)
		return import_drop(l, e, "no option of %s that ukdumpctl knows",
				   import_dialect_names[im->dialect]);
	l->secret = rule->secret;
	if (later)
		return import_drop(l, e, "set again in %s:%u", later->file, later->line);
	if (!*l->value)
		return import_default(l, e, "empty: nothing was chosen");
	if (is_standard(rule, l->value))
		return import_default(l, e, "as its package has it: ukdump's own default counts");
	if (!rule->section && !rule->translate)
		return import_drop(l, e, "%s", rule->why);
	r = rule->section ? import_set(im, l, rule->section, rule->key, l->value, e) :
			    rule->translate(im, l, e);
	if (r >= 0 && rule->why && l->fate == IMPORT_TRANSLATED)
		r = import_remark(l, e, "%s", rule->why);
	return r;
}

int import_translate(struct import *im, struct ukd_error *e)
{
	for (size_t i = 0; i < im->n; i++) {
		int r = translate_line(im, &im->v[i], e);

		if (r < 0)
			return r;
	}
	return 0;
}
