"""`/account` in a browser: sessions to be ended, and personal tokens."""

import re

import pytest

from tests.web.asked import read_trail, taken_cookies
from tests.web.conftest import PUBLIC_URL, Web
from tests.web.visiting import Seen, Visitor, visit, words_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_session_of_another_device_is_ended(web: Web, person: Visitor) -> None:
    name = await person.find_name()
    phone = await visit(web, name)
    await phone.look("/account")
    page = await person.look("/account/sessions")
    sids = re.findall(r'name="sid" value="([^"]+)"', page.text)
    assert len(sids) == 2
    assert page.text.count("this one") == 1
    rows = page.text.split("<tr>")[2:]
    (other,) = (sid for sid, row in zip(sids, rows, strict=True) if "this one" not in row)
    answer = await person.follow(await person.send("/account/sessions", {"sid": other}))
    assert "That device is logged out." in words_of(answer)
    assert (await phone.look("/account")).status == 303
    assert (await person.look("/account")).status == 200


async def test_who_ends_their_own_session_is_logged_out(person: Visitor) -> None:
    page = await person.look("/account/sessions")
    (sid,) = re.findall(r'name="sid" value="([^"]+)"', page.text)
    answer = await person.send("/account/sessions", {"sid": sid})
    assert answer.headers["Location"] == f"{PUBLIC_URL}/login"
    assert taken_cookies(answer)
    assert (await person.look("/account")).status == 303


@pytest.mark.parametrize("sid", ["", "x", "\x00", "a" * 3000])
async def test_nobody_elses_session_is_ended(web: Web, person: Visitor, sid: str) -> None:
    before = len(await read_trail(web))
    assert (await person.send("/account/sessions", {"sid": sid})).status == 303
    assert len(await read_trail(web)) == before


async def test_a_token_is_shown_once_and_taken_back(person: Visitor) -> None:
    fields = {
        "name": "backup",
        "scopes": "orders:read",
        "networks": "10.0.0.0/8 192.0.2.1",
        "expires_in": "604800",
    }
    made = await person.send("/account/tokens", fields)
    assert (made.status, made.headers["Cache-Control"]) == (200, "no-store")
    (text,) = re.findall(r"sidecar_pat_[A-Za-z0-9_-]{64}", made.text)
    page = await person.look("/account/tokens")
    assert text not in page.text
    assert "backup orders:read 10.0.0.0/8 192.0.2.1/32" in words_of(page)
    (token_id,) = re.findall(r'name="id" value="([^"]+)"', page.text)
    answer = await person.send("/account/tokens/remove", {"id": token_id})
    assert "That token is taken back." in words_of(await person.follow(answer))
    twice = await person.follow(await person.send("/account/tokens/remove", {"id": token_id}))
    assert "That token is taken back." in words_of(twice)  # a double click sends it twice


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        ({"name": ""}, {"name"}),
        ({"name": "x" * 65}, {"name"}),
        ({"scopes": "orders:delete"}, {"scopes"}),
        ({"scopes": 'orders:read "'}, {"scopes"}),
        ({"networks": "10.0.0.1/8"}, {"networks"}),
        ({"networks": "example.com"}, {"networks"}),
        ({"name": "", "networks": "x"}, {"name", "networks"}),
    ],
)
async def test_a_token_that_is_not_given_is_told_why(
    person: Visitor, changed: dict[str, str], wrong: set[str]
) -> None:
    fields = {"name": "kept", "scopes": "", "networks": "", "expires_in": "604800", **changed}
    answer = await person.send("/account/tokens", fields)
    seen = Seen(answer.text)
    assert (answer.status, seen.wrong) == (422, wrong)
    assert {name: seen.values[name] for name in ("name", "scopes", "networks")} == {
        name: fields[name] for name in ("name", "scopes", "networks")
    }
    assert "sidecar_pat_" not in answer.text


async def test_a_token_without_a_name_is_told_that_it_is_empty(person: Visitor) -> None:
    fields = {"name": " ", "scopes": "", "networks": "", "expires_in": "604800"}
    answer = await person.send("/account/tokens", fields)
    assert "it is empty, too long" in words_of(answer)


@pytest.mark.parametrize("life", ["", "0", "1", "-1", "604801", "x", "99999999999"])
async def test_a_token_lives_as_long_as_one_of_the_offers(person: Visitor, life: str) -> None:
    fields = {"name": "kept", "scopes": "", "networks": "", "expires_in": life}
    answer = await person.send("/account/tokens", fields)
    assert answer.status == 422
    assert "Please choose one of these." in words_of(answer)


async def test_nobody_elses_token_is_taken_back(web: Web, person: Visitor) -> None:
    fields = {"name": "mine", "scopes": "", "networks": "", "expires_in": "604800"}
    await person.send("/account/tokens", fields)
    page = await person.look("/account/tokens")
    (token_id,) = re.findall(r'name="id" value="([^"]+)"', page.text)
    await web.add_user("mallory")
    mallory = await visit(web, "mallory")
    before = await read_trail(web)
    await mallory.send("/account/tokens/remove", {"id": token_id})
    assert await read_trail(web) == before
    assert "mine" in (await person.look("/account/tokens")).text
