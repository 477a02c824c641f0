// SPDX-License-Identifier: GPL-2.0-or-later
/* ukdump-upload: put, get, get-many and ls of https:// and s3:// places. */
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "upload/upload.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/parse.h"
#include "util/secret.h"
#include "util/self.h"

enum exit_code {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
};

#define FILE_MAX KIB(64) /* of headers and credentials */

struct arguments {
	const char *headers_file, *s3_file;
	uint64_t timeout_s, stall_s, retries, retry_wait_ms, part_size, size_hint;
	bool json, make_parent;
	struct http_options http;
};

static const char usage[] =
	"Usage: ukdump-upload [OPTION]... put URL [FILE] | get URL |\n"
	"       get-many URL | ls URL\n\n"
	"Send standard input (or FILE) to URL, write what is there to standard output, or\n"
	"list it; get-many: small objects of a bucket, whose keys are read from standard\n"
	"input. URL is https://HOST[:PORT]/PATH or\n"
	"s3://BUCKET/KEY[?endpoint=https://HOST[:PORT]&region=NAME].\n\n"
	"      --ca-file FILE         authorities to trust (PEM), instead of the system's\n"
	"      --proxy URL            http://HOST:PORT; default: none\n"
	"      --netrc FILE           https: names and passwords, as netrc(5)\n"
	"      --headers FILE         https: further header lines\n"
	"      --s3-credentials FILE  s3: access key, as ~/.aws/credentials\n"
	"      --make-directory       https: first make the directory above (WebDAV's MKCOL)\n"
	"      --part-size BYTES      s3: size of the first parts, from 5M [8M]\n"
	"      --size-hint BYTES      s3: about as much will come\n"
	"      --timeout SEC          limit of everything [86400]\n"
	"      --stall SEC            give a transfer up when nothing moves so long [60]\n"
	"      --retries N            repeats of one request [5]\n"
	"      --retry-wait MS        before the first repeat, doubled each time [1000]\n"
	"      --insecure-http        allow http:// (for tests)\n"
	"      --json                 print bytes, sha256, parts and retries as JSON\n"
	"  -h, --help                 this text\n\n"
	"Exit: 0 done, 1 failed, 2 usage.\n";

static int misuse(const char *what)
{
	fprintf(stderr, "ukdump-upload: %s\nTry 'ukdump-upload --help'.\n", what);
	return EXIT_USAGE;
}

static int failed(const struct ukd_error *e)
{
	log_failure(e);
	return EXIT_FAILED;
}

/* Takes one option with a number. Returns false if it is not one of them, or out of its range. */
static bool take_number(int option, const char *text, struct arguments *a)
{
	const struct {
		int option;
		uint64_t *value, min, max;
	} numbers[] = {
		{'t', &a->timeout_s, 1, 604800},
		{'S', &a->stall_s, 1, 86400},
		{'R', &a->retries, 0, 100},
		{'w', &a->retry_wait_ms, 0, 60000},
		{'P', &a->part_size, PART_SIZE_MIN, PART_SIZE_MAX},
		{'H', &a->size_hint, 0, OBJECT_SIZE_MAX},
	};

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (numbers[i].option == option)
			return parse_size(text, numbers[i].value) &&
			       *numbers[i].value >= numbers[i].min &&
			       *numbers[i].value <= numbers[i].max;
	return false;
}

static bool take_option(int option, const char *text, struct arguments *a)
{
	const struct {
		int option;
		const char **value;
	} texts[] = {
		{'c', &a->http.ca_file}, {'p', &a->http.proxy}, {'n', &a->http.netrc},
		{'x', &a->headers_file}, {'s', &a->s3_file},
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		if (texts[i].option != option)
			continue;
		*texts[i].value = text;
		return true;
	}
	if (option == 'i')
		a->http.insecure_http = true;
	else if (option == 'm')
		a->make_parent = true;
	else if (option == 'j')
		a->json = true;
	else
		return take_number(option, text, a);
	return true;
}

static void print_outcome(const struct outcome *o, const struct http *h, FILE *out)
{
	(void)fprintf(out,
		      "{\"bytes\":%" PRIu64 ",\"sha256\":\"%s\",\"parts\":%u,\"retries\":%u}\n",
		      o->bytes, o->sha256, o->parts, http_repeats(h));
}

/* How large a part may be. */
static uint64_t memory_limit(void)
{
	_buffer_ struct buffer text = {0};
	struct ukd_error ignored = {0};

	if (file_read(AT_FDCWD, "/proc/meminfo", FILE_MAX, &text, &ignored) < 0)
		return PART_SIZE;
	return part_size_limit((const char *)text.data);
}

static int put(struct http *h, const struct remote *p, const struct arguments *a, const char *file,
	       struct outcome *ret, struct ukd_error *e)
{
	_close_ int fd = -1;
	uint64_t first = part_size_first(a->part_size, a->size_hint), length;
	struct input in;
	int r;

