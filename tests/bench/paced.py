"""Asks at a steady rate, whatever becomes of the answers, and says how long each took.

A program of its own: `paced.py PORT FILE RATE SECONDS CONNECTIONS`. FILE holds whole requests with
a NUL behind each, which are sent in turn, at random moments, RATE of them in a second on average.
It prints the milliseconds of all answers, in order, as a line of JSON.

A closed loop asks later where an answer is late, and so hardly ever while a server stands still;
one without pauses measures its own queue. Here a request is due when its moment has come: where
every connection waits for an answer, the time until one is free counts too. What does not count is
that this process was late to send, since that is not the server's doing. It needs an answer without
a body, and the status 200.
"""

import json
import random
import select
import socket
import sys
import time
from collections import deque
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Final

HOST: Final = "127.0.0.1"
END: Final = b"\r\n\r\n"
ALLOWED: Final = b"HTTP/1.1 200 "
PATIENCE: Final = 5.0  # seconds for the last answers
MOST: Final = 65_536  # octets read at once
SEED: Final = 8  # the same moments in each run


class Connection:
    """One connection, on which one request is under way at a time."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection((HOST, port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._came = b""
        self.due = 0.0  # when the request that is under way was to be sent

    def fileno(self) -> int:
        return self._socket.fileno()

    def send(self, request: bytes, due: float) -> None:
        self.due = due
        self._socket.sendall(request)

    def receive(self) -> bool:
        """Say whether the answer is whole; ends the program where it is another than a 200."""
        came = self._socket.recv(MOST)
        self._came += came
        if came and not self._came.endswith(END):
            return False
        if not self._came.startswith(ALLOWED):
            sys.exit(f"instead of a 200 came {self._came[:80]!r}")
        self._came = b""
        return True

    def close(self) -> None:
        self._socket.close()


def draw_moments(rate: float, seconds: float) -> Iterator[float]:
    """Yield moments that have nothing to do with each other."""
    drawn = random.Random(SEED)  # noqa: S311 - no secret
    moment = drawn.expovariate(rate)
    while moment < seconds:
        yield moment
        moment += drawn.expovariate(rate)


def ask(
    port: int, requests: list[bytes], moments: Iterator[float], connections: int
) -> list[float]:
    """Return how many seconds each answer took."""
    free = deque(Connection(port) for _ in range(connections))
    busy: list[Connection] = []
    took: list[float] = []
    turn = cycle(requests)
    began = time.perf_counter()
    due = next(moments, None)
    waited = False  # for a connection, past the moment that is due
    while due is not None or busy:
        now = time.perf_counter() - began
        while due is not None and due <= now and free:
            connection = free.popleft()
            connection.send(next(turn), due if waited else time.perf_counter() - began)
            busy.append(connection)
            due = next(moments, None)
        waited = due is not None and not free
        pause = PATIENCE if due is None or waited else max(0.0, due - now)
        ready, _, _ = select.select(busy, [], [], pause)
        now = time.perf_counter() - began
        if not ready and pause == PATIENCE:
            sys.exit(f"no answer within {PATIENCE:g} s")
        for connection in ready:
            if connection.receive():
                took.append(now - connection.due)
                busy.remove(connection)
                free.append(connection)
    for connection in free:
        connection.close()
    return took


def main() -> None:
    """Ask, and print the milliseconds."""
    port, file, rate, seconds, connections = sys.argv[1:]
    requests = Path(file).read_bytes().split(b"\0")[:-1]
    moments = draw_moments(float(rate), float(seconds))
    took = ask(int(port), requests, moments, int(connections))
    print(json.dumps([round(each * 1e3, 4) for each in sorted(took)]))  # noqa: T201


if __name__ == "__main__":
    main()
