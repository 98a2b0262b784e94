"""`/admin` in a browser: people are found, added, changed, helped and removed."""

import re

import pytest

from sidecar.clock import read_clock
from sidecar.core.audit import OPERATOR, Action, Author
from sidecar.core.user import User
from tests.programs.service import PASSWORD
from tests.web.asked import ask, read_trail
from tests.web.conftest import PUBLIC_URL, Web
from tests.web.phones import give_phone
from tests.web.visiting import BROWSER, Seen, Visitor, visit, words_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

EMPTY = {"name": "", "email": "", "roles": ""}


async def _add(web: Web, name: str, *roles: str) -> str:
    """Add somebody and return their page."""
    return f"/admin/people/{(await web.add_user(name, *roles)).id}"


async def test_people_are_found_by_a_part_of_their_names(web: Web, root: Visitor) -> None:
    await web.add_user("hypatia")
    found = await root.look("/admin?q=ypat")
    assert ">hypatia</a>" in found.text
    assert ">root</a>" not in found.text
    assert Seen(found.text).values["q"] == "ypat"
    for nothing in ("zzzz", "%25", "_", "x" * 300, "a%00b", "%22%3E%3Cscript%3E"):
        answer = await root.look(f"/admin?q={nothing}")
        assert answer.status == 200
        assert "Nobody found." in words_of(answer)
        assert "<script" not in answer.text


async def test_each_person_stands_on_one_page(web: Web, root: Visitor) -> None:
    now = read_clock().unix
    for number in range(60):
        name = f"crowd{number:02}"
        user = User(f"{name}-{'A' * 14}", name, None, None, (), False, now, now)
        await web.serving.services.store.users.add_user(user, "none", Author(OPERATOR))
    names: list[str] = []
    path = "/admin?q=crowd"
    for _ in range(3):
        page = await root.look(path)
        names += re.findall(r">(crowd\d\d)</a>", page.text)
        following = re.search(r'href="/admin(\?[^"]+)" rel="next"', page.text)
        path = "/admin" + following[1].replace("&amp;", "&") if following else ""
    assert path == ""
    assert names == [f"crowd{number:02}" for number in range(60)]


async def test_somebody_is_added_with_a_link_to_choose_a_password(web: Web, root: Visitor) -> None:
    fields = {"username": "Euler", "name": "Leonhard Euler", "email": "", "roles": "staff ops"}
    made = await root.send("/admin/people/new", {**fields, "password": ""})
    assert (made.status, made.headers["Cache-Control"]) == (200, "no-store")
    (link,) = re.findall(rf"{PUBLIC_URL}(/reset\?token=[A-Za-z0-9_-]+)", made.text)
    user = await web.serving.services.accounts.show("euler")
    assert (user.name, user.email, user.roles) == ("Leonhard Euler", None, ("ops", "staff"))
    assert (await ask(web, "GET", link, BROWSER)).status == 200
    assert [row.action for row in (await read_trail(web))[:2]] == [
        Action.RESET_MADE,
        Action.USER_ADDED,
    ]


async def test_somebody_is_added_with_a_password(web: Web, root: Visitor) -> None:
    fields = {**EMPTY, "username": "gauss", "password": PASSWORD}
    page = await root.follow(await root.send("/admin/people/new", fields))
    assert "That is done." in words_of(page)
    assert PASSWORD not in page.text
    assert (await (await visit(web, "gauss")).look("/account")).status == 200


@pytest.mark.parametrize(
    ("changed", "status", "wrong"),
    [
        ({"username": "root"}, 409, {"username"}),
        ({"username": "ROOT"}, 409, {"username"}),
        ({"username": ""}, 422, {"username"}),
        ({"username": "two words"}, 422, {"username"}),
        ({"username": "\u0430dmin"}, 422, {"username"}),
        ({"username": "x" * 65}, 422, {"username"}),
        ({"email": "none"}, 422, {"email"}),
        ({"name": "turned \u202e"}, 422, {"name"}),
        ({"roles": "-first"}, 422, {"roles"}),
        ({"roles": "a,b"}, 422, {"roles"}),
        ({"roles": " ".join(f"role{number}" for number in range(300))}, 422, {"roles"}),
        ({"password": "short"}, 422, {"password"}),
        ({"password": "sidecar-sidecar"}, 422, {"password"}),
        ({"username": "", "email": "none", "roles": "a,b"}, 422, {"username", "email", "roles"}),
    ],
)
async def test_what_is_wrong_with_somebody_new_is_told(
    web: Web, root: Visitor, changed: dict[str, str], status: int, wrong: set[str]
) -> None:
    before = len(await web.serving.services.accounts.list())
    fields = {"username": "newcomer", "name": "New", "email": "", "roles": "staff", **changed}
    answer = await root.send("/admin/people/new", {"password": PASSWORD, **fields})
    seen = Seen(answer.text)
    assert (answer.status, seen.wrong) == (status, wrong)
    assert {name: seen.values[name] for name in fields if name != "password"} == {
        name: text for name, text in fields.items() if name != "password"
    }
    assert seen.values["password"] == ""
    assert PASSWORD not in answer.text
    assert len(await web.serving.services.accounts.list()) == before


