"""CORS: the frontends of `cors.origins` read every answer that is for them, others read none."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from multidict import CIMultiDict

from tests.web.asked import FORM, GOOD, JSON, Asked, ask, bearer, claims_of, locked, log_in
from tests.web.conftest import PUBLIC_URL, Web, in_one_task, serving_web

APP, DESK = "https://shop.example.com", "http://localhost:5173"
FOREIGN = (
    "https://evil.example",
    "null",
    "https://shop.example.com.evil.example",
    "http://shop.example.com",
    "https://shop.example.com:8443",
    "https://SHOP.example.com",
    "https://shop.example.com/",
    f"{APP}, {APP}",
    "*",
    "",
    PUBLIC_URL,
)
PATHS = ("/login", "/refresh", "/logout", "/me", "/me/sessions", "/me/sessions/x", "/oauth/token")

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Web]:
    """Run a service with alice for two frontends."""
    settings: dict[str, dict[str, object]] = {
        "cors": {"origins": [APP, DESK]},
        "server": {"public_url": f"{PUBLIC_URL}/auth"},
    }
    async with in_one_task(serving_web(tmp_path_factory.mktemp("cors"), settings)) as running:
        await running.add_user()
        yield running


def assert_shared(answer: Asked, origin: str = APP) -> None:
    """Fail unless a frontend there may read the answer and what it needs of its head."""
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    exposed = set(answer.headers["Access-Control-Expose-Headers"].split(", "))
    assert exposed == {"ETag", "X-Request-Id", "Retry-After", "WWW-Authenticate"}
    assert answer.headers.getall("Vary") == ["Origin"]
    assert answer.headers["X-Request-Id"]
    assert answer.headers["Server"] == "sidecar"


def assert_kept(answer: Asked) -> None:
    """Fail where a browser would let another page read the answer."""
    assert [name for name in answer.headers if name.startswith("Access-Control")] == []
    assert answer.headers.getall("Vary") == ["Origin"]


@pytest.mark.parametrize("origin", [APP, DESK])
@pytest.mark.parametrize("path", [*PATHS, *(f"/auth{path}" for path in PATHS)])
async def test_a_preflight_of_a_known_frontend_is_let_pass(
    shared: Web, path: str, origin: str
) -> None:
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    answer = await ask(shared, "OPTIONS", path, headers)
    assert (answer.status, answer.body) == (204, b"")
    assert_shared(answer, origin)
    assert answer.headers["Access-Control-Allow-Methods"] == "DELETE, GET, PATCH, POST"
    allowed = answer.headers["Access-Control-Allow-Headers"]
    assert allowed == "Authorization, Content-Type, If-Match"
    assert answer.headers["Access-Control-Max-Age"] == "600"


@pytest.mark.parametrize("origin", FOREIGN)
@pytest.mark.parametrize("path", PATHS)
async def test_no_other_preflight_is(shared: Web, path: str, origin: str) -> None:
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    answer = await ask(shared, "OPTIONS", path, headers)
    answer.assert_problem(405, "method_not_allowed")
    assert_kept(answer)


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "status"),
    [
        ("POST", "/login", {}, GOOD, 200),
        ("POST", "/login", {}, {**GOOD, "password": "wrong"}, 401),
        ("POST", "/login", JSON, b"{", 400),
        ("POST", "/login", {}, {}, 422),
        ("POST", "/login", {}, b"x", 415),
        ("POST", "/login", JSON, b"x" * 65_537, 413),
        ("POST", "/login", FORM, b"username=alice&password=x", 403),
        ("POST", "/refresh", {}, {"refresh_token": "x"}, 401),
        ("POST", "/logout", {}, None, 401),
        ("POST", "/logout", {"Authorization": "Bearer x"}, None, 204),
        ("GET", "/me", {}, None, 401),
        ("PUT", "/me", {}, None, 405),
        ("OPTIONS", "/me", {}, None, 405),
        ("GET", "/auth/me", {}, None, 401),
    ],
)
async def test_a_known_frontend_reads_refusals_and_errors_too(
    shared: Web, method: str, path: str, headers: dict[str, str], body: object, status: int
) -> None:
    answer = await ask(shared, method, path, {"Origin": APP, **headers}, body)
    assert answer.status == status
    assert_shared(answer)


async def test_a_known_frontend_reads_that_the_store_is_away(shared: Web) -> None:
    async with locked(shared):
        answer = await ask(shared, "POST", "/login", {"Origin": APP}, GOOD)
    answer.assert_problem(503, "unavailable")
    assert_shared(answer)


@pytest.mark.parametrize("origin", FOREIGN)
async def test_nobody_else_reads_anything(shared: Web, origin: str) -> None:
    token = (await log_in(shared)).json["access_token"]
    answer = await ask(shared, "GET", "/me", {"Origin": origin, **bearer(token)})
    assert answer.status == 200
    assert_kept(answer)


async def test_an_origin_that_stands_twice_is_nobodys(shared: Web) -> None:
    headers = CIMultiDict([("Origin", APP), ("Origin", APP)])
    assert_kept(await ask(shared, "GET", "/me", headers))


async def test_an_answer_to_nobody_in_particular_varies_all_the_same(shared: Web) -> None:
    assert_kept(await ask(shared, "GET", "/me"))


@pytest.mark.parametrize(
    "path",
    ["/verify", "/verify/nginx", "/static/sidecar.css", "/nowhere", "/menu", "/users/x/revoke"],
)
async def test_what_is_not_for_frontends_is_not_shared(shared: Web, path: str) -> None:
    answer = await ask(shared, "GET", path, {"Origin": APP})
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_a_known_frontend_logs_in_and_out_by_cookie(shared: Web, site: str) -> None:
    page = {"Origin": APP, "Sec-Fetch-Site": site}
    for body in (None, {}, {"everywhere": True}):
        answer = await ask(shared, "POST", "/login", page, {**GOOD, "cookie": True})
        assert answer.status == 200
        assert_shared(answer)
        cookie = {"Cookie": answer.headers["Set-Cookie"].partition(";")[0]}
        assert (await ask(shared, "GET", "/me", {**page, **cookie})).json["username"] == "alice"
        assert (await ask(shared, "POST", "/logout", {**page, **cookie}, body)).status == 204
        assert (await ask(shared, "GET", "/me", {**page, **cookie})).status == 401


async def test_a_known_frontend_ends_another_session_by_cookie(shared: Web) -> None:
    page = {"Origin": APP, "Sec-Fetch-Site": "cross-site", "Cookie": await shared.log_in_cookie()}
    other = claims_of((await shared.log_in())["access_token"])["sid"]
    answer = await ask(shared, "DELETE", f"/me/sessions/{other}", page)
    assert answer.status == 204
    assert_shared(answer)


@pytest.mark.parametrize("path", ["/users/x/revoke", "/users/x/reset", "/clients/x/rotate"])
async def test_a_known_frontend_does_nothing_by_cookie_that_is_not_for_it(
    shared: Web, path: str
) -> None:
    """What has no body needs no preflight: whatever runs in that page could send it unasked."""
    name = f"root-{path.rsplit('/', maxsplit=1)[-1]}"
    await shared.add_user(name, "admin")
    page = {"Origin": APP, "Sec-Fetch-Site": "same-site"}
    cookie = {"Cookie": await shared.log_in_cookie(name)}
    (await ask(shared, "POST", path, {**page, **cookie})).assert_problem(403, "cross_site")
    ours = {"Origin": PUBLIC_URL, "Sec-Fetch-Site": "same-origin"}
    (await ask(shared, "POST", path, {**ours, **cookie})).assert_problem(404, "not_found")


@pytest.mark.parametrize("origin", [*FOREIGN[:-1], f"{PUBLIC_URL}:80"])
async def test_no_other_frontend_does(shared: Web, origin: str) -> None:
    cookie = await shared.log_in_cookie()
    page = {"Origin": origin, "Sec-Fetch-Site": "same-site"}
    answer = await ask(shared, "POST", "/login", page, {**GOOD, "cookie": True})
    answer.assert_problem(403, "cross_site")
    answer = await ask(shared, "POST", "/logout", {**page, "Cookie": cookie})
    answer.assert_problem(403, "cross_site")
    assert (await ask(shared, "GET", "/me", {"Cookie": cookie})).status == 200


@pytest.mark.parametrize("body", [b"", b"everywhere=true"])
async def test_a_form_of_a_known_frontend_is_a_form_of_another_site(
    shared: Web, body: bytes
) -> None:
    cookie = await shared.log_in_cookie()
    page = {"Origin": APP, "Sec-Fetch-Site": "cross-site", **FORM}
    answer = await ask(shared, "POST", "/logout", {**page, "Cookie": cookie}, body)
    answer.assert_problem(403, "cross_site")
    assert (await ask(shared, "GET", "/me", {"Cookie": cookie})).status == 200
