"""What the page about all gateways says of each, asked of the real ones."""

import asyncio
import re
import signal
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from sidecar.cli.gateways import FILES
from sidecar.core.verdict import Reason
from sidecar.schemas.defaults import ASSERTION, HEADERS
from sidecar.settings import Dialect
from sidecar.web.parameters import CONDITIONS, Mode
from tests.docs.markdown import ROOT, read_code, read_prose, read_table
from tests.gateways.conftest import HOST, PUBLIC_URL, Fleet, Guarded, running_fleet
from tests.gateways.raw import compose, connecting
from tests.programs.gateways import GATEWAYS, running_files, write_files
from tests.programs.process import READY_TIMEOUT, free_port
from tests.programs.upstream import header_values

pytestmark = pytest.mark.asyncio(loop_scope="module")

PAGE = ROOT / "docs/gateways.md"
EMPTY = ("Remote-Name", "X-Auth-Scope")  # of alice


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fleet(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    """Run the service behind every gateway."""
    directory = tmp_path_factory.mktemp("fleet")
    async with running_fleet(directory, {"server": {"public_url": PUBLIC_URL}}, HOST) as running:
        yield running


def _statuses() -> dict[str, list[str]]:
    """Return by gateway: the status while away, of an ambiguous path, of an unknown host."""
    rows = read_table(PAGE, "How each one asks and answers")
    return {name.lower(): statuses for name, _, *statuses in rows}


@pytest.mark.parametrize("name", GATEWAYS)
async def test_each_gateway_answers_as_the_table_says(fleet: Fleet, name: str) -> None:
    guarded = await fleet.guard(name)
    bearer = await guarded.log_in()
    found = []
    for path, headers in (("/a;b", bearer), ("/", {**bearer, "Host": "other.example.com"})):
        found.append(str((await guarded.ask(path, headers))[0]))
    assert guarded.upstream.received == []
    await fleet.service.end(signal.SIGKILL)
    try:
        found.insert(0, str((await guarded.ask("/public/"))[0]))
    finally:
        await fleet.service.start()
    assert guarded.upstream.received == []
    assert found == _statuses()[name]


async def test_the_gateways_that_leave_out_what_is_empty_are_named(fleet: Fleet) -> None:
    found = set()
    for name in GATEWAYS:
        guarded = await fleet.guard(name)
        assert (await guarded.ask("/", await guarded.log_in()))[0] == 200
        (received,) = guarded.upstream.received
        values = [value for key, value in received["headers"] if key.title() in EMPTY]
        assert values in ([], ["", ""])
        if not values:
            found.add(name)
    (sentence,) = re.findall(r"([\w ]+) leave out what is empty", read_prose(PAGE))
    assert set(re.findall(r"\w+", sentence.lower())) - {"and"} == found


CLEANED = {"/a/../b": "/b", "/a//b": "/a/b"}


async def test_traefik_cleans_a_path_as_its_page_says(fleet: Fleet) -> None:
    told = set(read_code(ROOT / "docs/traefik.md"))
    assert told >= {*CLEANED, *CLEANED.values()}
    guarded = await fleet.guard("traefik")
    bearer = (await guarded.log_in())["Authorization"]
    async with connecting(guarded.gateway.port) as client:
        for path in CLEANED:
            lines = (f"Host: {HOST}", f"Authorization: {bearer}")
            assert await client.ask(compose(path, *lines)) == 200
    targets = [received["target"] for received in guarded.upstream.received]
    assert targets == list(CLEANED.values())


# Where the URL of the question stands: the file, the text before it, and the word for it.
URLS = {
    "nginx": ("nginx.conf", "proxy_pass http://sidecar_gate/verify/nginx"),
    "traefik": ("routes.yaml", "/verify/traefik"),
    "caddy": ("Caddyfile", "uri /verify/caddy?"),
    "haproxy": ("sidecar.lua", "/verify/haproxy"),
}
WORDS = {"nginx": "proxy_pass", "traefik": "address", "caddy": "uri", "haproxy": "GATE"}


async def _await_routes(guarded: Guarded) -> None:
    """Wait until the gateway knows the host: Traefik listens before it has read its routes."""
    async with asyncio.timeout(READY_TIMEOUT):
        while True:
            if (await guarded.ask("/public/"))[0] != 404:
                return
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("name", URLS)
async def test_a_parameter_on_the_url_that_is_asked_narrows_the_policy(
    fleet: Fleet, name: str
) -> None:
    file, url = URLS[name]
    port = free_port()
    folder = fleet.service.directory / f"narrowed-{name}"
    words = (name, "--host", HOST, "--upstream", fleet.upstream.url)
    await write_files(fleet.service, folder, *words, "--listen", f"127.0.0.1:{port}")
    text = (folder / file).read_text()
    (line,) = (line for line in text.splitlines() if url in line)
    assert WORDS[name] in line
    assert f"`{WORDS[name]}`" in PAGE.read_text()
    narrowed = f"{url.removesuffix('?')}?roles=auditor&mode=api"
    (folder / file).write_text(text.replace(line, line.replace(url, narrowed)))
    async with running_files(name, folder, port) as gateway:
        guarded = Guarded(fleet.service, gateway, fleet.upstream, fleet.session)
        await _await_routes(guarded)
        fleet.upstream.received.clear()
        assert (await guarded.ask("/public/?roles=staff"))[0] == 401
        assert (await guarded.ask("/", await guarded.log_in()))[0] == 403
        assert (await guarded.ask("/", {"Accept": "text/html"}))[0] == 401
        assert fleet.upstream.received == []


@pytest.mark.parametrize("name", GATEWAYS)
async def test_a_header_of_cloudflare_arrives_without_the_lines_that_take_it_away(
    fleet: Fleet, name: str
) -> None:
    port = free_port()
    folder = fleet.service.directory / f"kept-{name}"
    words = (name, "--host", HOST, "--upstream", fleet.upstream.url)
    await write_files(fleet.service, folder, *words, "--listen", f"127.0.0.1:{port}")
    file = folder / next(iter(FILES[name]))
    lines = file.read_text().splitlines(keepends=True)
    kept = [line for line in lines if "cf-connecting-ip" not in line.lower()]
    assert len(lines) - len(kept) == (2 if name == "nginx" else 1)
    file.write_text("".join(kept))
    assert "`CF-Connecting-IP`" in (ROOT / f"docs/{name}.md").read_text()
    async with running_files(name, folder, port) as gateway:
        guarded = Guarded(fleet.service, gateway, fleet.upstream, fleet.session)
        await _await_routes(guarded)
        fleet.upstream.received.clear()
        sent = {"CF-Connecting-IP": "10.9.8.7", "True-Client-IP": "10.9.8.7"}
        assert (await guarded.ask("/public/", sent))[0] == 200
        (received,) = fleet.upstream.received
        assert header_values(received, "CF-Connecting-IP") == ["10.9.8.7"]
        assert header_values(received, "True-Client-IP") == []


async def test_the_table_names_every_dialect_and_where_it_asks() -> None:
    rows = read_table(PAGE, "How each one asks and answers")
    assert {(name.lower(), asked) for name, asked, *_ in rows} == {
        (dialect.value, f"`/verify/{dialect.value}`") for dialect in Dialect
    }


async def test_every_header_for_the_upstream_is_in_the_table() -> None:
    cells = [row[0] for row in read_table(PAGE, "What the upstream gets")]
    told = re.findall(r"`([\w-]+)`", " ".join(cells))
    copied = ["Authorization", "Cookie", "X-Request-Id"]
    assert sorted(told) == sorted([*HEADERS.values(), ASSERTION, *copied])
    (renamed,) = re.findall(r"other names, by (.+?);", PAGE.read_text())
    assert re.findall(r"`(\w+)`", renamed) == list(HEADERS)


async def test_every_parameter_is_in_the_table() -> None:
    cells = [row[0] for row in read_table(PAGE, "One location that asks for more")]
    told = set(re.findall(r"`(\w+)=", " ".join(cells)))
    assert told == {*CONDITIONS, "mode"}
    assert set(re.findall(r"`mode=(\w+)`", " ".join(cells))) == set(Mode)
    assert f"(`{Reason.PARAMETER}`)" in PAGE.read_text()
