"""What is taken away stays away: levels, epochs, and a view that only grows until expiry."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.claims import Claims
from sidecar.core.revocation import Level, Revocation, RevocationView
from sidecar.core.shards import SHARDS
from sidecar.core.verdict import Reason
from tests.core.forge import make_claims
from tests.core.properties import REVOCATIONS, SUBJECTS, THOROUGH, view_of

CLAIMS = make_claims()  # sub u-1, sid s-1, jti j-1, epoch of everyone 3, of the user 5


def _entry(level: Level, subject: str = "", epoch: int = 0, forget_at: int = 10) -> Revocation:
    return Revocation(level, subject, epoch, forget_at)


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (_entry(Level.TOKEN, "j-1"), Reason.REVOKED_TOKEN),
        (_entry(Level.SESSION, "s-1"), Reason.REVOKED_SESSION),
        (_entry(Level.USER, "u-1", 6), Reason.REVOKED_USER),
        (_entry(Level.USER, "u-1", 2**53), Reason.REVOKED_USER),
        (_entry(Level.EVERYONE, "", 4), Reason.REVOKED_EVERYONE),
        (_entry(Level.EVERYONE, "", 2**53), Reason.REVOKED_EVERYONE),
        # An epoch is the least that is still good.
        (_entry(Level.USER, "u-1", 5), None),
        (_entry(Level.USER, "u-1", 4), None),
        (_entry(Level.EVERYONE, "", 3), None),
        (_entry(Level.EVERYONE, "", 0), None),
        # The subject of one level is nothing at another, nor a part of a subject.
        (_entry(Level.TOKEN, "s-1"), None),
        (_entry(Level.TOKEN, "u-1"), None),
        (_entry(Level.SESSION, "j-1"), None),
        (_entry(Level.USER, "s-1", 9), None),
        (_entry(Level.USER, "", 9), None),
        (_entry(Level.TOKEN, "j-"), None),
        (_entry(Level.TOKEN, "J-1"), None),
        (_entry(Level.SESSION, "s-1 "), None),
    ],
)
def test_an_entry_refuses_exactly_what_it_names(entry: Revocation, reason: Reason | None) -> None:
    assert view_of(entry).find_refusal(CLAIMS) is reason


def test_the_least_epoch_is_the_greatest_that_was_told() -> None:
    view = view_of(
        _entry(Level.USER, "u-1", 6), _entry(Level.USER, "u-1", 2), _entry(Level.EVERYONE, "", 4)
    )
    assert view.find_least_epoch("u-1") == (4, 6)
    assert view.find_least_epoch("u-2") == (4, 0)
    assert view_of().find_least_epoch("u-1") == (0, 0)


def test_an_empty_view_refuses_nothing() -> None:
    view = view_of()
    assert view.find_refusal(CLAIMS) is None
    assert len(view) == 0
    assert view.read_at is None


@pytest.mark.parametrize(
    ("epoch", "reason"),
    [
        ((3, 5), None),
        ((4, 6), None),
        ((2, 5), Reason.REVOKED_EVERYONE),
        ((3, 4), Reason.REVOKED_USER),
        ((2, 4), Reason.REVOKED_EVERYONE),
        ((2, 99), Reason.REVOKED_EVERYONE),
        ((99, 4), Reason.REVOKED_USER),
        ((0, 0), Reason.REVOKED_EVERYONE),
    ],
)
def test_a_token_needs_both_epochs(epoch: tuple[int, int], reason: Reason | None) -> None:
    view = view_of(_entry(Level.EVERYONE, "", 3), _entry(Level.USER, "u-1", 5))
    assert view.find_refusal(CLAIMS._replace(epoch=epoch)) is reason


@pytest.mark.parametrize("level", [Level.TOKEN, Level.SESSION, Level.USER])
def test_an_entry_is_forgotten_in_the_second_it_names_and_not_before(level: Level) -> None:
    view = view_of(*(_entry(level, subject, 9, 10) for subject in ("j-1", "s-1", "u-1")))
    view.forget(9)
    assert view.find_refusal(CLAIMS) is not None
    assert len(view) == 3
    view.forget(10)
    assert view.find_refusal(CLAIMS) is None
    assert len(view) == 0


def test_the_epoch_of_everyone_is_never_forgotten() -> None:
    view = view_of(_entry(Level.EVERYONE, "", 4, 10))
    view.forget(10**12)
    assert view.find_refusal(CLAIMS) is Reason.REVOKED_EVERYONE
    assert len(view) == 1


@pytest.mark.parametrize("level", [Level.TOKEN, Level.SESSION, Level.USER])
@pytest.mark.parametrize("order", [(10, 20), (20, 10)])
def test_the_later_of_two_ends_counts(level: Level, order: tuple[int, int]) -> None:
    subject = {Level.TOKEN: "j-1", Level.SESSION: "s-1", Level.USER: "u-1"}[level]
    view = view_of(*(_entry(level, subject, 9, forget_at) for forget_at in order))
    view.forget(19)
    assert view.find_refusal(CLAIMS) is not None


@pytest.mark.parametrize("order", [(10, 20), (20, 10)])
def test_a_key_is_revoked_until_the_later_of_two_ends(order: tuple[int, int]) -> None:
    view = view_of(*(_entry(Level.KEY, "k-1", 0, forget_at) for forget_at in order))
    assert view.find_refusal(CLAIMS) is None  # it is the key that is judged, not the claims
    view.forget(19)
    assert (view.revokes_key("k-1"), view.revokes_key("k-2"), len(view)) == (True, False, 1)
    view.forget(20)
    assert (view.revokes_key("k-1"), len(view)) == (False, 0)


@pytest.mark.parametrize("level", [Level.USER, Level.EVERYONE])
def test_a_lower_epoch_never_takes_a_higher_one_back(level: Level) -> None:
    view = view_of(_entry(level, "u-1", 9), _entry(level, "u-1", 1))
    assert view.find_refusal(CLAIMS) is not None


@pytest.mark.parametrize(
    ("reads", "read_at"),
    [([1.0], 1.0), ([1.0, 2.0], 2.0), ([2.0, 1.0], 2.0), ([0.0], 0.0), ([5.0, 5.0], 5.0)],
)
def test_a_view_is_as_fresh_as_its_latest_good_read(reads: list[float], read_at: float) -> None:
    view = view_of()
    for at in reads:
        view.heard(at)
    assert view.read_at == read_at


CLAIMS_OF_ANYBODY = st.builds(
    lambda sub, sid, jti, epoch: CLAIMS._replace(sub=sub, sid=sid, jti=jti, epoch=epoch),
    SUBJECTS,
    SUBJECTS,
    SUBJECTS,
    st.tuples(st.integers(0, 9), st.integers(0, 9)),
)


@THOROUGH
@given(entries=REVOCATIONS, data=st.data(), claims=CLAIMS_OF_ANYBODY, now=st.integers(0, 21))
def test_entries_in_any_order_and_number_make_the_same_view(
    entries: list[Revocation],
    data: st.DataObject,
    claims: Claims,
    now: int,
) -> None:
    again = data.draw(st.lists(st.sampled_from(entries))) if entries else []
    shuffled = data.draw(st.permutations(entries + again))
    one, other = view_of(*entries), view_of()
    for entry in shuffled:
        other.apply([entry])
    for _ in range(2):
        assert one.find_refusal(claims) == other.find_refusal(claims)
        assert len(one) == len(other)
        one.forget(now)
        other.forget(now)


def _find_refusal_plainly(
    entries: list[Revocation], claims: Claims, forgotten_at: int
) -> Reason | None:
    """Return what every view must, from the list of all entries."""
    most: dict[tuple[Level, str], tuple[int, int]] = {}
    for each in entries:
        epoch, forget_at = most.get((each.level, each.subject), (0, 0))
        most[each.level, each.subject] = max(each.epoch, epoch), max(each.forget_at, forget_at)
    live = {
        key: epoch
        for key, (epoch, forget_at) in most.items()
        if forget_at > forgotten_at or key[0] is Level.EVERYONE
    }
    everyone = max(
        (epoch for (level, _), epoch in live.items() if level is Level.EVERYONE), default=0
    )
    if claims.epoch[0] < everyone:
        return Reason.REVOKED_EVERYONE
    if (Level.SESSION, claims.sid) in live:
        return Reason.REVOKED_SESSION
    if (Level.TOKEN, claims.jti) in live:
        return Reason.REVOKED_TOKEN
    if claims.epoch[1] < live.get((Level.USER, claims.sub), 0):
        return Reason.REVOKED_USER
    return None


@THOROUGH
@given(
    entries=REVOCATIONS,
    claims=CLAIMS_OF_ANYBODY,
    now=st.integers(-1, 21),
    first=st.integers(0, SHARDS - 1),
)
def test_a_view_refuses_what_a_plain_list_says_also_after_it_forgot_a_little_at_a_time(
    entries: list[Revocation],
    claims: Claims,
    now: int,
    first: int,
) -> None:
    view = view_of(*entries)
    assert view.find_refusal(claims) == _find_refusal_plainly(entries, claims, -1)
    for place in (*range(first, SHARDS), *range(first)):
        view.forget(now, [place])
    assert view.find_refusal(claims) == _find_refusal_plainly(entries, claims, now)
    whole = view_of(*entries)
    whole.forget(now)
    assert len(view) == len(whole)


def test_a_user_who_is_forgotten_leaves_nothing_behind() -> None:
    """Else a lower epoch that is written later would count as the one from before."""
    view = view_of(_entry(Level.USER, "u-1", 9, 10), _entry(Level.USER, "u-2", 9, 20))
    view.forget(10)
    assert view.find_refusal(CLAIMS) is None
    view.apply([_entry(Level.USER, "u-1", 5, 20)])
    assert view.find_refusal(CLAIMS) is None  # 5 is good enough
    assert view.find_refusal(CLAIMS._replace(sub="u-2")) is Reason.REVOKED_USER
    assert len(view) == 2


def test_among_many_only_those_that_are_named_are_refused() -> None:
    """No false one by a part or a hash of a subject, in any shard."""
    view = RevocationView()
    levels = (Level.TOKEN, Level.SESSION, Level.USER)
    subjects = [f"{number:022}{'-' * (number % 43)}" for number in range(3 * 5000)]
    view.apply(_entry(levels[number % 3], subject, 6) for number, subject in enumerate(subjects))
    assert len(view) == len(subjects)
    refused = {
        Level.TOKEN: ("jti", Reason.REVOKED_TOKEN),
        Level.SESSION: ("sid", Reason.REVOKED_SESSION),
        Level.USER: ("sub", Reason.REVOKED_USER),
    }

    def find_refusal(claim: str, subject: str) -> Reason | None:
        claims: dict[str, Any] = {claim: subject}
        return view.find_refusal(CLAIMS._replace(**claims))

    for number, subject in enumerate(subjects):
        for level, (claim, reason) in refused.items():
            expected = reason if levels[number % 3] is level else None
            assert find_refusal(claim, subject) is expected
            assert find_refusal(claim, subject + "-") is None
            assert find_refusal(claim, subject[1:]) is None


@THOROUGH
@given(entries=REVOCATIONS, more=REVOCATIONS, claims=CLAIMS_OF_ANYBODY)
def test_more_revocations_never_bring_anybody_back(
    entries: list[Revocation], more: list[Revocation], claims: Claims
) -> None:
    view = view_of(*entries)
    refused = view.find_refusal(claims) is not None
    view.apply(more)
    assert view.find_refusal(claims) is not None or not refused
