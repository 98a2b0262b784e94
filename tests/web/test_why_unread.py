"""A question that could not be read: who asked, how, and what would have made it one."""

import json
from pathlib import Path
from typing import Final

import pytest
from aiohttp import web

from sidecar.settings import Dialect
from sidecar.web.unread import HEADERS, LONGEST_TARGET
from tests.web.gated import DIALECTS, HOST, Gated, Line, asked, send
from tests.web.refused import QUERY, ask_unread, find_refusals, find_why

pytestmark = pytest.mark.asyncio(loop_scope="module")

ADDRESS: Final = "127.0.0.1"


def _without(dialect: str, name: str) -> list[Line]:
    return [line for line in asked(dialect, f"/x{QUERY}") if line[0] != name]


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_the_headers_of_a_dialect_are_those_that_its_gateways_send(dialect: str) -> None:
    sent = {name for name, _ in asked(dialect) if not name.startswith(":")}
    assert set(HEADERS[Dialect(dialect)]) == sent


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_what_was_said_is_kept_beside_who_said_it_and_how(gated: Gated, dialect: str) -> None:
    refusal = await find_why(gated, "//x", gated.credentials["root"], dialect, method="PUT")
    assert refusal["reason"] == "path_ambiguous"
    assert refusal["unread"] == {
        "dialect": dialect,
        "peer": ADDRESS,
        "method": "PUT",
        "host": HOST,
        "target": "//x",
    }
    assert refusal["needs"] == ["a spelling of the path that every server reads alike"]


MISSING: Final = [
    (dialect, name) for dialect in DIALECTS for name in HEADERS[Dialect(dialect)] if name != "Host"
]


@pytest.mark.parametrize("times", [0, 2])
@pytest.mark.parametrize(("dialect", "name"), MISSING)
async def test_where_a_header_is_missing_or_doubled_all_of_the_dialect_are_named(
    gated: Gated, dialect: str, name: str, times: int
) -> None:
    lines = [*_without(dialect, name), *times * [(name, "http")]]
    refusal = await ask_unread(gated.web, dialect, lines)
    assert refusal["reason"] == ("header_doubled" if times else "header_missing")
    (need,) = refusal["needs"]
    headers = ", ".join(HEADERS[Dialect(dialect)])
    assert need.endswith(f"/verify/NAME): that of {dialect} has {headers}, each once")


@pytest.mark.parametrize(
    ("dialect", "left_out", "kept"),
    [
        ("traefik", "X-Forwarded-Uri", ("GET", HOST, None)),
        ("traefik", "X-Forwarded-Host", ("GET", None, "/x")),
        ("caddy", "X-Forwarded-Method", (None, HOST, "/x")),
        ("nginx", "X-Original-URL", ("GET", None, None)),
        ("nginx", "X-Original-Method", (None, HOST, "/x")),
        ("envoy", "X-Forwarded-Proto", ("GET", HOST, "/x")),
    ],
)
async def test_of_a_question_that_lacks_something_the_rest_is_kept(
    gated: Gated, dialect: str, left_out: str, kept: tuple[str | None, ...]
) -> None:
    unread = (await ask_unread(gated.web, dialect, _without(dialect, left_out)))["unread"]
    assert (unread["method"], unread["host"], unread["target"]) == kept


async def test_a_question_in_another_dialect_says_nothing(gated: Gated) -> None:
    unread = (await ask_unread(gated.web, "nginx", asked("traefik", "/x")))["unread"]
    assert unread == {"dialect": "nginx", "peer": ADDRESS} | dict.fromkeys(
        ("method", "host", "target")
    )


async def test_a_query_of_the_gateways_own_url_is_told_by_what_it_may_be(gated: Gated) -> None:
    refusal = await ask_unread(gated.web, "traefik", asked("traefik", "/x"), "?role=admin")
    assert refusal["reason"] == "parameter"
    assert refusal["unread"]["target"] == "/x"
    assert "mode, roles, scope and max_age" in refusal["needs"][0]


@pytest.mark.parametrize(
    ("dialect", "name", "value"),
    [
        ("traefik", "X-Forwarded-Uri", "/x/..?hush"),
        ("traefik", "X-Forwarded-Uri", "/x#hush"),
        ("traefik", "X-Forwarded-Uri", "?hush"),
        ("traefik", "X-Forwarded-Uri", "http://root:hush@app.example.com/"),
        ("traefik", "X-Forwarded-Host", "root:hush@app.example.com"),
        ("nginx", "X-Original-URL", "http://root:hush@app.example.com/x"),
        ("nginx", "X-Original-URL", "http://root:hush@a@app.example.com/x"),
        ("nginx", "X-Original-URL", "http://app.example.com?hush/x"),
        ("nginx", "X-Original-URL", "ftp://app.example.com/x?hush"),
        ("nginx", "X-Original-URL", "hush"),
        ("envoy", ":path", "//x?hush"),
        ("envoy", "Host", "root:hush@app.example.com"),
        ("caddy", "X-Forwarded-For", "hush"),
        ("caddy", "Authorization", "hush"),
    ],
)
async def test_no_query_and_no_credential_is_kept(
    gated: Gated, dialect: str, name: str, value: str
) -> None:
    question = asked(dialect, "//x" if name == "Authorization" else "/x")
    lines = [*(line for line in question if line[0] != name), (name, value)]
    assert "hush" not in json.dumps(await ask_unread(gated.web, dialect, lines))


@pytest.mark.parametrize(
    ("target", "kept"),
    [
        ("//" + "x" * (LONGEST_TARGET - 2), "//" + "x" * (LONGEST_TARGET - 2)),
        ("//" + "x" * (LONGEST_TARGET - 1), "//" + "x" * (LONGEST_TARGET - 2) + "..."),
        ("//\u202e\u009b31m\u00e9", "//\\u202e\\x9b31m\u00e9"),
        (b"//\xff\xc2", "//\\udcff\\udcc2"),
        ("//\\..", "//\\.."),
    ],
)
async def test_a_target_is_cut_and_does_nothing_to_a_terminal(
    gated: Gated, target: str | bytes, kept: str
) -> None:
    for dialect in ("traefik", "nginx"):
        refusal = await ask_unread(gated.web, dialect, asked(dialect, target))
        assert refusal["unread"]["target"] == kept


async def test_a_method_and_a_host_are_cut(gated: Gated) -> None:
    long: list[Line] = asked("traefik", "/x", method="M" * 5000, host="h" * 5000)
    unread = (await ask_unread(gated.web, "traefik", long))["unread"]
    assert unread["method"] == "M" * 32 + "..."
    assert unread["host"] == "h" * 260 + "..."


async def test_a_gateway_behind_a_socket_is_one_without_an_address(
    gated: Gated, tmp_path: Path
) -> None:
    path = tmp_path / "s"
    await web.UnixSite(gated.web.runner, str(path)).start()
    answer = await send(path, asked("traefik", "//x"), "/verify/traefik")
    (refusal,) = await find_refusals(gated.web, answer.headers["X-Request-Id"])
    assert refusal["unread"]["peer"] == "a Unix socket"
