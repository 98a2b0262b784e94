"""Hold the locks against pyproject.toml, without a network.

Every requirement is pinned at a version that it allows, what the image installs is what the tests
ran, the oldest that they ran on is the oldest that is allowed, and no lock names a host or a path:
each line is a pin, a hash or nothing else.
"""

import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT: Final = Path(__file__).resolve().parent.parent
LOCK: Final = "requirements.lock"
RUNTIME_LOCK: Final = "requirements-runtime.lock"
TOOLS_LOCK: Final = "requirements-tools.lock"
LEAST_LOCK: Final = "requirements-least.lock"
RUNTIME_EXTRAS: Final = ("postgres", "hiredis", "gunicorn", "bcrypt")  # as in lock.sh

PIN: Final = re.compile(r"(?P<name>[a-z0-9-]+)==(?P<version>[0-9a-z.+]+)(?: ; [^\\:/@]+)? \\")
HASH: Final = re.compile(r"    --hash=sha256:[0-9a-f]{64}(?P<more> \\)?")

Pins = dict[str, dict[str, frozenset[str]]]
"""Name to version to hashes; a name has several versions where platforms differ."""


def read_lock(name: str) -> tuple[Pins, list[str]]:
    """Return what the lock pins, and a line for everything in it that is not a pin or a hash."""
    pins: Pins = {}
    problems: list[str] = []
    package = version = ""
    for number, line in enumerate((ROOT / name).read_text("utf-8").splitlines(), start=1):
        if pin := PIN.fullmatch(line):
            package, version = pin["name"], pin["version"]
            pins.setdefault(package, {})[version] = frozenset()
        elif HASH.fullmatch(line) and package:
            pins[package][version] |= {line.strip(" \\")}
        else:
            problems.append(f"{name}:{number}: neither a pin nor a hash: {line.strip()}")
    problems += [
        f"{name}: {package} {version} has no hash"
        for package, versions in pins.items()
        for version, hashes in versions.items()
        if not hashes
    ]
    return pins, problems


def find_unmet(requirements: Iterable[str], pins: Pins, lock: str) -> Iterator[str]:
    """Yield a line for each requirement that the lock does not meet."""
    for requirement in map(Requirement, requirements):
        versions = pins.get(canonicalize_name(requirement.name), {})
        if not versions:
            yield f"{lock}: lacks {requirement}; run `make lock`"
        for version in versions:
            if not requirement.specifier.contains(version, prereleases=True):
                yield f"{lock}: has {version}, not {requirement}; run `make lock`"


def read_requirements(name: str) -> list[str]:
    """Return the requirements of a file beside this one."""
    lines = (ROOT / "scripts" / name).read_text("utf-8").splitlines()
    return [line for line in lines if not line.startswith("#")]


def find_above_least(runtime: Iterable[str], least: Iterable[str]) -> Iterator[str]:
    """Yield a line for each version that is not the lower bound of its requirement."""
    bounds = {
        requirement.name: {each.version for each in requirement.specifier if each.operator == ">="}
        for requirement in map(Requirement, runtime)
    }
    for pinned in map(Requirement, least):
        (version,) = (each.version for each in pinned.specifier)
        if bounds.get(pinned.name) != {version}:
            yield f"scripts/least.in: {pinned} is not the oldest that pyproject.toml allows"


def main() -> int:
    """Print a line for each problem; exit 1 where there is one."""
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    runtime: list[str] = project["project"]["dependencies"]
    extras: dict[str, list[str]] = project["project"]["optional-dependencies"]
    development: list[str] = project["dependency-groups"]["dev"]
    least = read_requirements("least.in")
    wanted = {
        LOCK: [*runtime, *(line for extra in extras.values() for line in extra), *development],
        RUNTIME_LOCK: [*runtime, *(line for extra in RUNTIME_EXTRAS for line in extras[extra])],
        TOOLS_LOCK: [*read_requirements("tools.in"), *project["build-system"]["requires"]],
        LEAST_LOCK: least,
    }
    problems: list[str] = []
    locks: dict[str, Pins] = {}
    for name, requirements in wanted.items():
        locks[name], malformed = read_lock(name)
        problems += malformed
        problems += find_unmet(requirements, locks[name], name)
    problems += [
        f"{RUNTIME_LOCK}: {package} {version} is not what {LOCK} has; run `make lock`"
        for package, versions in locks[RUNTIME_LOCK].items()
        for version, hashes in versions.items()
        if locks[LOCK].get(package, {}).get(version) != hashes
    ]
    problems += find_above_least(runtime, least)
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
