# SPDX-License-Identifier: GPL-2.0-or-later
"""Changes a machine while it runs, through QEMU's monitor (QMP)."""

import json
import socket
import tempfile
import threading
import time
from pathlib import Path


class Monitor:
    """Sends commands once the guest's serial console has a line with text.

    As a context manager around the run: options go to QEMU, logs is the folder of the test. What
    went wrong is raised at the end.
    """

    def __init__(self, logs, text, commands):
        self.logs, self.text, self.commands = Path(logs), text, commands
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "qmp"  # a socket's path must be short
        self.options = ["-qmp", f"unix:{self.path},server=on,wait=off"]
        self.thread = threading.Thread(target=self._work)
        self.done, self.error, self.answers = threading.Event(), None, []

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, kind, *_):
        self.done.set()
        self.thread.join()
        self.folder.cleanup()
        if self.error and not kind:
            raise self.error

    def _said(self):
        return any(self.text in log.read_text(errors="replace")
                   for log in self.logs.glob("run*/serial.log"))

    def _work(self):
        try:
            while not self._said():
                if self.done.wait(0.2):
                    raise AssertionError(f"the guest never said '{self.text}'")
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(20)
                connection.connect(str(self.path))
                stream = connection.makefile("rw")
                stream.readline()  # the greeting
                for command, arguments in [("qmp_capabilities", {}), *self.commands]:
                    self._send(stream, command, arguments)
        except Exception as error:  # pylint: disable=broad-except
            self.error = error

    def _send(self, stream, command, arguments):
        stream.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        stream.flush()
        end = time.monotonic() + 20
        while time.monotonic() < end:
            answer = json.loads(stream.readline())
            if "error" in answer:
                raise AssertionError(f"{command} {arguments}: {answer['error']}")
            if "return" in answer:
                self.answers.append(answer["return"])
                return
        raise AssertionError(f"{command}: no answer")
