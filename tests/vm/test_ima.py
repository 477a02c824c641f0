# SPDX-License-Identifier: GPL-2.0-or-later
"""A host whose IMA policy appraises kexec files: recognised, explained, not gone round."""

import pytest

from vmbed.paths import BUILD

RULE = "appraise func=KEXEC_KERNEL_CHECK appraise_type=imasig"


@pytest.mark.long
def test_a_loaded_policy_that_appraises_kexec(vm, kfl, seal):
    """Debian's kernel shows no loaded policy (IMA_READ_POLICY=n): a warning, then its errno, told."""
    result = vm.run_micro(append="crashkernel=160M", programs=[kfl, BUILD / "ukdump-load"],
                          files={"sealed.efi": seal(), "db.crt": vm.keys() / "db.crt"}, script=f"""
        mkdir -p /etc/ukdump/trust.d
        cp /payload/db.crt /etc/ukdump/trust.d/
        [ -d /sys/kernel/security/integrity ] || mount -t securityfs none /sys/kernel/security
        attempt before ukdump-load load /payload/sealed.efi
        attempt policy sh -c 'echo "{RULE}" >/sys/kernel/security/integrity/ima/policy'
        attempt shown ls /sys/kernel/security/integrity/ima/policy
        attempt memory kfl --memfd /payload/sealed.efi
        attempt after ukdump-load load /payload/sealed.efi
    """)
    print(result.table())
    assert result.get("before.status") == "0", result.get("before")
    assert result.get("policy.status") == "0", result.get("policy")
    assert result.get("shown.status") != "0", "this kernel shows its policy: the loader could know"
    assert result.get("memory") == "errno=13 EACCES"
    assert result.get("after.status") == "1"
    assert "IMA may refuse what is loaded" in result.get("after")
    assert "NOT ARMED" in result.get("after") and "IMA" in result.get("after").split("errno", 1)[1]
