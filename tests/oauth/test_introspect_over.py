"""`POST /oauth/introspect`: what was taken away, and what cannot be told."""

import pytest

from sidecar.clock import read_clock
from sidecar.core.revocation import RevocationView
from sidecar.ports import ClientChange
from tests.oauth.programs import BY, INACTIVE, Oauth, told_of
from tests.web.asked import claims_of

pytestmark = pytest.mark.asyncio


async def test_what_was_taken_away_is_not_active(oauth: Oauth) -> None:
    first, second, third = [await oauth.log_in(oauth.reports) for _ in range(3)]
    assert (await oauth.revoke(first, oauth.reports.basic)).status == 200
    assert await oauth.introspect(first, oauth.reports.basic) == INACTIVE
    assert await oauth.introspect(second, oauth.reports.basic) == told_of(second)
    programs, now = oauth.web.serving.services.programs, read_clock().unix
    change = ClientChange(scopes=("reports",))
    await programs.change(oauth.reports.client_id, change, BY, now, seen=0)
    assert await oauth.introspect(second, oauth.reports.basic) == INACTIVE
    fourth = await oauth.log_in(oauth.reports)
    assert claims_of(fourth)["epoch"][1] >= now
    await oauth.web.serving.services.revocations.end_all_sessions(BY, read_clock().unix)
    for token in (third, fourth):
        assert await oauth.introspect(token, oauth.reports.basic) == INACTIVE


async def test_a_person_whose_rights_changed_is_not_active(oauth: Oauth) -> None:
    token = oauth.alice["Authorization"].removeprefix("Bearer ")
    assert (await oauth.introspect(token, oauth.reports.basic))["active"]
    await oauth.web.change_user("alice", roles=())
    assert await oauth.introspect(token, oauth.reports.basic) == INACTIVE


async def test_while_the_view_is_too_old_nothing_can_be_told(oauth: Oauth) -> None:
    token = await oauth.log_in(oauth.reports)
    view = RevocationView()  # that no feed keeps fresh
    view.heard(read_clock().monotonic - 31)
    oauth.web.serving.gate.view = view
    answer = await oauth.ask("/oauth/introspect", {"token": token}, oauth.reports.basic)
    answer.assert_problem(503, "unavailable")
    assert answer.headers["Retry-After"] == "2"
