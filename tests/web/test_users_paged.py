"""`GET /users`: pages, and what is looked for."""

from collections.abc import AsyncIterator
from urllib.parse import quote

import pytest
import pytest_asyncio

from tests.web.conftest import in_one_task, serving_web
from tests.web.staff import Staff, make_staff

pytestmark = pytest.mark.asyncio(loop_scope="module")

PEOPLE = {  # username: name, e-mail address
    "bob": ("Bob 100% B_b", "b.b@example.org"),
    "carol": ("Stra\u00dfe", None),
    "dan": (None, "DAN@EXAMPLE.ORG"),
    "\u00e9lise": ("\u00c9LISE \u015amith", "e@x.org"),
}
EVERYBODY = ["alice", "bob", "carol", "dan", "root", "\u00e9lise"]
LIMIT = "must be a whole number from 1 to 500"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def staffed(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Staff]:
    async with in_one_task(serving_web(tmp_path_factory.mktemp("staffed"))) as running:
        made = await make_staff(running)
        for username, (name, email) in PEOPLE.items():
            await made.add(username, name=name, email=email)
        yield made


async def list_names(staffed: Staff, query: str) -> tuple[list[str], str | None]:
    answer = await staffed.manage("GET", f"/users?{query}")
    assert answer.status == 200, answer.body
    return [each["username"] for each in answer.json["items"]], answer.json["next"]


async def test_people_come_by_username(staffed: Staff) -> None:
    assert await list_names(staffed, "") == (EVERYBODY, None)


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 6, 7])
async def test_pages_are_the_list_cut_into_pieces(staffed: Staff, limit: int) -> None:
    met: list[str] = []
    after: str | None = ""
    while after is not None:
        names, after = await list_names(
            staffed, f"limit={limit}" + (f"&after={quote(after)}" if after else "")
        )
        assert len(names) == limit or after is None
        assert names
        met += names
    assert met == EVERYBODY


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("ali", ["alice"]),
        ("LICE", ["alice"]),
        ("o", ["alice", "bob", "carol", "dan", "root", "\u00e9lise"]),
        ("rol", ["carol"]),
        ("Bob 100% B_b", ["bob"]),
        ("%", ["bob"]),
        ("_", ["bob"]),
        ("b_", ["bob"]),
        ("l_ce", []),
        ("a%e", []),
        ("\\", []),
        ("\u00c9LISE", ["\u00e9lise"]),
        ("e\u0301lise", ["\u00e9lise"]),
        ("\u015bMITH", ["\u00e9lise"]),
        ("elise", []),
        ("STRASSE", ["carol"]),
        ("\uff21\uff2c\uff29", ["alice"]),
        ("dan@example", ["dan"]),
        ("@x.org", ["\u00e9lise"]),
        ("danDAN", []),
        ("root@example.com", ["root"]),
        (" ", ["bob", "\u00e9lise"]),
        ("", EVERYBODY),
        ("x" * 254, []),
        ("' OR 1=1 --", []),
    ],
)
async def test_people_are_found_by_a_part_of_what_they_are_called(
    staffed: Staff, q: str, found: list[str]
) -> None:
    assert await list_names(staffed, f"q={quote(q)}") == (found, None)


async def test_what_is_looked_for_is_paged_too(staffed: Staff) -> None:
    assert await list_names(staffed, "q=example.org&limit=1") == (["bob"], "bob")
    assert await list_names(staffed, "q=example.org&limit=1&after=bob") == (["dan"], None)
    assert await list_names(staffed, "q=example.org&after=DAN") == ([], None)


@pytest.mark.parametrize(
    ("query", "pointer", "detail"),
    [
        ("limit=0", "/limit", LIMIT),
        ("limit=501", "/limit", LIMIT),
        ("limit=-1", "/limit", LIMIT),
        ("limit=", "/limit", LIMIT),
        ("limit=1.0", "/limit", LIMIT),
        ("limit=1e1", "/limit", LIMIT),
        ("limit=01", "/limit", LIMIT),
        ("limit=%D9%A1", "/limit", LIMIT),
        ("limit=" + "9" * 5000, "/limit", LIMIT),
        ("limit=1&limit=1", "/limit", "stands twice"),
        ("q=a&q=b", "/q", "stands twice"),
        ("page=1", "/page", "is not known"),
        ("Q=a", "/Q", "is not known"),
        ("q=a%00b", "/q", "must be 254 characters or fewer, none of them a control character"),
        ("q=%E2%80%AE", "/q", "must be 254 characters or fewer, none of them a control character"),
        (
            "q=" + "x" * 255,
            "/q",
            "must be 254 characters or fewer, none of them a control character",
        ),
    ],
    ids=lambda value: value[:24],
)
async def test_a_parameter_that_is_none_is_told(
    staffed: Staff, query: str, pointer: str, detail: str
) -> None:
    answer = await staffed.manage("GET", f"/users?{query}")
    members = answer.assert_problem(422, "fields_invalid")
    assert members["errors"] == [{"pointer": pointer, "detail": detail}]


@pytest.mark.parametrize("after", ["", "a%20b", "x" * 65, "%00", "%ff"])
async def test_a_page_begins_behind_a_username(staffed: Staff, after: str) -> None:
    answer = await staffed.manage("GET", f"/users?after={after}")
    (error,) = answer.assert_problem(422, "fields_invalid")["errors"]
    assert error["pointer"] == "/after"
