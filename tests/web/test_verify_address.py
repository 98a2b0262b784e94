"""The address of the client: counted from the right through the hops that are trusted."""

from typing import Final

import pytest

from tests.web.gated import DIALECTS, Gated, Lines

pytestmark = pytest.mark.asyncio(loop_scope="module")

# What `X-Forwarded-For` says, and whether that client is inside 10.0.0.0/8.
CHAINS: Final[tuple[tuple[list[str], bool], ...]] = (
    (["10.1.2.3"], True),
    (["10.1.2.3, 127.0.0.1"], True),
    (["10.1.2.3", "127.0.0.1"], True),
    (["10.1.2.3,127.0.0.1", "127.9.9.9 , ::1"], True),
    (["9.9.9.9, 10.1.2.3"], True),
    (["9.9.9.9", "10.1.2.3"], True),
    (["garbage, 10.1.2.3"], True),
    (["::ffff:10.1.2.3"], True),
    # a client outside, whatever it wrote before
    (["9.9.9.9"], False),
    (["10.1.2.3, 9.9.9.9"], False),
    (["10.1.2.3", "9.9.9.9"], False),
    (["10.1.2.3", "9.9.9.9", "127.0.0.1"], False),
    (["10.1.2.3, 9.9.9.9, 127.0.0.1"], False),
    (["11.0.0.0"], False),
    (["::10.1.2.3"], False),
    # nobody knows: missing, or trusted hops only
    ([], False),
    (["127.0.0.1"], False),
    (["127.0.0.1, ::1", "127.0.0.2"], False),
)


@pytest.mark.parametrize(("chain", "inside"), CHAINS, ids=ascii)
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_network_holds_the_last_address_that_is_no_trusted_hop(
    gated: Gated, dialect: str, chain: list[str], *, inside: bool
) -> None:
    lines = [("X-Forwarded-For", line) for line in chain]
    answer = await gated.ask(dialect, "/inside/", [*lines, *gated.credentials["alice"]])
    reason = None if inside else "network_not_allowed"
    assert (answer.status, answer.reason) == (200 if inside else 403, reason)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_no_other_header_says_where_a_client_is(gated: Gated, dialect: str) -> None:
    beside: Lines = [
        ("X-Real-IP", "10.1.2.3"),
        ("Forwarded", "for=10.1.2.3"),
        ("X-Client-IP", "10.1.2.3"),
        ("True-Client-IP", "10.1.2.3"),
        ("CF-Connecting-IP", "10.1.2.3"),
        ("X-Envoy-External-Address", "10.1.2.3"),
        ("X_Forwarded_For", "10.1.2.3"),
    ]
    for chain in ([], [("X-Forwarded-For", "9.9.9.9")]):
        lines = [*beside, *chain, *gated.credentials["alice"]]
        answer = await gated.ask(dialect, "/inside/", lines)
        assert (answer.status, answer.reason) == (403, "network_not_allowed")
