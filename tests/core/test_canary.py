"""What a canary says, and what is none."""

import pytest

from sidecar.core.canary import LIFE, LONGEST_WRITE, PREFIX, Canary, is_canary, parse_canary
from sidecar.core.revocation import Level, Revocation

THEM = "fedcba9876543210"
NOW = 1_800_000_000_000  # Unix milliseconds
TOLD = f"{NOW}:{NOW}:70"


@pytest.mark.parametrize(
    "canary",
    [
        Canary(THEM, NOW),
        Canary(THEM, NOW, NOW - 5000, 0),
        Canary(THEM, NOW, NOW - 5000, LONGEST_WRITE),
        Canary(THEM, 0),
    ],
    ids=str,
)
def test_it_reads_back_as_what_was_written(canary: Canary) -> None:
    assert parse_canary(canary.subject) == canary


def test_it_refuses_one_token_that_nobody_can_have_and_not_for_long() -> None:
    canary = Canary(THEM, NOW, NOW, LONGEST_WRITE)
    revocation = canary.make_revocation()
    assert (revocation.level, revocation.epoch) == (Level.TOKEN, 0)
    assert revocation.subject == canary.subject
    assert len(revocation.subject) <= 64  # the column in SQL
    assert ":" in revocation.subject  # which no base64url has
    assert revocation.forget_at == NOW // 1000 + LIFE
    assert is_canary(revocation)


@pytest.mark.parametrize(
    "revocation",
    [
        Revocation(Level.TOKEN, "AAAAAAAAAAAAAAAAAAAAAA", 0, 1),
        Revocation(Level.TOKEN, f"a-{PREFIX}", 0, 1),
        Revocation(Level.SESSION, Canary(THEM, NOW).subject, 0, 1),
        Revocation(Level.USER, Canary(THEM, NOW).subject, 1, 1),
        Revocation(Level.EVERYONE, "", 1, 1),
    ],
    ids=["jti", "inside", "session", "user", "everyone"],
)
def test_nothing_else_is_one(revocation: Revocation) -> None:
    assert not is_canary(revocation)


@pytest.mark.parametrize(
    "subject",
    [
        PREFIX,
        f"{PREFIX}{THEM}",
        f"{PREFIX}{THEM}:{NOW}",
        f"{PREFIX}{THEM}:{NOW}:{NOW}",
        f"{PREFIX}{THEM}:{NOW}:{NOW}:",
        f"{PREFIX}{THEM}:{NOW}:{NOW}:07",
        f"{PREFIX}{THEM}:{NOW}:{NOW}:-7",
        f"{PREFIX}{THEM}:{NOW}:{NOW}:1000000",
        f"{PREFIX}{THEM}:{NOW}0:{TOLD}",
        f"{PREFIX}{THEM}:{TOLD} ",
        f"{PREFIX}{THEM}:{TOLD}\n",
        f"{PREFIX}{THEM}:-800000000000:{NOW}:70",
        f"{PREFIX}{THEM}:\u0661800000000000:{NOW}:70",
        f"{PREFIX}{THEM.upper()}:{TOLD}",
        f"{PREFIX}x:{TOLD}",
        f"x{PREFIX}{THEM}:{TOLD}",
    ],
    ids=repr,
)
def test_what_anybody_may_have_written_into_redis_is_no_canary(subject: str) -> None:
    assert parse_canary(subject) is None


@pytest.mark.parametrize(
    ("late", "old"), [(0, False), (1000 * LIFE, False), (1000 * LIFE + 1, True)]
)
def test_it_is_old_when_it_should_have_been_forgotten(late: int, *, old: bool) -> None:
    assert Canary(THEM, NOW).is_old(NOW + late) is old
