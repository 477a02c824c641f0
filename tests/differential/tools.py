# SPDX-License-Identifier: GPL-2.0-or-later
"""The verifiers: what each says of a file, in the same words for all."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Dict, List, NamedTuple

from seeds import BUILD

PARSE = Path(__file__).with_name("parse_pe.py")

ACCEPT, REFUSE, CRASH, HANG = "accept", "refuse", "crash", "hang"
NOT_ASKED = "not asked"  # the tool does not know such files at all
LIMIT = 10  # seconds for one file

# How far a refusal came. Beyond the digest: the file's bytes are as signed, something else is not.
STRUCTURE, DIGEST, BEYOND = "structure", "digest", "beyond"


class Verdict(NamedTuple):
    outcome: str
    stage: str = ""
    detail: str = ""  # name of the check, or the message
    signatures: int = 0  # how many we found


def _run(argv, limit) -> subprocess.CompletedProcess:
    return subprocess.run([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=limit, check=False)


# Ours -------------------------------------------------------------------------------------------

# Checks of src/auth that are made only if the digest is the signed one.
_AFTER_DIGEST = {"auth.message-digest", "auth.signature", "auth.key", "auth.trust", "auth.eku",
                 "auth.chain", "auth.certificates", "revoked.certificate", "revoked.image",
                 "revoked.sbat"}


def _our_verdict(entry) -> Verdict:
    signatures = entry.get("signatures", 0)
    if entry["accepted"]:
        return Verdict(ACCEPT, BEYOND, "", signatures)
    check = entry["check"]
    stage = DIGEST if check == "auth.digest" else BEYOND if check in _AFTER_DIGEST else STRUCTURE
    return Verdict(REFUSE, stage, check, signatures)


def _at_once(argv, files: List[Path], verdict_of) -> List[Verdict]:
    """All files in one run; one by one if that run broke, to find the one that did it."""
    try:
        done = _run([*argv, *files], LIMIT * len(files))
        text = done.stdout.decode(errors="replace")
        if done.returncode in (0, 1) and text.startswith("["):
            entries = json.loads(text)
            assert [e["file"] for e in entries] == [str(f) for f in files]
            return [verdict_of(e) for e in entries]
        broken = Verdict(CRASH, detail=f"exit {done.returncode}: {text[-300:]}")
    except subprocess.TimeoutExpired:
        broken = Verdict(HANG)
    if len(files) == 1:
        return [broken]
    return [_at_once(argv, [f], verdict_of)[0] for f in files]


def ours(files: List[Path], cert: Path) -> List[Verdict]:
    return _at_once([BUILD / "ukdumpctl", "verify", "--json", "--trust", cert], files,
                    _our_verdict)


# Others' ----------------------------------------------------------------------------------------

def _judged(argv, stage_of) -> Verdict:
    try:
        done = _run(argv, LIMIT)
    except subprocess.TimeoutExpired:
        return Verdict(HANG)
    text = done.stdout.decode(errors="replace")
    if done.returncode < 0:
        return Verdict(CRASH, detail=f"signal {-done.returncode}")
    if done.returncode == 0:
        return Verdict(ACCEPT, BEYOND)
    return Verdict(REFUSE, stage_of(text), text.strip()[-200:])


def _sbverify_stage(text: str) -> str:
    if "Hash doesn't match image" in text:
        return DIGEST
    early = re.search("Can't open|No signature table|Unable to|Invalid algorithm", text)
    return STRUCTURE if early else BEYOND


def _osslsigncode_stage(text: str) -> str:
    if "MISMATCH!!!" in text:
        return DIGEST
    return BEYOND if re.search("PKCS7_verify|PKCS7_get0_signers", text) else STRUCTURE


def sbverify(file: Path, cert: Path) -> Verdict:
    return _judged(["sbverify", "--cert", cert, file], _sbverify_stage)


def osslsigncode(file: Path, cert: Path) -> Verdict:
    return _judged(["osslsigncode", "verify", "-CAfile", cert, "-in", file], _osslsigncode_stage)


def pe_module(files: List[Path]) -> List[Verdict]:
    """python3-pefile has no verdict about signatures: whether it can parse the file.

    In a process of its own: that can be stopped from any thread, and pytest-xdist does not promise
    a test the main one (execnet issue 96).
    """
    return _at_once([sys.executable, PARSE], files,
                    lambda e: Verdict(e["outcome"], STRUCTURE, e["detail"]))


def ask_all(files: List[Path], cert: Path) -> List[Dict[str, Verdict]]:
    """Every tool about every file.

    osslsigncode takes the whole table as one WIN_CERTIFICATE and refuses any file with two.
    """
    return [{"ours": our, "sbverify": sbverify(file, cert),
             "osslsigncode": (Verdict(NOT_ASKED) if our.signatures > 1
                              else osslsigncode(file, cert)),
             "pefile": parsed}
            for file, our, parsed in zip(files, ours(files, cert), pe_module(files))]
