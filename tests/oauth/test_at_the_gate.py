"""A program at the gate: who it is, what it may, and until when."""

import json
import logging

import pytest

from sidecar.clock import read_clock
from sidecar.ports import ClientChange
from tests.oauth.programs import BY, Oauth
from tests.web.asked import ask, bearer, rows

pytestmark = pytest.mark.asyncio


async def test_the_upstream_is_told_the_client_id(oauth: Oauth) -> None:
    answer = await oauth.verify(await oauth.log_in(oauth.reports))
    assert answer.status == 200
    assert answer.headers["Remote-User"] == oauth.reports.client_id
    assert answer.headers["X-Auth-Subject"] == oauth.reports.client_id
    assert answer.headers["X-Auth-Scope"] == "orders:read orders:write reports"
    for name in ("Remote-Name", "Remote-Email", "Remote-Groups"):
        assert answer.headers[name] == ""


async def test_a_program_passes_where_its_scopes_do(oauth: Oauth) -> None:
    reports, files = [await oauth.log_in(each) for each in (oauth.reports, oauth.files)]
    narrow = await oauth.log_in(oauth.reports, scope="reports")
    for token, path, status in (
        (reports, "/orders/1", 200),
        (narrow, "/orders/1", 403),
        (files, "/orders/1", 403),
        (reports, "/admin/", 403),
        (reports, "/other", 200),
        (files, "/other", 200),
    ):
        assert (await oauth.verify(token, path)).status == status, path


async def test_a_token_for_somebody_else_opens_nothing_here(oauth: Oauth) -> None:
    token = await oauth.log_in(oauth.elsewhere)
    (await oauth.verify(token)).assert_problem(401, "audience")
    (await ask(oauth.web, "GET", "/me", bearer(token))).assert_problem(401, "audience")


async def test_a_program_is_no_person_and_no_administrator(oauth: Oauth) -> None:
    token = await oauth.log_in(oauth.reports)
    for path in ("/me", "/clients", "/audit"):
        answer = await ask(oauth.web, "GET", path, bearer(token))
        answer.assert_problem(403, "user_not_listed")


async def test_a_change_refuses_older_tokens_and_gives_new_rights(oauth: Oauth) -> None:
    programs, now = oauth.web.serving.services.programs, read_clock().unix
    old = await oauth.log_in(oauth.reports)
    change = ClientChange(scopes=("reports",))
    await programs.change(oauth.reports.client_id, change, BY, now, seen=0)
    (await oauth.verify(old)).assert_problem(401, "revoked_user")
    new = await oauth.log_in(oauth.reports)
    assert (await oauth.verify(new)).status == 403
    assert (await oauth.verify(new, "/other")).status == 200


async def test_a_removed_program_is_refused_and_gets_nothing(oauth: Oauth) -> None:
    programs, now = oauth.web.serving.services.programs, read_clock().unix
    token = await oauth.log_in(oauth.reports)
    await programs.remove(oauth.reports.client_id, BY, now, seen=None)
    (await oauth.verify(token)).assert_problem(401, "revoked_user")
    answer = await oauth.grant({"grant_type": "client_credentials"}, oauth.reports.basic)
    assert (answer.status, answer.json["error"]) == (401, "invalid_client")
    # Another one of that name is another program.
    again = await oauth.add("reports")
    assert again.client_id != oauth.reports.client_id
    assert (await oauth.verify(await oauth.log_in(again), "/other")).status == 200
    (await oauth.verify(token)).assert_problem(401, "revoked_user")


async def test_the_end_of_everyone_is_that_of_programs_too(oauth: Oauth) -> None:
    token = await oauth.log_in(oauth.reports)
    await oauth.web.serving.services.revocations.end_all_sessions(BY, read_clock().unix)
    (await oauth.verify(token)).assert_problem(401, "revoked_everyone")
    assert (await oauth.verify(await oauth.log_in(oauth.reports))).status == 200


async def test_no_secret_is_kept_or_written_down(
    oauth: Oauth, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="sidecar")
    fresh = await oauth.add("fresh")
    await oauth.log_in(fresh)
    secret = fresh.secret.removeprefix("sidecar_secret_")
    kept = await rows(oauth.web)
    assert any(fresh.client_id in row for row in kept)
    assert not any(secret in row for row in kept)
    told = json.dumps([vars(record) for record in caplog.records], default=str)
    assert secret not in told
