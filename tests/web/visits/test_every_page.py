"""All pages of `/account` and `/admin`: who may see them, and what none of them lacks."""

import gzip
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from sidecar.core.user import User
from sidecar.web.visited import VISITED
from tests.web.asked import FORM, ask, bearer, read_trail, rows
from tests.web.conftest import PUBLIC_URL, Web, in_one_task, serving_web
from tests.web.visiting import BROWSER, OWN, Seen, Visitor, visit, words_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

PAGES = [path for method, path, _ in VISITED if method == "GET"]
FORMS = [path for method, path, _ in VISITED if method == "POST"]
# Forms that stand in a page without a field for a name; in all others it is shown as it was typed.
NAMELESS = {
    *("/account/password", "/account/sessions", "/admin/people/{id}/remove"),
    *("/account/factor", "/account/factor/confirm", "/account/factor/remove"),
}
ADMIN = "/admin"
HEAVIEST = 40_000  # octets of a page with everything that it loads


@dataclass(frozen=True, slots=True)
class House:
    """A service with an administrator, alice, and their browsers."""

    web: Web
    alice: User
    as_root: Visitor
    as_alice: Visitor

    def fill(self, path: str) -> str:
        """Return a path about alice."""
        return path.replace("{id}", self.alice.id)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    directory = tmp_path_factory.mktemp("house")
    async with in_one_task(serving_web(directory)) as web:
        await web.add_user("root", "admin")
        alice = await web.add_user("alice")
        yield House(web, alice, await visit(web, "root"), await visit(web, "alice"))


@pytest.mark.parametrize("path", PAGES)
async def test_who_is_not_logged_in_is_led_to_the_login_and_back(house: House, path: str) -> None:
    asked = f"{house.fill(path)}?q=a%20b&done=profile"
    answer = await ask(house.web, "GET", asked, BROWSER)
    spelled = asked.replace("/", "%2F").replace("?", "%3F").replace("=", "%3D")
    spelled = spelled.replace("&", "%26").replace("a%20b", "a%2520b")
    assert answer.status == 303
    assert answer.headers["Location"] == (
        f"{PUBLIC_URL}/login?rd=http%3A%2F%2Fauth.example.com{spelled}"
    )
    assert answer.body == b""


@pytest.mark.parametrize("path", FORMS)
async def test_a_form_of_nobody_changes_nothing_and_leads_to_the_login(
    house: House, path: str
) -> None:
    before = await rows(house.web)
    answer = await ask(house.web, "POST", house.fill(path), {**BROWSER, **FORM, **OWN}, "x=y")
    section = path.split("/")[1]
    assert answer.status == 303
    assert answer.headers["Location"].endswith(f"rd=http%3A%2F%2Fauth.example.com%2F{section}")
    assert await rows(house.web) == before


@pytest.mark.parametrize("path", [path for path in PAGES if path.startswith(ADMIN)])
async def test_who_is_no_administrator_sees_that_on_a_page(house: House, path: str) -> None:
    answer = await house.as_alice.look(house.fill(path))
    assert answer.status == 403
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "You may not do this" in words_of(answer)
    assert "root" not in answer.text


