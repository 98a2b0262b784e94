"""`POST /oauth/token` with `refresh_token` (RFC 6749 section 6): the refresh of /refresh."""

import logging

import pytest

from tests.oauth.programs import Oauth, assert_refused, log_in_refresh, refresh_with
from tests.web.asked import claims_of, is_let_in, refresh
from tests.web.test_login_log import lines

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("more", [{}, {"client_id": "sidecar"}, {"client_id": ""}])
async def test_who_shows_a_refresh_token_needs_no_other_credential(
    shared: Oauth, more: dict[str, str]
) -> None:
    first = await log_in_refresh(shared)
    answer = await shared.grant(refresh_with(first, **more))
    assert answer.status == 200
    assert set(answer.json) == {
        *("access_token", "token_type", "expires_in", "refresh_token", "refresh_expires_in"),
        "scope",
    }
    assert (answer.json["token_type"], answer.json["scope"]) == (
        "Bearer",
        "orders:read orders:write",
    )
    assert answer.headers["Cache-Control"] == "no-store"
    assert await is_let_in(shared.web, answer.json["access_token"])
    second = answer.json["refresh_token"]
    assert second != first
    # One and the same session: either endpoint goes on where the other was.
    assert (await refresh(shared.web, second)).status == 200


@pytest.mark.parametrize(
    ("scope", "given"),
    [
        ("orders:read", "orders:read"),
        ("orders:write orders:read", "orders:read orders:write"),
        ("", "orders:read orders:write"),
    ],
)
async def test_the_access_token_is_narrowed_and_the_session_is_not(
    shared: Oauth, scope: str, given: str
) -> None:
    answer = await shared.grant(refresh_with(await log_in_refresh(shared), scope=scope))
    assert (answer.status, answer.json["scope"]) == (200, given)
    assert claims_of(answer.json["access_token"])["scope"] == given
    after = await shared.grant(refresh_with(answer.json["refresh_token"]))
    assert after.json["scope"] == "orders:read orders:write"


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"scope": "admin"}, "invalid_scope"),
        ({"scope": "orders:read admin"}, "invalid_scope"),
        ({"scope": "orders:read  orders:write"}, "invalid_scope"),
        ({"resource": "api"}, "invalid_target"),
        ({"resource": "other"}, "invalid_target"),
    ],
)
async def test_a_refresh_that_asks_for_too_much_spends_nothing(
    shared: Oauth, more: dict[str, str], error: str
) -> None:
    token = await log_in_refresh(shared)
    assert_refused(await shared.grant(refresh_with(token, **more)), 400, error)
    answer = await shared.grant(refresh_with(token))
    assert answer.status == 200
    assert (await shared.grant(refresh_with(answer.json["refresh_token"]))).status == 200


async def test_what_is_no_good_refresh_token_is_an_invalid_grant(shared: Oauth) -> None:
    token = await log_in_refresh(shared)
    access = (await shared.web.log_in())["access_token"]
    bodies = set()
    for bad in (
        token[:-1],
        f"{token}A",
        f"A{token[1:]}"[::-1],
        "x",
        "x" * 10_000,
        access,
        "\u00e9",
    ):
        answer = await shared.grant(refresh_with(bad))
        assert_refused(answer, 400, "invalid_grant")
        bodies.add(answer.body)
    await shared.revoke(token)  # its session ends
    ended = await shared.grant(refresh_with(token))
    assert_refused(ended, 400, "invalid_grant")
    assert bodies == {ended.body}  # the cause stands in the log only


async def test_a_program_refreshes_no_session_and_ends_none(
    shared: Oauth, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="sidecar")
    token = await log_in_refresh(shared)
    for more, headers in (({}, shared.reports.basic), (shared.reports.post, {})):
        assert_refused(
            await shared.grant(refresh_with(token, **more), headers), 400, "invalid_grant"
        )
    assert {line["cause"] for line in lines(caplog, "grant refused")} == {
        "a program shows a person's refresh token"
    }
    assert (await shared.grant(refresh_with(token))).status == 200


@pytest.mark.parametrize(
    "more", [{"client_id": "App-" + "A" * 22}, {"client_id": "other"}, {"client_secret": "x"}]
)
async def test_nobody_refreshes_in_the_name_of_a_program(
    shared: Oauth, more: dict[str, str]
) -> None:
    token = await log_in_refresh(shared)
    answer = await shared.grant(refresh_with(token, **more))
    assert answer.json["error"] == ("invalid_client" if "client_id" in more else "invalid_request")
    assert (await shared.grant(refresh_with(token))).status == 200


async def test_the_client_of_people_has_no_secret(shared: Oauth) -> None:
    more = {"client_id": "sidecar", "client_secret": "x"}
    assert_refused(
        await shared.grant(refresh_with(await log_in_refresh(shared), **more)),
        401,
        "invalid_client",
    )


async def test_a_refresh_without_its_token_is_an_invalid_request(shared: Oauth) -> None:
    for bad in ({"grant_type": "refresh_token"}, refresh_with("")):
        assert_refused(await shared.grant(bad), 400, "invalid_request")
