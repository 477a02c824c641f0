// SPDX-License-Identifier: GPL-2.0-or-later
/* Statuses of HTTP and codes of S3: see explain.h. */
#include "upload/explain.h"

#include <stddef.h>
#include <string.h>

#define WAIT_MAX_MS 30000u

bool status_is_temporary(long status)
{
	return status == 408 || status == 429 ||
	       (status >= 500 && status <= 599 && status != 501 && status != 505 && status != 507);
}

bool s3_code_is_temporary(const char *code)
{
	static const char *const codes[] = {"InternalError", "SlowDown", "ServiceUnavailable",
					    "RequestTimeout", "OperationAborted"};

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (!strcmp(code, codes[i]))
			return true;
	return false;
}

const char *status_advice(long status, const char *s3_code)
{
	static const struct {
		const char *code;
		const char *advice;
	} codes[] = {
		{"SignatureDoesNotMatch", "check the secret key and region="},
		{"InvalidAccessKeyId", "check the key of --s3-credentials (S3Credentials=)"},
		{"ExpiredToken", "the session token is over; use a key that lasts"},
		{"RequestTimeTooSkewed", "set the clock"},
		{"NoSuchBucket", "make the bucket, or correct its name"},
		{"AuthorizationHeaderMalformed", "correct region="},
		{"PermanentRedirect", "correct region= or endpoint="},
		{"AccessDenied", "allow the key s3:PutObject and s3:AbortMultipartUpload; to list "
				 "and get: s3:ListBucket, s3:GetObject"},
	};
	static const struct {
		long status;
		const char *advice;
	} statuses[] = {
		{401, "give a name and password with --netrc (Netrc=), or a token with "
		      "--headers (HttpHeaders=)"},
		{403, "check the rights of the account"},
		{404, "check the path"},
		{405, "the server takes no such request there; enable WebDAV's PUT"},
		{407, "the proxy wants a login"},
		{409, "is the directory above missing? make it (--make-directory)"},
		{411, "the server takes no content of unknown length; put a file"},
		{413, "raise the server's limit (nginx: client_max_body_size)"},
		{507, "the server is full; make room"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (!strcmp(s3_code, codes[i].code))
			return codes[i].advice;
	if (status >= 300 && status <= 399)
		return "redirects are not followed; use the right URL";
	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++)
		if (status == statuses[i].status)
			return statuses[i].advice;
	return NULL;
}

unsigned int retry_wait_ms(unsigned int first_ms, unsigned int number)
{
	unsigned int ms = first_ms < WAIT_MAX_MS ? first_ms : WAIT_MAX_MS;

	while (number-- && ms < WAIT_MAX_MS)
		ms *= 2;
	return ms < WAIT_MAX_MS ? ms : WAIT_MAX_MS;
}
