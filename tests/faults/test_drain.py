"""A listener is closed, but never on somebody who waits to be taken."""

import asyncio
import socket
from pathlib import Path

import pytest
from aiohttp import web

from sidecar.app.listeners import bind
from sidecar.schemas.values import Listen
from tests.faults.inside import serving_inside

pytestmark = pytest.mark.asyncio

QUESTION = b"GET /login HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def test_who_connected_before_the_end_is_answered_after_it(tmp_path: Path) -> None:
    async with serving_inside(tmp_path) as (serving, runner):
        bound = bind(Listen("127.0.0.1", 0))
        address = bound.getsockname()
        await runner.setup()
        await web.SockSite(runner, bound).start()
        # Within one turn of the event loop: the kernel knows of them, the service cannot.
        waiting = [socket.create_connection(address) for _ in range(3)]
        for connection in waiting:
            connection.sendall(QUESTION)
        await asyncio.wait_for(runner.cleanup(), 10)
        for connection in waiting:
            with connection, connection.makefile("rb") as answer:
                connection.settimeout(5)
                assert answer.readline() == b"HTTP/1.1 200 OK\r\n"
                assert b"Connection: close\r\n" in answer.readlines()
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(address)
        assert serving.draining


async def test_a_runner_that_was_never_set_up_is_cleaned_up_too(tmp_path: Path) -> None:
    async with serving_inside(tmp_path) as (serving, runner):
        await runner.cleanup()
        assert serving.draining
        assert not serving.listening
