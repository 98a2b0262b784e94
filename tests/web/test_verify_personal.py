"""Personal tokens at the gate: whose they are, where they are good, and what they never do."""

from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from sidecar.clock import read_clock
from tests.web.conftest import in_one_task
from tests.web.gated import cookie
from tests.web.scripts import Scripts, basic, came_from, lines_of, serving_scripts, shown

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scripts(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scripts]:
    """Run a service for all questions of a module."""
    async with in_one_task(serving_scripts(tmp_path_factory.mktemp("scripts"))) as running:
        yield running


async def test_it_is_its_owner_with_the_scopes_that_it_was_given(scripts: Scripts) -> None:
    token = await scripts.give(scopes=["reports", "orders:read"])
    for lines in lines_of(token.text):
        answer = await scripts.verify("/", *lines)
        assert answer.status == 200, lines
        assert answer.headers["Remote-User"] == "alice"
        assert answer.headers["Remote-Email"] == "alice@example.com"
        assert answer.headers["Remote-Groups"] == "staff"
        assert answer.headers["X-Auth-Scope"] == "orders:read reports"
        assert answer.headers["X-Auth-Assertion"].count(".") == 2


@pytest.mark.parametrize(
    ("target", "status", "reason"),
    [
        ("/", 200, None),
        ("/public/", 200, None),
        ("/admin/", 403, "role_missing"),
        ("/mine/", 403, "user_not_listed"),
        ("/inside/", 403, "network_not_allowed"),
        ("/scoped/", 403, "scope_missing"),
        ("/recent/", 401, "login_too_old"),
        ("/strong/", 401, "amr_missing"),
        ("/vault/", 401, "amr_missing"),
    ],
)
async def test_rules_hold_as_for_its_owner(
    scripts: Scripts, target: str, status: int, reason: str | None
) -> None:
    token = await scripts.give(scopes=["orders:read"])
    for lines in lines_of(token.text):
        answer = await scripts.verify(target, *lines)
        assert (answer.status, answer.reason) == (status, reason), lines


async def test_all_scopes_that_a_rule_asks_for_can_be_given(scripts: Scripts) -> None:
    token = await scripts.give(scopes=["orders:read", "orders:write"])
    assert (await scripts.verify("/scoped/", shown(token.text))).status == 200


async def test_without_scopes_it_has_none(scripts: Scripts) -> None:
    answer = await scripts.verify("/", shown((await scripts.give()).text))
    assert answer.headers["X-Auth-Scope"] == ""


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda text: text[:-1] + ("A" if text[-1] != "A" else "B"), "bad_signature"),
        (lambda text: text[:20] + ("A" if text[20] != "A" else "B") + text[21:], "bad_signature"),
        (lambda text: text[:-1], "token_malformed"),
        (lambda text: text + "A", "token_too_long"),
        (lambda text: text + "=", "token_too_long"),
        (lambda text: text[:-1] + "=", "token_malformed"),
        (lambda _text: "sidecar_pat_", "token_malformed"),
        (lambda _text: "sidecar_pat_" + "A" * 64, "bad_signature"),
    ],
)
async def test_what_we_did_not_make_is_refused_and_is_nobody_on_an_open_path(
    scripts: Scripts, change: Any, reason: str
) -> None:
    forged = change((await scripts.give()).text)
    with scripts.counting() as statements:
        for line in (shown(forged), basic(forged)):
            answer = await scripts.verify("/", line)
            assert (answer.status, answer.reason) == (401, reason)
            assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
            answer.assert_tells_nobody()
            opened = await scripts.verify("/public/", line)
            assert (opened.status, opened.headers["Remote-User"]) == (200, "")
            assert opened.headers.getall("Authorization") == [""]
    assert statements == []


async def test_another_spelling_of_the_prefix_is_an_access_token_that_does_not_open(
    scripts: Scripts,
) -> None:
    token = await scripts.give()
    for text in (token.text.replace("sidecar", "SIDECAR"), token.text.removeprefix("s")):
        assert (await scripts.verify("/", shown(text))).reason == "token_malformed"
        assert (await scripts.verify("/", basic(text))).reason == "no_credential"


