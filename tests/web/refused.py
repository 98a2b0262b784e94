"""Questions that are refused, and what the service remembers of them."""

import itertools
from typing import Any, Final
from urllib.parse import quote

from tests.web.conftest import Web
from tests.web.gated import Gated, Lines, send
from tests.web.test_operations import operate

QUERY: Final = "?hush=in-the-query"
# What is not known of a question that could not be read.
ABOUT_IT: Final = ("method", "host", "path", "address", "subject", "username", "entry", "rule")
_NUMBERS: Final = itertools.count(1)


def new_id() -> str:
    """Return an id that no other request has."""
    return f"why-{next(_NUMBERS):08}"


async def find_refusals(web: Web, request_id: str) -> list[dict[str, Any]]:
    """Return what is remembered of an id."""
    answer = await operate(web, f"/refusals/{quote(request_id, safe='')}")
    assert answer.status == 200, answer.text
    items: list[dict[str, Any]] = answer.json["items"]
    return items


async def find_why(
    people: Gated, path: str, lines: Lines = (), dialect: str = "traefik", **said: str
) -> dict[str, Any]:
    """Return what is remembered of a question that is refused."""
    request_id = new_id()
    answer = await people.ask(
        dialect, f"{path}{QUERY}", [*lines, ("X-Request-Id", request_id)], **said
    )
    assert answer.status >= 300
    (only,) = await find_refusals(people.web, request_id)
    assert (only["request_id"], only["reason"]) == (request_id, answer.reason)
    assert only["verdict"] == "deny"
    return only


async def ask_unread(web: Web, dialect: str, lines: Lines, query: str = "") -> dict[str, Any]:
    """Return what is remembered of a question that is not read."""
    answer = await send(web.port, lines, f"/verify/{dialect}{query}")
    (refusal,) = await find_refusals(web, answer.headers["X-Request-Id"])
    assert (refusal["reason"], refusal["verdict"]) == (answer.reason, "deny")
    assert [refusal[name] for name in ABOUT_IT] == [None] * len(ABOUT_IT)
    return refusal
