"""Who shows a personal token: what is asked of the store, how often, and how long it holds."""

import asyncio
from ipaddress import ip_network

import pytest
import pytest_asyncio

from sidecar.clients import shown as shown_module
from sidecar.clients.shown import (
    AT_ONCE,
    DEAD_FOR,
    DEADLINE,
    KEPT_FOR,
    MOST_WAITING,
    PRINCIPAL_TTL,
)
from sidecar.core.personal import ShownToken, seal_personal_token
from sidecar.core.revocation import Level, Revocation
from sidecar.core.token import VerifiedToken
from sidecar.core.verdict import Deny, Reason
from sidecar.errors import FieldsInvalid, Overloaded, StoreUnavailable
from sidecar.stores.sql import SqlStore
from tests.contracts.desk import KEY, Desk, at, make_desk
from tests.contracts.sql_stores import BY, NOW, run_sql

pytestmark = pytest.mark.asyncio

PATIENCE = 60.0  # seconds; what takes longer on any machine has failed


@pytest_asyncio.fixture
async def desk(store: SqlStore) -> Desk:
    """Return alice's desk."""
    return await make_desk(store)


def principal(shown: ShownToken | None) -> VerifiedToken:
    assert shown is not None
    assert isinstance(shown.opened, VerifiedToken)
    return shown.opened


async def test_what_the_store_said_holds_for_a_while(desk: Desk) -> None:
    text = await desk.give(scopes=("orders:read",))
    assert desk.shown.find(text, at()) is None
    first = await desk.shown.read(text)
    assert principal(first).claims.scope == "orders:read"
    assert principal(first).claims.exp == NOW + PRINCIPAL_TTL
    assert desk.shown.find(text, at(KEPT_FOR - 1)) is first
    assert desk.shown.find(text, at(KEPT_FOR)) is None
    assert desk.shown.find(text, at(-1)) is None  # a clock that was set back
    again = await desk.shown.show(text, desk.later(KEPT_FOR))
    assert principal(again).claims.exp == NOW + KEPT_FOR + PRINCIPAL_TTL
    assert len(desk.watched.asked) == 2
    # What is kept for the old one, an assertion say, is not that of the new one.
    assert principal(again).claims.jti != principal(first).claims.jti


async def test_it_ends_on_its_second(desk: Desk) -> None:
    text = await desk.give(expires_in=100)
    shown = await desk.shown.read(text)
    assert (principal(shown).claims.exp, shown.expires_at) == (NOW + 100, NOW + 100)
    assert desk.shown.find(text, at(99)) is shown
    assert desk.shown.find(text, at(100)) is None
    desk.later(100)
    over = await desk.shown.read(text)
    assert over.opened == Deny(Reason.EXPIRED)
    assert over.token is not None
    assert over.token.claims.sub == desk.alice.id


async def test_a_refusal_is_not_asked_about_again_for_a_while(desk: Desk) -> None:
    unknown = seal_personal_token(KEY, bytes(12), bytes(20))
    assert (await desk.shown.read(unknown)).opened == Deny(Reason.REVOKED_TOKEN)
    assert desk.shown.find(unknown, at(DEAD_FOR - 0.01)) is not None
    assert desk.shown.find(unknown, at(DEAD_FOR)) is None


async def test_a_text_with_the_id_of_another_is_not_that_one(desk: Desk, database_url: str) -> None:
    await desk.give()
    await run_sql(database_url, "UPDATE personal_tokens SET id = 'AAECAwQFBgcICQoL'")
    other = seal_personal_token(KEY, bytes(range(12)), bytes(20))
    assert (await desk.shown.read(other)).opened == Deny(Reason.REVOKED_TOKEN)


async def test_a_forgery_asks_nothing(desk: Desk) -> None:
    forged = seal_personal_token(b"o" * 32, bytes(12), bytes(20))
    for text in (forged, "", "sidecar_pat_", "a" * 100_000):
        found = desk.shown.find(text, at())
        assert found is not None
        assert isinstance(found.opened, Deny)
        assert (await desk.shown.read(text)).opened == found.opened
    assert desk.watched.asked == []


async def test_networks_are_told_with_it(desk: Desk) -> None:
    office = ip_network("10.0.0.0/8")
    assert (await desk.shown.read(await desk.give(networks=(office,)))).networks == (office,)


async def test_a_change_of_rights_is_read_again_and_taken_as_it_is_then(desk: Desk) -> None:
    text = await desk.give(scopes=("orders:read",))
    assert principal(await desk.shown.show(text, at())).claims.roles == ("staff",)
    await desk.change(roles=("ops",))
    assert desk.shown.find(text, at()) is None
    claims = principal(await desk.shown.show(text, at())).claims
    assert (claims.roles, claims.scope, claims.epoch) == (("ops",), "orders:read", (0, NOW))
    await desk.change(roles=())
    assert principal(await desk.shown.show(text, at())).claims.scope == ""
    assert len(desk.watched.asked) == 3


