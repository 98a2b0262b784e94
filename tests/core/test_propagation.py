"""What is measured by canaries: which count, for whom, and how long each took."""

from typing import Any

import pytest

from sidecar.core.canary import LIFE, LONGEST_WRITE, PREFIX, Canary
from sidecar.core.propagation import BOUNDS, MOST_KNOWN, NO_FEED, Histogram, Propagation, Whose
from sidecar.core.revocation import Level, Revocation, RevocationView

US, THEM = "0123456789abcdef", "fedcba9876543210"
NOW = 1_800_000_000_000  # Unix milliseconds
AT = 1000.0  # monotonic seconds of the same moment
MOMENT = NOW + 5000, AT + 5  # and some later one


def make_propagation(replica: str = US) -> Propagation:
    """Return one that began at NOW, with both feeds."""
    made = Propagation(replica)
    for feed in ("sql", "redis"):
        made.expect(feed)
    made.begin(NOW)
    return made


def hear(
    propagation: Propagation, *canaries: Canary, feed: str = "sql", after: float = 0.0
) -> None:
    """Have a feed bring these, so many seconds after NOW."""
    revocations = [canary.make_revocation() for canary in canaries]
    propagation.hear(feed, revocations, NOW + round(1000 * after), AT + after)


def release(propagation: Propagation, *, after: float = 0.0, took: float = 0.0) -> Canary:
    """Release one so many seconds after NOW, which is acknowledged `took` seconds later."""
    canary = propagation.release(NOW + round(1000 * after), AT + after)
    propagation.acknowledge(canary, AT + after + took)
    return canary


def count(propagation: Propagation, whose: Whose, feed: str) -> tuple[int, Any]:
    """Return how many were counted, and how long they took together."""
    histogram = propagation.histograms[whose, feed]
    return sum(histogram.counts), pytest.approx(histogram.total)


def count_all(propagation: Propagation) -> int:
    return sum(sum(each.counts) for each in propagation.histograms.values())


@pytest.mark.parametrize("bound", BOUNDS)
def test_a_bucket_holds_its_very_bound_and_nothing_above(bound: float) -> None:
    histogram = Histogram()
    histogram.note(bound)
    histogram.note(bound + 0.001)
    place = BOUNDS.index(bound)
    assert sum(histogram.counts[: place + 1]) == 1
    assert sum(histogram.counts) == 2


def test_what_is_refused_before_it_is_acknowledged_took_no_time() -> None:
    histogram = Histogram()
    histogram.note(-3.0)
    assert (histogram.counts[0], histogram.total) == (1, 0.0)


def test_the_buckets_have_the_bounds_of_the_promises() -> None:
    assert {0.25, 1.0} < set(BOUNDS)
    assert list(BOUNDS) == sorted(BOUNDS)
    assert (BOUNDS[0], BOUNDS[-1]) == (0.005, 30.0)


def test_ones_own_is_measured_from_its_acknowledgement() -> None:
    ours = make_propagation()
    canary = release(ours, after=5, took=0.4)
    hear(ours, canary, after=5.5)
    assert count(ours, Whose.OWN, "sql") == (1, 0.1)


def test_ones_own_that_comes_before_its_acknowledgement_took_no_time() -> None:
    ours = make_propagation()
    canary = ours.release(*MOMENT)
    hear(ours, canary, feed="redis", after=5.1)
    assert count_all(ours) == 0
    ours.acknowledge(canary, AT + 5.2)
    assert count(ours, Whose.OWN, "redis") == (1, 0.0)


def test_ones_own_is_measured_by_the_clock_that_does_not_jump() -> None:
    ours = make_propagation()
    canary = release(ours, after=10)
    ours.hear("sql", [canary.make_revocation()], NOW + 70_000, AT + 10.2)
    assert count(ours, Whose.OWN, "sql") == (1, 0.2)


def test_anothers_is_measured_by_what_its_next_one_says_of_it() -> None:
    ours, theirs = make_propagation(), make_propagation(THEM)
    hear(ours, release(theirs, after=5, took=0.4), feed="redis", after=5.47)
    assert count_all(ours) == 0
    hear(ours, release(theirs, after=10), feed="sql", after=10.2)
    assert count(ours, Whose.OTHER, "redis") == (1, 0.07)
    hear(ours, release(theirs, after=15), feed="sql", after=15.2)
    assert count(ours, Whose.OTHER, "sql") == (1, 0.2)
    assert ours.ahead == 0


