/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The linked kexec stub (src/stub) as data of the builder. */
	.section .rodata
	.balign 16
	.globl	kexec_stub_start
kexec_stub_start:
	.incbin	STUB_BLOB
	.globl	kexec_stub_end
kexec_stub_end:
	/* UKI_TEXT_MAX: no larger .kexec would be accepted, nor has the builder room for one. */
	.if kexec_stub_end - kexec_stub_start > 65536
	.error "the kexec stub is larger than 64 KiB"
	.endif
	.section .note.GNU-stack, "", @progbits
