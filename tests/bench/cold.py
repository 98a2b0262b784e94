"""Tokens that nobody has shown before, good and bad, beside one bare verification."""

import itertools
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from sidecar.core.encoding import from_base64url
from tests.bench.bad import BAD
from tests.bench.load import MARK, LoadFailed, ask, write_requests
from tests.bench.measure import Row, Server, Spread, measure
from tests.bench.plan import Bench
from tests.bench.questions import TTL, Sealer, render_each, render_nobody
from tests.bench.report import (
    MOST_BESIDE,
    MOST_REFUSAL,
    MOST_VERIFICATIONS,
    Limit,
    line,
    spread_lines,
)
from tests.bench.rounds import ratio, spreads
from tests.bench.servers import UNSEALED, make_measured_service, pinned, serving_measured

COLD: Final = "cold token"
SEALING: Final = "cold token, an assertion is sealed for it"
NOBODY: Final = "no_credential"
EXPIRED: Final = "expired"
CONNECTIONS: Final = 8  # few, because what is under way at the end is not counted
SECONDS: Final = 10  # at most, for the tokens of a round
VERIFICATIONS: Final = 1000  # in a round
BITS: Final = 2048  # of the keys that the service makes


@dataclass(frozen=True, slots=True)
class Cold:
    """Microseconds of CPU of each row, and of a `verification`, the best of all rounds.

    `refusals` are what each kind of bad token costs divided by a cold one, round by round.
    """

    rows: Mapping[str, Spread]
    verification: float
    refusals: Mapping[str, Spread]

    def limits(self) -> Iterator[Limit]:
        """Yield what must hold."""
        most = MOST_VERIFICATIONS * self.verification + MOST_BESIDE
        yield Limit(COLD, self.rows[COLD].median, most, "µs")
        for kind, each in self.refusals.items():
            yield Limit(f"refusal, {kind} / {COLD}", each.median, MOST_REFUSAL)

    def lines(self) -> Iterator[str]:
        """Yield the lines of the table."""
        yield from spread_lines("CPU of the server for one new token, µs", self.rows)
        yield line("one verification of RS256 alone", self.verification)


async def measure_cold(bench: Bench) -> Cold:
    """Return the figures of new tokens. Raises LoadFailed."""
    cores, keys, number = bench.cores, bench.folder / "keys", bench.plan.cold
    async with AsyncExitStack() as stack:
        stack.enter_context(pinned(cores.load))
        servers = []
        for name, settings in (("sealing", {}), ("unsealed", UNSEALED)):
            service = make_measured_service(bench.folder / name, settings, keys=keys)
            running = serving_measured(service, cores.servers)
            server, _ = await stack.enter_async_context(running)
            servers.append(server)
        sealing, unsealed = servers
        sealer = Sealer.of(keys)
        kinds = _make_kinds(sealer, number)
        await _look_at(unsealed, kinds)
        rows = [
            _make_row(SEALING, sealing, bench, kinds[COLD]),
            *(_make_row(name, unsealed, bench, make) for name, make in kinds.items()),
        ]
        figures: dict[str, list[float]] = {row.name: [] for row in rows}
        verifications = []
        for place in range(bench.plan.rounds):
            bench.tell(f"new tokens, round {place + 1} of {bench.plan.rounds}")
            with pinned(cores.servers):
                verifications.append(_time_verification(sealer))
            for row in rows:
                figures[row.name].append(await measure(row, SECONDS))
    refusals = {name: ratio(figures[name], figures[COLD]) for name in kinds if name != COLD}
    return Cold(spreads(figures), min(verifications), refusals)


def _make_row(name: str, server: Server, bench: Bench, make: Callable[[], Iterable[bytes]]) -> Row:
    def write() -> Path:
        return write_requests(bench.folder / "requests", make())

    refused = name not in (COLD, SEALING)
    return Row(name, server, write, CONNECTIONS, most=bench.plan.cold, refused=refused)


def _make_kinds(sealer: Sealer, number: int) -> dict[str, Callable[[], Iterable[bytes]]]:
    """Return what makes so many requests for one round, each with a token that is new."""
    numbers = itertools.count(step=number)

    def make(seal: Callable[[int], str]) -> Callable[[], Iterable[bytes]]:
        def each() -> Iterable[bytes]:
            first = next(numbers)
            people = range(first, first + number)
            return render_each(first, (f"Authorization: Bearer {seal(one)}" for one in people))

        return each

    def make_bad(spoil: Callable[[str], str]) -> Callable[[], Iterable[bytes]]:
        bad = spoil(sealer.access(0))
        return make(lambda one: bad.replace(MARK, f"{one:012d}"))

    return {
        COLD: make(sealer.access),
        EXPIRED: make(lambda one: sealer.access(one, ago=2 * TTL)),
        **{reason: make_bad(spoil) for reason, spoil in BAD.items()},
        NOBODY: render_nobody,
    }


async def _look_at(server: Server, kinds: Mapping[str, Callable[[], Iterable[bytes]]]) -> None:
    """Ask once about one token of each kind, and look at the answer; raises LoadFailed."""
    for kind, make in kinds.items():
        (answer,) = await ask(server.url, itertools.islice(make(), 1))
        said = answer.status, json.loads(answer.body)["reason"] if answer.body else None
        if said != ((200, None) if kind == COLD else (401, kind)):
            raise LoadFailed(f"{kind}: {said}")


def _time_verification(sealer: Sealer) -> float:
    """Return the microseconds of CPU for the signature of a token, verified by cryptography."""
    key = sealer.find_key().public
    if not isinstance(key, RSAPublicKey) or key.key_size != BITS:
        raise LoadFailed(f"the service signs with {key}")
    signed, _, signature = sealer.access(0).rpartition(".")
    octets, octets_signed = from_base64url(signature), signed.encode()
    assert octets is not None
    began = time.thread_time()
    for _ in range(VERIFICATIONS):
        key.verify(octets, octets_signed, PKCS1v15(), SHA256())
    return (time.thread_time() - began) * 1e6 / VERIFICATIONS
