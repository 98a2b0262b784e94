"""The turn of a refresh token: every boundary to the second, and tokens of nobody's making."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.encoding import from_base64url, to_base64url
from sidecar.core.session import (
    LONGEST_REFRESH_TOKEN,
    MOST_GENERATIONS,
    Session,
    SessionKind,
    Turn,
    judge_refresh,
    open_refresh_token,
    seal_refresh_token,
    turn_session,
)
from tests.core.properties import ANY_TEXT, THOROUGH

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
SID = to_base64url(bytes(range(16)))
GRACE, IDLE = 30, 1000
SESSION = Session(
    sid=SID,
    user_id="u-1",
    kind=SessionKind.BEARER,
    generation=5,
    created_at=0,
    rotated_at=10_000,
    tokens_until=10_600,
    expires_at=20_000,
    amr=("pwd",),
    used_at=10_000,
)
LONG_IDLE = 1_000_000


@pytest.mark.parametrize(
    ("generation", "now", "idle", "turn"),
    [
        # the present generation, until the session is idle
        (5, 9_999, IDLE, Turn.ROTATE),
        (5, 10_000, IDLE, Turn.ROTATE),
        (5, 10_999, IDLE, Turn.ROTATE),
        (5, 11_000, IDLE, Turn.OVER),
        (5, 11_001, IDLE, Turn.OVER),
        # until its absolute end
        (5, 19_999, LONG_IDLE, Turn.ROTATE),
        (5, 20_000, LONG_IDLE, Turn.OVER),
        (5, 20_001, LONG_IDLE, Turn.OVER),
        # the previous one, within the grace
        (4, 10_000, IDLE, Turn.REPLAY),
        (4, 10_029, IDLE, Turn.REPLAY),
        (4, 10_030, IDLE, Turn.REUSE),
        (4, 10_999, IDLE, Turn.REUSE),
        (4, 11_000, IDLE, Turn.OVER),
        (4, 20_000, LONG_IDLE, Turn.OVER),
        # older ones were copied
        (3, 10_000, IDLE, Turn.REUSE),
        (3, 10_029, IDLE, Turn.REUSE),
        (0, 10_001, IDLE, Turn.REUSE),
        (0, 11_000, IDLE, Turn.OVER),
        # a generation that is still to come: the store went back in time
        (6, 10_000, IDLE, Turn.OVER),
        (7, 10_000, IDLE, Turn.OVER),
        (MOST_GENERATIONS, 10_000, IDLE, Turn.OVER),
    ],
)
def test_a_refresh_token_is_judged_to_the_second(
    generation: int, now: int, idle: int, turn: Turn
) -> None:
    assert judge_refresh(SESSION, generation, now, grace=GRACE, idle=idle) is turn


@pytest.mark.parametrize("generation", [4, 5, 6])
def test_a_cookie_session_has_no_refresh(generation: int) -> None:
    session = replace(SESSION, kind=SessionKind.COOKIE)
    assert judge_refresh(session, generation, 10_000, grace=GRACE, idle=IDLE) is Turn.OVER


@pytest.mark.parametrize("now", [10_000, 10_001])
def test_without_a_grace_the_previous_token_is_reuse_at_once(now: int) -> None:
    assert judge_refresh(SESSION, 4, now, grace=0, idle=IDLE) is Turn.REUSE


@pytest.mark.parametrize(
    ("generation", "turn"),
    [(MOST_GENERATIONS, Turn.OVER), (MOST_GENERATIONS - 1, Turn.REPLAY)],
)
def test_the_last_generation_has_no_successor(generation: int, turn: Turn) -> None:
    session = replace(SESSION, generation=MOST_GENERATIONS)
    assert judge_refresh(session, generation, 10_000, grace=GRACE, idle=IDLE) is turn


def test_the_first_generation_has_no_previous_one() -> None:
    session = replace(SESSION, generation=0)
    assert judge_refresh(session, 0, 10_000, grace=GRACE, idle=IDLE) is Turn.ROTATE


@THOROUGH
@given(
    generation=st.integers(0, 10),
    first=st.integers(9_000, 22_000),
    wait=st.integers(0, 12_000),
    idle=st.integers(0, 12_000),
)
def test_waiting_never_makes_a_refresh_token_good_again(
    generation: int, first: int, wait: int, idle: int
) -> None:
    good = {Turn.ROTATE, Turn.REPLAY}
    before = judge_refresh(SESSION, generation, first, grace=GRACE, idle=idle)
    after = judge_refresh(SESSION, generation, first + wait, grace=GRACE, idle=idle)
    assert before in good or after not in good
    assert before is not Turn.OVER or after is Turn.OVER


@pytest.mark.parametrize(
    ("before", "until", "now", "after"),
    [
        (10_600, 20_000, 10_000, 10_630),  # the last replay within the grace comes at 10_029
        (10_630, 20_000, 10_000, 10_630),
        (10_631, 20_000, 10_000, 10_631),  # what lives longer already is refused as long
        (10_600, 20_000, 19_370, 20_000),
        (10_600, 20_000, 19_371, 20_000),  # no token outlives its session
    ],
)
def test_a_turned_session_is_kept_in_mind_until_its_last_token_ends(
    before: int, until: int, now: int, after: int
) -> None:
    session = replace(SESSION, tokens_until=before, expires_at=until)
    assert turn_session(session, now, access=600, grace=GRACE) == replace(
        session, generation=6, rotated_at=now, tokens_until=after
    )


@THOROUGH
@given(
    key=st.binary(min_size=1, max_size=64),
    sid=st.binary(min_size=16, max_size=16),
    generation=st.integers(0, MOST_GENERATIONS),
)
def test_what_is_sealed_opens_and_is_as_long_as_any(
    key: bytes, sid: bytes, generation: int
) -> None:
    text = seal_refresh_token(key, to_base64url(sid), generation)
    assert open_refresh_token(key, text) == (to_base64url(sid), generation)
    assert len(text) == LONGEST_REFRESH_TOKEN


@THOROUGH
@given(text=ANY_TEXT | st.text("AZaz09-_=", min_size=68, max_size=72))
def test_any_text_is_no_refresh_token(text: str) -> None:
    assert open_refresh_token(KEY, text) is None


@THOROUGH
@given(place=st.integers(0, 69), other=st.sampled_from("AQgwBZaz09-_=.+/ \u212a"))
def test_a_refresh_token_with_one_character_changed_is_none(place: int, other: str) -> None:
    good = seal_refresh_token(KEY, SID, 5)
    forged = good[:place] + other + good[place + 1 :]
    assert forged == good or open_refresh_token(KEY, forged) is None


GOOD = seal_refresh_token(KEY, SID, 5)


@pytest.mark.parametrize(
    "text",
    [
        "",
        GOOD[:-1],
        GOOD + "=",
        GOOD + "==",
        GOOD + "A",
        " " + GOOD,
        GOOD + "\n",
        GOOD.swapcase(),
        GOOD + GOOD,
        "A" * LONGEST_REFRESH_TOKEN,
        "_" * LONGEST_REFRESH_TOKEN,
        "=" * LONGEST_REFRESH_TOKEN,
        "\udcff" * LONGEST_REFRESH_TOKEN,
        seal_refresh_token(OTHER_KEY, SID, 5),
        GOOD[:27] + seal_refresh_token(KEY, SID, 6)[27:],
        to_base64url((from_base64url(GOOD) or b"")[:-1]),
        to_base64url((from_base64url(GOOD) or b"") + b"\0"),
    ],
)
def test_what_this_deployment_did_not_make_is_none(text: str) -> None:
    assert open_refresh_token(KEY, text) is None


@pytest.mark.parametrize(
    "sid", ["", "s-1", to_base64url(bytes(15)), to_base64url(bytes(17)), SID + "=", " " + SID]
)
def test_only_a_sid_of_16_octets_is_sealed(sid: str) -> None:
    with pytest.raises(ValueError, match="16 octets"):
        seal_refresh_token(KEY, sid, 0)