async def test_rights_that_change_while_they_are_read_are_read_again(desk: Desk) -> None:
    text = await desk.give()
    desk.watched.open.clear()
    reading = asyncio.ensure_future(desk.shown.read(text))
    await desk.watched.found.wait()  # with the old rights
    await desk.change(roles=("ops",))
    desk.watched.open.set()
    assert principal(await reading).claims.epoch == (0, NOW)
    assert len(desk.watched.asked) == 2


async def test_a_store_that_knows_less_than_the_view_lets_nobody_in(desk: Desk) -> None:
    text = await desk.give()
    desk.view.apply([Revocation(Level.USER, desk.alice.id, 1, NOW + 9)])
    assert (await desk.shown.read(text)).opened == Deny(Reason.REVOKED_USER)
    asked = len(desk.watched.asked)
    assert (await desk.shown.show(text, desk.later(1))).opened == Deny(Reason.REVOKED_USER)
    assert len(desk.watched.asked) == asked  # remembered, as every refusal


async def test_a_disabled_owner_has_no_token(desk: Desk, database_url: str) -> None:
    text = await desk.give()
    await run_sql(database_url, "UPDATE users SET disabled = TRUE")
    shown = await desk.shown.read(text)
    assert shown.opened == Deny(Reason.REVOKED_USER)


async def test_a_store_that_is_away_is_told_and_not_remembered(desk: Desk) -> None:
    text = await desk.give()
    desk.watched.away = True
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await desk.shown.show(text, at())
    desk.watched.away = False
    principal(await desk.shown.show(text, at()))


async def test_who_cannot_wait_is_told_and_the_answer_is_kept_all_the_same(desk: Desk) -> None:
    text = await desk.give()
    desk.watched.open.clear()
    async with asyncio.timeout(DEADLINE + 1):
        with pytest.raises(StoreUnavailable, match="in time"):
            await desk.shown.read(text)
    desk.watched.open.set()
    principal(await desk.shown.read(text))
    assert len(desk.watched.asked) == 1


async def test_who_comes_late_is_told_what_holds_when_the_store_answers(desk: Desk) -> None:
    text, short = await desk.give(), await desk.give(expires_in=PRINCIPAL_TTL)
    desk.watched.open.clear()
    waiting = [asyncio.ensure_future(desk.shown.read(each)) for each in (text, short)]
    await desk.watched.found.wait()
    now = desk.later(PRINCIPAL_TTL)
    late = asyncio.ensure_future(desk.shown.show(text, now))
    desk.watched.open.set()
    first, over = await asyncio.gather(*waiting)
    assert await late is first
    assert principal(first).claims.exp == NOW + 2 * PRINCIPAL_TTL
    assert desk.shown.find(text, now) is first
    assert over.opened == Deny(Reason.EXPIRED)
    assert desk.shown.find(short, at(PRINCIPAL_TTL + DEAD_FOR - 0.01)) is over


async def test_so_many_are_read_at_once_and_so_many_wait(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    # All of them are to be answered, however slow the machine and its database.
    monkeypatch.setattr(shown_module, "DEADLINE", PATIENCE)
    desk.watched.open.clear()
    texts = [
        seal_personal_token(KEY, index.to_bytes(12, "big"), bytes(20))
        for index in range(MOST_WAITING + 1)
    ]
    waiting = [asyncio.ensure_future(desk.shown.read(text)) for text in texts[:-1]]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await desk.shown.read(texts[-1])
    same = asyncio.ensure_future(desk.shown.read(texts[0]))  # which is asked about anyway
    await asyncio.sleep(0)
    assert len(desk.watched.asked) == AT_ONCE
    desk.watched.open.set()
    for shown in await asyncio.gather(*waiting, same):
        assert shown.opened == Deny(Reason.REVOKED_TOKEN)
    assert desk.watched.most_running == AT_ONCE
    assert len(desk.watched.asked) == MOST_WAITING
    assert (await desk.shown.read(texts[-1])).opened == Deny(Reason.REVOKED_TOKEN)


async def test_scopes_of_others_are_not_given(desk: Desk) -> None:
    with pytest.raises(FieldsInvalid) as told:
        await desk.give(scopes=("orders:read", "deploy", "Orders:read"))
    assert [pointer for pointer, _ in told.value.errors] == ["/scopes/1", "/scopes/2"]
    assert await desk.tokens.list(None, NOW) == []


async def test_who_shows_a_token_may_take_it_back(desk: Desk) -> None:
    text, other = await desk.give(), await desk.give()
    principal(await desk.shown.show(text, at()))
    forged = seal_personal_token(b"o" * 32, bytes(12), bytes(20))
    for shown in (forged, "x", text, text):
        await desk.tokens.remove_shown(shown, BY.device, NOW, key=KEY)
    assert len(await desk.tokens.list(desk.alice.id, NOW)) == 1
    claims = principal(desk.shown.find(text, at())).claims
    assert desk.view.find_refusal(claims) is Reason.REVOKED_SESSION
    principal(await desk.shown.show(other, at()))
