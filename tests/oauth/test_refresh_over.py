"""`POST /oauth/token` with `refresh_token`: a session that is over, and a store that is away."""

import pytest

from tests.oauth.programs import Oauth, assert_refused, log_in_refresh, refresh_with
from tests.web.asked import age_sessions, locked

pytestmark = pytest.mark.asyncio

DAY = 86_400


async def test_a_session_that_is_over_gives_nothing(oauth: Oauth) -> None:
    token = await log_in_refresh(oauth)
    await age_sessions(oauth.web, 30 * DAY)
    assert_refused(await oauth.grant(refresh_with(token)), 400, "invalid_grant")


async def test_a_removed_user_gets_nothing(oauth: Oauth) -> None:
    token = await log_in_refresh(oauth)
    await oauth.web.remove_user("alice")
    assert_refused(await oauth.grant(refresh_with(token)), 400, "invalid_grant")


async def test_while_the_store_is_away_nothing_can_be_told(oauth: Oauth) -> None:
    token = await log_in_refresh(oauth)
    async with locked(oauth.web):
        for given, headers in (
            (refresh_with(token), {}),
            ({"grant_type": "client_credentials"}, oauth.reports.basic),
        ):
            answer = await oauth.grant(given, headers)
            answer.assert_problem(503, "unavailable")
            assert answer.headers["Retry-After"] == "2"
    assert (await oauth.grant(refresh_with(token))).status == 200