	if (file) {
		r = file_open_regular(AT_FDCWD, file, &fd, &length, e);
		if (r < 0)
			return r;
	}
	input_open(file ? fd : STDIN_FILENO, a->http.deadline_ms, &in);
	if (p->kind == REMOTE_HTTP && a->make_parent)
		make_parent(h, p);
	if (p->kind == REMOTE_HTTP)
		return put_http(h, p, &in, part_size(1, a->part_size, memory_limit()), ret, e);
	if (in.length != UINT64_MAX)
		first = part_size_first(a->part_size, in.length);
	return put_s3(h, p, &in, first, memory_limit(), ret, e);
}

static int run(const char *verb, const struct remote *p, const struct arguments *a,
	       const char *file, struct ukd_error *e)
{
	_http_ struct http *h = NULL;
	struct outcome o = {0};
	int r = http_open(&a->http, p, &h, e);

	if (r < 0)
		return r;
	if (!strcmp(verb, "ls"))
		return list_s3(h, p, e);
	if (!strcmp(verb, "get-many"))
		return get_many(h, e);
	if (!strcmp(verb, "put"))
		r = put(h, p, a, file, &o, e);
	else
		r = get(h, p, STDOUT_FILENO, &o, e);
	if (r == 0 && a->json)
		print_outcome(&o, h, strcmp(verb, "put") ? stderr : stdout);
	return r;
}

/* What the options name, read before anything is sent. */
static int read_files(struct arguments *a, const struct remote *p, struct buffer *headers,
		      struct credentials *key, struct ukd_error *e)
{
	_buffer_ struct buffer text = {0};
	int r = process_keep_secrets(e);

	if (r == 0 && a->headers_file)
		r = file_read(AT_FDCWD, a->headers_file, FILE_MAX, headers, e);
	if (r < 0 || p->kind != REMOTE_S3)
		return r;
	if (!a->s3_file)
		return ukd_fail(e, -ENOKEY, "%s: which key? give --s3-credentials (S3Credentials=)",
				p->shown);
	r = file_read(AT_FDCWD, a->s3_file, FILE_MAX, &text, e);
	return r < 0 ? r : credentials_parse(buffer_bytes(&text), a->s3_file, key, e);
}

/* These need no key in the URL. */
static bool is_of_bucket(const char *verb)
{
	return !strcmp(verb, "ls") || !strcmp(verb, "get-many");
}

static int work(const char *verb, const char *url, const char *file, struct arguments *a)
{
	_buffer_ struct buffer headers = {0};
	struct credentials key = {0};
	struct ukd_error e = {0};
	struct remote p;

	if (remote_parse(url, a->http.insecure_http, &p, &e) < 0)
		return failed(&e);
	if (is_of_bucket(verb) && p.kind != REMOTE_S3)
		return misuse("ls and get-many are for s3://");
	if (p.kind == REMOTE_S3 && (a->headers_file || a->http.netrc))
		return misuse("--headers and --netrc are for https://");
	if (p.kind == REMOTE_S3 && !is_of_bucket(verb) && !p.key[0])
		return misuse("s3://BUCKET/KEY: which key?");
	if (read_files(a, &p, &headers, &key, &e) < 0)
		return failed(&e);
	a->http.headers = buffer_bytes(&headers);
	a->http.s3 = &key;
	a->http.stall_s = (unsigned int)a->stall_s;
	a->http.retries = (unsigned int)a->retries;
	a->http.retry_wait_ms = (unsigned int)a->retry_wait_ms;
	a->http.deadline_ms = clock_ms() + a->timeout_s * 1000;
	stop_on_signals();
	return run(verb, &p, a, file, &e) < 0 ? failed(&e) : EXIT_DONE;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"ca-file", required_argument, NULL, 'c'},
		{"proxy", required_argument, NULL, 'p'},
		{"netrc", required_argument, NULL, 'n'},
		{"headers", required_argument, NULL, 'x'},
		{"s3-credentials", required_argument, NULL, 's'},
		{"part-size", required_argument, NULL, 'P'},
		{"size-hint", required_argument, NULL, 'H'},
		{"timeout", required_argument, NULL, 't'},
		{"stall", required_argument, NULL, 'S'},
		{"retries", required_argument, NULL, 'R'},
		{"retry-wait", required_argument, NULL, 'w'},
		{"insecure-http", no_argument, NULL, 'i'},
		{"make-directory", no_argument, NULL, 'm'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct arguments a = {
		.timeout_s = 86400, .stall_s = 60, .retries = 5, .retry_wait_ms = 1000};
	int c, r;

	standard_descriptors();
	log_setup("ukdump-upload", LOG_LEVEL_INFO, false);
	while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
		if (c == 'h') {
			printf("%s", usage);
			return EXIT_DONE;
		}
		if (c == '?')
			return misuse("unknown option");
		if (!take_option(c, optarg, &a))
			return misuse("a number that is out of range, or none");
	}
	argc -= optind;
	argv += optind;
	if (argc < 2 || argc > 3 ||
	    (strcmp(argv[0], "put") != 0 &&
	     (argc == 3 || (strcmp(argv[0], "get") != 0 && !is_of_bucket(argv[0])))))
		return misuse("put URL [FILE], get URL, get-many URL or ls URL?");
	r = work(argv[0], argv[1], argv[2], &a);
	/* A full disk behind stdout must not look like success. */
	if (fflush(stdout) != 0 || ferror(stdout)) {
		perror("ukdump-upload: stdout");
		return EXIT_FAILED;
	}
	return r;
}
