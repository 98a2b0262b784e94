"""The JSON file with the dates of a key."""

import json

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from sidecar.core.claims import LATEST_DATE
from sidecar.core.keyring import KeyDates, Purpose
from sidecar.errors import DocumentInvalid
from sidecar.schemas.fields import format_moment
from sidecar.schemas.keys import dump_key_dates, parse_key_dates

GOOD: dict[str, object] = {
    "purpose": "token",
    "not_before": "2030-01-01T00:00:00Z",
    "sign_until": "2031-01-01T00:00:00Z",
    "publish_until": "2032-01-01T00:00:00Z",
}
JANUARY_2030 = 1_893_456_000
DATE = "must be a date such as 2030-01-31T12:00:00Z, or Unix seconds, before the year 10000"
ORDER = "must be not_before < sign_until <= publish_until"


def _parse(**members: object) -> KeyDates:
    return parse_key_dates(json.dumps(GOOD | members).encode(), "k.json")


def _refuse(octets: bytes) -> list[str]:
    with pytest.raises(DocumentInvalid) as raised:
        parse_key_dates(octets, "k.json")
    return list(raised.value.problems)


@pytest.mark.parametrize(
    "moment",
    [
        "2030-01-01T00:00:00Z",
        "2030-01-01T00:00:00+00:00",
        "2030-01-01T01:30:00+01:30",
        "2029-12-31T16:00:00-08:00",
        "2030-01-01T00:00:00.999Z",
        JANUARY_2030,
    ],
)
def test_a_moment_is_text_with_a_zone_or_unix_seconds(moment: object) -> None:
    assert _parse(not_before=moment).not_before == JANUARY_2030


def test_the_dates_may_touch_where_the_order_allows() -> None:
    for dates in ((0, 1, 1), (0, LATEST_DATE, LATEST_DATE)):
        members = dict(zip(("not_before", "sign_until", "publish_until"), dates, strict=True))
        assert _parse(purpose="cookie", **members) == KeyDates(Purpose.COOKIE, *dates)


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ({"purpose": "Token"}, "purpose: must be token or cookie"),
        ({"purpose": None}, "purpose: must have a value"),
        ({"purpose": 1}, "purpose: must be token or cookie"),
        ({"purpose": ["token"]}, "purpose: must be token or cookie"),
        ({"not_before": None}, "not_before: must have a value"),
        ({"not_before": ""}, f"not_before: {DATE}"),
        ({"not_before": "2030-01-01"}, f"not_before: {DATE}"),
        ({"not_before": "2030-01-01T00:00:00"}, f"not_before: {DATE}"),
        ({"not_before": "2030-13-01T00:00:00Z"}, f"not_before: {DATE}"),
        ({"not_before": "1893456000"}, f"not_before: {DATE}"),
        ({"not_before": True}, f"not_before: {DATE}"),
        ({"not_before": 1.0}, f"not_before: {DATE}"),
        ({"not_before": -1}, f"not_before: {DATE}"),
        ({"not_before": "1969-12-31T23:59:59Z"}, f"not_before: {DATE}"),
        ({"not_before": "0001-01-01T00:00:00+23:59"}, f"not_before: {DATE}"),
        ({"publish_until": LATEST_DATE + 1}, f"publish_until: {DATE}"),
        ({"publish_until": "9999-12-31T23:59:59-00:01"}, f"publish_until: {DATE}"),
        ({"note": 1}, "note: is not known"),
        ({"a\nb": 1}, "a\\nb: is not known"),
        ({"sign_until": GOOD["not_before"]}, ORDER),
        ({"publish_until": "2030-12-31T23:59:59Z"}, ORDER),
    ],
    ids=str,
)
def test_a_member_that_is_wrong_is_one_line(members: dict[str, object], problem: str) -> None:
    assert _refuse(json.dumps(GOOD | members).encode()) == [f"k.json: {problem}"]


def test_every_member_is_asked_for_at_once() -> None:
    assert _refuse(b"{}") == [
        "k.json: not_before: is missing",
        "k.json: publish_until: is missing",
        "k.json: purpose: is missing",
        "k.json: sign_until: is missing",
    ]


@pytest.mark.parametrize(
    ("octets", "problem"),
    [
        (b"", "is not JSON"),
        (b"{", "is not JSON"),
        (b"\xff", "is not JSON"),
        (b"\xef\xbb\xbf{}", "is not JSON"),
        (json.dumps(GOOD).encode("utf-16"), "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b'{"not_before": 1' + b"0" * 5000 + b"}", "is not JSON"),
        (b'{"not_before": NaN}', "is not JSON"),
        (b'{"purpose": 1, "purpose": "token"}', "has a member that stands twice"),
        (b"[]", "is not a JSON object"),
        (b'"token"', "is not a JSON object"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_file_that_two_readers_could_read_differently_is_refused(
    octets: bytes, problem: str
) -> None:
    assert _refuse(octets) == [f"k.json: {problem}"]


@effort(deadline=None)
@given(
    purpose=st.sampled_from(Purpose),
    dates=st.lists(st.integers(0, LATEST_DATE), min_size=3, max_size=3, unique=True).map(sorted),
)
def test_dates_that_are_written_read_as_the_same(purpose: Purpose, dates: list[int]) -> None:
    written = KeyDates(purpose, *dates)
    assert parse_key_dates(dump_key_dates(written), "k.json") == written


def test_a_moment_is_written_in_utc() -> None:
    assert format_moment(0) == "1970-01-01T00:00:00Z"
    assert format_moment(LATEST_DATE) == "9999-12-31T23:59:59Z"
