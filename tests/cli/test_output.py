"""Standard streams that are closed, full, cut off or spoken to in another encoding."""

import asyncio
import json
import os
import pty
import sys
from pathlib import Path

import pytest

from tests.cli.running import PASSWORD, Ran, add_user, clean_environ, execute, sidecar
from tests.programs.commands import PROGRAM

pytestmark = pytest.mark.asyncio


async def test_output_that_nobody_reads_is_no_traceback(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        for arguments in (("config", "show"), ("--help",)):
            assert (await sidecar(tmp_path, *arguments, stdout=writer)).status == 1
    finally:
        os.close(writer)


async def test_output_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        for arguments in (("config", "show"), ("--version",)):
            ran = await sidecar(tmp_path, *arguments, stdout=full)
            assert (ran.status, ran.problems) == (1, ["sidecar: No space left on device"])
    finally:
        os.close(full)


async def test_an_export_that_cannot_be_written_is_not_said_to_be(tmp_path: Path) -> None:
    await add_user(tmp_path, "alice")
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        ran = await sidecar(tmp_path, "user", "export", stdout=full)
    finally:
        os.close(full)
    assert (ran.status, ran.problems) == (1, ["sidecar: No space left on device"])


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("user", "add", "a", "--password-stdin"), "standard input is closed"),
        (("revoke", "--token", "-"), "standard input is closed"),
        (
            ("user", "add", "a"),
            (
                "sidecar user add: no terminal to ask at: use --password-stdin or --generate"
                " (sidecar user add --help)"
            ),
        ),
    ],
)
async def test_a_closed_standard_input_is_one_line(
    tmp_path: Path, arguments: tuple[str, ...], problem: str
) -> None:
    ran = await execute(tmp_path, ("sh", "-c", 'exec "$@" <&-', "sh", *PROGRAM, *arguments))
    assert ran.problems == [problem]
    assert ran.status == (2 if "--help" in problem else 1)


async def test_output_is_utf_8_whatever_the_terminal_speaks(tmp_path: Path) -> None:
    await add_user(tmp_path, "\u5c71\u7530", "--name", "\u00c9lise")
    ascii_only = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"}
    ran = await sidecar(tmp_path, "user", "list", "--json", environ=ascii_only)
    (user,) = json.loads(ran.out)
    assert (user["username"], user["name"]) == ("\u5c71\u7530", "\u00c9lise")


# The program gets the terminal as its own, and no signal is ignored, as a login shell does.
ON_TERMINAL = """
import os, signal, sys
for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
    signal.signal(number, signal.SIG_DFL)
os.login_tty(int(sys.argv[1]))
os.execv(sys.argv[2], sys.argv[2:])
"""


async def _ask(folder: Path, *answers: bytes) -> Ran:
    """Add alice at a terminal, each answer typed when it is asked for."""
    master, slave = pty.openpty()
    arguments = (*PROGRAM, "user", "add", "alice")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", ON_TERMINAL, str(slave), *arguments),
        cwd=folder,
        env=clean_environ(),
        pass_fds=(slave,),
    )
    os.close(slave)
    shown = b""
    waiting = list(answers)
    while True:
        try:
            read = await asyncio.to_thread(os.read, master, 1024)
        except OSError:  # the program has closed its end
            break
        if not read:
            break
        shown += read
        if waiting and shown.count(b": ") > len(answers) - len(waiting):
            os.write(master, waiting.pop(0))
    os.close(master)
    text = shown.decode("utf-8", "replace")
    assert "Traceback" not in text, text
    return Ran(await process.wait(), "", text)


async def test_at_a_terminal_the_password_is_asked_for_twice_and_not_shown(tmp_path: Path) -> None:
    typed = f"{PASSWORD}\n".encode()
    ran = await _ask(tmp_path, typed, typed)
    assert ran.problems == ["Password: ", "Once more: ", "added alice"]
    assert ran.status == 0


@pytest.mark.parametrize(
    ("answers", "problem"),
    [
        ((b"a long enough passphrase\n", b"another passphrase\n"), "the two passwords differ"),
        ((b"a long enough \xff passphrase\n",) * 2, "a password must be UTF-8"),
        ((b"\x03",), "stopped"),
        ((b"a long enough passphrase\n", b"\x03"), "stopped"),
        ((b"\x04",), "stopped"),
    ],
    ids=["differ", "not UTF-8", "Ctrl-C", "Ctrl-C at the second", "Ctrl-D"],
)
async def test_at_a_terminal_what_goes_wrong_is_one_line(
    tmp_path: Path, answers: tuple[bytes, ...], problem: str
) -> None:
    ran = await _ask(tmp_path, *answers)
    assert (ran.status, ran.problems[-1]) == (1, problem)
    assert not (tmp_path / "data").exists()
