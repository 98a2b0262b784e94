"""What the settings change: the dialect, who may ask, and cookies in the clear."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp.web import UnixSite

from tests.web.conftest import serving_web
from tests.web.gated import (
    DIALECTS,
    GATE_POLICY,
    HOST,
    NAVIGATION,
    Gated,
    asked,
    cookie,
    gate_people,
    send,
)

pytestmark = pytest.mark.asyncio

OPEN: Final = "/public/"


async def test_the_plain_endpoint_speaks_the_dialect_of_the_settings(tmp_path: Path) -> None:
    settings = {"gateway": {"dialect": "nginx"}}
    async with serving_web(tmp_path, settings, GATE_POLICY) as web:
        assert (await send(web.port, asked("nginx", OPEN))).status == 200
        assert (await send(web.port, asked("traefik", OPEN))).status == 403
        assert (await send(web.port, asked("nginx", "//"))).status == 403
        assert (await send(web.port, [*asked("nginx"), *NAVIGATION])).status == 401
        assert (await send(web.port, asked("traefik", OPEN), "/verify/traefik")).status == 200


async def test_only_a_trusted_proxy_may_ask(tmp_path: Path) -> None:
    settings = {"gateway": {"trusted_proxies": ["10.0.0.0/8", "::1"]}}
    async with serving_web(tmp_path, settings, GATE_POLICY) as web:
        for dialect in DIALECTS:
            for lines in (
                asked(dialect, OPEN),
                asked(dialect, "//"),
                [],
                [*asked(dialect, OPEN), ("X-Forwarded-For", "10.0.0.1")],
                [*asked(dialect, OPEN), ("X-Real-IP", "10.0.0.1")],
                [*asked(dialect, OPEN), ("Forwarded", "for=10.0.0.1")],
                [*asked(dialect), *NAVIGATION],
            ):
                given = ("X-Request-Id", "chosen-by-a-stranger")
                answer = await send(web.port, [*lines, given], f"/verify/{dialect}")
                assert (answer.status, answer.reason) == (403, "untrusted_peer")
                assert answer.headers["X-Request-Id"] != given[1]
                assert "Location" not in answer.headers
                answer.assert_tells_nobody()


async def test_nobody_at_all_may_ask_where_no_proxy_is_trusted(tmp_path: Path) -> None:
    async with serving_web(tmp_path, {"gateway": {"trusted_proxies": []}}, GATE_POLICY) as web:
        answer = await send(web.port, asked("traefik", OPEN))
        assert (answer.status, answer.reason) == (403, "untrusted_peer")


async def test_who_asks_through_a_unix_socket_is_trusted(tmp_path: Path) -> None:
    """Its file's mode says who may; the address of a client stands in the header alone."""
    async with serving_web(tmp_path, {"gateway": {"trusted_proxies": []}}, GATE_POLICY) as web:
        socket = tmp_path / "gate"
        await UnixSite(web.runner, socket).start()
        for chain, status in (([], 200), (["1.2.3.4"], 200), (["garbage"], 400)):
            lines = [*asked("traefik", OPEN), *(("X-Forwarded-For", hop) for hop in chain)]
            assert (await send(socket, lines)).status == status


async def test_through_a_unix_socket_the_chain_alone_is_counted(tmp_path: Path) -> None:
    settings = {"gateway": {"trusted_proxies": ["192.168.0.0/16"]}}
    async with serving_web(tmp_path, settings, GATE_POLICY) as web:
        people = await gate_people(web)
        socket = tmp_path / "gate"
        await UnixSite(web.runner, socket).start()
        for dialect in DIALECTS:
            for chain, status in (
                ("10.1.2.3", 200),
                ("10.1.2.3, 192.168.1.1", 200),
                ("10.1.2.3, 127.0.0.1", 403),
                ("192.168.1.1", 403),
                (None, 403),
            ):
                lines = [*asked(dialect, "/inside/"), *people.credentials["alice"]]
                lines += [] if chain is None else [("X-Forwarded-For", chain)]
                answer = await send(socket, lines, f"/verify/{dialect}")
                assert answer.status == status, (dialect, chain)


HTTPS: Final[Mapping[str, Mapping[str, Any]]] = {
    "server": {"public_url": "https://auth.example.com"}
}


async def test_where_we_are_reached_by_https_a_cookie_in_the_clear_does_not_count(
    tmp_path: Path,
) -> None:
    async with serving_web(tmp_path, HTTPS, GATE_POLICY) as web:
        people = await gate_people(web)
        for scheme, counts in (("http", False), ("ws", False), ("https", True), ("wss", True)):
            await _assert_counts(people, scheme, counts=counts)


async def _assert_counts(people: Gated, scheme: str, *, counts: bool) -> None:
    ours = people.credentials["alice's cookie"]
    for dialect in DIALECTS:
        by_cookie = await people.ask(dialect, "/", ours, scheme=scheme)
        assert by_cookie.reason == (None if counts else "no_credential")
        two = await people.ask(dialect, "/", people.credentials["two cookies"], scheme=scheme)
        assert two.reason == ("two_credentials" if counts else "no_credential")
        bearer = await people.ask(dialect, "/", people.credentials["alice"], scheme=scheme)
        assert bearer.headers["Remote-User"] == "alice"
        as_anyone = await people.ask(dialect, OPEN, ours, scheme=scheme)
        assert as_anyone.headers["Remote-User"] == ("alice" if counts else "")
        assert as_anyone.headers.getall("Cookie") == [""]  # it goes no further in any case


async def test_a_session_of_several_hosts_has_a_cookie_of_another_name(tmp_path: Path) -> None:
    settings = {"session": {"domain": "example.com"}}
    async with serving_web(tmp_path, settings, GATE_POLICY) as web:
        await web.add_user()
        ours = await web.log_in_cookie()
        assert ours.startswith("__Secure-sidecar=")
        answer = await send(web.port, [*asked("traefik"), ("Cookie", f"a=1; {ours}")])
        assert (answer.status, answer.headers.getall("Cookie")) == (200, ["a=1"])
        # A cookie from before the setting is no credential now, and still no upstream's business.
        before = cookie(ours.partition("=")[2])
        assert (await send(web.port, [*asked("traefik"), before])).reason == "no_credential"
        answer = await send(web.port, [*asked("traefik", OPEN), before])
        assert answer.headers.getall("Cookie") == [""]


async def test_the_issuer_of_another_installation_is_refused(tmp_path: Path) -> None:
    """The same ring under another name: a copy of the keys is not a copy of the rights."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    keys = {"keys": {"directory": str(tmp_path / "keys")}}
    async with serving_web(tmp_path / "one", keys, GATE_POLICY) as web:
        await web.add_user()
        token = (await web.log_in())["access_token"]
        ours = await web.log_in_cookie()
    elsewhere = keys | {"server": {"public_url": "http://auth.example.org"}}
    elsewhere["tokens"] = {"issuer": "http://other.example.com"}
    elsewhere["database"] = {"url": f"sqlite:///{tmp_path / 'one' / 'data' / 'sidecar.db'}"}
    async with serving_web(tmp_path / "two", elsewhere, GATE_POLICY) as web:
        for line in (("Authorization", f"Bearer {token}"), ("Cookie", ours)):
            answer = await send(web.port, [*asked("traefik", host=HOST), line])
            assert (answer.status, answer.reason) == (401, "issuer")
