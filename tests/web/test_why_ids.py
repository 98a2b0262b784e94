"""The ids of refusals: whichever a gateway may give is found, and nobody reads more."""

import pytest

from sidecar.web.refusals import MOST_TOLD
from tests.web.gated import Gated, send
from tests.web.refused import find_refusals, new_id
from tests.web.test_operations import operate

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_what_is_let_in_is_not_remembered(gated: Gated) -> None:
    request_id = new_id()
    answer = await gated.ask(
        "traefik", "/", [*gated.credentials["alice"], ("X-Request-Id", request_id)]
    )
    assert answer.status == 200
    unknown = await operate(gated.web, f"/refusals/{request_id}")
    unknown.assert_problem(404, "not_remembered")


async def test_a_new_id_is_made_where_the_gateway_gives_none(gated: Gated) -> None:
    for given in ((), [("X-Request-Id", "short")], [("X-Request-Id", "not an id at all")]):
        answer = await gated.ask("traefik", "/admin/", given)
        (refusal,) = await find_refusals(gated.web, answer.headers["X-Request-Id"])
        assert refusal["path"] == "/admin/"


async def test_an_id_that_was_given_to_several_requests_tells_all_the_newest_first(
    gated: Gated,
) -> None:
    request_id = new_id()
    for number in range(MOST_TOLD + 1):
        await gated.ask("traefik", f"/{number}", [("X-Request-Id", request_id)])
    found = await find_refusals(gated.web, request_id)
    assert [each["path"] for each in found] == [f"/{n}" for n in range(MOST_TOLD, 0, -1)]


@pytest.mark.parametrize("request_id", ["a/b/c/d/e/f", "../../../x", "a+b=c:d.e_f-g", "/////////"])
async def test_every_id_that_a_gateway_may_give_is_found(gated: Gated, request_id: str) -> None:
    await gated.ask("traefik", "/admin/", [("X-Request-Id", request_id)])
    found = await find_refusals(gated.web, request_id)
    assert found[0]["request_id"] == request_id


@pytest.mark.parametrize(
    "asked_for",
    ["short", "x" * 129, "with%20space", "with%00null", "%ff%fe%fd%fc%fb%fa%f9%f8", "caf%C3%A9caf",
     "%25%25%25%25%25%25%25%25", "<script>", "a" * 4000],
)  # fmt: skip
async def test_what_is_no_id_is_malformed(gated: Gated, asked_for: str) -> None:
    answer = await send(gated.web.operations, (), f"/refusals/{asked_for}")
    assert (answer.status, answer.reason) == (400, "malformed")
    answer.assert_tells_nobody()


@pytest.mark.parametrize("path", ["/refusals", "/refusals/", "/refusals/aaaaaaaa/bbbbbbbb"])
async def test_there_is_no_list_of_refusals(gated: Gated, path: str) -> None:
    (await operate(gated.web, path)).assert_problem(404, "not_found")


async def test_an_id_that_nobody_was_given_is_unknown(gated: Gated) -> None:
    answer = await operate(gated.web, f"/refusals/{new_id()}")
    answer.assert_problem(404, "not_remembered")


@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT"])
async def test_refusals_are_only_read(gated: Gated, method: str) -> None:
    answer = await operate(gated.web, "/refusals/aaaaaaaa", method)
    answer.assert_problem(405, "method_not_allowed")
    assert answer.headers["Allow"] == "GET, HEAD"
