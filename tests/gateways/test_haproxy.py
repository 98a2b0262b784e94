"""HAProxy lets a request in where a Lua action fails, and crashes on a long question: not here."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.gateways.conftest import HOST, Fleet, Guarded
from tests.gateways.raw import compose, connecting
from tests.programs.gateways import running_files, write_files
from tests.programs.process import free_port
from tests.programs.upstream import header_values

pytestmark = pytest.mark.asyncio(loop_scope="module")

BEGIN = 'core.register_action("sidecar", { "http-req" }, function(txn)\n'
MARK = '    txn:set_var("txn.sidecar", "ok")\n'
ASK = "    local headers = question(txn)\n"
BROKEN = [
    ("it fails at once", BEGIN, BEGIN + '    error("broken")\n'),
    ("it fails last of all", MARK, f'    error("broken")\n{MARK}'),
    ("it calls what is not there", ASK, "    local headers = nowhere(txn)\n"),
    ("it ends early", ASK, f"    do return end\n{ASK}"),
    ("it asks nobody", 'local GATE = "http://', 'local GATE = "http://127.0.0.1:1/'),
    ("it wants an answer that is not given", "local IDENTITY = {", 'local IDENTITY = { "x-no",'),
    ("it marks too little", MARK, '    txn:set_var("txn.sidecar", "no")\n'),
]


@asynccontextmanager
async def _running_broken(
    fleet: Fleet, part: str, other: str, file: str = "sidecar.lua"
) -> AsyncIterator[Guarded]:
    """Run an HAProxy one of whose files has `other` in place of `part`."""
    port = free_port()
    folder = fleet.service.directory / f"broken-{port}"
    words = ("haproxy", "--host", HOST, "--upstream", fleet.upstream.url)
    await write_files(fleet.service, folder, *words, "--listen", f"127.0.0.1:{port}")
    text = (folder / file).read_text()
    assert text.count(part) == 1
    (folder / file).write_text(text.replace(part, other))
    async with running_files("haproxy", folder, port) as gateway:
        yield Guarded(fleet.service, gateway, fleet.upstream, fleet.session)


@pytest.mark.parametrize(("part", "other"), [row[1:] for row in BROKEN], ids=[r[0] for r in BROKEN])
async def test_nothing_is_let_in_where_the_lua_is_broken(
    fleet: Fleet, part: str, other: str
) -> None:
    async with _running_broken(fleet, part, other) as guarded:
        guarded.upstream.received.clear()
        bearer = await guarded.log_in("bob")
        for path in ("/public/", "/admin/"):
            assert (await guarded.ask(path, bearer))[0] == 503
        assert guarded.upstream.received == []
        assert guarded.gateway.program.process.returncode is None


async def test_nothing_is_let_in_where_an_identity_has_no_room_in_the_buffer(fleet: Fleet) -> None:
    """HAProxy leaves out what it has no room for, and goes on."""
    least = ("tune.maxrewrite 32768", "tune.maxrewrite 1024", "haproxy.cfg")
    async with _running_broken(fleet, *least) as guarded:
        guarded.upstream.received.clear()
        headers = {"Host": guarded.host, **await guarded.log_in()}
        url = f"{guarded.gateway.url}/orders"
        async with guarded.session.post(url, data=b"b" * 200_000, headers=headers) as answer:
            assert answer.status == 503
        assert guarded.upstream.received == []


LINES = ["Accept", "Authorization", "Cookie", "Origin", "Upgrade", "Sec-Fetch-Site", "X-Any"]


@pytest.mark.parametrize("name", LINES)
async def test_many_header_lines_crash_nothing_and_let_nobody_in(fleet: Fleet, name: str) -> None:
    guarded = await fleet.guard("haproxy")
    bearer = (await guarded.log_in("bob"))["Authorization"]
    for count in (1, 63, 64, 65, 90, 95, 99, 100, 101, 102, 200, 1000):
        async with connecting(guarded.gateway.port) as client:
            lines = [f"{name}: {number}" for number in range(count)]
            status = await client.ask(compose("/orders", f"Host: {HOST}", *lines))
            assert status in {400, 401, 403, 413, 431}, count
            status = await client.ask(compose("/admin/", f"Host: {HOST}", *lines))
            assert status in {400, 401, 403, 413, 431}, count
    assert guarded.upstream.received == []
    assert (await guarded.ask("/admin/", {"Authorization": bearer}))[0] == 200
    assert guarded.gateway.program.process.returncode is None


async def test_as_many_cookie_lines_as_haproxy_takes_are_one_list(fleet: Fleet) -> None:
    guarded = await fleet.guard("haproxy")
    session = await guarded.log_in_cookie()
    lines = [f"Cookie: c{number}=1" for number in range(90)]
    request = compose("/orders", f"Host: {HOST}", *lines, f"Cookie: {session}")
    async with connecting(guarded.gateway.port) as client:
        assert await client.ask(request) == 200
    (cookies,) = header_values(guarded.upstream.received[-1], "Cookie")
    assert cookies == "; ".join(f"c{number}=1" for number in range(90))


async def test_long_header_lines_crash_nothing_and_let_nobody_in(fleet: Fleet) -> None:
    guarded = await fleet.guard("haproxy")
    for size in (1000, 8000, 8190, 12_000, 16_000, 20_000, 31_000, 33_000, 70_000):
        for name in ("Cookie", "Authorization", "X-Any"):
            async with connecting(guarded.gateway.port) as client:
                line = f"{name}: {'a' * size}"
                status = await client.ask(compose("/orders", f"Host: {HOST}", line))
                assert 400 <= status < 600, (size, name)
    assert guarded.upstream.received == []
    assert (await guarded.ask("/", await guarded.log_in()))[0] == 200
    assert guarded.gateway.program.process.returncode is None
