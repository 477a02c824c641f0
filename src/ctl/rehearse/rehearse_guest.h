/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guest of `ukdumpctl rehearse`: one run of QEMU, and what its serial console tells. */
#pragma once

#include "ctl/rehearse/rehearse_image.h"
#include "util/scratch.h"

#define GUEST_LINE_MAX 512

/* How far it has come, in this order. */
enum guest_step {
	GUEST_BOOTS,
	GUEST_ARMS,
	GUEST_ARMED,	/* the panic follows at once */
	GUEST_CAPTURES, /* the capture program has said something */
	GUEST_ENDED,
	GUEST_STEPS
};

/* The console's line that made the step, or a later line of the capture program. */
typedef void guest_progress_fn(void *ctx, enum guest_step step, const char *line, double seconds);

struct guest_spec {
	const struct rehearse_image *image;
	const char *qemu;    /* guest_find_qemu() */
	const char *disk;    /* path of the scratch disk */
	const char *scratch; /* a directory of ours */
	const char *mark;    /* a line for the guest's kernel log */
	uint64_t crash_memory;
	unsigned int timeout_s;
	guest_progress_fn *progress; /* called at least once a second with the last step */
	void *progress_ctx;
};

struct guest_result {
	enum guest_step step;
	double at[GUEST_STEPS]; /* seconds since the start, of those that were reached */
	double last_word;	/* when the capture program spoke last */
	double heard;		/* when the console's last byte came */
	bool kvm;
	bool as_root;  /* QEMU could not be confined */
	bool kvm_hung; /* its console fell silent before the capture program spoke */
	bool no_kvm;   /* with KVM no guest boots here, or it hung: it proves nothing */
	bool halted;   /* as OnSuccess=halt asks for: it would stay so */
	bool timed_out;
	bool stopped;		      /* SIGINT and the like */
	bool broken;		      /* QEMU itself has failed, or was killed; trouble says more */
	char trouble[GUEST_LINE_MAX]; /* why the guest did not arm or crash; of QEMU itself */
	char reason[GUEST_LINE_MAX];  /* the capture program's last word on a target */
	char failed[GUEST_LINE_MAX];  /* its first stage that failed */
	char panic[GUEST_LINE_MAX];   /* of the capture kernel */
};

/* The path of QEMU; false: it is not installed. */
bool guest_find_qemu(char *ret, size_t size);

/* Bytes of memory that a guest with this reservation gets. */
uint64_t guest_memory(const struct rehearse_image *i, uint64_t crash_memory);

/* May this process use KVM? Inside another guest it may not work all the same. */
bool guest_has_kvm(void);

/*
 * Runs the guest to its end. That it does not arm, crash or end is a result; so is no_kvm, after
 * which the disk may have been written to. While it runs SIGINT, SIGTERM and SIGHUP are to be held
 * (util/self.h); they end it.
 */
int guest_run(const struct guest_spec *spec, bool kvm, struct guest_result *ret,
	      struct ukd_error *e) _must_check_;
