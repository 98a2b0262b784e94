"""`GET /clients`: programs by name, page by page."""

from typing import Any

import pytest

from tests.oauth.programs import Oauth
from tests.web.asked import Asked, ask

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def read(oauth: Oauth, query: str = "") -> Asked:
    return await ask(oauth.web, "GET", f"/clients{query}", oauth.root)


def names(answer: Asked) -> list[str]:
    items: list[dict[str, Any]] = answer.json["items"]
    return [each["name"] for each in items]


async def test_programs_stand_by_name(shared: Oauth) -> None:
    answer = await read(shared)
    assert (answer.status, answer.json["next"]) == (200, None)
    assert names(answer) == ["elsewhere", "files", "reports"]
    assert "secret" not in answer.text


async def test_next_leads_from_page_to_page(shared: Oauth) -> None:
    first = await read(shared, "?limit=2")
    assert (names(first), first.json["next"]) == (["elsewhere", "files"], "files")
    second = await read(shared, "?limit=2&after=files")
    assert (names(second), second.json["next"]) == (["reports"], None)
    assert (await read(shared, "?limit=3")).json["next"] is None
    assert (await read(shared, "?after=zzz")).json == {"items": [], "next": None}


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        *(
            (f"?limit={each}", "/limit")
            for each in ("0", "-1", "501", "x", "", "1.0", "%201", "1e2")
        ),
        ("?limit=1&limit=1", "/limit"),
        ("?after=a&after=a", "/after"),
        ("?after=", "/after"),
        ("?after=%00", "/after"),
        ("?other=1", "/other"),
    ],
)
async def test_a_parameter_that_is_wrong_is_named(shared: Oauth, query: str, pointer: str) -> None:
    (error,) = (await read(shared, query)).assert_problem(422, "fields_invalid")["errors"]
    assert error["pointer"] == pointer
