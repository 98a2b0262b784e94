"""The cookie of a device whose user is gone, or has another password, gets what a stranger gets."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest
import pytest_asyncio

from sidecar.credentials import throttle
from sidecar.credentials.passwords import MOST_OF_CROWD, MOST_STRANGERS
from tests.programs.service import PASSWORD
from tests.web.asked import Asked, ask
from tests.web.conftest import Web, in_one_task, serving_web
from tests.web.test_login_throttle import at, know

pytestmark = pytest.mark.asyncio(loop_scope="module")

ELSEWHERE = "192.0.2.77"


async def disable(web: Web, name: str) -> None:
    await web.change_user(name, disabled=True)


async def rename(web: Web, name: str) -> None:
    await web.change_user(name, username=f"no-longer-{name}")


ENDS: dict[str, Callable[[Web, str], Awaitable[None]]] = {
    "removed": Web.remove_user,
    "disabled": disable,
    "renamed": rename,
    "reset": Web.set_password,
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def former(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[Web, dict[str, str]]]:
    """Run a service for alice and former people; return what the device of each shows."""
    async with in_one_task(serving_web(tmp_path_factory.mktemp("former"))) as web:
        cookies = {}
        for name in ("alice", *ENDS):
            await web.add_user(name)
            cookies[name] = await know(web, name)
        for name, end in ENDS.items():
            await end(web, name)
        yield web, cookies


async def log_in(former: tuple[Web, dict[str, str]], name: str) -> Asked:
    """Log in by what the device of before shows, from an address of nobody's."""
    web, cookies = former
    members = {"username": name, "password": PASSWORD}
    return await ask(web, "POST", "/login", at(ELSEWHERE, cookies[name]), members)


@contextmanager
def taken(web: Web, *crowds: str) -> Iterator[None]:
    """Hold places of strangers for the length of the block."""
    with ExitStack() as stack:
        for crowd in crowds:
            stack.enter_context(web.serving.services.passwords.place_for(crowd, known=False))
        yield


@pytest.mark.parametrize("name", ENDS)
async def test_it_has_none_of_the_places_that_are_kept_for_known_devices(
    former: tuple[Web, dict[str, str]], name: str
) -> None:
    with taken(former[0], *map(str, range(MOST_STRANGERS))):
        (await log_in(former, name)).assert_problem(503, "unavailable")
        assert (await log_in(former, "alice")).status == 200


@pytest.mark.parametrize("name", ENDS)
async def test_it_counts_as_one_of_its_network(
    former: tuple[Web, dict[str, str]], name: str
) -> None:
    with taken(former[0], *[ELSEWHERE] * MOST_OF_CROWD):
        (await log_in(former, name)).assert_problem(503, "unavailable")
        assert (await log_in(former, "alice")).status == 200


@pytest.mark.parametrize("name", ENDS)
async def test_it_waits_for_the_turn_of_strangers(
    former: tuple[Web, dict[str, str]], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with former[0].serving.throttle._pace.turn():
        monkeypatch.setattr(throttle, "LONGEST_WAIT", 0.05)
        (await log_in(former, name)).assert_problem(503, "unavailable")
        assert (await log_in(former, "alice")).status == 200


async def test_its_user_is_let_in_as_a_stranger_and_known_from_then_on(
    former: tuple[Web, dict[str, str]],
) -> None:
    web, cookies = former
    await web.add_user("back")
    cookies["back"] = await know(web, "back")
    await web.set_password("back")
    assert (await log_in(former, "back")).status == 200
    with taken(web, *map(str, range(MOST_STRANGERS))):
        assert (await log_in(former, "back")).status == 200
