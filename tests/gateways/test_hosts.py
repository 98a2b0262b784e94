"""Which host a request is judged by, and where the service's own pages are, behind any gateway."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from tests.gateways.conftest import Fleet, Guarded, running_fleet
from tests.gateways.raw import compose, connecting
from tests.programs.upstream import header_values

pytestmark = pytest.mark.asyncio(loop_scope="module")

APP, PUBLIC, AUTH = "app.example.com", "public.example.com", "auth.example.com"
POLICY = {
    "hosts": {
        APP: [{"path": "/**", "allow": "signed-in"}],
        PUBLIC: [{"path": "/**", "allow": "anyone"}],
        "*.wild.example.com": [{"path": "/**", "allow": "signed-in"}],
    }
}
QUESTION = {
    "X-Original-Method": "GET",
    "X-Original-URL": f"http://{PUBLIC}/",
    "X-Forwarded-Method": "GET",
    "X-Forwarded-Proto": "http",
    "X-Forwarded-Host": PUBLIC,
    "X-Forwarded-Uri": "/",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def places(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, Fleet]]:
    """Run the service at a host of its own, below a path there, and within a wildcard."""
    urls = {
        "": f"http://{AUTH}",
        "/sso": f"http://{AUTH}/sso",
        "wild": "http://a.wild.example.com/a",
    }
    async with AsyncExitStack() as stack:
        yield {
            place: await stack.enter_async_context(
                running_fleet(
                    tmp_path_factory.mktemp("place"),
                    {"server": {"public_url": url}},
                    *POLICY["hosts"],
                    policy=POLICY,
                    people={"alice": ()},
                )
            )
            for place, url in urls.items()
        }


def _at(guarded: Guarded, host: str) -> dict[str, str]:
    return {"Host": f"{host}:{guarded.gateway.port}"}


@pytest.mark.parametrize("path", ["", "/sso"])
async def test_the_service_has_a_host_of_its_own_but_no_gate_there(
    gateway_name: str, places: dict[str, Fleet], path: str
) -> None:
    guarded = await places[path].guard(gateway_name)
    own = _at(guarded, AUTH)
    for page in ("/login", "/logout", "/.well-known/jwks.json", "/static/sidecar.css"):
        assert (await guarded.ask(path + page, own))[0] == 200, page
    asking = {**own, **QUESTION, **await guarded.log_in()}
    gates = ("/verify", "/verify/", "/%76erify", "//verify", "/a/../verify", "/a/..%2fverify")
    for gate in (*gates, *(f"/verify/{name}/" for name in ("nginx", "traefik", "envoy"))):
        for prefix in {path, ""}:
            status, _ = await guarded.ask(prefix + gate, asking)
            assert status in {400, 404}, prefix + gate
    assert guarded.upstream.received == []


async def test_a_wildcard_holds_the_host_of_the_service_too(
    gateway_name: str, places: dict[str, Fleet]
) -> None:
    guarded = await places["wild"].guard(gateway_name)
    bearer = await guarded.log_in()
    for host in ("a.wild.example.com", "b.wild.example.com", "c.b.wild.example.com"):
        assert (await guarded.ask("/orders", _at(guarded, host)))[0] == 401, host
        assert (await guarded.ask("/orders", {**_at(guarded, host), **bearer}))[0] == 200, host
    assert len(guarded.upstream.received) == 3
    assert (await guarded.ask("/a/login", _at(guarded, "a.wild.example.com")))[0] == 200
    assert (await guarded.ask("/a/login", _at(guarded, "b.wild.example.com")))[0] == 401
    assert len(guarded.upstream.received) == 3


@pytest.mark.parametrize(
    "host",
    [
        "example.com",
        "wild.example.com",
        "xwild.example.com",
        "appxexample.com",
        f"{APP}.evil.org",
        f"evil.org.{AUTH}",
        "127.0.0.1",
    ],
)
async def test_another_host_is_not_served(
    gateway_name: str, places: dict[str, Fleet], host: str
) -> None:
    guarded = await places[""].guard(gateway_name)
    for headers in (_at(guarded, host), {**_at(guarded, host), **await guarded.log_in()}):
        assert (await guarded.ask("/orders", headers))[0] in {404, 421}
        assert (await guarded.ask("/login", headers))[0] in {404, 421}
    assert guarded.upstream.received == []


@pytest.mark.parametrize("host", [APP.upper(), "App.Example.com", f"{APP}."])
async def test_a_host_in_another_spelling_is_the_same_or_none(
    gateway_name: str, places: dict[str, Fleet], host: str
) -> None:
    guarded = await places[""].guard(gateway_name)
    assert (await guarded.ask("/orders", _at(guarded, host)))[0] in {401, 404, 421}
    status, _ = await guarded.ask("/orders", {**_at(guarded, host), **await guarded.log_in()})
    assert status in ({200, 404, 421} if host.endswith(".") else {200})


TWO_HOSTS = [
    ("absolute target", f"http://{APP}/secret", (f"Host: {PUBLIC}",)),
    ("absolute target, the other way", f"http://{PUBLIC}/secret", (f"Host: {APP}",)),
    ("absolute target in capitals", f"HTTP://{APP.upper()}/secret", (f"Host: {PUBLIC}",)),
    ("absolute target with port", f"http://{APP}:80/secret", (f"Host: {PUBLIC}:80",)),
    ("absolute target with a user", f"http://{PUBLIC}@{APP}/secret", (f"Host: {PUBLIC}",)),
    ("https in the target", f"https://{APP}/secret", (f"Host: {PUBLIC}",)),
    ("another scheme", f"ftp://{APP}/secret", (f"Host: {PUBLIC}",)),
    ("network path", f"//{APP}/secret", (f"Host: {PUBLIC}",)),
    ("two Host lines", "/secret", (f"Host: {PUBLIC}", f"Host: {APP}")),
    ("two Host lines, the other way", "/secret", (f"Host: {APP}", f"Host: {PUBLIC}")),
    ("two hosts in a line", "/secret", (f"Host: {PUBLIC},{APP}",)),
    ("two hosts in a line, with a space", "/secret", (f"Host: {PUBLIC} {APP}",)),
    ("a user in Host", "/secret", (f"Host: {PUBLIC}@{APP}",)),
    ("a space before the colon", "/secret", (f"Host : {APP}", f"Host: {PUBLIC}")),
    ("a folded line", "/secret", (f"Host: {PUBLIC}", f" {APP}")),
    ("a host that is a path", "/secret", (f"Host: {PUBLIC}/{APP}",)),
    ("a port that is none", "/secret", (f"Host: {APP}:{PUBLIC}",)),
    ("forwarded host", "/secret", (f"Host: {APP}", f"X-Forwarded-Host: {PUBLIC}")),
    ("absolute, no Host", f"http://{APP}/secret", ()),
    ("no Host", "/secret", ()),
]


@pytest.mark.parametrize(
    ("target", "lines"), [row[1:] for row in TWO_HOSTS], ids=[row[0] for row in TWO_HOSTS]
)
async def test_who_names_two_hosts_is_refused_or_judged_by_the_one_that_is_served(
    gateway_name: str, places: dict[str, Fleet], target: str, lines: tuple[str, ...]
) -> None:
    guarded = await places[""].guard(gateway_name)
    async with connecting(guarded.gateway.port) as client:
        status = await client.ask(compose(target, *lines))
    # Nobody may see what is for the signed in; what came through came as the other host's.
    assert status != 0
    for received in guarded.upstream.received:
        (host,) = header_values(received, "Host")
        assert host.partition(":")[0] == PUBLIC
        assert APP not in str(received["headers"])
        assert received["target"].startswith("/")


async def test_the_metadata_are_where_rfc_8414_looks_for_them(guarded: Guarded) -> None:
    for path in (
        "/.well-known/oauth-authorization-server/auth",
        "/auth/.well-known/oauth-authorization-server",
        "/auth/.well-known/openid-configuration",
    ):
        status, headers = await guarded.ask(path)
        assert status == 200, path
        assert headers["Content-Type"].startswith("application/json")
    status, _ = await guarded.ask("/.well-known/oauth-authorization-server")
    assert status == 401
    assert guarded.upstream.received == []
