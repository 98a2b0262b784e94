"""A program whose processes kill themselves at each place of the keys' life, one after the other.

`dying_keys.py DIRECTORY first|turn|revoke writes|awaits` prints a line of JSON for each process:
whether it lived, and what the next one that started found. Each begins with a copy of the same
directory and database. What no signal from outside could time is timed from within.
"""

import fcntl
import io
import json
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from operator import eq
from pathlib import Path
from types import FrameType
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sidecar.app.services import Services, open_services
from sidecar.clock import read_clock
from sidecar.core.keyring import KeyRing, KeyState, Purpose
from sidecar.core.turn import FILES_KEPT
from sidecar.settings import Settings, load_settings
from tests.faults.dying import Place, die_at, run_apart
from tests.sources.keydirs import DAY, put, put_key

MOST_PLACES: Final = 1_000
FUNCTIONS: Final = frozenset({os.fsync, os.replace, os.unlink, fcntl.flock})
METHODS: Final = frozenset({(io.BufferedWriter, "write"), (io.BufferedWriter, "flush")})

Tell = Callable[[Any], None]


@dataclass(slots=True)
class Death:
    """Kills this process before or after one write, where it is armed; both are counted."""

    left: int
    armed: bool = False

    def watch(self, _: FrameType, event: str, called: Any) -> None:
        """Be called for everything that any thread calls from here on."""
        if not self.armed or event not in {"c_call", "c_return"} or not is_write(called):
            return
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self.left -= 1


def is_write(called: Any) -> bool:
    """Say whether a function changes a file, or takes the lock."""
    return called in FUNCTIONS or (type(called.__self__), called.__name__) in METHODS


async def act(settings: Settings, name: str, kind: str, number: int, tell: Tell) -> None:
    """Do it, or die of it."""
    death = Death(number)
    if kind == "writes":  # it costs every call of every thread
        threading.setprofile(death.watch)
    async with open_services(settings) as services:
        kid = None if name == "first" else signing(await read_ring(services))["token"]
        if kind == "awaits":
            place = Place(number // 2 + 1, done=number % 2 == 1)
            await die_at(live(services, kid, name), partial(eq, place))
        else:
            death.armed = True
            await live(services, kid, name)
            death.armed = False
        tell(None)


async def live(services: Services, kid: str | None, name: str) -> None:
    """Do it."""
    if kid is None:
        await services.open_ring()
        return
    if name == "revoke":
        await services.key_rotation.revoke(kid, read_clock().unix)
    await services.key_rotation.turn(read_clock().unix, removing=True)


async def read_ring(services: Services) -> KeyRing:
    """Return the ring as a process reads it at its start."""
    return (await services.open_ring()).ring


def signing(ring: KeyRing) -> dict[str, str | None]:
    """Return which key signs now."""
    keys = {each: ring.find_signing_key(each, read_clock().unix) for each in Purpose}
    return {purpose.value: None if key is None else key.kid for purpose, key in keys.items()}


async def look(settings: Settings, tell: Tell) -> None:
    """Tell what the next start finds, and how it leaves the directory once it has turned."""
    async with open_services(settings) as services:
        found = signing(await read_ring(services))
        now = read_clock().unix
        await services.key_rotation.turn(now, removing=True)
        ring = await read_ring(services)
        due = services.key_rotation.is_due(ring, now)
        states = [(key.purpose.value, key.state(now).value) for key in ring.keys.values()]
        ends = is_chained(ring, now)
        await services.key_rotation.turn(now + FILES_KEPT + 9, removing=True)  # a day later
        files = {path.name for path in settings.keys.directory.iterdir()} - {".lock", "secret"}
        kids = {path.removesuffix(".pem") for path in files if path.endswith(".pem")}
        litter = files - {f"{kid}.{suffix}" for kid in kids for suffix in ("pem", "json")}
        trail = await services.store.ring.read_ring()
        revoked = sorted(row.kid for row in trail[0] if row.revoked_at is not None)
        tell(
            {
                "signing": found,
                "states": sorted(states),
                "due": due,
                "chained": ends,
                "litter": sorted(litter),
                "revoked": revoked,
            }
        )


def is_chained(ring: KeyRing, now: int) -> bool:
    """Say whether every key that signs does so until the next one begins."""
    for purpose in Purpose:
        living = sorted(
            (key.not_before, key.sign_until)
            for key in ring.keys.values()
            if key.purpose is purpose and key.state(now) in {KeyState.NEXT, KeyState.ACTIVE}
        )
        if any(end != begin for (_, end), (begin, _) in pairwise(living)):
            return False
    return True


async def prepare(settings: Settings, name: str, tell: Tell) -> None:
    """Make the database, and but for a first start a ring whose keys are due to turn."""
    directory = settings.keys.directory
    now = read_clock().unix
    async with open_services(settings) as services:
        await services.store.prepare_schema()
        if name != "first":
            directory.mkdir()
            put(directory / "secret", os.urandom(32))
            for purpose in Purpose:
                make_key(directory, purpose.value, now - 100 * DAY, now + 3000 * DAY)
            make_key(directory, "over", now - 9 * DAY, now - 2 * DAY)
            await services.open_ring()
    tell(None)


def make_key(directory: Path, name: str, begin: int, end: int) -> None:
    """Put a key there, of purpose `name` or, where it is none, a token key."""
    purpose = name if name in set(Purpose) else Purpose.TOKEN.value
    dates: dict[str, Any] = {"not_before": begin, "sign_until": end, "publish_until": end}
    put_key(directory, Ed25519PrivateKey.generate(), name, purpose=purpose, **dates)


def main() -> None:
    """Let processes die until one lives."""
    directory, name, kind = Path(sys.argv[1]), *sys.argv[2:]
    settings = load_settings(directory / "sidecar.yaml", environ={}, flags={})
    work, template = directory / "ring", directory / "template"
    work.mkdir()
    run_apart(partial(prepare, settings, name))
    work.rename(template)
    for number in range(MOST_PLACES):
        shutil.copytree(template, work)
        lived = run_apart(partial(act, settings, name, kind, number)) != []
        (found,) = run_apart(partial(look, settings))
        print(json.dumps({"lived": lived, **found}))  # noqa: T201 - what this program is for
        shutil.rmtree(work)
        if lived:
            return
    raise AssertionError("it does not end")


if __name__ == "__main__":
    main()
