"""What listens at the operations address may be any program: it is asked for a bounded time."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from sidecar.cli import operations
from sidecar.cli.operations import ask, find_workers
from sidecar.schemas.values import Listen

PIECES = 200


@contextmanager
def answering(answer: Callable[[socket.socket], None]) -> Iterator[Listen]:
    """Answer one connection after the other for the length of the block."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:  # the block is over
                    return
                with connection:
                    connection.recv(65_536)
                    with suppress(OSError):  # nobody listens any more
                        answer(connection)

        server = threading.Thread(target=serve)
        server.start()
        host, port = listener.getsockname()
        try:
            yield Listen(host, port)
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            server.join()


def test_an_answer_that_trickles_is_not_waited_for_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(operations, "TIMEOUT", 0.3)

    def trickle(connection: socket.socket) -> None:
        for _ in range(PIECES):
            connection.sendall(b"H")
            time.sleep(0.02)

    with answering(trickle) as address:
        began = time.monotonic()
        status, told = ask(address, "/readyz")
        assert status == 0
        assert "does the service run?" in told
        assert time.monotonic() - began < 0.02 * PIECES


@pytest.mark.parametrize("workers", [0, -1, 10**9, "two", None])
def test_a_number_of_workers_that_is_none_asks_the_first(workers: object) -> None:
    body = json.dumps({"workers": workers}).encode()
    with answering(
        lambda connection: connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + body)
    ) as first:
        assert find_workers(first) == [first]
