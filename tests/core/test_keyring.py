"""A key's state follows from its dates; the ring signs with the newest active key."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.keyring import (
    FOREVER,
    Key,
    KeyRing,
    KeyState,
    Purpose,
)
from tests.core.forge import Workshop
from tests.core.properties import QUICK


def _key(
    workshop: Workshop, kid: str, begin: int, purpose: Purpose = Purpose.TOKEN, *, span: int = 100
) -> Key:
    return replace(
        workshop.token_key,
        kid=kid,
        purpose=purpose,
        not_before=begin,
        sign_until=begin + span,
        publish_until=begin + 2 * span,
    )


@pytest.mark.parametrize(
    ("now", "state"),
    [
        (-1, KeyState.NEXT),
        (0, KeyState.NEXT),
        (999, KeyState.NEXT),
        (1000, KeyState.ACTIVE),
        (1099, KeyState.ACTIVE),
        (1100, KeyState.RETIRING),
        (1199, KeyState.RETIRING),
        (1200, KeyState.RETIRED),
        (10**12, KeyState.RETIRED),
    ],
)
def test_each_date_is_the_first_second_of_the_next_state(
    workshop: Workshop, now: int, state: KeyState
) -> None:
    assert _key(workshop, "a", 1000).state(now) is state


def test_until_its_next_change_a_key_is_in_one_state(workshop: Workshop) -> None:
    key = workshop.token_key
    dates = (key.not_before, key.sign_until, key.publish_until)
    for now in sorted({date + by for date in dates for by in (-1, 0, 1)}):
        change = key.next_change(now)
        assert change > now
        if change == FOREVER:
            assert key.state(now) is KeyState.RETIRED
        else:
            assert key.state(now) is key.state(change - 1) is not key.state(change)


@pytest.mark.parametrize("now", [0, 999, 1000, 1099, 1100, 1200, 10**12])
def test_a_revoked_key_is_nothing_else_whatever_its_dates_say(workshop: Workshop, now: int) -> None:
    key = replace(_key(workshop, "a", 1000), revoked=True)
    assert key.state(now) is KeyState.REVOKED
    assert KeyRing.of([key]).find_signing_key(Purpose.TOKEN, now) is None
    assert KeyRing.of([key]).jwks(now) == {"keys": []}


@QUICK
@given(moments=st.lists(st.integers(900, 1300), min_size=2))
def test_a_key_never_goes_back_to_an_earlier_state(workshop: Workshop, moments: list[int]) -> None:
    key = _key(workshop, "a", 1000)
    states = [list(KeyState).index(key.state(now)) for now in sorted(moments)]
    assert states == sorted(states)


@pytest.mark.parametrize(
    ("now", "kid"),
    [
        (999, None),
        (1000, "old"),
        (1049, "old"),
        (1050, "new"),
        (1099, "new"),
        (1100, "new"),
        (1149, "new"),
        (1150, None),
    ],
)
def test_the_key_that_became_active_last_signs(
    workshop: Workshop, now: int, kid: str | None
) -> None:
    ring = KeyRing.of(
        [
            _key(workshop, "new", 1050),
            _key(workshop, "old", 1000),
            _key(workshop, "cookie", 1000, Purpose.COOKIE, span=500),
            replace(_key(workshop, "public half", 1000, span=500), private=None),
        ]
    )
    signer = ring.find_signing_key(Purpose.TOKEN, now)
    assert (signer.kid if signer else None) == kid


def test_two_keys_of_one_second_sign_by_name_whatever_the_order(workshop: Workshop) -> None:
    keys = [_key(workshop, "a", 1000), _key(workshop, "b", 1000)]
    for ring in (KeyRing.of(keys), KeyRing.of(reversed(keys))):
        signer = ring.find_signing_key(Purpose.TOKEN, 1000)
        assert signer is not None
        assert signer.kid == "b"


def test_an_empty_ring_signs_nothing_and_publishes_nothing() -> None:
    ring = KeyRing.of([])
    assert ring.find_signing_key(Purpose.TOKEN, 0) is None
    assert ring.find_signing_key(Purpose.COOKIE, 0) is None
    assert ring.find("") is None
    assert ring.jwks(0) == {"keys": []}


@pytest.mark.parametrize("kid", ["", "A", "a ", "b", "a\0"])
def test_no_other_kid_finds_a_key(workshop: Workshop, kid: str) -> None:
    assert KeyRing.of([_key(workshop, "a", 0)]).find(kid) is None


@pytest.mark.parametrize(
    ("now", "published"),
    [
        (0, ["old", "new"]),
        (1000, ["old", "new"]),
        (1199, ["old", "new"]),
        (1200, ["new"]),
        (1249, ["new"]),
        (1250, []),
    ],
)
def test_token_keys_are_published_from_before_they_sign_until_they_retire(
    workshop: Workshop, now: int, published: list[str]
) -> None:
    ring = KeyRing.of(
        [
            _key(workshop, "new", 1050),
            _key(workshop, "cookie", 1000, Purpose.COOKIE),
            _key(workshop, "old", 1000),
        ]
    )
    assert [key["kid"] for key in ring.jwks(now)["keys"]] == published


DATES = st.tuples(st.integers(0, 40), st.integers(1, 40), st.integers(0, 40))


@QUICK
@given(
    spans=st.lists(
        st.tuples(DATES, st.sampled_from(Purpose), st.booleans(), st.booleans()), max_size=5
    ),
    now=st.integers(-1, 130),
)
def test_the_jwks_shows_no_key_that_is_retired_revoked_or_of_the_cookie(
    workshop: Workshop, spans: list[tuple[tuple[int, int, int], Purpose, bool, bool]], now: int
) -> None:
    """And every other one, from before it signs until the second at which it retires."""
    keys = [
        replace(
            workshop.token_key,
            kid=str(number),
            purpose=purpose,
            not_before=begin,
            sign_until=begin + signs,
            publish_until=begin + signs + stays,
            revoked=revoked,
        )
        for number, ((begin, signs, stays), purpose, revoked, _) in enumerate(spans)
    ]
    viewed = {str(number) for number, (*_, by_feed) in enumerate(spans) if by_feed}
    ring = KeyRing.of(keys).revoking(viewed.__contains__)
    shown = {key["kid"] for key in ring.jwks(now)["keys"]}
    assert shown == {
        key.kid
        for key in keys
        if key.purpose is Purpose.TOKEN
        and now < key.publish_until
        and not key.revoked
        and key.kid not in viewed
    }
    signing = [ring.find_signing_key(purpose, now) for purpose in Purpose]
    assert not {key.kid for key in signing if key} & (viewed | {k.kid for k in keys if k.revoked})


def test_a_ring_of_which_nothing_is_revoked_stays_what_it_is(workshop: Workshop) -> None:
    assert workshop.ring.revoking(lambda _: False) == workshop.ring
