"""Bodies that cannot be read, or that say what cannot be meant: refused, and nothing is written."""

import json
from urllib.parse import urlencode

import pytest

from sidecar.core.personal import MOST_NETWORKS
from sidecar.core.totp import LONGEST_OTP
from sidecar.schemas.fields import MOST_ITEMS
from sidecar.schemas.requests import MOST_FIELDS
from tests.programs.service import PASSWORD
from tests.web.asked import FORM, GOOD, JSON, OWN_FORM, ask, bearer, rows
from tests.web.conftest import Web

pytestmark = pytest.mark.asyncio(loop_scope="module")

ENDPOINTS = ("/login", "/refresh", "/logout")
GOOD_JSON = json.dumps(GOOD)


@pytest.fixture(params=ENDPOINTS)
def endpoint(request: pytest.FixtureRequest) -> str:
    """Name each endpoint that reads a body."""
    path: str = request.param
    return path


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"{}}",
        b"[]",
        b"null",
        b"1",
        b'"text"',
        b"true",
        b"\xff\xfe{\x00}\x00",
        b"\xef\xbb\xbf{}",
        '{"username": "alice"}'.encode("utf-16"),
        '{"username": "alice"}'.encode("utf-32"),
        b'{"username": "\xe9"}',
        b'{"username": "\xed\xa0\x80"}',
        b"{'username': 'alice'}",
        b'{"username": "alice",}',
        b'{"username": "a", "username": "b"}',
        b'{"a": {"b": 1, "b": 2}}',
        b'{"username": "a", "user\\u006eame": "b"}',
        b'{"everywhere": NaN}',
        b'{"everywhere": Infinity}',
        b'{"everywhere": -Infinity}',
        b'{"a": "\x00"}',
        b'{"a": "\n"}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b"[" * 30_000,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        b"username=alice&password=x",
        b"\x00",
        b" ",
    ],
)
async def test_what_is_no_json_object_is_malformed(
    settled: Web, endpoint: str, body: bytes
) -> None:
    before = await rows(settled)
    answer = await ask(settled, "POST", endpoint, JSON, body)
    members = answer.assert_problem(400, "body_malformed")
    assert members["detail"].startswith("the body ")
    assert "Set-Cookie" not in answer.headers
    assert await rows(settled) == before


@pytest.mark.parametrize(
    "body",
    [
        b"username=a&username=b&password=x",
        b"rd=/&rd=/",
        b"user%6eame=a&username=b&password=x",
        b"username",
        b"username=a&password",
        b"=&=",
        b"&",
        b"username=%ff&password=x",
        b"username=%ed%a0%80",
        b"username=\xc3\xa9",
        b"&".join(b"f%d=1" % number for number in range(33)),
        GOOD_JSON.encode(),
    ],
)
@pytest.mark.parametrize("path", ["/login", "/logout"])
async def test_what_is_no_form_is_malformed(settled: Web, path: str, body: bytes) -> None:
    before = await rows(settled)
    (await ask(settled, "POST", path, FORM, body)).assert_problem(400, "body_malformed")
    assert await rows(settled) == before


@pytest.mark.parametrize(
    "kind",
    [
        "",
        "text/plain",
        "application/xml",
        "multipart/form-data; boundary=x",
        "application/json5",
        "application/problem+json",
        "json",
        "*/*",
        "application/json, application/json",
        "application/x-www-form-urlencoded, application/json",
        "application/\u00ffjson",
    ],
)
async def test_another_kind_of_body_is_not_read(settled: Web, endpoint: str, kind: str) -> None:
    answer = await ask(settled, "POST", endpoint, {"Content-Type": kind}, GOOD_JSON)
    answer.assert_problem(415, "unsupported_media_type")


async def test_a_body_without_a_kind_is_not_read(settled: Web, endpoint: str) -> None:
    answer = await ask(settled, "POST", endpoint, None, GOOD_JSON.encode())
    answer.assert_problem(415, "unsupported_media_type")


async def test_a_form_cannot_refresh(settled: Web) -> None:
    answer = await ask(settled, "POST", "/refresh", FORM, "refresh_token=x")
    answer.assert_problem(415, "unsupported_media_type")


@pytest.mark.parametrize(
    "kind", ["application/json; charset=utf-8", "APPLICATION/JSON", " application/json ;x=y"]
)
async def test_a_kind_may_have_parameters(settled: Web, kind: str) -> None:
    answer = await ask(settled, "POST", "/login", {"Content-Type": kind}, GOOD_JSON)
    assert answer.status == 200


