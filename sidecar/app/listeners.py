"""The listeners of a serving process: opened once it is ready, closed once requests have ended."""

import asyncio
import fcntl
import os
import socket
import stat
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from aiohttp import web

from sidecar.errors import SidecarError
from sidecar.settings import Listen

LOCK_PATIENCE: Final = 2.0  # seconds; whoever takes a leftover's place holds it for milliseconds
LOCK_LOOK: Final = 0.02  # seconds between tries
NOT_FOR_OTHERS: Final = 0o117  # the umask that gives a Unix socket mode 0660


class CannotListen(SidecarError):
    """The address is taken, or none of this machine's."""


def bind(listen: Listen) -> socket.socket:
    """Return a socket that listens; whoever connects waits until somebody serves them.

    A name stands for its first IPv4 address. Raises CannotListen.
    """
    try:
        if listen.path is not None:
            return _bind_path(listen.path)
        family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
        found = socket.getaddrinfo(listen.host, listen.port, family, socket.SOCK_STREAM)
        return socket.create_server(found[0][4], family=family)
    except socket.gaierror as error:
        raise CannotListen(f"cannot listen on {listen}: {error.strerror}") from None
    except OSError as error:
        raise CannotListen(f"cannot listen on {listen}: {os.strerror(error.errno or 0)}") from None


def _bind_path(path: Path) -> socket.socket:
    """Take the place of a socket that a killed process left behind, never that of a living one."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        # Two that find the same leftover would remove each other's socket.
        _lock(folder, path)
        if _is_left_behind(path):
            path.unlink()
        return _listen_at(path)
    finally:
        os.close(folder)


def _lock(folder: int, path: Path) -> None:
    """Lock the folder, which anybody who may read it can hold for ever. Raises CannotListen."""
    until = time.monotonic() + LOCK_PATIENCE
    while True:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                raise CannotListen(
                    f"cannot listen on unix:{path}: another process holds a lock on {path.parent}"
                ) from None
            time.sleep(LOCK_LOOK)
        else:
            return


def _is_left_behind(path: Path) -> bool:
    try:
        if not stat.S_ISSOCK(path.stat().st_mode):
            return False
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.setblocking(False)
            probe.connect(str(path))
    except ConnectionRefusedError:
        return True
    except OSError:  # there is none, or whoever listens has no time for us
        pass
    return False


def _listen_at(path: Path) -> socket.socket:
    taken = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # Nobody else can connect before its mode is set: it is made with it.
        umask = os.umask(NOT_FOR_OTHERS)
        try:
            taken.bind(str(path))
        finally:
            os.umask(umask)
        taken.listen()
    except OSError:
        taken.close()
        raise
    return taken


async def open_site(runner: web.AppRunner, listen: Listen) -> None:
    """Listen, and serve whoever connects. Raises CannotListen."""
    bound = await asyncio.to_thread(bind, listen)
    await web.SockSite(runner, bound).start()


async def open_first(runner: web.AppRunner, addresses: Sequence[Listen]) -> None:
    """Listen on the first address that is free. Raises CannotListen about the last."""
    for address in addresses[:-1]:
        try:
            await open_site(runner, address)
        except CannotListen:
            continue
        return
    await open_site(runner, addresses[-1])
