"""How long what a login gives lives, by the settings."""

from pathlib import Path

import pytest

from tests.web.asked import claims_of
from tests.web.conftest import serving_web

pytestmark = pytest.mark.asyncio

DAY = 86_400


@pytest.mark.parametrize(
    ("tokens", "expires_in", "refresh_expires_in"),
    [
        ({"access_ttl": "1m"}, 60, 30 * DAY),
        ({"refresh_ttl": "1h"}, 600, 3600),
        ({"session_ttl": "1h"}, 600, 3600),
        ({"session_ttl": "5m"}, 300, 300),
    ],
)
async def test_nothing_outlives_its_session(
    tmp_path: Path, tokens: dict[str, str], expires_in: int, refresh_expires_in: int
) -> None:
    async with serving_web(tmp_path, {"tokens": tokens}) as web:
        await web.add_user()
        given = await web.log_in()
        claims = claims_of(given["access_token"])
        assert claims["exp"] - claims["iat"] == given["expires_in"] == expires_in
        assert given["refresh_expires_in"] == refresh_expires_in
