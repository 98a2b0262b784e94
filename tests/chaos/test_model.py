"""What the model calls right and wrong, at its edges."""

import time
from math import inf

import pytest

from tests.chaos.model import Credential, Ending, Model, Outcome, Scope, WrongAnswer
from tests.chaos.weather import (
    BOUND,
    EARLY,
    GATEWAY,
    MAX_STALENESS,
    POSTGRES,
    RECOVERY,
    REDIS,
    STRAGGLING,
    Disturbance,
    Weather,
)

HERE, THERE = "replica 0", "replica 1"
LONG_AGO = 100.0  # seconds before now; everything of these tests happens behind it


class Told:
    """A model, a credential of somebody, and a clock whose 0 is LONG_AGO."""

    def __init__(self) -> None:
        self.zero = time.monotonic() - LONG_AGO
        self.weather = Weather([HERE, THERE])
        self.model = Model(self.weather)
        self.person = Scope("alice", Scope("everyone"))
        self.session = Scope("alice#1", self.person)
        self.credential = Credential("token", self.session, {}, self.zero + 1, self.zero + 2)

    def end(
        self, scope: Scope, sent: float, acknowledged: float = inf, failed: float = inf
    ) -> None:
        zero = self.zero
        ending = Ending("end", HERE, zero + sent, zero + acknowledged, zero + failed)
        scope.endings.append(ending)

    def disturb(self, target: str, began: float, ended: float = inf) -> None:
        self.weather.past.append(Disturbance(target, "fault", self.zero + began, self.zero + ended))

    def judge(self, outcome: Outcome, sent: float, place: str = THERE) -> None:
        self.model.judge(self.credential, place, self.zero + sent, outcome, "")


@pytest.fixture
def told() -> Told:
    return Told()


def test_who_was_never_revoked_may_pass(told: Told) -> None:
    told.judge(Outcome.PASSED, 3)
    told.judge(Outcome.PASSED, 90)


def test_who_was_never_revoked_is_not_refused(told: Told) -> None:
    with pytest.raises(WrongAnswer, match="nothing was sent against"):
        told.judge(Outcome.REFUSED, 3)


@pytest.mark.parametrize("place", [THERE, GATEWAY])
def test_both_are_right_until_the_bound_and_only_a_refusal_behind_it(
    told: Told, place: str
) -> None:
    told.end(told.session, 10, acknowledged=11)
    told.judge(Outcome.PASSED, 11 + BOUND - 0.01, place)
    with pytest.raises(WrongAnswer, match="let in"):
        told.judge(Outcome.PASSED, 11 + BOUND + 0.01, place)
    told.judge(Outcome.REFUSED, 10.5, place)


def test_what_was_not_acknowledged_leaves_both_right(told: Told) -> None:
    told.end(told.session, 10, failed=11)
    told.judge(Outcome.PASSED, 50)
    told.judge(Outcome.REFUSED, 60)


def test_a_credential_that_was_refused_once_is_refused_from_then_on(told: Told) -> None:
    told.end(told.session, 10, failed=11)
    told.judge(Outcome.REFUSED, 60)  # answered just now
    told.credential.found = told.zero + 60
    with pytest.raises(WrongAnswer, match="let in"):
        told.judge(Outcome.PASSED, 60 + BOUND + 0.01, HERE)


def test_the_end_of_a_person_leaves_alone_what_was_asked_for_behind_it(told: Told) -> None:
    told.end(told.person, 0.1, acknowledged=0.9)
    with pytest.raises(WrongAnswer, match="nothing was sent against"):
        told.judge(Outcome.REFUSED, 50)


def test_the_end_of_a_person_may_take_what_was_asked_for_meanwhile(told: Told) -> None:
    told.end(told.person, 0.5, acknowledged=1.5)
    told.judge(Outcome.PASSED, 50)
    told.judge(Outcome.REFUSED, 60)


def test_the_end_of_a_session_takes_what_was_given_out_for_it_at_any_time(told: Told) -> None:
    told.end(told.session, 0.1, acknowledged=0.9)
    with pytest.raises(WrongAnswer, match="let in"):
        told.judge(Outcome.PASSED, 50)


def test_an_end_of_a_person_that_failed_may_come_late(told: Told) -> None:
    told.end(told.person, 0.1, failed=0.5)
    told.judge(Outcome.REFUSED, 50)


def test_an_end_of_a_person_that_failed_long_before_comes_no_more(told: Told) -> None:
    told.end(told.person, -STRAGGLING - 1, failed=-STRAGGLING)
    with pytest.raises(WrongAnswer, match="nothing was sent against"):
        told.judge(Outcome.REFUSED, 50)


