"""Envoy's dialect: the request itself is the question, and its target is the client's."""

from typing import Final

import pytest

from sidecar.web.headers import MOST_COMMAS
from tests.web.gated import COOKIE, HOST, NAVIGATION, Gated, Lines, asked, bearer, send

pytestmark = pytest.mark.asyncio(loop_scope="module")

OPEN: Final = "/public/"
PREFIX: Final = "/verify/envoy"
ALICE: Final = "alice's cookie"


@pytest.mark.parametrize(
    "target",
    ["/login", "/logout", "/me", "/verify", "/verify/traefik", "/verify/nginx", PREFIX,
     f"{PREFIX}/public/", "/.well-known/jwks.json", "/static/sidecar.css", "/", "/healthz",
     "/readyz", "/metrics", "/login?rd=/public/", "/refresh", "/favicon.ico"],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "PROPFIND"])
async def test_our_own_paths_behind_the_prefix_are_paths_of_the_host_that_is_asked_about(
    gated: Gated, target: str, method: str
) -> None:
    for lines in (gated.credentials["nobody"], gated.credentials["expired"]):
        answer = await gated.ask("envoy", target, lines, method=method)
        assert answer.status == 401
        answer.assert_tells_nobody()
    elsewhere = gated.credentials["root"]
    answer = await gated.ask("envoy", target, elsewhere, method=method, host="other.example.com")
    assert (answer.status, answer.reason) == (403, "no_rule")
    known = await gated.ask("envoy", target, gated.credentials["alice"], method=method)
    assert (known.status, known.headers["Remote-User"]) == (200, "alice")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        # nothing behind the prefix, or no path
        (PREFIX, 400),
        (f"{PREFIX}?", 400),
        (f"{PREFIX}?/public/", 400),
        (f"{PREFIX}public/", 400),
        (f"{PREFIX}*", 400),
        (f"{PREFIX}#/public/", 400),
        (f"{PREFIX}%2fpublic/", 400),
        (f"{PREFIX}%3f/public/", 400),
        (f"{PREFIX}/..", 400),
        (f"{PREFIX}/../login", 400),
        (f"{PREFIX}/%2e%2e/%2e%2e/login", 400),
        (f"{PREFIX}/./public/", 400),
        (f"{PREFIX}//public/", 400),
        (f"{PREFIX}/..;/login", 400),
        (f"{PREFIX}/\\public/", 400),
        # the prefix in another spelling is not found, or found without a target
        ("/%76erify/envoy", 400),
        ("http://sidecar/verify/envoy", 400),
        ("/%76erify/envoy/public/", 404),
        ("/verify/%65nvoy/public/", 404),
        ("/verify%2fenvoy/public/", 404),
        ("/VERIFY/envoy/public/", 404),
        ("//verify/envoy/public/", 404),
        ("/verify//envoy/public/", 404),
        ("/verify/./envoy/public/", 404),
        ("/verify/x/../envoy/public/", 404),
        ("http://sidecar/verify/envoy/public/", 404),
        ("http://sidecar/verify/envoy/../../login", 404),
    ],
)
async def test_without_a_target_behind_the_very_prefix_nothing_is_allowed(
    gated: Gated, path: str, status: int
) -> None:
    lines = [("Host", HOST), ("X-Forwarded-Proto", "http"), *gated.credentials["root"]]
    for method in ("GET", "POST"):
        answer = await send(gated.web.port, lines, path, method)
        assert answer.status == status
        answer.assert_tells_nobody()


async def test_the_plain_endpoint_in_this_dialect_has_no_target(gated: Gated) -> None:
    """A path that every request has says nothing: `/verify` itself is no question."""
    lines = [*asked("envoy", ""), *gated.credentials["root"]]
    answer = await send(gated.web.port, lines, PREFIX)
    assert (answer.status, answer.reason) == (400, "path_ambiguous")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PURGE", "MKCOL"])
async def test_the_method_of_the_request_is_the_one_that_is_asked_about(
    gated: Gated, method: str
) -> None:
    for who, status in (("nobody", 401), ("alice", 403), ("root", 200)):
        answer = await gated.ask("envoy", "/admin/", gated.credentials[who], method=method)
        assert answer.status == status
    cross: Lines = [*gated.credentials["root's cookie"], ("Sec-Fetch-Site", "cross-site")]
    answer = await gated.ask("envoy", "/admin/", cross, method=method)
    assert answer.status == (200 if method in {"GET", "HEAD"} else 403)


