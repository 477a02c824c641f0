/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The program src/rehearse as data of `ukdumpctl rehearse`. */
	.section .rodata
	.balign 16
	.globl	rehearse_init_start
rehearse_init_start:
	.incbin	REHEARSE_INIT
	.globl	rehearse_init_end
rehearse_init_end:
	.section .note.GNU-stack, "", @progbits
