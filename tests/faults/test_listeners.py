"""Where a service listens: never in the place of another that lives, but in that of a dead one."""

import asyncio
import fcntl
import os
import signal
import socket
import stat
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, UnixConnector

from sidecar.app.listeners import LOCK_PATIENCE, CannotListen, bind
from sidecar.schemas.values import Listen
from tests.faults.asking import until
from tests.programs.process import Program, lack, running
from tests.programs.service import Service, make_service

LISTENERS = ("operations_listen", "gate_listen")


def left_behind(path: Path) -> None:
    """Leave a socket as a process does that was killed."""
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))


def connects(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True


@pytest.mark.parametrize(
    ("listen", "family"),
    [(Listen("127.0.0.1", 0), socket.AF_INET), (Listen("localhost", 0), socket.AF_INET)],
)
def test_an_address_is_taken_at_once(listen: Listen, family: int) -> None:
    with bind(listen) as bound:
        assert bound.family == family
        with socket.create_connection(bound.getsockname()):
            pass


def test_an_ipv6_address_takes_no_ipv4(tmp_path: Path) -> None:
    if not socket.has_ipv6 or not Path("/proc/net/if_inet6").exists():
        lack("no IPv6 on this machine")
    with bind(Listen("::1", 0)) as bound:
        assert bound.family == socket.AF_INET6
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", bound.getsockname()[1]))


def test_a_port_that_is_taken_is_refused() -> None:
    with bind(Listen("127.0.0.1", 0)) as bound:
        port = bound.getsockname()[1]
        with pytest.raises(CannotListen, match=f"127.0.0.1:{port}: Address already in use"):
            bind(Listen("127.0.0.1", port))


def test_a_socket_is_for_its_owner_and_group_whatever_the_umask(tmp_path: Path) -> None:
    umask = os.umask(0)
    try:
        with bind(Listen(path=tmp_path / "open")):
            assert stat.S_IMODE((tmp_path / "open").stat().st_mode) == 0o660
        os.umask(0o077)
        with bind(Listen(path=tmp_path / "closed")):
            assert stat.S_IMODE((tmp_path / "closed").stat().st_mode) == 0o660
        assert os.umask(0) == 0o077
    finally:
        os.umask(umask)


def test_a_socket_that_a_killed_process_left_behind_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    left_behind(path)
    with bind(Listen(path=path)):
        assert connects(path)


def test_a_socket_on_which_somebody_listens_is_not_taken_away(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with bind(Listen(path=path)):
        with pytest.raises(CannotListen, match=f"cannot listen on unix:{path}: Address already"):
            bind(Listen(path=path))
        assert connects(path)


def test_a_socket_whose_listener_has_no_time_is_not_taken_away(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as busy, socket.socket(socket.AF_UNIX) as waiting:
        busy.bind(str(path))
        busy.listen(0)
        waiting.connect(str(path))  # the only place in its queue
        with pytest.raises(CannotListen, match="Address already in use"):
            bind(Listen(path=path))


@pytest.mark.parametrize("kind", ["file", "directory", "link to nothing"])
def test_what_is_no_socket_is_not_replaced(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "socket"
    match kind:
        case "file":
            path.write_text("somebody's")
        case "directory":
            path.mkdir()
        case _:
            path.symlink_to(tmp_path / "nothing")
    with pytest.raises(CannotListen, match="Address already in use"):
        bind(Listen(path=path))
    assert path.is_symlink() or path.exists()


@pytest.mark.parametrize("place", ["missing/socket", "file/socket"])
def test_a_socket_in_no_folder_is_refused(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotListen, match=r"No such file or directory|Not a directory"):
        bind(Listen(path=tmp_path / place))


def test_of_many_that_find_one_leftover_one_takes_its_place(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    left_behind(path)
    barrier = threading.Barrier(8)
    bound: list[socket.socket] = []
    refused: list[CannotListen] = []

    def begin() -> None:
        barrier.wait()
        try:
            bound.append(bind(Listen(path=path)))
        except CannotListen as error:
            refused.append(error)

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(bound), len(refused)) == (1, 7)
    assert connects(path)
    bound[0].close()


@contextmanager
def locked(folder: Path) -> Iterator[int]:
    """Hold the lock of a folder, as anybody can who may read it; yield its descriptor."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def test_a_folder_that_somebody_keeps_locked_is_not_waited_for_without_end(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with locked(tmp_path):
        began = time.monotonic()
        with pytest.raises(CannotListen) as raised:
            bind(Listen(path=path))
        assert LOCK_PATIENCE <= time.monotonic() - began < 2 * LOCK_PATIENCE
    held = f"another process holds a lock on {tmp_path}"
    assert str(raised.value) == f"cannot listen on unix:{path}: {held}"
    assert not path.exists()


def test_a_folder_that_is_locked_for_a_moment_is_waited_for(tmp_path: Path) -> None:
    with locked(tmp_path) as descriptor:
        release = threading.Timer(LOCK_PATIENCE / 10, fcntl.flock, (descriptor, fcntl.LOCK_UN))
        release.start()
        with bind(Listen(path=tmp_path / "socket")):
            assert connects(tmp_path / "socket")
        release.join()


@asynccontextmanager
async def serving_at(
    directory: Path, *arguments: str, last: Path
) -> AsyncIterator[tuple[Service, Program]]:
    """Run a service whose listeners are sockets, from when it listens at the last of them."""
    server = {key: f"unix:{directory / key.partition('_')[0]}" for key in LISTENERS}
    settings: dict[str, Any] = {"server": server, "gateway": {"trusted_proxies": []}}
    service = make_service(directory, settings)
    listen = f"unix:{directory / 'public'}"
    serve = ("serve", "--config", str(service.config), "--listen", listen, *arguments)
    command = [sys.executable, "-m", "sidecar", *serve]
    async with running(command, directory=directory, address=last) as program:

        async def is_ready() -> bool:
            return (await service.run("healthcheck")).out == "ready\n"

        await until(is_ready, program.read_output())
        yield service, program


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("arguments", "operations"),
    [((), ["operations"]), (("--workers", "2"), ["operations.0", "operations.1"])],
    ids=["one process", "workers"],
)
async def test_a_service_behind_sockets_comes_back_after_a_crash(
    tmp_path: Path, arguments: tuple[str, ...], operations: list[str]
) -> None:
    for number in (signal.SIGKILL, signal.SIGTERM):
        async with serving_at(tmp_path, *arguments, last=tmp_path / operations[-1]) as started:
            for name in ("public", "gate", *operations):
                assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o660
                assert await names_its_requests(tmp_path / name)
            program = started[1]
            children = await asyncio.to_thread(kill_children, program, number)
            assert await program.end(number) == (0 if number is signal.SIGTERM else -number)
            assert len(children) == (len(operations) if arguments else 0)


async def names_its_requests(path: Path) -> bool:
    """Say whether who asks at this socket is trusted: only a proxy gives a request its name."""
    named = {"X-Request-Id": "of-the-proxy"}
    async with (
        ClientSession(connector=UnixConnector(str(path))) as client,
        client.get("http://localhost/unknown", headers=named) as answer,
    ):
        return answer.status == 404 and answer.headers["X-Request-Id"] == named["X-Request-Id"]


def kill_children(program: Program, number: signal.Signals) -> list[int]:
    """Kill the workers too: a crash of the machine spares none."""
    pid = program.process.pid
    children = [int(c) for c in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    if number is signal.SIGKILL:
        for child in children:
            os.kill(child, number)
    return children
