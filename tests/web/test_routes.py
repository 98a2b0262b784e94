"""What every answer has in common: unknown paths, other methods, HEAD, and the id of a request."""

import re

import pytest

from tests.web.asked import ask, head, send
from tests.web.conftest import Web

pytestmark = pytest.mark.asyncio(loop_scope="module")

METHODS = {
    "/login": {"GET", "HEAD", "POST"},
    "/logout": {"GET", "HEAD", "POST"},
    "/refresh": {"POST"},
    "/login/code": {"GET", "HEAD", "POST"},
    "/reset": {"GET", "HEAD", "POST"},
    "/me": {"GET", "HEAD", "PATCH"},
    "/me/password": {"POST"},
    "/me/otp": {"POST"},
    "/me/otp/confirm": {"POST"},
    "/me/otp/disable": {"POST"},
    "/me/tokens": {"GET", "HEAD", "POST"},
    "/me/tokens/x": {"DELETE"},
    "/audit": {"GET", "HEAD"},
    "/me/sessions": {"GET", "HEAD"},
    "/me/sessions/x": {"DELETE"},
    "/users": {"GET", "HEAD", "POST"},
    "/users/x": {"GET", "HEAD", "PATCH", "DELETE"},
    "/users/x/otp": {"DELETE"},
    "/users/x/reset": {"POST"},
    "/users/x/revoke": {"POST"},
    "/clients": {"GET", "HEAD", "POST"},
    "/clients/x": {"GET", "HEAD", "PATCH", "DELETE"},
    "/clients/x/rotate": {"POST"},
    "/oauth/token": {"POST"},
    "/oauth/revoke": {"POST"},
    "/oauth/introspect": {"POST"},
    "/account": {"GET", "HEAD", "POST"},
    "/account/factor/confirm": {"POST"},
    "/account/sessions": {"GET", "HEAD", "POST"},
    "/admin": {"GET", "HEAD"},
    "/admin/people/x": {"GET", "HEAD", "POST"},
    "/admin/people/x/reset": {"POST"},
    "/admin/people/x/remove": {"GET", "HEAD", "POST"},
    "/admin/audit": {"GET", "HEAD"},
    "/static/sidecar.css": {"GET", "HEAD"},
    "/openapi.json": {"GET", "HEAD"},
    "/.well-known/jwks.json": {"GET", "HEAD"},
    "/.well-known/oauth-authorization-server": {"GET", "HEAD"},
    "/.well-known/openid-configuration": {"GET", "HEAD"},
}
OTHERS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")


@pytest.mark.parametrize("method", OTHERS)
@pytest.mark.parametrize("path", METHODS)
async def test_another_method_is_told_which_there_are(settled: Web, path: str, method: str) -> None:
    answer = await ask(settled, method, path)
    if method in METHODS[path]:
        assert answer.status != 405
        return
    assert (answer.status, answer.headers["Allow"]) == (405, ", ".join(sorted(METHODS[path])))
    if method != "HEAD":
        answer.assert_problem(405, "method_not_allowed")


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/",
            "/nowhere",
            "/login/",
            "/Login",
            "/login.html",
            "/me/sessions/x/y",
            "/users/",
            "/admin/",
        ),
        *("/static", "/static/", "/static/login.html", "/static/../login", "/static/%2e%2e/login"),
        *("//login", "/login;x=y", "/log%00in", "/%ff", "/%", "/verify/", "/verify/apache"),
        *("/.well-known", "/.well-known/jwks", "/.env", "/.git/config", "/verify/traefik/x"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_unknown_path_is_not_found(settled: Web, path: str, method: str) -> None:
    (await ask(settled, method, path)).assert_problem(404, "not_found")


@pytest.mark.parametrize("path", [path for path in METHODS if "HEAD" in METHODS[path]])
async def test_head_is_get_without_a_body(settled: Web, path: str) -> None:
    get, only_head = await ask(settled, "GET", path), await ask(settled, "HEAD", path)
    assert only_head.body == b""
    assert only_head.status == get.status
    if get.status == 303:  # a page that leads nobody in particular to the login
        assert only_head.headers["Location"] == get.headers["Location"]
        return
    assert get.body
    for name in ("Content-Length", "Content-Type", "Cache-Control", "Server"):
        assert only_head.headers[name] == get.headers[name]


@pytest.mark.parametrize("path", ["/login", "/logout", "/me", "/refresh", "/nowhere"])
async def test_nobody_keeps_an_answer(settled: Web, path: str) -> None:
    answer = await ask(settled, "GET", path)
    assert answer.headers.getall("Cache-Control") == ["no-store"]


@pytest.mark.parametrize("path", [*METHODS, "/nowhere", "/verify"])
async def test_no_answer_names_a_version(settled: Web, path: str) -> None:
    for method in ("GET", "POST"):
        answer = await ask(settled, method, path)
        assert answer.headers.getall("Server") == ["sidecar"]


@pytest.mark.parametrize("path", ["/login", "/me", "/nowhere", "/verify"])
async def test_the_proxys_request_id_is_kept(settled: Web, path: str) -> None:
    for given in ("12345678", "a" * 128, "Root=1-67891233-abcdef012345678912345678"):
        answer = await ask(settled, "GET", path, {"X-Request-Id": given})
        assert answer.headers.getall("X-Request-Id") == [given]


@pytest.mark.parametrize(
    "given",
    ["", "1234567", "a" * 129, "with space", 'quote"d', "<script>", "\u00fc" * 8, "a,b" * 4],
)
async def test_a_request_id_that_is_none_is_replaced(settled: Web, given: str) -> None:
    answer = await ask(settled, "GET", "/me", {"X-Request-Id": given})
    assert re.fullmatch(r"[A-Za-z0-9_-]{12,24}", answer.headers["X-Request-Id"])
    answer.assert_problem(401, "no_credential")


async def test_each_request_has_an_id_of_its_own(settled: Web) -> None:
    ids = {(await ask(settled, "GET", "/me")).headers["X-Request-Id"] for _ in range(20)}
    assert len(ids) == 20


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("http://evil.example/me", b"401"),
        ("http://auth.example.com/login", b"200"),
        ("/%6de", b"401"),
    ],
)
async def test_other_spellings_of_a_target_find_the_same(
    settled: Web, target: str, status: bytes
) -> None:
    answer = await send(settled.port, head("GET", target))
    assert answer.startswith(b"HTTP/1.1 " + status)
