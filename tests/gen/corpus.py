#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Seeds for the fuzzers: DIR/fuzz_cert, fuzz_pe, fuzz_profile, fuzz_stub, fuzz_pkcs7, fuzz_siglist, fuzz_sbat,
fuzz_s3reply, fuzz_triage, fuzz_kallsyms.

    corpus.py BUILD DIR [CACHE]    BUILD has a ukdumpctl that makes sealed, signed images; CACHE:
                                   the test bed's downloads, for seeds of real files
"""

import struct
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

import bzimage
import corpus_real
import der
import kallsyms
import pe
import pki
import signer

# In the order of base/sections.h.
SECTIONS = [".linux", ".osrel", ".cmdline", ".initrd", ".ucode", ".splash", ".dtb", ".dtbauto",
            ".hwids", ".uname", ".sbat", ".pcrsig", ".pcrpkey", ".profile", ".efifw", ".sbom",
            ".kexec"]

EFI_CERT_X509 = uuid.UUID("a5c059a1-94e4-4aa7-87b5-ab155c2bf072").bytes_le
EFI_CERT_SHA256 = uuid.UUID("c1c41626-504c-4092-aca9-41f936934328").bytes_le
EFI_CERT_X509_SHA256 = uuid.UUID("3bd2a492-96c0-4079-b420-fcf98ef103ed").bytes_le


def sealed_images(build, work):
    """Sealed images, signed and unsigned, with and without options."""
    (work / "kernel").write_bytes(bzimage.minimal())
    (work / "initrd").write_bytes(b"070701 initrd" * 20)
    (work / "osrel").write_bytes(b"ID=test\n")
    pki.make(work, "signer", "signer", kind="p256")
    variants = {
        "unsigned": ["--no-sign"],
        "signed": ["--key", work / "signer.key", "--cert", work / "signer.crt"],
        "normal": ["--no-sign", "--normal-kexec", "--keep-dmcryptkeys"],
        "splash": ["--no-sign", "--section", f".splash={work}/osrel"],
    }
    for name, options in variants.items():
        out = work / f"{name}.efi"
        subprocess.run([build / "ukdumpctl", "build", "--kernel", work / "kernel", "--initrd",
                        work / "initrd", "--cmdline", "panic=1", "--osrel", work / "osrel",
                        "--no-uefi", "-o", out, *options], check=True, capture_output=True)
        yield name, bytearray(out.read_bytes())


def boot_params(image):
    """A page as the running kernel leaves it: the image's header, and RAM behind the core header."""
    page = bytearray(0x1000)
    page[0x1f1:0x290] = image[0x1f1:0x290]
    page[0x1e8] = 2
    struct.pack_into("<QQI", page, 0x2d0, 0x10003000, 0x10000000, 1)
    struct.pack_into("<QQI", page, 0x2d0 + 20, 0x20004000, 0x10000000, 1)
    return page


def stub_input(image, line):
    elf = b"\x7fELF\2\1\1" + bytes(9) + struct.pack("<HH", 4, 62)
    return (boot_params(image) + line.ljust(0x1000, b"\0") + elf.ljust(0x1000, b"\0") +
            image[0x400:])


def signature_list(kind, owner_and_data):
    entry = bytes(16) + owner_and_data
    return kind + struct.pack("<III", 28 + len(entry), 0, len(entry)) + entry


def section_list(image, kind=0):
    """What fuzz_profile takes: the sections of an image by their place in base/sections.h."""
    out = bytearray([kind])
    for s in image.sections:
        index = SECTIONS.index(s.name) if s.name in SECTIONS else len(SECTIONS)
        out += struct.pack("<BH", index, len(s.data)) + s.data
    return bytes(out)


def certificate_tables(image):
    """What fuzz_cert takes: a table, and a kernel with one."""
    blobs = pe.certificates(image) or [b"\x30\x06abcdef"]
    kernel = pe.attach(bzimage.minimal(), *blobs)
    yield "table", kernel[len(bzimage.minimal()):]
    yield "kernel", kernel


def odd_certificate(work, *damage):
    """A signature of our own with a certificate in it whose one element is damaged."""
    certificate = (work / "signer.der").read_bytes()
    pki.make(work, "rsa", "rsa")
    odd = next(d for d in der.damages(certificate) if d.name.split(" ", 1) == list(damage))
    recipe = signer.Recipe(certificates=lambda certs: certs + [odd.apply(certificate)])
    return signer.Signer(work / "rsa").pkcs7(bytes(32), recipe)


