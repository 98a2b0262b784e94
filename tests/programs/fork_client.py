"""Stand for a command that `forking.py` runs: `fork_client.py SOCKET ARGUMENT...`.

What starts it sees one process with the command's streams and its exit code. Run with `-I -S`: it
starts in a fiftieth of the time.
"""

import os
import signal
import socket
import struct
import sys

LENGTH = struct.Struct("!I")


def run(path: str, arguments: list[str]) -> int:
    """Return the wait status of a command with this process's streams, folder and environment."""
    environ = (name + b"=" + value for name, value in os.environb.items())
    folder = os.getcwdb()  # noqa: PTH109 - to import pathlib takes as long as all of this
    words = (folder, b"%d" % len(arguments), *map(os.fsencode, arguments), *environ)
    request = b"\0".join(words)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        socket.send_fds(connection, [LENGTH.pack(len(request))], [0, 1, 2])
        connection.sendall(request)
        told = connection.recv(LENGTH.size, socket.MSG_WAITALL)
    status: int = LENGTH.unpack(told)[0]
    return status


if __name__ == "__main__":
    code = os.waitstatus_to_exitcode(run(sys.argv[1], sys.argv[2:]))
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    sys.exit(code)
