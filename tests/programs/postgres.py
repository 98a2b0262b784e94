"""A real PostgreSQL, in a folder of the test session; each test has a database of its own."""

import glob
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

from tests.programs.process import free_port, require

OWNER = "postgres"


@dataclass(slots=True)
class Postgres:
    """A server; `make_database` gives a URL."""

    binaries: Path
    port: int

    def make_database(self) -> str:
        """Make an empty database and return its URL."""
        name = f"test_{token_hex(6)}"
        subprocess.run(
            [
                *(str(self.binaries / "createdb"), "-h", "127.0.0.1", "-p", str(self.port)),
                *("-U", OWNER, name),
            ],
            check=True,
            capture_output=True,
        )
        return f"postgresql://{OWNER}@127.0.0.1:{self.port}/{name}"


def find_binaries() -> Path:
    """Return where PostgreSQL's programs are; Debian keeps them off the PATH."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))  # noqa: PTH207 - an absolute pattern
    return Path(found[-1] if found else require("initdb")).parent


@contextmanager
def serving_postgres() -> Iterator[Postgres]:
    """Run a server for the length of the block; it refuses root, so it runs as its own user."""
    binaries = find_binaries()
    folder = Path(tempfile.mkdtemp(prefix="sidecar-pg-"))
    user = OWNER if os.geteuid() == 0 else None
    if user is not None:
        owner = pwd.getpwnam(OWNER)
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    data = folder / "data"
    try:
        subprocess.run(
            [str(binaries / "initdb"), "-D", str(data), "-A", "trust", "-U", OWNER, "--no-sync"],
            check=True,
            capture_output=True,
            user=user,
            cwd=folder,
        )
        server = Postgres(binaries, free_port())
        options = f"-c listen_addresses=127.0.0.1 -p {server.port} -c unix_socket_directories="
        control = [
            str(binaries / "pg_ctl"),
            "-D",
            str(data),
            "-w",
            "-t",
            "30",
            "-l",
            str(folder / "log"),
        ]
        subprocess.run(
            [*control, "-o", options, "start"],
            check=True,
            user=user,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield server
        finally:
            subprocess.run(
                [*control, "-m", "immediate", "stop"],
                check=True,
                user=user,
                cwd=folder,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
