# SPDX-License-Identifier: GPL-2.0-or-later
"""The verifiers: what each says of a file, in the same words for all."""

import json
import re
import signal
import subprocess
from pathlib import Path
from typing import Dict, List, NamedTuple

import pefile

from seeds import BUILD

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


def ours(files: List[Path], cert: Path) -> List[Verdict]:
    """All files in one run; one by one if that run broke, to find the one that did it."""
    argv = [BUILD / "ukdumpctl", "verify", "--json", "--trust", cert, *files]
    try:
        done = _run(argv, LIMIT * len(files))
    except subprocess.TimeoutExpired:
        return [Verdict(HANG)] if len(files) == 1 else [ours([f], cert)[0] for f in files]
    text = done.stdout.decode(errors="replace")
    if done.returncode in (0, 1) and text.startswith("["):
        entries = json.loads(text)
        assert [e["file"] for e in entries] == [str(f) for f in files]
        return [_our_verdict(e) for e in entries]
    if len(files) == 1:
        return [Verdict(CRASH, detail=f"exit {done.returncode}: {text[-300:]}")]
    return [ours([f], cert)[0] for f in files]


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


def pe_module(file: Path) -> Verdict:
    """python3-pefile has no verdict about signatures: whether it can parse the file."""
    def late(_number, _frame):
        raise TimeoutError
    signal.signal(signal.SIGALRM, late)
    signal.alarm(LIMIT)
    try:
        pefile.PE(data=file.read_bytes()).close()
        return Verdict(ACCEPT, STRUCTURE)
    except pefile.PEFormatError as e:
        return Verdict(REFUSE, STRUCTURE, str(e))
    except TimeoutError:
        return Verdict(HANG)
    except Exception as e:  # pylint: disable=broad-except
        return Verdict(CRASH, detail=f"{type(e).__name__}: {e}")
    finally:
        signal.alarm(0)


def ask_all(files: List[Path], cert: Path) -> List[Dict[str, Verdict]]:
    """Every tool about every file.

    osslsigncode takes the whole table as one WIN_CERTIFICATE and refuses any file with two.
    """
    return [{"ours": our, "sbverify": sbverify(file, cert),
             "osslsigncode": (Verdict(NOT_ASKED) if our.signatures > 1
                              else osslsigncode(file, cert)),
             "pefile": pe_module(file)}
            for file, our in zip(files, ours(files, cert))]
