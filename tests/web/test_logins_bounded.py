"""How often one person may log in, and that nobody does whose attempts cannot be counted."""

from pathlib import Path

import pytest

from tests.web.asked import locked, log_in
from tests.web.conftest import serving_web

pytestmark = pytest.mark.asyncio


async def test_while_sql_is_away_nobody_is_checked(tmp_path: Path) -> None:
    async with serving_web(tmp_path) as web:
        await web.add_user()
        async with locked(web):
            answer = await log_in(web)
        answer.assert_problem(503, "unavailable")
        assert "Retry-After" in answer.headers


async def test_one_user_logs_in_so_often_in_an_hour_as_the_settings_say(tmp_path: Path) -> None:
    settings = {"throttle": {"logins_per_hour": 2}}
    async with serving_web(tmp_path, settings) as web:
        await web.add_user()
        await web.add_user("eve")
        answers = [await log_in(web) for _ in range(3)]
        assert [each.status for each in answers] == [200, 200, 429]
        assert int(answers[2].headers["Retry-After"]) in range(3_590, 3_601)
        assert (await log_in(web, username="eve")).status == 200
