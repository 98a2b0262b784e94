"""An opened token at one moment: the state of its key, and its dates to the second."""

from dataclasses import replace

import pytest

from sidecar.core.keyring import KeyRing
from sidecar.core.verdict import Deny, Reason
from sidecar.core.verify import judge_token
from tests.core.forge import NOW, Workshop
from tests.core.properties import view_of

SKEW = 10


@pytest.mark.parametrize(
    ("dates", "now", "reason"),
    [
        ({}, NOW, None),
        ({}, NOW + 599, None),
        ({}, NOW + 600, Reason.EXPIRED),
        ({}, NOW + 601, Reason.EXPIRED),
        ({}, NOW - 10, None),
        ({}, NOW - 11, Reason.NOT_YET_VALID),
        ({"nbf": NOW + 10}, NOW, None),
        ({"nbf": NOW + 11}, NOW, Reason.NOT_YET_VALID),
        ({"iat": NOW + 11}, NOW, Reason.NOT_YET_VALID),
        ({"auth_time": NOW + 10}, NOW, None),
        ({"auth_time": NOW + 11}, NOW, Reason.NOT_YET_VALID),
        ({"exp": NOW}, NOW, Reason.EXPIRED),
        ({"exp": NOW + 1}, NOW, None),
    ],
)
def test_the_dates_hold_to_the_second(
    workshop: Workshop, dates: dict[str, int], now: int, reason: Reason | None
) -> None:
    token = workshop.verified(**dates)
    judged = judge_token(token, workshop.ring, view_of(), now, SKEW)
    assert judged == (token if reason is None else Deny(reason))


@pytest.mark.parametrize(
    ("begin", "reason"),
    [
        (NOW + 11, Reason.KEY_NOT_YET),
        (NOW + 10, None),
        (NOW, None),
        (NOW - 2000, None),
        (NOW - 2999, None),
        (NOW - 3000, Reason.KEY_RETIRED),
        (NOW - 9999, Reason.KEY_RETIRED),
    ],
)
def test_the_key_is_judged_as_it_stands_now(
    workshop: Workshop, begin: int, reason: Reason | None
) -> None:
    key = replace(
        workshop.token_key,
        not_before=begin,
        sign_until=begin + 2000,
        publish_until=begin + 3000,
    )
    token = workshop.verified()
    judged = judge_token(token, KeyRing.of([key]), view_of(), NOW, SKEW)
    assert judged == (token if reason is None else Deny(reason))


def test_a_key_that_left_the_ring_takes_its_tokens_along(workshop: Workshop) -> None:
    ring = KeyRing.of([workshop.cookie_key])
    assert judge_token(workshop.verified(), ring, view_of(), NOW, SKEW) == Deny(Reason.UNKNOWN_KEY)
