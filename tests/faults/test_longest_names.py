"""Who has the longest name there is, with no letter of ASCII in it, is refused everywhere."""

import time
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from sidecar.core.user import LONGEST_USERNAME
from tests.faults.asking import ask, let_in_until, log_in_token, until_degraded
from tests.faults.pairs import serving_pair
from tests.programs.redis import RedisServer

pytestmark = pytest.mark.asyncio

WITHIN = 1.0  # seconds, of the feed by SQL, which a command goes by
NAME = "\N{CYRILLIC SMALL LETTER ZHE}" * LONGEST_USERNAME


@pytest.mark.parametrize("by_redis", [False, True], ids=["sql", "redis"])
async def test_their_end_holds_on_both_and_a_new_login_is_good(
    tmp_path: Path, client: ClientSession, redis_server: RedisServer, *, by_redis: bool
) -> None:
    settings: dict[str, Any] = {"redis": {"url": redis_server.url}} if by_redis else {}
    async with serving_pair(tmp_path, settings, user=NAME) as pair:
        services = (pair.one, pair.other)
        for service in services:
            await until_degraded(client, service)
        tokens = [await log_in_token(client, service, NAME) for service in services]
        ended = await pair.one.run("revoke", "--user", NAME)
        assert ended.status == 0, ended.err
        since = time.monotonic()
        for service in services:
            for token in tokens:
                assert await let_in_until(client, service, token, since) <= WITHIN
        for here, there in pair.ways():
            token = await log_in_token(client, here, NAME)
            assert [await ask(client, each, token) for each in (here, there)] == [200, 200]
