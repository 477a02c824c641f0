# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs that ask for a passphrase."""

import os
import pty
import select
import signal
import termios
import time


class Terminal:
    """A program whose terminal is ours. What is typed is sent when the echo is off."""

    def __init__(self, *argv, prepare=None):
        self.output, self.status = b"", None
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            if prepare:
                prepare()
            os.execv(argv[0], [str(a) for a in argv])

    def _read(self, seconds):
        if not select.select([self.fd], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self.fd, 4096)
        except OSError:
            return False
        self.output += data
        return bool(data)

    def wait_for(self, text, count=1):
        deadline = time.monotonic() + 60
        while self.output.count(text.encode()) < count or \
                termios.tcgetattr(self.fd)[3] & termios.ECHO:
            assert time.monotonic() < deadline, self.output
            self._read(0.05)

    def type(self, text):
        os.write(self.fd, text.encode())

    def end(self):
        """Waits for the program's end; one that goes on, as by asking again, is killed."""
        deadline, ended = time.monotonic() + 60, 0
        while not ended and time.monotonic() < deadline:
            self._read(0.05)
            ended, self.status = os.waitpid(self.pid, os.WNOHANG)
        if not ended:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        while self._read(0):
            pass
        os.close(self.fd)
        assert ended, self.output
        return self.output.decode()