@pytest.mark.parametrize("target", [THERE, POSTGRES])
def test_a_fault_puts_off_the_bound_until_it_is_over(told: Told, target: str) -> None:
    told.end(told.session, 10, acknowledged=11)
    told.disturb(target, 11.2, 11.5)
    due = min(11.5 + RECOVERY + BOUND, 11 + MAX_STALENESS)
    told.judge(Outcome.PASSED, due - 0.01)
    with pytest.raises(WrongAnswer, match="let in"):
        told.judge(Outcome.PASSED, due + 0.01)


def test_no_fault_lets_a_view_decide_that_is_too_old(told: Told) -> None:
    told.end(told.session, 10, acknowledged=11)
    told.disturb(THERE, 10.5, 30)
    told.judge(Outcome.PASSED, 11 + MAX_STALENESS - 0.01)
    with pytest.raises(WrongAnswer, match="let in"):
        told.judge(Outcome.PASSED, 11 + MAX_STALENESS + 0.01)


def test_what_redis_refused_passes_no_longer_than_a_view_may_be_old(told: Told) -> None:
    """Also where the database went away before another replica had read it."""
    told.end(told.session, 10, acknowledged=11)
    told.disturb(REDIS, 10.5, 12)
    told.disturb(POSTGRES, 11.5, 30)
    told.judge(Outcome.PASSED, 11 + MAX_STALENESS - 0.01)
    with pytest.raises(WrongAnswer, match="let in"):
        told.judge(Outcome.PASSED, 11 + MAX_STALENESS + 0.01)


@pytest.mark.parametrize("target", [HERE, REDIS])
def test_a_fault_elsewhere_puts_off_no_bound(told: Told, target: str) -> None:
    told.end(told.session, 10, acknowledged=11)
    told.disturb(target, 10.5, 30)
    with pytest.raises(WrongAnswer, match="let in"):
        told.judge(Outcome.PASSED, 11 + BOUND + 0.01)


def test_no_verdict_is_wrong_without_a_fault(told: Told) -> None:
    with pytest.raises(WrongAnswer, match="no verdict"):
        told.judge(Outcome.NOTHING, 3)


@pytest.mark.parametrize("target", [HERE, REDIS])
def test_a_fault_elsewhere_explains_no_silence(told: Told, target: str) -> None:
    told.disturb(target, 10)
    with pytest.raises(WrongAnswer, match="no verdict"):
        told.judge(Outcome.NOTHING, 50)


def test_a_replica_that_is_down_explains_its_own_silence_and_that_of_the_gateway(
    told: Told,
) -> None:
    told.disturb(THERE, 10)
    told.judge(Outcome.NOTHING, 50)
    told.judge(Outcome.NOTHING, 50, GATEWAY)


def test_the_database_explains_silence_once_the_view_may_be_too_old(told: Told) -> None:
    told.disturb(POSTGRES, LONG_AGO - MAX_STALENESS + EARLY - 0.5)
    told.judge(Outcome.NOTHING, LONG_AGO)


def test_the_database_explains_no_silence_before(told: Told) -> None:
    told.disturb(POSTGRES, LONG_AGO - MAX_STALENESS + EARLY + 0.5)
    with pytest.raises(WrongAnswer, match="no verdict"):
        told.judge(Outcome.NOTHING, LONG_AGO)


def test_a_pause_before_the_database_went_away_counts_for_the_age_of_that_view_alone(
    told: Told,
) -> None:
    told.disturb(THERE, 10, 12)
    told.disturb(POSTGRES, 11.9, 20)
    late = told.zero + 10 + MAX_STALENESS + 0.1
    assert late < told.zero + 11.9 + MAX_STALENESS - EARLY
    for place, explained in ((THERE, True), (GATEWAY, True), (HERE, False)):
        assert told.weather.explains_silence(place, late, late) == explained


def test_a_session_that_ended_is_not_refreshed(told: Told) -> None:
    told.end(told.session, 10, acknowledged=11)
    told.model.judge_refresh(told.credential, told.zero + 10.9, Outcome.PASSED)
    with pytest.raises(WrongAnswer, match="refreshed"):
        told.model.judge_refresh(told.credential, told.zero + 11.1, Outcome.PASSED)


def test_a_session_that_goes_on_is_refreshed(told: Told) -> None:
    with pytest.raises(WrongAnswer, match="nothing was sent against"):
        told.model.judge_refresh(told.credential, told.zero + 10, Outcome.REFUSED)


def test_a_wrong_answer_tells_the_whole_history(told: Told) -> None:
    told.end(told.session, 10, acknowledged=11)
    told.disturb(REDIS, 20, 30)
    told.judge(Outcome.PASSED, 9)
    with pytest.raises(WrongAnswer) as wrong:
        told.judge(Outcome.PASSED, 50)
    lines = str(wrong.value).splitlines()
    assert any("acknowledged" in line for line in lines)
    assert any("redis: fault" in line for line in lines)
    assert any("let in, 2 times" in line for line in lines)