def test_two_others_are_not_taken_for_each_other() -> None:
    ours, two = make_propagation(), [make_propagation(THEM), make_propagation("0" * 16)]
    for after in (5, 10):
        for number, theirs in enumerate(two):
            hear(ours, release(theirs, after=after), after=after + 0.1 + number / 10)
    assert count(ours, Whose.OTHER, "sql") == (2, 0.3)
    assert count_all(ours) == 2


def test_one_that_comes_before_it_was_released_is_counted_apart() -> None:
    ours, theirs = make_propagation(), make_propagation(THEM)
    hear(ours, release(theirs, after=9), after=5)
    assert ours.ahead == 1
    hear(ours, release(theirs, after=14), after=10)
    assert ours.ahead == 2
    assert count(ours, Whose.OTHER, "sql") == (1, 0.0)


def test_the_first_feed_counts_and_nothing_counts_twice() -> None:
    ours, theirs = make_propagation(), make_propagation(THEM)
    canaries = [release(ours, after=5), release(theirs, after=5), release(theirs, after=6)]
    for feed in ("redis", "sql", "redis"):
        hear(ours, *canaries, feed=feed, after=6.1)
    assert count(ours, Whose.OWN, "redis") == (1, 1.1)
    assert count(ours, Whose.OTHER, "redis") == (1, 1.1)
    assert count_all(ours) == 2


def test_many_that_come_at_once_are_taken_in_their_order() -> None:
    ours, theirs = make_propagation(), make_propagation(THEM)
    canaries = [release(theirs, after=after) for after in (5, 10, 15, 20)]
    hear(ours, *reversed(canaries), after=20)
    assert count(ours, Whose.OTHER, "sql") == (3, 15 + 10 + 5)
    assert count(ours, Whose.OTHER, NO_FEED) == (0, 0.0)


def test_one_that_no_feed_brings_is_counted_above_every_bucket() -> None:
    ours = make_propagation()
    release(ours)
    release(ours, after=30)
    assert count_all(ours) == 0
    last = release(ours, after=31)
    assert count(ours, Whose.OWN, NO_FEED) == (1, 31.0)
    assert ours.histograms[Whose.OWN, NO_FEED].counts[-1] == 1
    hear(ours, last, after=31.1)
    assert count(ours, Whose.OWN, NO_FEED) == (1, 31.0)


def test_one_of_anothers_that_has_not_come_when_its_next_one_comes_is_brought_by_none() -> None:
    ours, theirs = make_propagation(), make_propagation(THEM)
    hear(ours, release(theirs, after=5), after=5.1)
    lost = release(theirs, after=10)
    hear(ours, release(theirs, after=15), after=15.1)
    assert count(ours, Whose.OTHER, NO_FEED) == (1, 5.1)
    hear(ours, lost, after=16)  # with what it says of the one before
    assert count_all(ours) == 1
    hear(ours, release(theirs, after=20), after=20.1)
    assert count(ours, Whose.OTHER, "sql") == (1, 0.1)
    assert count_all(ours) == 2


def test_one_that_was_given_up_and_comes_is_not_counted_again_but_ends_the_silence() -> None:
    ours = make_propagation()
    first = release(ours)
    release(ours, after=40)
    hear(ours, first, after=41)
    assert count_all(ours) == 1
    assert ours.find_silence(AT + 42) == 1.0


def test_one_that_could_not_be_written_is_a_failure_and_measures_nothing() -> None:
    ours, theirs = make_propagation(), make_propagation(THEM)
    canary = theirs.release(*MOMENT)
    theirs.fail(canary)
    assert theirs.failures == 1
    following = release(theirs, after=60)
    assert following.before == 0
    assert count_all(theirs) == 0
    for each in (ours, theirs):  # it was written all the same
        hear(each, canary, after=60)
        hear(each, following, after=60.1)
    assert count_all(ours) == 0
    assert count(theirs, Whose.OWN, "sql") == (1, 0.1)


@pytest.mark.parametrize(
    ("took", "said"), [(LONGEST_WRITE / 1000, True), ((LONGEST_WRITE + 1) / 1000, False)]
)
def test_of_one_that_took_too_long_to_be_said_nothing_is_said(took: float, *, said: bool) -> None:
    ours = make_propagation()
    release(ours, took=took)
    following = release(ours, after=2000)
    assert bool(following.before) is said
    assert len(following.subject) <= 64  # the column in SQL


