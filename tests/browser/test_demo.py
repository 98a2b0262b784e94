"""The demo's own life: it ends all that it started, whoever or whatever ends it."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.browser.demo import COMMAND, running_demo, start_demo

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_ends_all_of_it(tmp_path: Path, number: signal.Signals) -> None:
    async with running_demo(tmp_path) as demo:
        assert len(demo.find_processes()) == 2
        assert await demo.program.end(number) == 0
        demo.assert_nothing_left()
        assert demo.program.read_output().endswith("\nstopping\n")


async def test_a_second_ctrl_c_leaves_nothing_behind(tmp_path: Path) -> None:
    async with running_demo(tmp_path) as demo:
        demo.program.process.send_signal(signal.SIGINT)
        await demo.await_text("stopping")
        assert await demo.program.end(signal.SIGINT) == 0
        demo.assert_nothing_left()


@pytest.mark.parametrize("moment", ["sidecar.yaml", "service.log", "traefik.log"])
async def test_ctrl_c_during_the_start_leaves_nothing_behind(tmp_path: Path, moment: str) -> None:
    demo = await start_demo(tmp_path)
    await demo.await_that(lambda: any(demo.directory.glob(f"*/{moment}")))
    assert await demo.program.end(signal.SIGINT) == 0
    demo.assert_nothing_left()
    assert "password" not in demo.program.read_output()


async def test_it_needs_no_standard_input(tmp_path: Path) -> None:
    closed = ["sh", "-c", 'exec "$@" <&-', "sh", *COMMAND]
    async with running_demo(tmp_path, command=closed) as demo:
        assert await demo.program.end(signal.SIGINT) == 0


async def test_settings_of_another_service_are_not_its_own(tmp_path: Path) -> None:
    foreign = {
        "SIDECAR_CONFIG": "/nowhere/sidecar.yaml",
        "SIDECAR_SERVER__PUBLIC_URL": "https://other.example.com",
        "SIDECAR_DATABASE__URL": f"sqlite:///{tmp_path}/other.db",
    }
    async with running_demo(tmp_path, environ=foreign) as demo:
        assert demo.address.startswith("http://localhost:")
    assert not (tmp_path / "other.db").exists()


async def test_its_settings_can_be_read_while_it_runs(tmp_path: Path) -> None:
    async with running_demo(tmp_path) as demo:
        own = demo.find_own_directory()
        assert own is not None
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "sidecar", "user", "list"),
            *("--config", str(own / "sidecar.yaml")),
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await process.communicate()
        assert process.returncode == 0
        assert b"Demo User" in out


@pytest.mark.parametrize("part", ["traefik", "service"])
async def test_a_part_that_ends_by_itself_ends_the_rest(tmp_path: Path, part: str) -> None:
    async with running_demo(tmp_path) as demo:
        (found,) = (
            number
            for number, command in demo.find_processes().items()
            if ("traefik" in command) is (part == "traefik")
        )
        os.kill(found, signal.SIGKILL)
        assert await demo.program.process.wait() == 1
        assert demo.program.read_output().splitlines()[-1].startswith(f"{part} ended: ")
        demo.assert_nothing_left()


def _make_python(folder: Path) -> tuple[list[str | Path], dict[str, str]]:
    """Return how to start the demo where only what lies in `folder` is installed beside it."""
    folder.mkdir()
    python = folder / "python"
    python.symlink_to(Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}")
    environ = {"PATH": str(folder), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return [python, "-m", "sidecar", "demo"], environ


async def test_without_traefik_it_says_what_to_install(tmp_path: Path) -> None:
    command, environ = _make_python(tmp_path / "bin")
    demo = await start_demo(tmp_path, command=command, environ=environ)
    assert await demo.program.process.wait() == 1
    assert demo.program.read_output().splitlines() == [
        "no traefik: install it with `pip install 'sidecar-auth[demo]'`"
    ]
    demo.assert_nothing_left()


async def test_it_tells_why_a_part_did_not_start(tmp_path: Path) -> None:
    command, environ = _make_python(tmp_path / "bin")
    traefik = tmp_path / "bin" / "traefik"
    traefik.write_text("#!/bin/sh\necho first; echo the address is taken\nexit 1\n")
    traefik.chmod(0o755)
    demo = await start_demo(tmp_path, command=command, environ=environ)
    assert await demo.program.process.wait() == 1
    assert demo.program.read_output().splitlines() == ["traefik ended: the address is taken"]
    demo.assert_nothing_left()