LONG = "x" * 1025
WRONG_FIELDS: tuple[tuple[str, dict[str, object], list[str]], ...] = (
    ("/login", {}, ["/password", "/username"]),
    ("/login", {"username": "alice"}, ["/password"]),
    ("/login", {**GOOD, "admin": True}, ["/admin"]),
    ("/login", {**GOOD, "otp": ""}, ["/otp"]),
    ("/login", {**GOOD, "otp": None}, ["/otp"]),
    ("/login", {**GOOD, "otp": 123_456}, ["/otp"]),
    ("/login", {**GOOD, "otp": ["123456"]}, ["/otp"]),
    ("/login", {**GOOD, "otp": "1" * (LONGEST_OTP + 1)}, ["/otp"]),
    ("/login", {**GOOD, "otp": "123456\n"}, ["/otp"]),
    ("/login", {**GOOD, "rd": "/"}, ["/rd"]),
    ("/login", {**GOOD, "Username": "bob"}, ["/Username"]),
    ("/login", {**GOOD, "a/b~c": 1}, ["/a~1b~0c"]),
    ("/login", {**GOOD, "\ud800": 1}, ["/\\ud800"]),
    ("/login", {**GOOD, "": 1}, ["/"]),
    ("/login", {**GOOD, "username": ""}, ["/username"]),
    ("/login", {**GOOD, "username": None}, ["/username"]),
    ("/login", {**GOOD, "username": 7}, ["/username"]),
    ("/login", {**GOOD, "username": ["alice"]}, ["/username"]),
    ("/login", {**GOOD, "username": "x" * 257}, ["/username"]),
    ("/login", {**GOOD, "username": "al\nice"}, ["/username"]),
    ("/login", {**GOOD, "username": "alice\x00"}, ["/username"]),
    ("/login", {**GOOD, "username": "\ud800"}, ["/username"]),
    ("/login", {**GOOD, "username": "\udcff\udcff"}, ["/username"]),
    ("/login", {**GOOD, "password": ""}, ["/password"]),
    ("/login", {**GOOD, "password": LONG}, ["/password"]),
    ("/login", {**GOOD, "password": f"{PASSWORD}\r"}, ["/password"]),
    ("/login", {**GOOD, "password": "\x7f"}, ["/password"]),
    ("/login", {**GOOD, "password": "\udfff"}, ["/password"]),
    ("/login", {**GOOD, "remember": "true"}, ["/remember"]),
    ("/login", {**GOOD, "remember": 1}, ["/remember"]),
    ("/login", {**GOOD, "cookie": None}, ["/cookie"]),
    ("/login", {**GOOD, "cookie": 0}, ["/cookie"]),
    ("/login", {"username": 1, "password": 2, "cookie": 3}, ["/cookie", "/password", "/username"]),
    ("/refresh", {}, ["/refresh_token"]),
    ("/refresh", {"refresh_token": ""}, ["/refresh_token"]),
    ("/refresh", {"refresh_token": None}, ["/refresh_token"]),
    ("/refresh", {"refresh_token": "x" * 16_385}, ["/refresh_token"]),
    ("/refresh", {"refresh_token": "x\n"}, ["/refresh_token"]),
    ("/refresh", {"refresh_token": "x", "grant_type": "x"}, ["/grant_type"]),
    ("/logout", {"everywhere": "yes"}, ["/everywhere"]),
    ("/logout", {"everywhere": 1}, ["/everywhere"]),
    ("/logout", {"refresh_token": "\ud800"}, ["/refresh_token"]),
    ("/logout", {"rd": "/"}, ["/rd"]),
)


@pytest.mark.parametrize(("path", "body", "pointers"), WRONG_FIELDS)
async def test_each_wrong_field_is_pointed_at(
    settled: Web, path: str, body: dict[str, object], pointers: list[str]
) -> None:
    before = await rows(settled)
    answer = await ask(settled, "POST", path, body=body)
    members = answer.assert_problem(422, "fields_invalid")
    assert sorted(error["pointer"] for error in members["errors"]) == pointers
    assert all(error["detail"] for error in members["errors"])
    assert PASSWORD not in answer.text
    assert "Set-Cookie" not in answer.headers
    assert await rows(settled) == before


@pytest.mark.parametrize(
    ("path", "fields", "pointers"),
    [
        ("/login", {}, ["/password", "/username"]),
        ("/login", {**GOOD, "username": ""}, ["/username"]),
        ("/login", {**GOOD, "username": "a\x00"}, ["/username"]),
        ("/login", {**GOOD, "password": LONG}, ["/password"]),
        ("/login", {**GOOD, "password": "a\r\nb"}, ["/password"]),
        ("/login", {**GOOD, "remember": "yes"}, ["/remember"]),
        ("/login", {**GOOD, "cookie": "true"}, ["/cookie"]),
        ("/logout", {"everywhere": "all"}, ["/everywhere"]),
        ("/logout", {"refresh_token": "x"}, ["/refresh_token"]),
    ],
)
async def test_each_wrong_field_of_a_form_is_pointed_at(
    settled: Web, path: str, fields: dict[str, str], pointers: list[str]
) -> None:
    answer = await ask(settled, "POST", path, OWN_FORM, urlencode(fields))
    members = answer.assert_problem(422, "fields_invalid")
    assert sorted(error["pointer"] for error in members["errors"]) == pointers


async def test_a_body_of_countless_members_is_not_told_back(settled: Web) -> None:
    for number, status in ((MOST_FIELDS, 422), (MOST_FIELDS + 1, 400), (5000, 400)):
        answer = await ask(
            settled, "POST", "/login", body=dict.fromkeys(map(str, range(number)), 1)
        )
        assert answer.status == status, number
        assert len(answer.text) < 8192


@pytest.mark.parametrize(("member", "most"), [("scopes", MOST_ITEMS), ("networks", MOST_NETWORKS)])
async def test_a_list_of_countless_items_is_not_judged_one_by_one(
    settled: Web, member: str, most: int
) -> None:
    await settled.add_user(f"lister{len(member)}")
    who = bearer((await settled.log_in(f"lister{len(member)}"))["access_token"])
    for number, told in ((most, most), (most + 1, 1), (20_000, 1)):
        body = {"name": "many", member: [0] * number}
        answer = await ask(settled, "POST", "/me/tokens", who, body)
        assert (answer.status, len(answer.json["errors"])) == (422, told), number
