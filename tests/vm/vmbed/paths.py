# SPDX-License-Identifier: GPL-2.0-or-later
"""Where things live, and the two ways in which the test bed runs a host program."""

import fcntl
import functools
import os
import shutil
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

REPO = Path(__file__).resolve().parents[3]
BUILD = Path(os.environ.get("BUILD") or REPO / "build").resolve()
CACHE = REPO / "build" / "cache"
LOGS = REPO / "build" / "vm-logs"
GUEST = REPO / "tests" / "vm" / "guest"

_started = time.monotonic()


class BedError(Exception):
    """The test bed itself could not do its work; the message says what to do."""


def say(text):
    """One line of progress with the seconds since the start."""
    print(f"[{time.monotonic() - _started:6.1f}s] {text}", flush=True)


def run(*argv, timeout=None, **options):
    """Runs a program to its end and returns what it printed; raises with that if it failed."""
    argv = [str(a) for a in argv]
    try:
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              stdin=subprocess.DEVNULL, text=True, errors="replace",
                              timeout=timeout, **options)
    except subprocess.TimeoutExpired as late:
        raise BedError(f"{' '.join(argv)}: not done after {timeout} s") from late
    if done.returncode:
        raise BedError(f"{' '.join(argv)}: exit {done.returncode}\n{done.stdout[-4000:]}")
    return done.stdout


@contextmanager
def replacing(path):
    """Yields a temporary name beside path and renames it to path if all went well.

    An interrupted run thus never leaves half a cached file or tree behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    remove(temporary)
    try:
        yield temporary
        remove(path)
        temporary.rename(path)
    finally:
        remove(temporary)


def filling_cache(function):
    """Decorates what takes something from build/cache and makes it first if it is not there.

    Processes that test beside each other do so one at a time, so that none removes or makes again
    what another one uses. Such functions may call each other.
    """
    @functools.wraps(function)
    def locked(*args, **kwargs):
        with cache_lock():
            return function(*args, **kwargs)
    return locked


_lock_depth = 0


@contextmanager
def cache_lock():
    """For whatever else only one process at a time may do, such as building the package."""
    global _lock_depth
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / ".lock", "w", encoding="ascii") as lock:
        if not _lock_depth:
            fcntl.flock(lock, fcntl.LOCK_EX)
        _lock_depth += 1
        try:
            yield
        finally:
            _lock_depth -= 1


def remove(path):
    """Removes a file or a tree, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