@pytest.mark.parametrize("target", ["/", "/public/"])
async def test_two_that_differ_are_refused_on_any_rule(scripts: Scripts, target: str) -> None:
    first, second = [(await scripts.give()).text for _ in range(2)]
    access = ("Authorization", scripts.callers["alice"]["Authorization"])
    for pair in (
        (shown(first), shown(second)),
        (basic(first), basic(second)),
        (shown(first), basic(second)),
        (shown(first), access),
        (basic(first), access),
        (shown(first), basic("sidecar_pat_")),
        (shown(first), basic(first), basic(second)),
    ):
        for lines in (pair, pair[::-1]):
            answer = await scripts.verify(target, *lines)
            assert (answer.status, answer.reason) == (401, "two_credentials"), lines


async def test_it_decides_alone_where_a_cookie_came_too(scripts: Scripts) -> None:
    token = await scripts.give()
    session = (await scripts.web.log_in_cookie("root")).partition("=")[2]
    for lines in lines_of(token.text):
        answer = await scripts.verify("/admin/", *lines, cookie(session))
        assert (answer.status, answer.reason) == (403, "role_missing")
        dead = [basic(f"sidecar_pat_{'A' * 64}"), cookie(session)]
        assert (await scripts.verify("/admin/", *dead)).reason == "bad_signature"


@pytest.mark.parametrize(
    "value",
    ["Basic", "Basic ", "Basic =", "Basic a", "Basic YQ", "Basic Y!Q=", "Basic !!!!",
     "Basic YTpzaWRlY2FyX3Bh", f"Basic {b64encode(b'sidecar_pat_').decode()}",
     f"Basic {b64encode(b'sidecar_pat_:x').decode()}",
     f"Basic {b64encode(b'a: sidecar_pat_').decode()}",
     f"Basic {b64encode(b'a:sidecar_pat_' + b'x' * 4096).decode()}",
     f"Basic {b64encode(b'a:sidecar_pat_x').decode()} x",
     f"Basic\t{b64encode(b'a:sidecar_pat_x').decode()}",
     f"Basic,{b64encode(b'a:sidecar_pat_x').decode()}"],
    ids=ascii,
)  # fmt: skip
async def test_basic_that_is_not_ours_falls_through_to_the_cookie(
    scripts: Scripts, value: str
) -> None:
    session = (await scripts.web.log_in_cookie("root")).partition("=")[2]
    line = ("Authorization", value)
    assert (await scripts.verify("/", line)).reason == "no_credential"
    answer = await scripts.verify("/admin/", line, cookie(session))
    assert (answer.status, answer.headers["Remote-User"]) == (200, "root")


async def test_the_username_of_basic_says_nothing(scripts: Scripts) -> None:
    token = await scripts.give()
    for user in ("", "root", "x-token-auth", "é", "a b"):
        answer = await scripts.verify("/", basic(token.text, user))
        assert answer.headers["Remote-User"] == "alice"


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("10.1.0.0", 200),
        ("10.1.255.255", 200),
        ("::ffff:10.1.2.3", 200),
        ("2001:db8::5", 200),
        ("10.2.0.0", 403),
        ("10.0.255.255", 403),
        ("2001:db8::6", 403),
        ("127.0.0.1", 403),  # the gateway's: that of the client is not known
        ("10.1.2.3, 192.0.2.1", 403),
        ("192.0.2.1, 10.1.2.3", 200),
    ],
)
async def test_networks_are_where_it_is_good(scripts: Scripts, address: str, status: int) -> None:
    token = await scripts.give(networks=["10.1.0.0/16", "2001:db8::5"])
    for line in (shown(token.text), basic(token.text)):
        answer = await scripts.verify("/", line, came_from(address))
        assert answer.status == status
        assert answer.reason == (None if status == 200 else "network_not_allowed")
        opened = await scripts.verify("/public/", line, came_from(address))
        assert opened.headers["Remote-User"] == ("alice" if status == 200 else "")
    assert (await scripts.verify("/", shown(token.text))).reason == "network_not_allowed"


async def test_it_lives_no_longer_than_it_says(scripts: Scripts) -> None:
    token = await scripts.give(expires_in=1)
    until = read_clock().monotonic + 5
    while (answer := await scripts.verify("/", shown(token.text))).status == 200:
        assert read_clock().monotonic < until
    assert answer.reason == "expired"
    opened = await scripts.verify("/public/", basic(token.text))
    assert (opened.status, opened.headers["Remote-User"]) == (200, "")
