"""The password of the first administrator, which the settings give."""

from pathlib import Path

import pytest

from sidecar.errors import DocumentInvalid
from tests.programs.service import PASSWORD
from tests.web.asked import ask
from tests.web.conftest import serving_web

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize(
    ("password", "problem"),
    [
        ("password1234", "is too easy to guess: it is common, or follows a pattern"),
        ("rootrootroot", "is little more than a name of the account or of this service"),
        ("Auth.Example1", "is little more than a name of the account or of this service"),
    ],
)
async def test_nobody_becomes_administrator_by_a_password_that_is_easy_to_guess(
    tmp_path: Path, password: str, problem: str
) -> None:
    settings = {"bootstrap": {"admin": "root", "password": password}}
    with pytest.raises(DocumentInvalid) as raised:
        async with serving_web(tmp_path, settings):
            pass
    assert raised.value.problems == (f"bootstrap.password: {problem}",)


async def test_where_there_is_somebody_the_password_of_the_settings_is_nobodys(
    tmp_path: Path,
) -> None:
    async with serving_web(tmp_path) as web:
        await web.add_user()
    settings = {"bootstrap": {"admin": "root", "password": "password1234"}}
    async with serving_web(tmp_path, settings) as web:
        body = {"username": "root", "password": "password1234"}
        assert (await ask(web, "POST", "/login", {}, body)).status == 401
        body = {"username": "alice", "password": PASSWORD}
        assert (await ask(web, "POST", "/login", {}, body)).status == 200
