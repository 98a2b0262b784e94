"""The revocations cannot be read for too long: no gateway lets anybody in, or logs them out."""

from collections.abc import AsyncIterator
from typing import Final

import pytest
import pytest_asyncio

from tests.faults.asking import readiness, until
from tests.gateways.conftest import HOST, PUBLIC_URL, Fleet, running_fleet
from tests.programs.gateways import GATEWAYS
from tests.programs.sqlite import held

pytestmark = pytest.mark.asyncio(loop_scope="module")

SETTINGS: Final = {
    "server": {"public_url": PUBLIC_URL},
    "revocation": {"max_staleness": "2s"},
}
POLICY: Final = {
    "hosts": {
        HOST: [
            {"path": "/public/**", "allow": "anyone"},
            {"path": "/lent/**", "when_stale": "allow", "allow": "signed-in"},
            {"path": "/**", "allow": "signed-in"},
        ]
    }
}
# nginx knows but one answer to whatever is neither 2xx, 401 nor 403.
TOLD: Final = dict.fromkeys(GATEWAYS, 503) | {"nginx": 500}
OWN_ANSWERS: Final = {"nginx", "envoy"}  # without our `Retry-After`
PAGE: Final = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def strict(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    """Run a service whose view is too old after two seconds."""
    directory = tmp_path_factory.mktemp("strict")
    async with running_fleet(directory, SETTINGS, HOST, policy=POLICY) as running:
        yield running


async def test_it_is_a_5xx_that_takes_no_cookie_and_asks_for_no_login(strict: Fleet) -> None:
    guarded = [await strict.guard(name) for name in GATEWAYS]
    cookie, bearer = {"Cookie": await guarded[0].log_in_cookie()}, await guarded[0].log_in()
    for each in guarded:
        assert (await each.ask("/orders", cookie))[0] == 200

    async def is_too_old() -> bool:
        return (await readiness(strict.session, strict.service))[0] == 503

    async with held(strict.service.directory / "data" / "sidecar.db"):
        await until(is_too_old, "a view that is too old")
        strict.upstream.received.clear()
        for each in guarded:
            for headers in (cookie, cookie | PAGE, bearer):
                status, answered = await each.ask("/orders", headers)
                assert status == TOLD[each.gateway.name], each.gateway.name
                assert each.gateway.name in OWN_ANSWERS or int(answered["Retry-After"]) > 0
                for name in ("Set-Cookie", "Location", "WWW-Authenticate", "Remote-User"):
                    assert name not in answered, each.gateway.name
        assert strict.upstream.received == []
        for each in guarded:  # what does not depend on the view, or may do with an old one
            assert (await each.ask("/public/", cookie))[0] == 200
            assert (await each.ask("/lent/", cookie))[0] == 200
    await until(lambda: _is_well(strict), "a view that is fresh")
    for each in guarded:
        assert (await each.ask("/orders", cookie))[0] == 200


async def _is_well(fleet: Fleet) -> bool:
    return (await readiness(fleet.session, fleet.service))[0] == 200