# What once crashed a fuzzer, or came close to it elsewhere: (fuzzer, name) -> maker(work directory).
REGRESSIONS = {
    # Unknown key algorithm, key that cannot be decoded: X509_get0_pubkey() is NULL.
    ("fuzz_pkcs7", "unknown-key-algorithm"): lambda work: odd_certificate(work, "22:06", "first^01"),
    ("fuzz_pkcs7", "undecodable-key"): lambda work: odd_certificate(work, "24:03", "cut"),
    # A dwLength of zero: a reader that goes by it would stay for ever.
    ("fuzz_cert", "no-length"): lambda work: bytes(64),
    # A word of a list that ends in a backslash: written on a line of its own it "continues".
    ("fuzz_conf", "backslash-word"): lambda work: b"[Dump]\nEncryptTo=a\\ b\n",
}


def triage_logs():
    """Kernel logs with every kind of line that triage knows."""
    oops = ("CPU: 1 UID: 0 PID: 7 Comm: a b Kdump: loaded Tainted: G OE 6.12 #1\n"
            "RIP: 0010:f.cold+0x1/0x2 [m]\nCall Trace:\n <TASK>\n ? g+0x1/0x2\n h+0x3/0x4 [m 0f]\n"
            " <NMI>\n </NMI>\n </TASK>\nModules linked in: a(OE+) b\n c(O) [last unloaded: d]\n"
            "---[ end trace 0 ]---\n")
    heads = {"oops": "BUG: unable to handle page fault for address: 0\nOops: Oops: 0000 [#1] SMP\n",
             "bug": "kernel BUG at /a/b.c:1!\nOops: invalid opcode: 0000 [#1] SMP\n",
             "soft": "watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [a:1]\n",
             "hard": "NMI watchdog: Watchdog detected hard LOCKUP on cpu 1\n",
             "stall": "rcu: INFO: rcu_sched self-detected stall on CPU\n",
             "hung": "INFO: task a:b:7 blocked for more than 120 seconds.\n      Tainted: G O 6\n"}
    why = {"soft": "softlockup: hung tasks", "hard": "Hard LOCKUP", "stall": "RCU Stall",
           "hung": "hung_task: blocked tasks"}
    logs = {name: head + oops + "Kernel panic - not syncing: " + why.get(name, "Fatal exception") + "\n"
            for name, head in heads.items()}
    logs["test"] = "ukdump-test 1\nsysrq: Trigger a crash\nKernel panic - not syncing: sysrq triggered crash\n"
    return {name: "".join(f"<4>[    1.00000{i % 10}][  T{i % 2}] {line}\n"
                          for i, line in enumerate(text.splitlines()))
            for name, text in logs.items()} | {"plain": logs["oops"]}


def kernel_symbols(form):
    """Memory with symbols and a stack, as tests/fuzz/fuzz_kallsyms.c expects it."""
    v = 0xffffffff80000000
    places = {"kallsyms_num_syms": 0, "kallsyms_relative_base": 8, "kallsyms_token_index": 0x100,
              "kallsyms_offsets": 0x300, "kallsyms_names": 0x400, "kallsyms_token_table": 0x800}
    symbols = [(v + 0x1000, "T_stext"), (v + 0x1100, "Tpanic"), (v + 0x1200, "Tsysrq_handle_crash"),
               (v + 0x1400, "T_etext"), (v + 0x1500, "Dcrash_notes"), (v + 0x1508, "Dpanic_cpu"),
               (v + 0x1510, "D__per_cpu_offset"), (v + 0x1800, "B_end"), (v + 0x1900, "ilast")]
    memory = bytearray(0x1c00)

    def put(at, data):
        memory[at:at + len(data)] = data

    for name, data in kallsyms.tables(symbols, form, v + 0x300, v).items():
        put(places[name], data)
    put(0x1510, struct.pack("<Q", v))
    put(0x1500, struct.pack("<Q", 0x1600))
    put(0x1600, kallsyms.prstatus(1, v + 0x1110, v + 0x1a00))
    put(0x1214, b"\xe8")
    put(0x1a00, struct.pack("<QQ", v + 0x1219, v + 0x1104))
    info = b"SYMBOL(kallsyms_relative_base)=none" if form == kallsyms.PLACE else b""
    return struct.pack("<H", len(info)) + info + bytes(memory)


