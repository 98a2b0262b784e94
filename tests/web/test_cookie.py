"""The session cookie: its name, its attributes, and the hosts that it reaches."""

from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.web.asked import (
    GOOD,
    OWN_FORM,
    Asked,
    ask,
    claims_of,
    given_cookies,
    log_in,
    taken_cookies,
)
from tests.web.conftest import PUBLIC_URL, Web, serving_web

pytestmark = pytest.mark.asyncio

HOUR, DAY = 3600, 86_400


def attributes(answer: Asked) -> tuple[str, dict[str, str]]:
    """Return name and attributes of the one cookie that an answer sets."""
    (line,) = given_cookies(answer)
    pair, *rest = line.split("; ")
    return pair.partition("=")[0], dict(part.partition("=")[::2] for part in rest)


async def test_the_cookie_is_the_hosts_own_and_no_script_reads_it(served: Web) -> None:
    await served.add_user()
    for answer in (
        await log_in(served, cookie=True),
        await ask(served, "POST", "/login", OWN_FORM, urlencode(GOOD)),
    ):
        name, rest = attributes(answer)
        assert name == "__Host-sidecar"
        assert rest == {"Path": "/", "Secure": "", "HttpOnly": "", "SameSite": "Lax"}


async def test_a_cookie_login_gives_no_token_to_the_page(served: Web) -> None:
    await served.add_user()
    answer = await log_in(served, cookie=True)
    assert answer.json == {"expires_in": 12 * HOUR, "scope": ""}
    assert answer.headers["Cache-Control"] == "no-store"


async def test_only_a_remembered_cookie_outlives_the_browser(served: Web) -> None:
    await served.add_user()
    for answer in (
        await log_in(served, cookie=True, remember=True),
        await ask(served, "POST", "/login", OWN_FORM, urlencode({**GOOD, "remember": "true"})),
    ):
        assert attributes(answer)[1]["Max-Age"] == str(30 * DAY)
    assert (await log_in(served, cookie=True, remember=True)).json["expires_in"] == 30 * DAY
    for answer in (
        await log_in(served, cookie=True, remember=False),
        await ask(served, "POST", "/login", OWN_FORM, urlencode({**GOOD, "remember": ""})),
    ):
        assert {"Max-Age", "Expires"}.isdisjoint(attributes(answer)[1])


@pytest.mark.parametrize(("remember", "lives"), [(False, 12 * HOUR), (True, 30 * DAY)])
async def test_the_token_in_it_ends_with_the_session(
    served: Web, *, remember: bool, lives: int
) -> None:
    await served.add_user()
    claims = claims_of((await served.log_in_cookie(remember=remember)).partition("=")[2])
    assert claims["exp"] - claims["iat"] == lives
    assert (claims["aud"], claims["iss"]) == ([PUBLIC_URL], PUBLIC_URL)


async def test_remember_says_nothing_about_tokens(served: Web) -> None:
    await served.add_user()
    answer = await log_in(served, remember=True)
    assert given_cookies(answer) == []
    assert answer.json["expires_in"] == 600


DOMAINS = ["example.com", "tools.example.com", "example.org"]


@pytest.mark.parametrize(
    ("headers", "domain"),
    [
        ({"X-Forwarded-Host": "app.example.com"}, "example.com"),
        ({"X-Forwarded-Host": "example.com"}, "example.com"),
        ({"X-Forwarded-Host": "a.tools.example.com"}, "tools.example.com"),
        ({"X-Forwarded-Host": "tools.example.com:8443"}, "tools.example.com"),
        ({"X-Forwarded-Host": "A.TOOLS.example.com."}, "tools.example.com"),
        ({"X-Forwarded-Host": "app.example.org"}, "example.org"),
        ({"Host": "x.tools.example.com"}, "tools.example.com"),
        ({"Host": "x.tools.example.com", "X-Forwarded-Host": "example.org"}, "example.org"),
        # who does not say well where they are is at the host of public_url
        ({"X-Forwarded-Host": "a b"}, "example.com"),
        ({"X-Forwarded-Host": "a.tools.example.com, b"}, "example.com"),
        ({"X-Forwarded-Host": ""}, "example.com"),
        # a domain is a whole label, and a host that none holds gets a cookie of its own
        ({"X-Forwarded-Host": "badexample.com"}, None),
        ({"X-Forwarded-Host": "localhost"}, None),
        ({"X-Forwarded-Host": "127.0.0.1"}, None),
    ],
)
async def test_with_domains_the_longest_that_holds_the_host_counts(
    tmp_path: Path, headers: dict[str, str], domain: str | None
) -> None:
    async with serving_web(tmp_path, {"session": {"domain": DOMAINS}}) as web:
        await web.add_user()
        answer = await ask(web, "POST", "/login", headers, {**GOOD, "cookie": True})
        name, rest = attributes(answer)
        assert (name, rest.get("Domain")) == ("__Secure-sidecar", domain)
        assert {"Secure", "HttpOnly", "Path", "SameSite"} <= set(rest)
        cookie = {"Cookie": answer.headers["Set-Cookie"].partition(";")[0]}
        taken_back = await ask(web, "POST", "/logout", {**headers, **cookie})
        assert ("__Secure-sidecar", domain) in taken_cookies(taken_back)


@pytest.mark.parametrize(
    ("domain", "unreached"),
    [
        (None, ["app.example.com", "*.example.org"]),
        (["example.com"], ["*.example.org"]),
        (["example.com", "example.org"], ["*.example.org"]),
    ],
)
async def test_each_host_that_it_does_not_reach_is_a_line_of_the_log_at_the_start(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    domain: list[str] | None,
    unreached: list[str],
) -> None:
    hosts = ("auth.example.com", "app.example.com", "*.example.org")
    policy = {"hosts": {host: [{"path": "/**", "allow": "signed-in"}] for host in hosts}}
    async with serving_web(tmp_path, {"session": {"domain": domain}}, policy):
        warnings = [each for each in caplog.messages if each.endswith("(session.domain)")]
    assert warnings == [
        (
            f"{tmp_path}/policy.yaml:{3 * (1 + hosts.index(host))}: hosts.{host}: the cookie of a"
            " login at auth.example.com does not reach it (session.domain)"
        )
        for host in unreached
    ]


async def test_only_a_trusted_proxy_says_where_the_browser_is(tmp_path: Path) -> None:
    settings = {
        "session": {"domain": DOMAINS},
        "gateway": {"trusted_proxies": ["192.0.2.0/24"]},
    }
    async with serving_web(tmp_path, settings) as web:
        await web.add_user()
        headers = {"X-Forwarded-Host": "app.example.org", "Host": "auth.example.com"}
        answer = await ask(web, "POST", "/login", headers, {**GOOD, "cookie": True})
        assert attributes(answer)[1]["Domain"] == "example.com"


async def test_reached_by_https_a_cookie_that_came_in_the_clear_does_not_count(
    tmp_path: Path,
) -> None:
    url = PUBLIC_URL.replace("http", "https")
    async with serving_web(tmp_path, {"server": {"public_url": url}}) as web:
        await web.add_user()
        cookie = await web.log_in_cookie()
        for scheme, status in (("https", 200), ("wss", 200), ("http", 401), ("ws", 401), ("", 401)):
            headers = {"Cookie": cookie, "X-Forwarded-Proto": scheme}
            assert (await ask(web, "GET", "/me", headers)).status == status, scheme
        assert (await ask(web, "GET", "/me", {"Cookie": cookie})).status == 200