@pytest.mark.parametrize(
    ("first", "counts"), [(-1, 0), (0, 1), (1, 1)], ids=["before", "as it began", "after"]
)
def test_what_was_released_before_it_began_says_nothing(first: int, counts: int) -> None:
    ours, theirs = make_propagation(), make_propagation(THEM)
    for milliseconds in (first, 5000):
        hear(ours, release(theirs, after=milliseconds / 1000), after=5.1)
    assert count_all(ours) == counts


def test_what_is_in_the_first_view_says_nothing_also_when_a_feed_brings_it() -> None:
    ours, canary = Propagation(US), Canary(THEM, NOW + 1)
    hear(ours, canary)
    ours.begin(NOW)
    hear(ours, canary, feed="redis", after=0.01)
    assert count_all(ours) == 0
    assert ours.count_replicas(AT) == 0


@pytest.mark.parametrize(("late", "heard"), [(LIFE, 1), (LIFE + 0.001, 0)])
def test_one_that_comes_when_it_should_be_forgotten_says_nothing(late: float, heard: int) -> None:
    ours = make_propagation()
    hear(ours, Canary(THEM, NOW), feed="redis", after=late)
    assert ours.count_replicas(AT + late) == heard


def test_one_that_redis_still_has_long_after_is_not_measured_anew() -> None:
    ours, theirs = make_propagation(), make_propagation(THEM)
    canaries = [release(theirs), release(theirs, after=5)]
    for after in range(5, 10 * LIFE, LIFE // 2):
        hear(ours, *canaries, feed="redis", after=after)
    assert count_all(ours) == 1
    assert ours.count_replicas(AT + 10 * LIFE) == 0


def test_what_anybody_may_have_written_into_redis_measures_nothing() -> None:
    ours = make_propagation()
    ours.hear("redis", [Revocation(Level.TOKEN, f"{PREFIX}{THEM}:{NOW}", 0, NOW)], NOW + 1, AT)
    assert count_all(ours) == ours.ahead == ours.count_replicas(AT) == 0


def test_no_flood_of_them_takes_more_than_so_much_memory() -> None:
    ours = make_propagation()
    flood = [Canary(f"{number:016x}", NOW) for number in range(MOST_KNOWN + 10)]
    hear(ours, *flood, after=60)
    assert ours.count_replicas(AT + 60) == MOST_KNOWN
    hear(ours, Canary(THEM, NOW + 4000 * LIFE), after=4 * LIFE)
    assert ours.count_replicas(AT + 4 * LIFE) == 1


def test_the_silence_is_that_of_ones_own_and_begins_with_the_first_release() -> None:
    ours = make_propagation()
    hear(ours, Canary(THEM, NOW), after=1)
    assert ours.find_silence(AT + 2) is None
    first = release(ours, after=5)
    assert ours.find_silence(AT + 8) == 3.0
    release(ours, after=10)
    assert ours.find_silence(AT + 10) == 5.0
    hear(ours, first, after=11)
    assert ours.find_silence(AT + 11) == 0.0
    hear(ours, Canary(THEM, NOW + 12_000), after=12)
    assert ours.find_silence(AT + 12) == 1.0


def test_replicas_are_counted_while_they_are_heard_this_one_too() -> None:
    ours = make_propagation()
    assert ours.count_replicas(AT) == 0
    hear(ours, release(ours))
    hear(ours, Canary(THEM, NOW), after=10)
    hear(ours, Canary("0" * 16, NOW), after=20)
    assert ours.count_replicas(AT + 20) == 3
    assert ours.count_replicas(AT + LIFE) == 3
    assert ours.count_replicas(AT + LIFE + 1) == 2
    hear(ours, release(ours, after=2 * LIFE), after=2 * LIFE)
    assert ours.count_replicas(AT + 2 * LIFE) == 1


def test_of_a_view_it_says_how_many_are_canaries() -> None:
    ours, theirs = make_propagation(), Canary(THEM, NOW)
    mine = release(ours)
    view = RevocationView()
    real = Revocation(Level.TOKEN, "AAAAAAAAAAAAAAAAAAAAAA", 0, NOW // 1000 + LIFE)
    view.apply([mine.make_revocation(), theirs.make_revocation(), real])
    hear(ours, theirs)
    assert ours.count_held(view) == 2  # one has only been published, the other heard
    hear(ours, mine, theirs)
    assert (len(view), ours.count_held(view)) == (3, 2)
    view.forget(NOW // 1000 + LIFE)
    assert (len(view), ours.count_held(view)) == (0, 0)
