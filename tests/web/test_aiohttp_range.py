"""Both ends of the range of aiohttp that pyproject.toml allows.

All tests run on the version of requirements.lock. Here those that would notice another one run
again: on the oldest, and by `make aiohttp` on the newest that the index has. A new release
does not fail a change that has nothing to do with it.
"""

import filecmp
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from tests.programs.process import lack

ROOT = Path(__file__).parents[2]
UV = ROOT / ".tools" / "bin" / "uv"
CACHE = ROOT / ".cache" / "aiohttp"
LEAST = ROOT / "requirements-least.lock"
TIMEOUT = 300.0  # seconds
# What leans on the insides of aiohttp (docs/decisions/0009 and 0024).
TESTS = (
    "tests/web/test_lane.py",
    "tests/web/test_lane_settings.py",
    "tests/web/test_parked.py",
    "tests/web/test_verify_connection.py",
    "tests/web/test_before_the_handlers.py",
)


def install(folder: Path, *what: str) -> Path:
    """Put one aiohttp, without what it needs, into a folder of its own."""
    if not UV.exists():
        lack("uv is not installed (scripts/install.sh)")
    shutil.rmtree(folder, ignore_errors=True)
    options = ("--quiet", "--no-deps", "--only-binary", ":all:", "--python", sys.executable)
    ran = subprocess.run(
        (UV, "pip", "install", *options, "--target", folder, *what),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if ran.returncode != 0:
        lack(f"there is no aiohttp to be had: {ran.stderr}")
    return folder


def install_least() -> Path:
    folder = CACHE / "least"
    made_from = folder / "made-from"
    if not made_from.exists() or not filecmp.cmp(made_from, LEAST, shallow=False):
        install(folder, "--require-hashes", "-r", str(LEAST))
        shutil.copyfile(LEAST, made_from)
    return folder


def run(folder: Path, *arguments: str) -> str:
    """Run Python with the aiohttp of that folder, and say what it printed."""
    environ = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("COVERAGE_", "PYTEST_ADDOPTS", "PYTEST_CURRENT"))
    }
    ran = subprocess.run(
        (sys.executable, *arguments),
        cwd=ROOT,
        env={**environ, "PYTHONPATH": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=TIMEOUT,
    )
    assert ran.returncode == 0, ran.stdout[-6000:]
    return ran.stdout


def read_version(folder: Path) -> str:
    return run(folder, "-c", "import aiohttp; print(aiohttp.__version__)").strip()


def test_they_pass_on_the_oldest() -> None:
    folder = install_least()
    (pinned,) = re.findall(r"^aiohttp==(\S+) ", LEAST.read_text(), re.MULTILINE)
    assert read_version(folder) == pinned
    run(folder, "-m", "pytest", "-q", "-x", "-p", "no:xdist", "-p", "no:cacheprovider", *TESTS)


if "AIOHTTP_NEWEST" in os.environ:

    def test_they_pass_on_the_newest() -> None:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        (allowed,) = (line for line in project["dependencies"] if line.startswith("aiohttp"))
        folder = install(CACHE / "newest", "--upgrade", allowed)
        print(read_version(folder))  # noqa: T201 - make aiohttp ARGS=-s
        run(folder, "-m", "pytest", "-q", "-x", "-p", "no:xdist", "-p", "no:cacheprovider", *TESTS)
