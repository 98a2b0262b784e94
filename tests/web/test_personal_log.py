"""What the log and `sidecar why` say of a personal token: whose it is, and never what it is."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sidecar.core.personal import PREFIX
from tests.web.asked import Asked, ask, locked
from tests.web.gated import Answer, Line
from tests.web.refused import find_refusals
from tests.web.scripts import SETTINGS, Scripts, basic, came_from, serving_scripts, shown

pytestmark = pytest.mark.asyncio


@pytest.fixture(autouse=True)
def _all_levels(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.DEBUG):
        yield


def lines_about(caplog: pytest.LogCaptureFixture, answer: Answer | Asked) -> list[dict[str, Any]]:
    """Return what the log says of one request."""
    request_id = answer.headers["X-Request-Id"]
    return [
        {**vars(each), "message": each.getMessage()}
        for each in caplog.records
        if vars(each).get("request_id") == request_id
    ]


async def refusal_of(scripts: Scripts, target: str, *lines: Line) -> tuple[Answer, dict[str, Any]]:
    """Return a refusal, and what is remembered of it."""
    answer = await scripts.verify(target, *lines)
    (kept,) = await find_refusals(scripts.web, answer.headers["X-Request-Id"])
    assert kept["reason"] == answer.reason
    return answer, kept


async def test_a_refusal_says_whose_token_it_is_where_that_is_known(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving_scripts(tmp_path) as scripts:
        alice = (await scripts.call("GET", "/me")).json["id"]
        token, removed = await scripts.give(), await scripts.give()
        inside = await scripts.give(networks=["10.0.0.0/8"])
        assert (await scripts.verify("/", shown(removed.text))).status == 200
        await scripts.remove(removed)
        office = came_from("192.0.2.1")
        forged = f"{PREFIX}{'A' * 64}"
        for target, line, reason, known in (
            ("/admin/", token.text, "role_missing", True),
            ("/", removed.text, "revoked_session", True),
            ("/", inside.text, "network_not_allowed", True),
            ("/", forged, "bad_signature", False),
        ):
            for spelled in (shown(line), basic(line)):
                answer, kept = await refusal_of(scripts, target, spelled, office)
                (told,) = lines_about(caplog, answer)
                assert (told["message"], told["reason"]) == ("refused", reason)
                assert told["sub"] == (alice if known else None)
                assert kept["username"] == ("alice" if known else None)
        written = "\n".join(str(vars(each)) for each in caplog.records)
        assert PREFIX not in written


async def test_why_names_the_networks_of_the_token_and_no_condition_of_the_rule(
    tmp_path: Path,
) -> None:
    async with serving_scripts(tmp_path) as scripts:
        token = await scripts.give(networks=["10.0.0.0/8"])
        _, kept = await refusal_of(scripts, "/", shown(token.text), came_from("192.0.2.1"))
        assert kept["needs"] == [
            "an address in one of the networks of the personal token that came along"
        ]
        _, kept = await refusal_of(scripts, "/inside/", came_from("192.0.2.1"), shown(token.text))
        assert kept["needs"] == ["an address in one of 10.0.0.0/8"]


async def test_an_allow_is_logged_with_its_owner(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = {**SETTINGS, "log": {"decisions": "all"}}
    async with serving_scripts(tmp_path, settings) as scripts:
        token = await scripts.give()
        alice = (await scripts.call("GET", "/me")).json["id"]
        for line in (shown(token.text), basic(token.text)):
            (told,) = lines_about(caplog, await scripts.verify("/", line))
            assert (told["message"], told["sub"]) == ("allowed", alice)
        assert token.text not in "\n".join(str(vars(each)) for each in caplog.records)


async def test_what_could_not_be_told_is_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving_scripts(tmp_path) as scripts:
        token = await scripts.give()
        async with locked(scripts.web):
            answer = await scripts.verify("/", shown(token.text))
        assert answer.status == 503
        (told,) = lines_about(caplog, answer)
        assert (told["levelname"], told["message"]) == ("WARNING", "no verdict")
        assert "personal token" in told["cause"]
        assert token.text not in str(told)


async def test_neither_giving_nor_showing_one_elsewhere_writes_it_down(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving_scripts(tmp_path) as scripts:
        token = await scripts.give()
        for name, value in (shown(token.text), basic(token.text)):
            for method, path in (("GET", "/me"), ("POST", "/logout"), ("POST", "/oauth/token")):
                await ask(scripts.web, method, path, {name: str(value)})
        await scripts.remove(token)
        assert PREFIX not in "\n".join(str(vars(each)) for each in caplog.records)
