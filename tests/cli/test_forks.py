"""Most tests run a fork of the program: what it says and leaves is what the program does."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from tests.cli.running import add_user, execute
from tests.programs.commands import PROGRAM, find_program
from tests.programs.process import READY_TIMEOUT

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("user", "list", "--json"), 0),
        (("key", "revoke", "\udcff"), 1),
        (("user", "show", ""), 1),
        (("policy", "explain", "--token", "-"), 2),
        ((), 2),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) and value else None,
)
async def test_a_fork_ends_as_the_program_does(
    tmp_path: Path, arguments: tuple[str, ...], status: int
) -> None:
    await add_user(tmp_path, "alice")
    program = await execute(tmp_path, (*PROGRAM, *arguments))
    assert program.status == status
    assert await execute(tmp_path, find_program(arguments, {})) == program


async def test_a_fork_is_in_the_folder_and_environment_of_who_calls_it(tmp_path: Path) -> None:
    environ = {"SIDECAR_DATABASE__URL": "sqlite:///named.db"}
    ran = await execute(tmp_path, find_program(("user", "list"), environ), environ=environ)
    assert (ran.status, ran.out, ran.err) == (0, "", "")
    assert (tmp_path / "named.db").exists()


async def test_a_fork_dies_with_the_one_who_waits_for_it(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    command = find_program(("user", "import", "-"), {})
    process = await asyncio.create_subprocess_exec(
        *command, cwd=tmp_path, stdin=asyncio.subprocess.PIPE, stdout=writer, stderr=writer
    )
    os.close(writer)
    loop = asyncio.get_running_loop()
    with os.fdopen(reader, "rb") as output:
        process.send_signal(signal.SIGKILL)
        assert await process.wait() == -signal.SIGKILL
        async with asyncio.timeout(READY_TIMEOUT):  # its end is when nobody holds the pipe
            await loop.run_in_executor(None, output.read)
