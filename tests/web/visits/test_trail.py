"""`/admin/audit` in a browser: rows that name people, found and turned page by page."""

import re

import pytest

from sidecar.clock import read_clock
from sidecar.core.audit import Author, Device
from sidecar.core.user import User
from sidecar.web.account.agents import describe_agent
from sidecar.web.admin.details import list_details
from tests.web.conftest import Web
from tests.web.visiting import Seen, Visitor, words_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_row_names_people_and_what_was_changed(web: Web, root: Visitor) -> None:
    user = await web.add_user("curie")
    path = f"/admin/people/{user.id}"
    fields = {"username": "curie", "name": "Marie Curie", "email": "", "roles": "staff"}
    await root.send(path, {**fields, "version": await root.version(path)})
    answer = await root.look("/admin/audit?action=user.changed&actor=root&subject=CURIE")
    words = words_of(answer)
    assert "user.changed root curie" in words
    assert "name: Curie \u2192 Marie Curie" in words
    assert "email: curie@example.com \u2192 \u2013" in words
    assert f'href="{path}">curie</a>' in answer.text
    assert Seen(answer.text).values["subject"] == "CURIE"
    assert '<option value="user.changed" selected>' in answer.text


async def test_nobody_hides_what_operators_did_by_being_called_so(web: Web, root: Visitor) -> None:
    await web.add_user("operator")  # by an operator
    for query in ("actor=operator", "subject=operator"):
        assert "operator operator" in words_of(await root.look(f"/admin/audit?{query}")), query


@pytest.mark.parametrize(
    "query",
    [
        *("actor=nobody", "subject=%00", "action=nothing", "after=x", "after=0"),
        *("actor=" + "x" * 100, "after=99999999999999999999", "subject=%22%3E%3Cscript%3E"),
    ],
)
async def test_what_was_never_done_is_not_there(root: Visitor, query: str) -> None:
    answer = await root.look(f"/admin/audit?{query}")
    assert answer.status == 200
    assert "Nothing like that has happened." in words_of(answer)
    assert "<script" not in answer.text


async def test_each_row_stands_on_one_page(web: Web, root: Visitor) -> None:
    now = read_clock().unix
    author = Author("recruiter", Device("192.0.2.7", "<b>curl</b>/8"))
    for number in range(120):
        name = f"recruit{number:03}"
        user = User(f"{name}-{'A' * 11}", name, None, None, (), False, now, now)
        await web.serving.services.store.users.add_user(user, "none", author)
    found: list[str] = []
    path = "/admin/audit?actor=recruiter&action=user.added"
    for _ in range(3):
        page = await root.look(path)
        found += re.findall(r">(recruit\d\d\d)</a>", page.text)
        assert "<b>" not in page.text
        following = re.search(r'href="/admin/audit(\?[^"]+)" rel="next"', page.text)
        path = "/admin/audit" + following[1].replace("&amp;", "&") if following else ""
    assert path == ""
    assert found == [f"recruit{number:03}" for number in reversed(range(120))]


@pytest.mark.parametrize(
    ("details", "lines"),
    [
        ({}, []),
        ({"sessions": 3}, ["sessions: 3"]),
        ({"expires_at": 1_900_000_000}, ["expires_at: 2030-03-17 17:46"]),
        ({"after": {"name": "A", "roles": []}}, ["name: A", "roles: \u2013"]),
        ({"before": {"roles": ["a"]}, "after": {"roles": ["a", "b"]}}, ["roles: a \u2192 a b"]),
        ({"before": {"on": True}, "after": {"on": False}}, ["on: true \u2192 false"]),
        ({"before": {"x": "a"}, "after": {"x": None}, "n": 0}, ["x: a \u2192 \u2013", "n: 0"]),
        ({"before": "odd", "after": 7}, []),
    ],
)  # fmt: skip
async def test_details_are_told_in_lines(details: dict[str, object], lines: list[str]) -> None:
    assert list_details(details) == lines


MOZILLA = "Mozilla/5.0"
CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (None, None),
        ("curl/8.5.0", "curl/8.5.0"),
        ("x" * 200, "x" * 60),
        (f"{MOZILLA} (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox, Linux"),
        (f"{MOZILLA} (Windows NT 10.0) {CHROME} Safari/537.36", "Chrome, Windows"),
        (f"{MOZILLA} (Windows NT 10.0) {CHROME} Safari/537.36 Edg/140.0", "Edge, Windows"),
        (f"{MOZILLA} (Linux; Android 15) {CHROME} Mobile Safari/537.36", "Chrome, Android"),
        (f"{MOZILLA} (iPhone; CPU like Mac OS X) Version/18.0 Safari/604.1", "Safari, iPhone"),
        (f"{MOZILLA} (Macintosh; Intel Mac OS X 10_15_7) Version/18 Safari/605", "Safari, macOS"),
        (f"{MOZILLA} (something else) Firefox/140.0", "Firefox"),
        ("python Firefox/1.0 Linux", "python Firefox/1.0 Linux"),
    ],
)
async def test_a_device_is_called_as_its_owner_calls_it(
    said: str | None, shown: str | None
) -> None:
    assert describe_agent(said) == shown
