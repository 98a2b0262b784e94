"""WebSockets pass, other upgrades do not: behind one nobody is asked about a further request."""

import pytest
from aiohttp import WSServerHandshakeError

from tests.gateways.conftest import Guarded
from tests.gateways.raw import compose, connecting
from tests.programs.upstream import header_values

pytestmark = pytest.mark.asyncio(loop_scope="module")

EVIL = "https://evil.example.org"


async def test_a_websocket_passes_with_a_good_credential(guarded: Guarded) -> None:
    cookie = {"Cookie": await guarded.log_in_cookie(), "Origin": f"http://{guarded.host}"}
    for headers in (await guarded.log_in(), cookie):
        async with guarded.session.ws_connect(
            f"{guarded.gateway.url}/chat", headers={"Host": guarded.host, **headers}
        ) as socket:
            await socket.send_str("hello")
            assert (await socket.receive(timeout=5)).data == "hello"
        assert header_values(guarded.upstream.received[-1], "Remote-User") == ["alice"]


REFUSED = [
    ("nobody", {}, 401),
    ("nobody, from another site", {"Origin": EVIL}, 401),
    ("the cookie of a visitor of another site", {"Cookie": "session", "Origin": EVIL}, 403),
    (
        "the cookie of a visitor of another site, by what the browser says",
        {"Cookie": "session", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "websocket"},
        403,
    ),
    ("an origin that is none", {"Cookie": "session", "Origin": "null"}, 403),
    ("a browser that asks for a page", {"Accept": "text/html"}, 401),
]


@pytest.mark.parametrize(
    ("headers", "status"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
async def test_a_websocket_does_not_pass(
    guarded: Guarded, headers: dict[str, str], status: int
) -> None:
    sent = {"Host": guarded.host, **headers}
    if "Cookie" in headers:
        sent["Cookie"] = await guarded.log_in_cookie()
    with pytest.raises(WSServerHandshakeError) as refused:
        await guarded.session.ws_connect(f"{guarded.gateway.url}/chat", headers=sent)
    assert refused.value.status == status
    assert guarded.upstream.received == []


@pytest.mark.parametrize("upgrade", ["h2c", "H2C", "h2c, websocket", "websocket, h2c", "TLS/1.3"])
async def test_no_other_upgrade_reaches_the_upstream(guarded: Guarded, upgrade: str) -> None:
    """Known as h2c smuggling (CWE-444)."""
    asked = {
        "Connection": "Upgrade, HTTP2-Settings",
        "Upgrade": upgrade,
        "HTTP2-Settings": "AAMAAABkAARAAAAAAAIAAAAA",
    }
    bearer = await guarded.log_in()
    for path, headers in (("/public/", asked), ("/orders", {**asked, **bearer})):
        status, _ = await guarded.ask(path, headers)
        assert status in {200, 400, 403}
    for received in guarded.upstream.received:
        assert header_values(received, "Upgrade") in ([], [""])


@pytest.mark.parametrize("upgrades", [("websocket", "h2c"), ("h2c", "websocket")])
async def test_no_other_upgrade_passes_beside_that_to_a_websocket(
    guarded: Guarded, upgrades: tuple[str, str]
) -> None:
    asked = (
        f"Host: {guarded.host}",
        "Connection: Upgrade, HTTP2-Settings",
        *(f"Upgrade: {each}" for each in upgrades),
        "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        "Sec-WebSocket-Version: 13",
    )
    async with connecting(guarded.gateway.port) as client:
        assert await client.ask(compose("/public/", *asked)) in {101, 200, 400, 403}
    for received in guarded.upstream.received:
        assert header_values(received, "Upgrade") in ([], [""], ["websocket"])
        named = ",".join(header_values(received, "Connection")).lower()
        assert "http2-settings" not in named