@pytest.mark.parametrize("path", [path for path in FORMS if path.startswith(ADMIN)])
async def test_a_form_of_no_administrator_changes_nothing(house: House, path: str) -> None:
    before = await rows(house.web)
    answer = await house.as_alice.send(house.fill(path), {"version": "0", "username": "mallory"})
    assert answer.status == 403
    assert await rows(house.web) == before


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize(
    "elsewhere",
    [
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://app.example.com"},
        {"Origin": "null"},
        {"Origin": "https://evil.example"},
    ],
    ids=["another-site", "a-neighbour", "no-origin", "another-origin"],
)
async def test_a_form_of_another_page_is_refused(
    house: House, path: str, elsewhere: dict[str, str]
) -> None:
    before = await rows(house.web)
    answer = await house.as_root.send(house.fill(path), {"version": "0"}, elsewhere)
    assert answer.status == 403
    assert "came from somewhere else" in words_of(answer)
    assert await rows(house.web) == before


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize("token", [None, "", "stale"])
async def test_a_form_without_its_token_is_the_page_again(
    house: House, path: str, token: str | None
) -> None:
    before = await rows(house.web)
    fields = {"name": "Kept Name", "username": "kept", "current_password": "never shown"}
    if token is not None:
        fields["csrf"] = token
    answer = await house.as_root.send(house.fill(path), fields, own={})
    assert answer.status == 403
    assert "open for too long" in words_of(answer)
    assert "never shown" not in answer.text
    expected = None if path in NAMELESS else "Kept Name"
    assert Seen(answer.text).values.get("name") == expected
    assert await rows(house.web) == before


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_is_light_kept_by_nobody_and_without_a_script(house: House, path: str) -> None:
    answer = await house.as_root.look(house.fill(path))
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    seen = Seen(answer.text)
    assert {"script", "style"}.isdisjoint(seen.tags)
    assert "style" not in seen.attributes
    assert not [name for name in seen.attributes if name.startswith("on")]
    assert seen.tags.count("h1") == 1
    styles = await ask(house.web, "GET", "/static/sidecar.css")
    logo = await ask(house.web, "GET", "/static/logo")
    assert len(answer.body) + len(styles.body) + len(logo.body) < HEAVIEST
    assert len(gzip.compress(answer.body)) < HEAVIEST // 10


@pytest.mark.parametrize("path", PAGES)
async def test_each_form_of_a_page_carries_a_token(house: House, path: str) -> None:
    answer = await house.as_root.look(house.fill(path))
    seen = Seen(answer.text)
    posting = answer.text.count('method="post"')
    assert answer.text.count('name="csrf"') == posting
    assert all(action.startswith(("/account", "/admin")) for action in seen.actions)


@pytest.mark.parametrize("path", PAGES)
async def test_a_program_with_a_bearer_token_is_no_browser(house: House, path: str) -> None:
    token = (await house.web.log_in("root"))["access_token"]
    answer = await ask(house.web, "GET", house.fill(path), {**BROWSER, **bearer(token)})
    assert answer.status == 303
    assert answer.headers["Location"].startswith(f"{PUBLIC_URL}/login?rd=")


@pytest.mark.parametrize("done", ["", "nothing", "<script>", "profile.title", "x" * 300])
async def test_an_address_says_nothing_that_was_not_done(house: House, done: str) -> None:
    plain = await house.as_alice.look("/account")
    answer = await house.as_alice.look(f"/account?done={done}")
    assert words_of(answer) == words_of(plain)


@pytest.mark.parametrize("path", ["/account", "/admin", "/admin/people/new"])
@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Content-Type": "application/json"}, '{"name": "x"}', 415),
        ({"Content-Type": "multipart/form-data; boundary=x"}, "--x--", 415),
        (FORM, "name=a&name=b", 400),
        (FORM, "name=%ff", 400),
        (FORM, "&".join(f"f{number}=x" for number in range(40)), 400),
        (FORM, "name=" + "x" * 70_000, 413),
    ],
    ids=["json", "multipart", "doubled", "not-utf-8", "too-many", "too-large"],
)
async def test_what_is_no_form_is_refused_on_a_page(
    house: House, path: str, headers: dict[str, str], body: str, status: int
) -> None:
    if path == ADMIN:
        status = 405
    told = {"Cookie": house.as_root.cookie, **BROWSER, **OWN, **headers}
    answer = await ask(house.web, "POST", path, told, body)
    assert answer.status == status
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    "user_id", ["nobody", "AAAAAAAAAAAAAAAAAAAAAA", "%00", "..%2f", "a" * 300, "%F0%9F%92%A9"]
)
@pytest.mark.parametrize("rest", ["", "/remove"])
async def test_nobody_of_that_id_is_a_page_that_says_so(
    house: House, user_id: str, rest: str
) -> None:
    answer = await house.as_root.look(f"/admin/people/{user_id}{rest}")
    assert answer.status == 404
    assert "There is no such page" in words_of(answer)


async def test_looking_changes_nothing(house: House) -> None:
    before, trail = await rows(house.web), await read_trail(house.web)
    for path in PAGES:
        await house.as_root.look(house.fill(path))
    assert await rows(house.web) == before
    assert await read_trail(house.web) == trail
