"""Who may wait for a password to be checked, while many others want to."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from sidecar.credentials.passwords import (
    JUDGED_OF_ONE,
    LONGEST_JUDGING,
    LONGEST_QUEUE,
    MOST_OF_CROWD,
    MOST_OF_ONE,
    MOST_STRANGERS,
    PasswordHasher,
)
from sidecar.credentials.strength import PasswordFault, PasswordRules
from sidecar.errors import Overloaded
from tests.programs.service import PASSWORD

RULES = PasswordRules(12, "https://login.example.com")


@pytest.fixture
def hasher() -> Iterator[PasswordHasher]:
    made = PasswordHasher()
    yield made
    made.close()


def take(stack: ExitStack, hasher: PasswordHasher, crowd: str | None, *, known: bool) -> bool:
    """Take a place until the stack is left; say whether there was one."""
    try:
        stack.enter_context(hasher.place_for(crowd, known=known))
    except Overloaded:
        return False
    return True


def test_a_flood_from_one_network_leaves_places_for_all_others(hasher: PasswordHasher) -> None:
    with ExitStack() as stack:
        taken = [take(stack, hasher, "203.0.113.7", known=False) for _ in range(50)]
        assert taken == [True] * MOST_OF_CROWD + [False] * (50 - MOST_OF_CROWD)
        assert take(stack, hasher, "203.0.113.8", known=False)
        assert take(stack, hasher, None, known=False)
    with ExitStack() as stack:
        assert take(stack, hasher, "203.0.113.7", known=False)


def test_a_flood_from_everywhere_leaves_places_for_known_devices(hasher: PasswordHasher) -> None:
    with ExitStack() as stack:
        networks = [f"2001:db8:{number:x}::/64" for number in range(100)]
        taken = [take(stack, hasher, each, known=False) for each in networks]
        assert taken == [True] * MOST_STRANGERS + [False] * (100 - MOST_STRANGERS)
        assert not take(stack, hasher, None, known=False)
        assert take(stack, hasher, "tag of alice", known=True)


def test_one_user_with_many_devices_takes_not_all_that_is_kept_for_them(
    hasher: PasswordHasher,
) -> None:
    with ExitStack() as stack:
        for number in range(MOST_STRANGERS):
            assert take(stack, hasher, str(number), known=False)
        taken = [take(stack, hasher, "tag of eve", known=True) for _ in range(50)]
        assert taken == [True] * MOST_OF_CROWD + [False] * (50 - MOST_OF_CROWD)
        assert take(stack, hasher, "tag of alice", known=True)


def test_the_queue_as_a_whole_is_bounded(hasher: PasswordHasher) -> None:
    with ExitStack() as stack:
        taken = [take(stack, hasher, str(number), known=True) for number in range(100)]
        assert taken == [True] * LONGEST_QUEUE + [False] * (100 - LONGEST_QUEUE)
        with pytest.raises(Overloaded), hasher.place():
            pass


@pytest.mark.asyncio
async def test_new_passwords_wait_for_each_other_in_a_bounded_queue_and_no_login_for_them(
    hasher: PasswordHasher,
) -> None:
    encoded = await hasher.hash(PASSWORD)
    judging = [
        asyncio.create_task(hasher.judge(RULES, "iloveyou2024!", chooser=str(number)))
        for number in range(LONGEST_JUDGING)
    ]
    await asyncio.sleep(0)  # each has begun
    with pytest.raises(Overloaded, match="judged"):
        await hasher.judge(RULES, "iloveyou2024!", chooser="another")
    with ExitStack() as stack:
        for number in range(MOST_STRANGERS):
            assert take(stack, hasher, str(number), known=False)
    with hasher.place_for(None, known=False) as check:
        assert await check(PASSWORD, encoded)
    assert not judging[-1].done()
    assert await asyncio.gather(*judging) == [PasswordFault.COMMON] * LONGEST_JUDGING
    assert await hasher.judge(RULES, PASSWORD, chooser="another") is None


@pytest.mark.asyncio
async def test_whoever_has_many_new_passwords_judged_leaves_places_for_others(
    hasher: PasswordHasher,
) -> None:
    judging = [
        asyncio.create_task(hasher.judge(RULES, "iloveyou2024!", chooser="eve")) for _ in range(50)
    ]
    others = [
        hasher.judge(RULES, PASSWORD, chooser=str(number))
        for number in range(LONGEST_JUDGING - JUDGED_OF_ONE)
    ]
    assert await asyncio.gather(*others) == [None] * len(others)
    answers = await asyncio.gather(*judging, return_exceptions=True)
    assert answers.count(PasswordFault.COMMON) == MOST_OF_ONE
    assert sum(isinstance(each, Overloaded) for each in answers) == 50 - MOST_OF_ONE
    assert await hasher.judge(RULES, PASSWORD, chooser="eve") is None
