"""Every form of Redis that operators run carries revocations, and counts attempts to log in."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from sidecar.core.revocation import RevocationView
from sidecar.ports.throttle import Counted
from sidecar.settings.types import RedisAccess
from sidecar.stores.redis.client import PLAIN
from sidecar.stores.redis.health import RIGHTS
from sidecar.stores.redis.places import CLUSTER_RIGHT, SLOT
from sidecar.stores.redis.throttle import RedisThrottle
from tests.contracts.redis_readers import contents, entries, reading, token
from tests.contracts.throttles import ALICE, knock
from tests.programs.certificates import Certificates, make_certificates
from tests.programs.redis import serving_redis
from tests.programs.redisforms import OUR_SLOT, serving_cluster, serving_sentinels

pytestmark = pytest.mark.asyncio

SECRET = "s3cret@:/?"
ESCAPED = "s3cret%40%3A%2F%3F"
REVOCATIONS: Final = 200  # of which the third slowest is their p99
PROMISED: Final = 0.25  # seconds, p99
NAP: Final = 0.005  # seconds


class Place(NamedTuple):
    """Where a Redis is, and what is shown to it."""

    url: str
    access: RedisAccess = PLAIN


@asynccontextmanager
async def plain(folder: Path) -> AsyncIterator[Place]:
    async with serving_redis(folder, SECRET) as server:
        yield Place(f"redis://:{ESCAPED}@127.0.0.1:{server.port}/3")


@asynccontextmanager
async def password_file(folder: Path) -> AsyncIterator[Place]:
    async with serving_redis(folder, SECRET) as server:
        yield Place(f"redis://127.0.0.1:{server.port}", RedisAccess(password=SECRET))


@asynccontextmanager
async def socket(folder: Path) -> AsyncIterator[Place]:
    path = folder / "redis.sock"
    async with serving_redis(folder, None, ("--unixsocket", str(path), "--unixsocketperm", "700")):
        yield Place(f"unix://{path}?db=1")


@asynccontextmanager
async def user_with_least_rights(folder: Path) -> AsyncIterator[Place]:
    user = ("--user", "sidecar", "on", f">{SECRET}", *RIGHTS.split())
    async with serving_redis(folder, None, (*user, "--user", "default", "off")) as server:
        yield Place(f"redis://sidecar:{ESCAPED}@127.0.0.1:{server.port}")


def show(made: Certificates) -> RedisAccess:
    """Return what is shown to a server that wants a certificate."""
    certificate, key = made.client
    return RedisAccess(ca_file=made.ca, cert_file=certificate, key_file=key)


@asynccontextmanager
async def tls(folder: Path) -> AsyncIterator[Place]:
    made = make_certificates(folder)
    async with serving_redis(folder, tls=made) as server:
        yield Place(server.url, show(made))


@asynccontextmanager
async def sentinel(folder: Path) -> AsyncIterator[Place]:
    async with serving_sentinels(folder) as sentinels:
        yield Place(sentinels.url)


@asynccontextmanager
async def sentinel_with_passwords(folder: Path) -> AsyncIterator[Place]:
    async with serving_sentinels(folder, "s3cret", "0ther") as sentinels:
        yield Place(sentinels.url, RedisAccess(sentinel_password="0ther"))


@asynccontextmanager
async def cluster(folder: Path) -> AsyncIterator[Place]:
    async with serving_cluster(folder) as made:
        yield Place(made.url)


@asynccontextmanager
async def cluster_user_with_least_rights(folder: Path) -> AsyncIterator[Place]:
    user = ("--user", "sidecar", "on", f">{SECRET}", *RIGHTS.split(), CLUSTER_RIGHT)
    async with serving_cluster(folder, arguments=user) as made:
        yield Place(made.url.replace("://", f"://sidecar:{ESCAPED}@"))


@asynccontextmanager
async def sentinel_by_tls(folder: Path) -> AsyncIterator[Place]:
    made = make_certificates(folder)
    async with serving_sentinels(folder, tls=made) as sentinels:
        yield Place(sentinels.url, show(made))


@asynccontextmanager
async def cluster_by_tls(folder: Path) -> AsyncIterator[Place]:
    made = make_certificates(folder)
    async with serving_cluster(folder, made) as nodes:
        yield Place(nodes.url, show(made))


FORMS = (
    plain,
    password_file,
    socket,
    user_with_least_rights,
    tls,
    sentinel,
    sentinel_with_passwords,
    cluster,
    cluster_user_with_least_rights,
    sentinel_by_tls,
    cluster_by_tls,
)
Form = Callable[[Path], AbstractAsyncContextManager[Place]]


@asynccontextmanager
async def napping() -> AsyncIterator[list[float]]:
    """Yield by how much those were late, in seconds, who did nothing but sleep meanwhile."""
    late: list[float] = []

    async def nap() -> None:
        while True:
            began = time.monotonic()
            await asyncio.sleep(NAP)
            late.append(time.monotonic() - began - NAP)

    napper = asyncio.create_task(nap())
    try:
        yield late
    finally:
        napper.cancel()


def find_p99(values: Sequence[float]) -> float:
    return sorted(values)[math.ceil(0.99 * len(values)) - 1]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
async def test_each_form_carries_revocations_and_counts_attempts(
    tmp_path: Path, form: Form
) -> None:
    async with (
        form(tmp_path) as place,
        reading(*place) as here,
        reading(*place) as there,
        aclosing(RedisThrottle(*place)) as throttle,
    ):
        await there.until_fresh()
        own = RevocationView()
        sent: dict[str, float] = {}
        async with napping() as overslept:
            for number in range(REVOCATIONS):
                revocation = token(f"j-{number}")
                assert await here.feed.announce(entries(revocation))
                sent[revocation.subject] = time.monotonic()
                own.apply([revocation])
            await there.until_holds(*sent)
        delays = [max(0.0, there.arrived[subject] - at) for subject, at in sent.items()]
        # It wakes up twice for each, to read and to apply: so late a busy machine makes it.
        assert find_p99(delays) <= PROMISED + 2 * find_p99(overslept)
        assert await there.feed.announce(entries(*(token(f"k-{number}") for number in range(450))))
        async with reading(*place) as late:  # it has the snapshot alone
            await late.until_holds(*sent, *(f"k-{number}" for number in range(450)))
            await here.until(lambda: contents(here.view) == contents(late.view))
        assert isinstance(await knock(throttle, ALICE), Counted)
        assert [key for key, _ in await throttle.list_tallies()] == [ALICE.key]
        assert await throttle.clear([ALICE.key]) == 1
        await here.until(lambda: here.feed.healthy and there.feed.healthy)


async def test_our_keys_are_in_the_slot_that_nodes_are_asked_for() -> None:
    assert SLOT == OUR_SLOT