async def test_somebody_is_changed(web: Web, root: Visitor) -> None:
    path = await _add(web, "emmy")
    fields = {"username": "noether", "name": "Emmy Noether", "email": "e@n.example", "roles": "ops"}
    answer = await root.send(path, {**fields, "version": await root.version(path)})
    page = await root.follow(answer)
    assert "That is done." in words_of(page)
    assert {name: Seen(page.text).values[name] for name in fields} == fields
    row = (await read_trail(web))[0]
    assert (row.action, row.details["after"]) == (
        Action.USER_CHANGED,
        {**fields, "roles": ["ops"]},
    )


@pytest.mark.parametrize("action", ["", "/disable", "/remove"])
@pytest.mark.parametrize("version", ["7", "", "x", None])
async def test_a_change_of_what_was_not_seen_is_not_made(
    web: Web, root: Visitor, action: str, version: str | None
) -> None:
    path = await _add(web, f"seen{len(await web.serving.services.accounts.list())}")
    fields = {"username": "other", "name": "Other", "email": "", "roles": "admin"}
    if version is not None:
        fields["version"] = version
    answer = await root.send(f"{path}{action}", fields)
    assert answer.status == 412
    assert "Somebody else changed this meanwhile" in words_of(answer)
    assert "Other" not in answer.text
    page = await root.look(path)
    assert Seen(page.text).values["username"].startswith("seen")
    assert "Enabled" in words_of(page)


async def test_a_disabled_person_is_logged_out_and_let_in_again(web: Web, root: Visitor) -> None:
    path = await _add(web, "turing")
    turing = await visit(web, "turing")
    answer = await root.send(f"{path}/disable", {"version": await root.version(path)})
    page = await root.follow(answer)
    assert "Disabled: they are logged out everywhere" in words_of(page)
    assert "Make a link" not in page.text
    assert (await turing.look("/account")).status == 303
    refused = await root.send(f"{path}/reset")
    assert refused.status == 409
    assert "/reset?token=" not in refused.text
    answer = await root.send(f"{path}/enable", {"version": await root.version(path)})
    assert "they can log in again" in words_of(await root.follow(answer))
    assert (await (await visit(web, "turing")).look("/account")).status == 200


async def test_sessions_are_ended_and_the_second_factor_removed(web: Web, root: Visitor) -> None:
    path = await _add(web, "meitner")
    meitner = await visit(web, "meitner")
    await give_phone(web, (await web.log_in("meitner"))["access_token"])
    assert "Remove the second factor" in (await root.look(path)).text
    page = await root.follow(await root.send(f"{path}/factor"))
    assert "The second factor is removed." in words_of(page)
    assert "Remove the second factor" not in page.text
    page = await root.follow(await root.send(f"{path}/revoke"))
    assert "They are logged out everywhere." in words_of(page)
    assert (await meitner.look("/account")).status == 303


async def test_a_second_factor_that_is_not_there_is_not_told_to_be_removed(
    web: Web, root: Visitor
) -> None:
    path = await _add(web, "kepler")
    before = await read_trail(web)
    answer = await root.send(f"{path}/factor")
    assert answer.status == 409
    assert "There is no second factor." in words_of(answer)
    assert Seen(answer.text).values["username"] == "kepler"
    for user_id in ("nobody", "A" * 22):
        assert (await root.send(f"/admin/people/{user_id}/factor")).status == 404
    assert await read_trail(web) == before


async def test_somebody_is_removed_after_a_question(web: Web, root: Visitor) -> None:
    path = await _add(web, "fermat")
    question = await root.look(f"{path}/remove")
    assert "Remove fermat?" in words_of(question)
    assert (await root.look(path)).status == 200
    fields = {"version": Seen(question.text).values["version"]}
    page = await root.follow(await root.send(f"{path}/remove", fields))
    assert "The account is removed." in words_of(page)
    assert (await root.look(path)).status == 404
    assert (await root.send(f"{path}/remove", fields)).status == 404


@pytest.mark.parametrize("action", ["", "/disable", "/remove"])
async def test_the_last_administrator_stays(web: Web, root: Visitor, action: str) -> None:
    path = f"/admin/people/{(await web.serving.services.accounts.show('root')).id}"
    fields = {"username": "root", **EMPTY, "version": await root.version(path)}
    answer = await root.send(f"{path}{action}", fields)
    assert answer.status == 409
    assert "no administrator who can log in" in words_of(answer)
    assert (await root.look("/admin")).status == 200
