"""Any octets as a token, path, host or header: an answer of the table, and nobody let in by it."""

from typing import Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.core.properties import QUICK
from tests.web.gated import BOTH_WAYS, COOKIE, DIALECTS, IDENTITY, Answer, Gated, asked, send

pytestmark = [pytest.mark.asyncio(loop_scope="module"), BOTH_WAYS]

STATUSES: Final = {200, 302, 303, 400, 401, 403}
# CR and LF would end the line; everything else is sent as it is.
OCTETS: Final = st.binary(max_size=80).map(lambda octets: octets.translate(None, b"\r\n"))
ASCII: Final = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60)
NAMES: Final = st.sampled_from(
    [
        *("Accept", "Authorization", "Cookie", "Origin", "Sec-Fetch-Site", "Sec-Fetch-Mode"),
        *("X-Forwarded-For", "X-Request-Id", "Upgrade", "X-Requested-With", "Content-Type"),
        *("X-Forwarded-Method", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Uri"),
        *("X-Original-Method", "X-Original-URL", "Access-Control-Request-Method", "Connection"),
    ]
)


def _assert_answered(answer: Answer, *, let_in: bool = False) -> None:
    assert answer.status in STATUSES
    told = {answer.headers.get(name, "") for name in IDENTITY}
    assert let_in or told == {""}
    if answer.status != 200:
        assert not any(name in answer.headers for name in (*IDENTITY, "Cookie"))


@QUICK
@given(token=OCTETS | ASCII.map(str.encode))
@example(token=b"..")
@example(token=b"e30.e30.e30")
@example(token=b"\xff")
async def test_any_octets_as_a_credential(gated: Gated, token: bytes) -> None:
    for line in (
        ("Authorization", b"Bearer " + token),
        ("Authorization", token),
        ("Cookie", COOKIE.encode() + b"=" + token),
        ("Cookie", token),
    ):
        answer = await gated.ask("traefik", "/", [line])
        assert answer.status in {400, 401}
        _assert_answered(answer)
        _assert_answered(await gated.ask("nginx", "/public/", [line]))


@QUICK
@given(target=OCTETS, dialect=st.sampled_from(DIALECTS))
@example(target=b"?\xff", dialect="traefik")
async def test_any_octets_as_a_target(gated: Gated, target: bytes, dialect: str) -> None:
    for each in (target, b"/" + target, b"/public/" + target, b"/public/?" + target):
        _assert_answered(await gated.ask(dialect, each))
        person = await gated.ask(dialect, each, [("Sec-Fetch-Mode", "navigate")])
        _assert_answered(person)


@QUICK
@given(value=OCTETS, data=st.data(), dialect=st.sampled_from(DIALECTS))
async def test_any_octets_in_the_place_of_a_header_of_the_dialect(
    gated: Gated, value: bytes, data: st.DataObject, dialect: str
) -> None:
    question = asked(dialect, "/public/")
    name = data.draw(st.sampled_from([name for name, _ in question]))
    lines = [(each, value if each == name else said) for each, said in question]
    _assert_answered(await send(gated.web.port, lines, f"/verify/{dialect}"))


@QUICK
@given(
    beside=st.lists(st.tuples(NAMES, OCTETS), max_size=6),
    dialect=st.sampled_from(DIALECTS),
    target=st.sampled_from(["/", "/admin/", "/public/"]),
)
async def test_any_headers_beside_the_question_let_nobody_in(
    gated: Gated, beside: list[tuple[str, bytes]], dialect: str, target: str
) -> None:
    answer = await gated.ask(dialect, target, beside)
    _assert_answered(answer)
    assert answer.status != 200 or target == "/public/"


@QUICK
@given(
    beside=st.lists(st.tuples(NAMES, OCTETS), max_size=4), target=st.sampled_from(["/", "/admin/"])
)
async def test_any_headers_beside_a_good_token_give_nobody_more_than_it_does(
    gated: Gated, beside: list[tuple[str, bytes]], target: str
) -> None:
    answer = await gated.ask("nginx", target, [*gated.credentials["alice"], *beside])
    _assert_answered(answer, let_in=True)
    assert answer.status != 200 or target == "/"
    assert answer.headers.get("Remote-User", "alice") == "alice"


@QUICK
@given(query=ASCII)
async def test_any_query_on_the_verify_url(gated: Gated, query: str) -> None:
    for dialect in DIALECTS:
        answer = await send(gated.web.port, asked(dialect), f"/verify/{dialect}?{query}")
        _assert_answered(answer)
        assert answer.status != 200
