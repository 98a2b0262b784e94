"""A real PostgreSQL in a folder of its own: stopped, killed, frozen, followed by a standby.

Most tests share the one of the test session, each with a database of its own.
"""

import glob
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex

from tests.programs.process import free_port, require

OWNER = "postgres"
PATIENCE = 30.0  # seconds for a start or an end
STATUS_LINE = 7  # of postmaster.pid (PostgreSQL's pidfile.h)
STOP = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}


@dataclass(slots=True)
class Postgres:
    """A server; `make_database` gives a URL. `settings` are lines of its configuration."""

    binaries: Path
    port: int
    folder: Path
    settings: Sequence[str] = ()
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def data(self) -> Path:
        """Where it keeps everything."""
        return self.folder / "data"

    def make_database(self) -> str:
        """Make an empty database and return its URL."""
        name = f"test_{token_hex(6)}"
        self._run("createdb", *self._address(), name, as_owner=False)
        return self.url_of(name)

    def url_of(self, name: str, *others: "Postgres") -> str:
        """Return the URL of a database, on this server or whichever of these takes writes."""
        hosts = ",".join(f"127.0.0.1:{each.port}" for each in (self, *others))
        return f"postgresql://{OWNER}@{hosts}/{name}"

    def start(self) -> None:
        """Start it and wait until it takes connections; it recovers first where it was killed."""
        lines = ("listen_addresses=127.0.0.1", "unix_socket_directories=", *self.settings)
        options = [word for line in (f"port={self.port}", *lines) for word in ("-c", line)]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [str(self.binaries / "postgres"), "-D", str(self.data), *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=_owner(),
                cwd=self.folder,
            )
        deadline = time.monotonic() + PATIENCE
        while self._status() not in {"ready", "standby"}:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError((self.folder / "log").read_text()[-3000:])
            time.sleep(0.02)

    def _status(self) -> str:
        """Return what it says of itself, as `pg_ctl` reads it."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return ""
        ours = self.process is not None and lines[:1] == [str(self.process.pid)]
        return lines[STATUS_LINE].strip() if ours and len(lines) > STATUS_LINE else ""

    def stop(self, mode: str = "fast") -> None:
        """Stop it; `fast` ends every connection, `immediate` is almost a crash."""
        assert self.process is not None
        self.process.send_signal(STOP[mode])
        self.process.wait(PATIENCE)

    def kill(self) -> None:
        """Kill all of its processes at once."""
        assert self.process is not None
        self.send(signal.SIGKILL)
        self.process.wait(PATIENCE)

    def promote(self) -> None:
        """Make a standby the primary."""
        self._run("pg_ctl", "-D", str(self.data), "-w", "-t", "30", "promote")

    def pids(self) -> list[int]:
        """Return its processes, the one that starts the others first."""
        assert self.process is not None
        first = self.process.pid
        children = Path(f"/proc/{first}/task/{first}/children").read_text()
        return [first, *map(int, children.split())]

    def send(self, number: signal.Signals) -> None:
        """Send a signal to all of its processes."""
        first = self.pids()[0]
        os.kill(first, signal.SIGSTOP)  # it must not start another one meanwhile
        for pid in self.pids()[1:]:
            with suppress(ProcessLookupError):  # it has just ended by itself
                os.kill(pid, number)
        if number is not signal.SIGSTOP:
            os.kill(first, number)
            os.kill(first, signal.SIGCONT)

    def limit_files(self, octets: int) -> None:
        """Let no file of it grow beyond this, as on a disk that is full; -1: as large as it likes.

        PostgreSQL ignores the signal that comes with it: a write is cut short or fails.
        """
        limit = "unlimited" if octets < 0 else str(octets)
        for pid in self.pids():  # by their own user: root may lack the right to
            command = [require("prlimit"), "--pid", str(pid), f"--fsize={limit}:"]
            done = subprocess.run(command, check=False, user=_owner(), capture_output=True, cwd="/")
            # One that served a connection may have ended just now.
            assert done.returncode == 0 or not Path(f"/proc/{pid}").exists(), done.stderr

    def execute(self, database: str, statement: str) -> str:
        """Run a statement and return what it printed. Raises CalledProcessError."""
        options = ("-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1")
        ran = self._run(
            "psql", *self._address(), *options, "-d", database, "-c", statement, as_owner=False
        )
        return ran.stdout.decode().strip()

    def copy(self, port: int, name: str) -> "Postgres":
        """Return a standby that follows this server, known to it as `name`; it is not started."""
        standby = Postgres(self.binaries, port, _make_folder(), self.settings)
        follow = f"application_name={name} host=127.0.0.1 port={self.port} user={OWNER}"
        self._run("pg_basebackup", "-D", str(standby.data), "-R", "-c", "fast", "-d", follow)
        return standby

    def remove(self) -> None:
        """End it, whatever it does, and remove what it kept."""
        if self.process is not None and self.process.poll() is None:
            self.send(signal.SIGCONT)
            self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def _address(self) -> tuple[str, ...]:
        return ("-h", "127.0.0.1", "-p", str(self.port), "-U", OWNER)

    def _run(
        self, program: str, *arguments: str, as_owner: bool = True
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a program of PostgreSQL's; what touches its files refuses root."""
        return subprocess.run(
            [str(self.binaries / program), *arguments],
            check=True,
            capture_output=True,
            user=_owner() if as_owner else None,
            cwd=self.folder if as_owner else None,
        )


def find_binaries() -> Path:
    """Return where PostgreSQL's programs are; Debian keeps them off the PATH."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))  # noqa: PTH207 - an absolute pattern
    return Path(found[-1] if found else require("initdb")).parent


@contextmanager
def serving_postgres(*settings: str, segment: int = 16) -> Iterator[Postgres]:
    """Run a server for the length of the block, with these lines of its configuration.

    `segment` is how large a file of its write-ahead log is, in megabytes.
    """
    server = Postgres(find_binaries(), free_port(), _make_folder(), settings)
    try:
        initdb = ("initdb", "-D", str(server.data), "-A", "trust", "-U", OWNER, "--no-sync")
        server._run(*initdb, f"--wal-segsize={segment}")
        server.start()
        yield server
    finally:
        server.remove()


@contextmanager
def following(primary: Postgres, name: str) -> Iterator[Postgres]:
    """Run a standby of a server for the length of the block."""
    standby = primary.copy(free_port(), name)
    try:
        standby.start()
        yield standby
    finally:
        standby.remove()


def _make_folder() -> Path:
    """Make a folder for the user that the server runs as."""
    folder = Path(tempfile.mkdtemp(prefix="sidecar-pg-"))
    user = _owner()
    if user is not None:
        owner = pwd.getpwnam(user)
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    return folder


def _owner() -> str | None:
    return OWNER if os.geteuid() == 0 else None
