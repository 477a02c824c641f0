// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Errnos of kexec_file_load(2) as sentences: see explain.h. Sources: kernel/kexec_file.c,
 * arch/x86/kernel/kexec-bzimage64.c, crypto/asymmetric_keys/verify_pefile.c, security/integrity;
 * measured on 6.1, 6.12 and 7.2.
 */
#include "loader/explain.h"

#include <errno.h>
#include <stddef.h>

#include "base/macro.h"

#define KERNEL_ENOTSUPP 524

static const struct {
	int err;
	const char *text;
} table[] = {
	{EPERM, "not permitted: needs root with CAP_SYS_BOOT, kernel.kexec_load_disabled=0 and an "
		"unexhausted kernel.kexec_load_limit_panic; under lockdown also a valid signature"},
	{EBUSY, "another kexec operation is under way; try again"},
	{EINVAL, "the kernel refuses the arguments; a command line that is too long, or segments "
		 "larger than half of the memory"},
	{ENOEXEC, "the kernel does not recognise the image; was it made for this architecture"},
	{EFBIG, "the image is too large for the kernel to read"},
	{ETXTBSY, "another process holds the image open for writing"},
	{EACCES, "refused by a security policy: IMA that demands a signature on the file, IPE or "
		 "SELinux; the audit messages of the kernel log name it, 'ausearch -m avc,"
		 "integrity_data' shows them"},
	{ENODATA, "the image is unsigned and the kernel demands a signature; run 'ukdumpctl sign'"},
	{ENOKEY, "no key of the kernel's vouches for the signer; enroll its certificate with "
		 "'mokutil --import CERT' and reboot"},
	{EKEYREJECTED, "the kernel rejects the signature: the image was changed after signing, or "
		       "its signer is revoked; build it again"},
	{ELIBBAD, "the kernel finds the image malformed; build it again"},
	{EBADMSG, "the kernel cannot parse the signature; sign the image again"},
	{EMSGSIZE, "the signature is 64 KiB or more; sign with fewer certificates"},
	{ENOPKG, "the kernel lacks the signature's algorithm; sign with RSA and SHA-256"},
	{ENOENT,
	 "the kernel lacks the algorithm of the signer's key, such as ECDSA on 6.1; sign with "
	 "RSA and SHA-256"},
	{EADDRNOTAVAIL, "no contiguous hole in the crash memory is large enough; reserve more with "
			"crashkernel="},
	{ENOMEM, "not enough free memory to read the image; free some and try again"},
	{ENOSYS, "this kernel has no kexec_file_load; boot one with CONFIG_KEXEC_FILE"},
	{KERNEL_ENOTSUPP, "the certificate table has a type that the kernel does not know"},
};

const char *explain_errno(int err)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].err == err)
			return table[i].text;
	return "unexpected error; see the kernel log";
}
