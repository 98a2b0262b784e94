"""A session cookie that a neighbour planted for a path locks nobody out: it is taken back there."""

from urllib.parse import urlencode

import pytest

from tests.web.asked import GOOD, OWN_FORM, PAGE, Asked, ask, taken_places
from tests.web.conftest import Web

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOST, DOMAIN = "__Host-sidecar", "__Secure-sidecar"
DOMAINS = {None, "example.com", "auth.example.com"}
AT = {"Host": "auth.example.com"}


def paths_of(answer: Asked) -> set[str]:
    """Return the paths for which each domain's cookie is taken back; a host's own has none."""
    taken = taken_places(answer)
    assert {path for name, _, path in taken if name == HOST} <= {"/"}
    found = {path for name, _, path in taken if name == DOMAIN}
    for path in found - {"/"}:
        assert {domain for _, domain, each in taken if each == path} == DOMAINS
    return found


@pytest.mark.parametrize("form", [True, False], ids=["form", "json"])
async def test_a_login_takes_it_back(settled: Web, *, form: bool) -> None:
    if form:
        answer = await ask(settled, "POST", "/login", {**OWN_FORM, **AT}, urlencode(GOOD))
    else:
        answer = await ask(settled, "POST", "/login", AT, {**GOOD, "cookie": True})
    assert paths_of(answer) == {"/", "/login"}


async def two_cookies(web: Web) -> dict[str, str]:
    """Return what a browser sends that holds a session cookie, and another of some path."""
    return {"Cookie": f"{await web.log_in_cookie()}; {HOST}=planted", **AT}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/login", 200),
        ("GET", "/account", 303),
        ("GET", "/account/sessions", 303),
        ("GET", "/admin", 303),
        ("GET", "/me", 401),
        ("GET", "/me/sessions", 401),
        ("PATCH", "/me", 401),
        ("GET", "/users/nobody", 401),
        ("POST", "/logout", 401),
    ],
)
async def test_wherever_two_are_refused_both_are_taken_back(
    settled: Web, method: str, path: str, status: int
) -> None:
    answer = await ask(settled, method, path, {**PAGE, **(await two_cookies(settled))})
    assert answer.status == status
    segments = path.split("/")[1:]
    whole = {"/" + "/".join(segments[:count]) for count in range(len(segments) + 1)}
    assert paths_of(answer) == whole | {f"{each}/" for each in whole - {"/", path}}


async def test_two_tokens_that_contradict_each_other_are_no_reason_to_take_a_cookie(
    settled: Web,
) -> None:
    cookie = await settled.log_in_cookie()
    lines = [("Authorization", "Bearer a"), ("Authorization", "Bearer b"), ("Cookie", cookie)]
    for method, path in (("GET", "/me"), ("POST", "/logout")):
        answer = await settled.session.request(method, settled.url + path, headers=lines)
        assert (answer.status, answer.headers.getall("Set-Cookie", [])) == (401, [])


async def test_at_the_gate_it_is_taken_back_from_the_path_that_was_asked_for(settled: Web) -> None:
    headers = {
        "X-Forwarded-Method": "GET",
        "X-Forwarded-Proto": "http",
        "X-Forwarded-Host": "app.example.com",
        "X-Forwarded-Uri": "/a/b/?c=/d/e",
    }
    answer = await ask(settled, "GET", "/verify", {**await two_cookies(settled), **PAGE, **headers})
    assert answer.status == 401
    paths = {path for _, domain, path in taken_places(answer) if domain == "app.example.com"}
    assert paths == {"/", "/a", "/a/", "/a/b", "/a/b/"}