@pytest.mark.parametrize(
    "method", ["CONNECT", "TRACE", "FOO", "get", "PRI", "X" * 33, "GET,POST", "G\xe9T"]
)
async def test_a_method_that_no_parser_knows_or_that_none_needs_is_refused(
    gated: Gated, method: str
) -> None:
    answer = await gated.ask("envoy", OPEN, gated.credentials["root"], method=method)
    assert answer.status == 400
    answer.assert_tells_nobody()


async def test_a_host_header_is_the_host_that_is_asked_about(gated: Gated) -> None:
    said: Lines = [("X-Forwarded-Host", HOST), ("X-Forwarded-Uri", OPEN), ("X-Original-URL", OPEN)]
    answer = await gated.ask("envoy", "/", [*said, *NAVIGATION], host="other.example.com")
    assert (answer.status, answer.reason) == (403, "no_rule")


def _joined(gated: Gated) -> list[tuple[str, str | None, str]]:
    """Return a joined `Cookie` line each, whose it is, and what the upstream is sent of it."""
    alice = f"{COOKIE}={gated.tokens[ALICE]}"
    return [
        (f"a=1,{alice}", "alice", "a=1"),
        (f"a=1, {alice}", "alice", "a=1"),
        (f"a=1,\t{COOKIE} ={alice.partition('=')[2]}", "alice", "a=1"),
        (f"{alice},a=1", "alice", "a=1"),
        (f"{alice}, a=1; b=2", "alice", "a=1; b=2"),
        (f"a=1; b=2,{alice},c=3; d=4", "alice", "a=1; b=2; c=3; d=4"),
        (f"{alice},{alice}", "alice", ""),
        (f"a=1,2,3; {alice}", "alice", "a=1,2,3"),
        (f"a=1,b=2; {alice}", "alice", "a=1,b=2"),
        (f"a=1,__Secure-sidecar=x; {alice}", "alice", "a=1"),
        (f"a=1,__Secure-sidecar=x,b=2,{alice}", "alice", "a=1; b=2"),
        (f"a=1,x{alice}", None, f"a=1,x{alice}"),
        (f"a=1,={alice}", None, f"a=1,={alice}"),
    ]


async def test_a_comma_beside_our_cookie_separates_too(gated: Gated) -> None:
    for line, user, left in _joined(gated):
        answer = await gated.ask("envoy", OPEN, [("Cookie", line)])
        assert answer.status == 200
        assert answer.headers["Remote-User"] == (user or "")
        assert answer.headers.getall("Cookie") == [left]


async def test_more_commas_than_cookies_have_are_not_read(gated: Gated) -> None:
    for lines in ([("Cookie", "," * (MOST_COMMAS + 1))], [("Cookie", "a," * 500)] * 5):
        answer = await gated.ask("envoy", OPEN, lines)
        assert (answer.status, answer.reason) == (400, "header_too_long")
        assert (await gated.ask("haproxy", OPEN, lines)).status == 200
    assert (await gated.ask("envoy", OPEN, [("Cookie", "," * MOST_COMMAS)])).status == 200


async def test_elsewhere_a_comma_is_part_of_a_value(gated: Gated) -> None:
    line = f"a=1,{COOKIE}={gated.tokens[ALICE]}"
    for dialect in ("nginx", "traefik", "caddy", "haproxy"):
        answer = await gated.ask(dialect, "/", [("Cookie", line)])
        assert (answer.status, answer.reason) == (401, "no_credential")


async def test_two_of_our_cookies_are_two_however_they_are_joined(gated: Gated) -> None:
    alice, root = (f"{COOKIE}={gated.tokens[who]}" for who in (ALICE, "root's cookie"))
    for line in (f"{alice},{root}", f"a=1,{alice}; {root}", f"{root}; a=1, {alice}"):
        for target in ("/", OPEN):
            answer = await gated.ask("envoy", target, [("Cookie", line)])
            assert (answer.status, answer.reason) == (401, "two_credentials")


async def test_a_bearer_token_is_not_split(gated: Gated) -> None:
    answer = await gated.ask("envoy", "/", [bearer(f"{gated.tokens['alice']},x")])
    assert (answer.status, answer.reason) == (401, "credential_malformed")
