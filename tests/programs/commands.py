"""How a test starts `sidecar`: the program, or where that says the same, a fork of it."""

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).parents[2]
CLIENT = Path(__file__).with_name("fork_client.py")
PROGRAM = (sys.executable, "-m", "sidecar")
SERVING = (("serve",), ("demo",))
# What an interpreter reads when it starts, and a fork of one does not read again.
STARTING = ("PYTHON", "LC_", "LANG", "MALLOC_", "LD_")
MEASURING = "COVERAGE_PROCESS_CONFIG"  # which coverage.py also reads at the start
END_TIMEOUT = 20.0  # seconds

_servers: dict[str | None, tuple[subprocess.Popen[bytes], str]] = {}


def find_program(arguments: tuple[str | Path, ...], environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the words that run `sidecar` with arguments.

    What serves is always the program, and so is what changes how its interpreter starts.
    """
    words = tuple(map(str, arguments))
    if words[:1] in SERVING or any(name.startswith(STARTING) for name in environ):
        return (*PROGRAM, *words)
    return (sys.executable, "-I", "-S", str(CLIENT), _find_server(), *words)


def _find_server() -> str:
    """Return the socket of the process that forks, started when it is first needed."""
    measuring = os.environ.get(MEASURING)
    if measuring not in _servers:
        path = str(Path(tempfile.mkdtemp(prefix="sidecar-")) / "fork")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen()  # whoever connects waits until it has imported
            plain = {name: text for name, text in os.environ.items() if "SIDECAR_" not in name}
            server = subprocess.Popen(
                (sys.executable, "-m", "tests.programs.forking", str(listener.fileno())),
                cwd=ROOT,
                env=plain,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                pass_fds=[listener.fileno()],
            )
        _servers[measuring] = (server, path)
    return _servers[measuring][1]


@contextmanager
def ending_servers() -> Iterator[None]:
    """End, behind the block, the processes that were started to fork in it."""
    try:
        yield
    finally:
        for server, path in _servers.values():
            assert server.stdin is not None
            server.stdin.close()
            server.wait(END_TIMEOUT)
            with suppress(FileNotFoundError):
                Path(path).unlink()
            Path(path).parent.rmdir()
        _servers.clear()
