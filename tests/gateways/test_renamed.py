"""Identities under other names: the old ones, and what others call them, stay out of reach."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from sidecar.schemas.identity import CUSTOMARY
from tests.gateways.conftest import HOST, PUBLIC_URL, Fleet, Guarded, running_fleet
from tests.gateways.test_outcomes import IDENTITY
from tests.programs.upstream import header_values

pytestmark = pytest.mark.asyncio(loop_scope="module")

# Two change places, one is free again, one is what others call it, and one is of our own.
RENAMED = {
    "user": "X-Forwarded-User",
    "name": "Remote-Email",
    "email": "Remote-Name",
    "groups": "X-Who-Groups",
}
ASSERTION = "X-Proof"
USED = {*RENAMED.values(), ASSERTION, "X-Auth-Subject", "X-Auth-Scope"}
UNUSED = [name for name in (*IDENTITY, *CUSTOMARY) if name not in USED]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def renamed(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    """Run a service that calls an identity otherwise."""
    settings: dict[str, dict[str, Any]] = {
        "server": {"public_url": PUBLIC_URL},
        "identity": {"headers": RENAMED, "assertion": {"header": ASSERTION}},
    }
    async with running_fleet(tmp_path_factory.mktemp("renamed"), settings, HOST) as fleet:
        yield fleet


@pytest_asyncio.fixture(loop_scope="module")
async def guarded(gateway_name: str, renamed: Fleet) -> Guarded:
    """Give each test every gateway in turn."""
    return await renamed.guard(gateway_name)


async def test_an_identity_is_under_its_new_names_alone(guarded: Guarded) -> None:
    assert (await guarded.ask("/orders", await guarded.log_in()))[0] == 200
    (received,) = guarded.upstream.received
    assert header_values(received, "X-Forwarded-User") == ["alice"]
    assert header_values(received, "Remote-Name") == ["alice@example.com"]
    assert header_values(received, "X-Who-Groups") == ["staff"]
    assert len(header_values(received, ASSERTION)) == 1
    for name in UNUSED:
        assert "".join(header_values(received, name)) == "", name


@pytest.mark.parametrize("name", sorted({*UNUSED, *USED}))
async def test_no_name_of_an_identity_can_be_forged(guarded: Guarded, name: str) -> None:
    bearer = await guarded.log_in()
    spelled = (name, name.lower(), name.upper(), name.replace("-", "_"), name.replace("-", "."))
    for each in spelled:
        for path, headers in (("/public/", {}), ("/orders", bearer)):
            assert (await guarded.ask(path, {**headers, each: "forged"}))[0] == 200, each
            received = guarded.upstream.received.pop()
            assert "forged" not in str(received["headers"]), each
            user = "".join(header_values(received, "X-Forwarded-User"))
            assert user == ("alice" if headers else ""), each
