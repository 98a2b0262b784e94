"""A turn that does not wait for its time: somebody asks for it, or no key signs any more."""

from dataclasses import replace

import pytest

from sidecar.core.keyring import KeyDates, Purpose
from sidecar.core.turn import (
    FILES_KEPT,
    SETTLED,
    Haste,
    find_waiting,
)
from tests.core.rings import AHEAD, EVERY, TOKEN, Ring, begins, plan


def test_a_next_key_that_is_revoked_leaves_no_gap(ring: Ring) -> None:
    keys = [ring.key("a", 0, EVERY), ring.key("b", EVERY, revoked=True)]
    now = EVERY - AHEAD // 2
    turn = plan(keys, now)
    assert begins(turn) == [now + AHEAD + 1]
    assert turn.redate["a"].sign_until == now + AHEAD + 1


# What a revocation of the key that signs leaves: a gap that ends as soon as everybody has read it.
def test_where_no_key_signs_one_is_made_that_signs_at_once(ring: Ring) -> None:
    for keys in ([], [ring.key("a", 0, revoked=True)], [ring.key("a", 0, 40)]):
        assert begins(plan(keys, 50)) == [50 + SETTLED + 1]


def test_where_no_key_signs_the_next_one_is_brought_forward(ring: Ring) -> None:
    keys = [ring.key("a", 0, EVERY, revoked=True), ring.key("b", EVERY)]
    turn = plan(keys, 950)
    assert turn.make == ()
    assert turn.redate["b"] == replace(keys[1].dates, not_before=950 + SETTLED + 1)
    assert not plan(ring.after(keys, turn), 951)


@pytest.mark.parametrize("begin", [950, 951, 952])
def test_a_next_key_that_begins_soon_enough_is_left_as_it_is(ring: Ring, begin: int) -> None:
    keys = [ring.key("a", 0, 100), ring.key("b", begin)]
    assert not plan(keys, 949 + (begin == 952))


@pytest.mark.parametrize(
    ("haste", "begin"), [(Haste.ASKED, 50 + AHEAD + 1), (Haste.AT_ONCE, 50 + SETTLED + 1)]
)
def test_who_asks_gets_a_key_before_it_is_due(ring: Ring, haste: Haste, begin: int) -> None:
    turn = plan([ring.key("a", 0)], 50, haste)
    assert begins(turn) == [begin]
    assert turn.redate["a"].sign_until == begin


def test_who_asks_while_a_next_key_waits_gets_no_other(ring: Ring) -> None:
    keys = [ring.key("a", 0, EVERY), ring.key("b", EVERY)]
    assert not plan(keys, EVERY - 1, Haste.ASKED)
    assert begins(plan(keys, EVERY, Haste.ASKED)) == [EVERY + AHEAD + 1]


def test_in_an_emergency_the_key_that_waits_is_brought_forward(ring: Ring) -> None:
    keys = [ring.key("a", 0, EVERY), ring.key("b", EVERY, 5 * EVERY), ring.key("c", 5 * EVERY)]
    turn = plan(keys, 950, Haste.AT_ONCE)
    assert turn.make == ()
    assert {kid: (at.not_before, at.sign_until) for kid, at in turn.redate.items()} == {
        "a": (0, 950 + SETTLED + 1),
        "b": (950 + SETTLED + 1, 5 * EVERY),
    }


def test_in_an_emergency_a_key_that_begins_sooner_still_is_left(ring: Ring) -> None:
    keys = [ring.key("a", 0, EVERY), ring.key("b", EVERY)]
    assert not plan(keys, EVERY - 1, Haste.AT_ONCE)


def test_a_revoked_key_is_over_from_then_on_and_its_files_go_a_day_later(ring: Ring) -> None:
    keys = [ring.key("a", 0, revoked=True), ring.key("b", 0)]
    turn = plan(keys, 70)
    assert turn.redate == {"a": KeyDates(TOKEN, 0, 70, 70)}
    keys = ring.after(keys, turn)
    assert not plan(keys, 71)
    assert plan(keys, 70 + FILES_KEPT - 1, removing=True).remove == frozenset()
    assert plan(keys, 70 + FILES_KEPT, removing=True).remove == {"a"}


def test_a_key_that_was_revoked_before_it_signed_is_over_too(ring: Ring) -> None:
    keys = [ring.key("a", 0, 500), ring.key("b", 500, revoked=True)]
    keys = ring.after(keys, plan(keys, 70))
    assert keys[1].dates == KeyDates(TOKEN, 500, 501, 501)


def test_who_waits_is_the_key_that_signs_next(ring: Ring) -> None:
    keys = [ring.key("c", 300), ring.key("a", 0), ring.key("b", 200), ring.key("r", 100)]
    keys[-1] = replace(keys[-1], revoked=True)
    found = find_waiting(keys, TOKEN, 50)
    assert found is not None
    assert found.kid == "b"
    assert find_waiting(keys, TOKEN, 300) is None
    assert find_waiting(keys, Purpose.COOKIE, 50) is None