def main(argv):
    if len(argv) not in (3, 4) or argv[1].startswith("-"):
        sys.exit(__doc__)
    build, out = Path(argv[1]), Path(argv[2])

    def seed(fuzzer, name, data):
        (out / fuzzer).mkdir(parents=True, exist_ok=True)
        (out / fuzzer / f"seed-{name}").write_bytes(data)

    with tempfile.TemporaryDirectory() as d:
        work = Path(d)
        for name, image in sealed_images(build, work):
            seed("fuzz_pe", name, image)
            seed("fuzz_stub", name, stub_input(image, b"elfcorehdr=0x10002000"))
            for what, data in certificate_tables(image):
                seed("fuzz_cert", f"{name}-{what}", data)
            for i, blob in enumerate(pe.certificates(image)):
                seed("fuzz_pkcs7", f"{name}-{i}", blob)
        seed("fuzz_stub", "keys", stub_input(
            image, b"elfcorehdr=0x10002000 dmcryptkeys=0x20003000 init=/evil"))
        cert = (work / "signer.der").read_bytes()
        seed("fuzz_siglist", "x509", signature_list(EFI_CERT_X509, cert))
        seed("fuzz_siglist", "both", signature_list(EFI_CERT_SHA256, bytes(32)) +
             signature_list(EFI_CERT_X509, cert))
        seed("fuzz_siglist", "revoked", signature_list(EFI_CERT_X509_SHA256, bytes(48)) +
             signature_list(EFI_CERT_X509, cert))
        for (fuzzer, name), make in REGRESSIONS.items():
            seed(fuzzer, f"regression-{name}", make(work))
    seed("fuzz_s3reply", "error", b"<?xml version='1.0'?><Error><Code>A</Code><Message>b&amp;c"
         b"</Message></Error>")
    seed("fuzz_s3reply", "page", b"<ListBucketResult xmlns='x'><Contents><Key>k</Key><Size>1</Size>"
         b"</Contents><IsTruncated>true</IsTruncated><NextContinuationToken>t&#34;"
         b"</NextContinuationToken></ListBucketResult>")
    seed("fuzz_s3reply", "upload", b"<!-- c --><R><UploadId>2~x</UploadId><E/></R>")
    image = b"sbat,1,SBAT Version,sbat,1,https://example.org\nuki,1,UKI,uki,1,https://example.org\n"
    seed("fuzz_sbat", "passes", image + b"\fsbat,1,2023012900\nshim,2\n")
    seed("fuzz_sbat", "revoked", image + b"\fsbat,1,2023012900\r\nuki,2\n\0")
    seed("fuzz_pe", "plain", pe.attach(pe.uki().bytes(), b"\x30\x06abcdef"))
    profiles = pe.Image([
        pe.Section(name, data, pe.CODE if name == ".text" else pe.DATA)
        for name, data in [(".text", b"\xf4"), (".sbat", b"sbat,1,x\n"), (".osrel", b"ID=x\n"),
                           (".linux", b"k"), (".cmdline", b"a"), (".profile", b"ID=a\n"),
                           (".profile", b"# x\nID='b'\nTITLE=\"B\"\n"), (".cmdline", b"b")]])
    seed("fuzz_pe", "profiles", profiles.bytes())
    seed("fuzz_profile", "profiles", section_list(profiles))
    seed("fuzz_profile", "plain", section_list(pe.uki(linux=bzimage.minimal(),
                                                      uname=bzimage.VERSION.split()[0].encode())))
    seed("fuzz_profile", "addon", section_list(pe.Image([
        pe.Section(".sbat", b"sbat,1,x\n"), pe.Section(".cmdline", b"a")]), kind=2))
    seed("fuzz_cert", "none", bzimage.minimal())
    for name, text in triage_logs().items():
        seed("fuzz_triage", name, text.encode())
    seed("fuzz_printk", "zeros", bytes(0x1000))
    for form in (kallsyms.PERCPU, kallsyms.BASE, kallsyms.PLACE):
        seed("fuzz_kallsyms", form.replace(" ", "-"), kernel_symbols(form))
    if len(argv) == 4:
        for fuzzer, name, data in corpus_real.real_seeds(Path(argv[3])):
            if len(data) <= 0x10000:
                seed(fuzzer, name, data)


if __name__ == "__main__":
    main(sys.argv)
