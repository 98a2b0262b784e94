"""What holds of every turn, whatever lies there."""

from hypothesis import example, given
from hypothesis import strategies as st

from sidecar.core.keyring import Key, KeyRing, KeyState, Purpose
from sidecar.core.turn import (
    SETTLED,
    Haste,
)
from tests.core.properties import QUICK, THOROUGH
from tests.core.rings import AFTER, AHEAD, TOKEN, Ring, plan

KEYS = st.lists(
    st.tuples(st.integers(0, 3000), st.none() | st.integers(1, 2000), st.booleans(), st.booleans()),
    max_size=6,
)


def _many(ring: Ring, rows: list[tuple[int, int | None, bool, bool]]) -> list[Key]:
    return [
        ring.key(
            str(number),
            begin,
            None if span is None else begin + span,
            purpose=Purpose.COOKIE if cookie else TOKEN,
            revoked=revoked,
        )
        for number, (begin, span, cookie, revoked) in enumerate(rows)
    ]


@THOROUGH
@given(rows=KEYS, now=st.integers(0, 4000), haste=st.sampled_from(Haste))
@example(rows=[(0, None, False, False), (1, 1, False, False)], now=0, haste=Haste.ASKED)
def test_a_turn_that_is_done_leaves_nothing_to_do(
    ring: Ring, rows: list[tuple[int, int | None, bool, bool]], now: int, haste: Haste
) -> None:
    keys = _many(ring, rows)
    keys = ring.after(keys, plan(keys, now, haste))
    assert not plan(keys, now)


@QUICK
@given(rows=KEYS, now=st.integers(0, 3000))
def test_with_a_turn_each_second_a_key_signs_at_every_moment_and_was_shown_before(
    ring: Ring, rows: list[tuple[int, int | None, bool, bool]], now: int
) -> None:
    keys = _many(ring, rows)
    shown_since = {key.kid: -AHEAD for key in keys}
    for moment in range(now, now + 3 * AHEAD):
        lacked = KeyRing.of(keys).find_signing_key(TOKEN, moment) is None
        keys = ring.after(keys, plan(keys, moment))
        for key in keys:
            shown_since.setdefault(key.kid, moment - AHEAD if lacked else moment)
        signing = KeyRing.of(keys).find_signing_key(TOKEN, moment)
        if signing is None:
            assert moment < now + SETTLED + 1
        else:
            assert moment >= shown_since[signing.kid] + AHEAD


@THOROUGH
@given(rows=KEYS, now=st.integers(0, 4000), haste=st.sampled_from(Haste))
def test_a_turn_takes_nothing_back(
    ring: Ring, rows: list[tuple[int, int | None, bool, bool]], now: int, haste: Haste
) -> None:
    """What signed at `now` signs on, and nothing is shown shorter than what it sealed may live."""
    keys = _many(ring, rows)
    after = {key.kid: key for key in ring.after(keys, plan(keys, now, haste))}
    for key in keys:
        if key.revoked or key.kid not in after:
            continue
        found = after[key.kid]
        assert found.not_before <= key.not_before
        assert found.not_before < found.sign_until <= found.publish_until
        if key.state(now) is KeyState.ACTIVE and found.dates != key.dates:
            assert found.publish_until == found.sign_until + AFTER
        if key.state(now) is KeyState.RETIRING:
            assert found == key
