/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What systemd-stub measures into TPM PCR 11 when firmware boots a UKI: for every section that it
 * knows and that counts in the chosen profile two events, the section's name with its NUL and its
 * content of VirtualSize bytes, in the order of the table in measure.c; then userspace
 * (systemd-pcrphase) one event for every phase of the boot. Nothing else uses PCR 11, so its
 * values follow from the file.
 *
 * Follows systemd 257 to 262 (src/fundamental/uki.h, src/boot/stub.c, src/measure), whose order
 * is not that of the UKI specification. Older stubs know fewer sections (252: not .ucode, .uname,
 * .sbat, .profile, .hwids); MEASURE_STUB_MIN is the first that this is right for.
 */
#pragma once

#include "pe/profile.h"

#define MEASURE_PCR	   11
#define MEASURE_STUB_MIN   257
#define MEASURE_BANKS	   4
#define MEASURE_DIGEST_MAX 64
#define MEASURE_POINTS	   5

struct measure_bank {
	const char *name; /* "sha256" */
	uint16_t tpm_alg; /* TPM_ALG_ID */
	uint8_t len;
};

extern const struct measure_bank measure_banks[MEASURE_BANKS]; /* sha256 first */

/*
 * When a value is in PCR 11: "", after the stub; then the phases that `systemd-measure calculate`
 * prints, "enter-initrd", "enter-initrd:leave-initrd" and so on.
 */
extern const char *const measure_points[MEASURE_POINTS];

/* Digests of an image's sections in every bank. */
struct measured_image;

/*
 * Hashes the contents of the sections that are measured; each is read once, in pieces. u: after
 * uki_read(), borrowed for as long as the result is used. NULL with e filled on failure.
 */
struct measured_image *measure_image(const struct uki *u, struct ukd_error *e);
void measured_image_free(struct measured_image *m);
static inline void measured_image_freep(struct measured_image **m)
{
	measured_image_free(*m);
}
#define _measured_image_ _cleanup_(measured_image_freep)

/* Values of PCR 11; the first measure_banks[bank].len bytes of each count. */
struct pcr_values {
	uint8_t value[MEASURE_BANKS][MEASURE_POINTS][MEASURE_DIGEST_MAX];
};

/*
 * The values with this profile. .dtbauto and .efifw are left out: the stub measures the one that
 * matches the machine, if any.
 */
int measure_profile(const struct measured_image *m, const struct uki_profile *p,
		    struct pcr_values *ret, struct ukd_error *e) _must_check_;
