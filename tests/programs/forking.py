"""The program, imported once: each command is a fork of it.

Most of what a command of ours takes is the import of its modules, and the tests call hundreds. A
fork is still a process with its own arguments, environment, folder, streams and exit code; it runs
`sidecar` as `python -m sidecar` does, and its interpreter ends as any other does.

Run as `python -m tests.programs.forking DESCRIPTOR`, a Unix socket that listens. It ends with its
standard input, so that it never outlives who started it.
"""

import contextlib
import gc
import importlib
import io
import os
import pkgutil
import runpy
import select
import signal
import socket
import struct
import sys
import time
from typing import TextIO

import sidecar

DESCRIPTORS = 3  # standard input, output and error
LENGTH = struct.Struct("!I")  # of a request, and a wait status
NOT_IMPORTED = ("__main__", "sidecar.stores.sql.migrations.")  # they act, or Alembic imports them


def import_everything() -> None:
    """Import every module of ours, and what they import."""
    for found in pkgutil.walk_packages(sidecar.__path__, "sidecar."):
        if not any(part in found.name for part in NOT_IMPORTED):
            importlib.import_module(found.name)


def take_request(listener: socket.socket) -> tuple[socket.socket, list[int], list[bytes]]:
    """Return who asks, its three streams, and the words of `fork_client.py`."""
    connection, _ = listener.accept()
    head, streams, _, _ = socket.recv_fds(connection, LENGTH.size, DESCRIPTORS)
    with connection.makefile("rb") as file:
        words = file.read(LENGTH.unpack(head)[0]).split(b"\0")
    return connection, streams, words


def open_stream(
    number: int, mode: str, like: TextIO, *, line_buffering: bool = False
) -> io.TextIOWrapper:
    """Open a standard stream as the interpreter does when it starts."""
    return io.TextIOWrapper(
        open(number, f"{mode}b", closefd=False),
        encoding=like.encoding,
        errors=like.errors,
        newline="\n" if mode == "w" else None,
        line_buffering=line_buffering,
    )


def become(streams: list[int], words: list[bytes]) -> None:
    """Be the command: its streams, folder, arguments and environment."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin = open_stream(0, "r", sys.stdin)
    sys.stdout = open_stream(1, "w", sys.stdout)
    sys.stderr = open_stream(2, "w", sys.stderr, line_buffering=True)
    folder, count, *rest = words
    os.chdir(folder)
    split = int(count)
    sys.argv = ["sidecar", *map(os.fsdecode, rest[:split])]
    os.environ.clear()
    for each in rest[split:]:
        name, _, value = each.partition(b"=")
        os.environb[name] = value
    time.tzset()


def watch(command: int, connection: socket.socket) -> None:
    """Tell how a command ended; kill it when nobody waits for it any more."""
    poll = select.poll()
    descriptor = os.pidfd_open(command)
    poll.register(descriptor, select.POLLIN)
    poll.register(connection, select.POLLHUP)
    if descriptor not in {ready for ready, _ in poll.poll()}:
        os.kill(command, signal.SIGKILL)
    _, status = os.waitpid(command, 0)
    with contextlib.suppress(BrokenPipeError):
        connection.sendall(LENGTH.pack(status))


def fork_command(connection: socket.socket, streams: list[int]) -> bool:
    """Fork who watches, and it the command; return whether this process is the command."""
    if os.fork() != 0:
        return False
    command = os.fork()
    if command == 0:
        return True
    for stream in streams:  # who reads them waits until the last has closed them
        os.close(stream)
    watch(command, connection)
    os._exit(0)


def reap() -> None:
    """Wait for those who watched and have ended."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass


def serve(listener: socket.socket) -> bool:
    """Fork commands until standard input ends; return whether this process is one of them."""
    while True:
        ready, _, _ = select.select([listener.fileno(), 0], [], [])
        if 0 in ready:
            return False
        connection, streams, words = take_request(listener)
        with connection:
            if fork_command(connection, streams):
                listener.close()
                break
        for stream in streams:
            os.close(stream)
        reap()
    become(streams, words)
    return True


if __name__ == "__main__":
    import_everything()
    gc.freeze()
    if serve(socket.socket(fileno=int(sys.argv[1]))):
        runpy.run_module("sidecar", run_name="__main__", alter_sys=True)
