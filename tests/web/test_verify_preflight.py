"""A rule for CORS preflights lets true ones pass, and nothing that resembles one."""

from typing import Final

import pytest

from tests.web.gated import DIALECTS, NAVIGATION, Gated, Lines

pytestmark = pytest.mark.asyncio(loop_scope="module")

ORIGIN: Final = ("Origin", "https://frontend.example")
ASKED: Final = ("Access-Control-Request-Method", "PUT")
NO_PREFLIGHTS: Final[tuple[tuple[str, Lines], ...]] = (
    ("OPTIONS", []),
    ("OPTIONS", [ORIGIN]),
    ("OPTIONS", [ASKED]),
    ("OPTIONS", [ORIGIN, ("Access-Control-Request-Headers", "x")]),
    ("OPTIONS", [ORIGIN, ("Access_Control_Request_Method", "PUT")]),
    ("GET", [ORIGIN, ASKED]),
    ("PUT", [ORIGIN, ASKED]),
    ("HEAD", [ORIGIN, ASKED]),
    ("PURGE", [ORIGIN, ASKED]),
    ("GET", [ORIGIN, ASKED, ("X-HTTP-Method-Override", "OPTIONS")]),
)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_true_preflight_passes_as_nobody(gated: Gated, dialect: str) -> None:
    for lines in ([ORIGIN, ASKED], [ASKED, ORIGIN, *NAVIGATION], [ASKED, ("Origin", "null")]):
        answer = await gated.ask(dialect, "/shared/a", lines, method="OPTIONS")
        assert (answer.status, answer.headers["Remote-User"]) == (200, "")


@pytest.mark.parametrize(("method", "lines"), NO_PREFLIGHTS, ids=ascii)
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_for_anything_else_the_next_rule_is_tried(
    gated: Gated, dialect: str, method: str, lines: Lines
) -> None:
    assert (await gated.ask(dialect, "/shared/a", lines, method=method)).status == 401
    alice = [*gated.credentials["alice"], *lines]
    assert (await gated.ask(dialect, "/shared/a", alice, method=method)).status == 200


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_preflight_passes_nowhere_else(gated: Gated, dialect: str) -> None:
    for target in ("/", "/admin/", "/shared", "/sharedx"):
        answer = await gated.ask(dialect, target, [ORIGIN, ASKED], method="OPTIONS")
        assert answer.status == (200 if target == "/shared" else 401)
