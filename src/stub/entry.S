/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * First instructions of the kexec stub: the jmp at the image's 64-bit entry leads here.
 * In: %rsi = boot_params, interrupts off, long mode, identity mapping. No stack is assumed.
 * The header's values were filled in by the builder and are covered by the image's signature.
 */
#include "base/sealed_asm.h"

	.section .head, "ax"
	.code64
	.globl	stub_start
stub_start:
	.byte	0xe9			/* jmp rel32, not the short form: the header's layout is fixed */
	.long	entry - . - 4
	.balign	8, 0xcc
	.ascii	"ukdstub1"		/* STUB_MAGIC_TEXT */
	.long	0			/* STUB_OFFSET */
	.long	0			/* STUB_END */
	.long	0			/* STUB_FLAGS */
	.long	0			/* STUB_RESERVED */

entry:
	cld
	leaq	stub_start(%rip), %rdx	/* third argument: the header */
	movl	ASM_STUB_OFFSET(%rdx), %ecx
	movq	%rdx, %rdi
	subq	%rcx, %rdi		/* first argument: base */
	movl	ASM_STUB_END(%rdx), %ecx
	leaq	(ASM_PAGE - 1)(%rdi, %rcx), %rcx
	andq	$-ASM_PAGE, %rcx
	leaq	ASM_STACK_END(%rcx), %rsp
	xorl	%ebp, %ebp
	pushq	%rsi			/* second argument, and wanted again below */
	subq	$8, %rsp		/* keeps the stack 16-byte aligned for the call */
	call	stub_main
	addq	$8, %rsp
	popq	%rsi
	testq	%rax, %rax
	jz	refuse
	jmp	*%rax

refuse:
	/* An exception without an IDT: the machine resets, it never spins with a half-started kernel. */
	lidt	no_idt(%rip)
	int3

	.balign	8
no_idt:
	.word	0
	.quad	0

	.section .note.GNU-stack, "", @progbits
