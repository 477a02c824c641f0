# SPDX-License-Identifier: GPL-2.0-or-later
"""Revoked images on a machine whose dbx says so: firmware and ukdump refuse, the kernel loads."""

import pki
from vmbed.paths import BUILD, run

LOADER = BUILD / "ukdump-load"
EFI_CERT_X509 = "a5c059a1-94e4-4aa7-87b5-ab155c2bf072"


def digest_list(vm, image):
    """An EFI_SIGNATURE_LIST with the image's Authenticode digest, by another's hand."""
    output = vm.logs / "digest.esl"
    run("hash-to-efi-sig-list", image, output)
    return output.read_bytes()


def test_revoked_images_are_refused(vm, kfl, seal):
    """dbx has the digest of one image and the certificate of another's signer, which db has too."""
    good, image = seal("good"), seal("image")
    signer = pki.make(vm.logs, "signer", "ukdump test revoked signer")
    certificate = vm.logs / "certificate.efi"
    run(BUILD / "ukdumpctl", "sign", "--key", f"{signer}.key", "--cert", f"{signer}.crt", good,
        "-o", certificate)
    store = vm.revoking([digest_list(vm, image),
                         vm.signature_list(EFI_CERT_X509, signer.with_suffix(".der").read_bytes())],
                        more_db=[f"{signer}.crt"])
    result = vm.run_micro(
        kernel="6.12", variables=store, append="crashkernel=128M", programs=[kfl, LOADER, BUILD / "ukdumpctl"],
        files={path.name: path for path in (good, image, certificate)}, script="""
        loaded() { cat /sys/kernel/kexec_crash_loaded; }
        attempt arm ukdumpctl start /payload/good.efi
        record=$(md5sum </run/ukdump/armed)
        for row in image certificate; do
            attempt "load.$row" ukdumpctl start "/payload/$row.efi"
            [ "$record" = "$(md5sum </run/ukdump/armed)" ] && same=yes || same=no
            report "armed.$row" "$(loaded) $same"
        done
        for row in good image certificate; do
            attempt "kernel.$row" kfl --no-initramfs "/payload/$row.efi"
        done
    """)
    print(result.table())
    assert result.exit_status == 0, result.get("output")
    assert result.get("arm.status") == "0", result.get("arm")
    for row, reason in {"image": "dbx revokes the image by its SHA256",
                        "certificate": "dbx revokes the certificate "
                                       "'CN = ukdump test revoked signer'"}.items():
        text = result.get(f"load.{row}").rstrip()
        assert result.get(f"load.{row}.status") == "1", text
        assert text.endswith(f"[revoked.{row}]") and reason in text, text
        assert result.get(f"armed.{row}") == "1 yes"
    # What Debian's kernel makes of it: kexec knows no digests of images in dbx at all, and
    # certificates only with CONFIG_SYSTEM_REVOCATION_LIST.
    for row in ("good", "image", "certificate"):
        assert result.get(f"kernel.{row}") == "errno=0 OK", row


def test_firmware_refuses_the_same(vm, seal):
    """The store of these tests is one that UEFI understands."""
    image = seal("image")
    listed = vm.revoking([digest_list(vm, image)])
    assert vm.run_uki(image, variables=listed).refused
