"""A TCP proxy in a process of its own, that cuts its connections where it is told. Run as a script, not collected.

In a thread of the test it could deadlock: a driver may hold the interpreter's lock while it waits for the server, and
then nobody passes on what it waits for.
"""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
import threading
from contextlib import suppress


class Proxy:
    """The test's side: starts the proxy, tells it where to cut, asks how much has passed."""

    def __init__(self, host: str, port: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, host, str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.port = self._answer()

    def cut_after(self, passed: int) -> None:
        """Cut all connections once this many bytes from now on have gone to the server."""
        self._ask(f"cut {passed}")

    def passed(self) -> int:
        """Bytes that have gone to the server, since the start or the last `cut_after`."""
        return self._ask("passed")

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()

    def _ask(self, command: str) -> int:
        assert self._process.stdin is not None
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> int:
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())


class _Server:
    """The process' side."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._lock = threading.Lock()
        self.passed = 0
        self.cut_at: int | None = None
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            client, _ = self.listener.accept()
            server = socket.create_connection(self._target)
            with self._lock:
                self._pairs.append((client, server))
            threading.Thread(target=self._pass, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self._pass, args=(server, client, False), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, counted: bool) -> None:
        with suppress(OSError):
            while data := source.recv(4096):
                if counted and self._count(len(data)):
                    self._cut()
                    return
                target.sendall(data)
        for end in (source, target):
            end.close()

    def _count(self, size: int) -> bool:
        """Whether the connections are to be cut now."""
        with self._lock:
            self.passed += size
            due = self.cut_at is not None and self.passed > self.cut_at
            if due:
                self.cut_at = None
            return due

    def _cut(self) -> None:
        """Break all connections, without a goodbye; who connects from now on is not cut."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for end in (end for pair in pairs for end in pair):
            with suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                end.shutdown(socket.SHUT_RDWR)
            end.close()


def main() -> None:
    """Print the port, then obey commands until the input ends."""
    server = _Server(sys.argv[1], int(sys.argv[2]))
    print(server.listener.getsockname()[1], flush=True)
    for line in sys.stdin:
        command, _, value = line.strip().partition(" ")
        if command == "cut":
            server.passed, server.cut_at = 0, int(value)
        print(server.passed, flush=True)


if __name__ == "__main__":
    main()
