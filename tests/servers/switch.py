# SPDX-License-Identifier: GPL-2.0-or-later
"""A switch between a guest's NICs and QEMU's user network: the cables carry one VLAN, tagged."""

import select
import socket
import threading

ETHERTYPE = 12  # where a tag is put
MAC = "52:54:00:12:34:{:02}"


class Switch:
    """ports: how many NICs; these are n0, n1, ... of QEMU, with the addresses MAC.format(0), ..."""

    def __init__(self, folder, vlan, ports=2):
        self.folder, self.ports = folder, ports
        self.tag = b"\x81\x00" + vlan.to_bytes(2, "big")
        self.frames = [0] * ports  # from each NIC
        self._sockets = [socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(ports + 1)]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _paths(self, number):
        return self.folder / f"switch{number}", self.folder / f"nic{number}"

    def _netdev(self, number, name):
        here, there = self._paths(number)
        return ["-netdev", f"dgram,id={name},local.type=unix,local.path={there},"
                           f"remote.type=unix,remote.path={here}"]

    def qemu_options(self):
        options = ["-netdev", "user,id=user", "-netdev", "hubport,id=h0,hubid=0,netdev=user",
                   *self._netdev(self.ports, "up"), "-netdev", "hubport,id=h1,hubid=0,netdev=up"]
        for n in range(self.ports):
            options += [*self._netdev(n, f"n{n}"), "-device",
                        f"virtio-net-pci,netdev=n{n},mac={MAC.format(n)},romfile="]
        return options

    def _send(self, number, frame):
        """Lost if nobody reads within a second, as on a cable."""
        try:
            self._sockets[number].sendto(frame, str(self._paths(number)[1]))
        except OSError:
            pass

    def _run(self):
        where = 0  # the guest's address was seen last
        while not self._stop.is_set():
            ready, _, _ = select.select(self._sockets, [], [], 0.2)
            for number in map(self._sockets.index, ready):
                frame = self._sockets[number].recv(65536)
                if number == self.ports:
                    self._send(where, frame[:ETHERTYPE] + self.tag + frame[ETHERTYPE:])
                elif frame[ETHERTYPE:ETHERTYPE + 4] == self.tag:
                    where = number
                    self.frames[number] += 1
                    self._send(self.ports, frame[:ETHERTYPE] + frame[ETHERTYPE + 4:])

    def __enter__(self):
        for number, s in enumerate(self._sockets):
            s.bind(str(self._paths(number)[0]))
            s.settimeout(1)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        for s in self._sockets:
            s.close()
