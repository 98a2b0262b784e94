"""The refusal that a program gets is the problem that aiohttp would write, whatever its id."""

import json

import pytest
from aiohttp.http import HttpVersion, HttpVersion10, HttpVersion11
from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.verdict import Deny, Reason, StepUp
from sidecar.settings import Dialect
from sidecar.web.pages.refused import MARK as PAGE_MARK
from sidecar.web.pages.refused import RefusedPages
from sidecar.web.problems import PlainRefusal
from sidecar.web.rendered import render_whole
from sidecar.web.requests import is_request_id
from sidecar.web.responses import refuse

PAGES = RefusedPages(PAGE_MARK, PAGE_MARK, "https://login.example.com")
ids = st.from_regex(r"[A-Za-z0-9._:/+=-]{8,128}", fullmatch=True)
moments = st.integers(0, 2**32)
ways = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}", fullmatch=True)
logins = st.none() | st.builds(
    StepUp, st.none() | st.integers(0, 2**31), st.lists(ways, max_size=20).map(tuple)
)


def refuse_program(refused: Deny, dialect: Dialect, request_id: str) -> PlainRefusal:
    refusal = refuse(refused, dialect, None, "https://login.example.com/", PAGES, request_id)
    assert isinstance(refusal, PlainRefusal)
    return refusal


@pytest.mark.parametrize("version", [HttpVersion10, HttpVersion11], ids=["1.0", "1.1"])
@given(
    st.builds(Deny, st.sampled_from(Reason), step_up=logins),
    st.sampled_from(Dialect),
    ids,
    moments,
    st.booleans(),
)
def test_the_same_octets(
    version: HttpVersion, refused: Deny, dialect: Dialect, request_id: str, at: int, stays: bool
) -> None:
    assert is_request_id(request_id)
    refusal = refuse_program(refused, dialect, request_id)
    octets = refusal.render(version, at, keep_alive=stays)
    answer = refusal.respond()
    assert octets == render_whole(answer, version, at, keep_alive=stays)


def test_ids_of_one_length_keep_apart() -> None:
    for request_id in ("a" * 8, "X-Reques", "b" * 8, "a" * 8):
        refusal = refuse_program(Deny(Reason.EXPIRED), Dialect.TRAEFIK, request_id)
        head, _, body = refusal.render(HttpVersion11, 0, keep_alive=True).partition(b"\r\n\r\n")
        assert f"\r\nX-Request-Id: {request_id}\r\n".encode() in head
        assert json.loads(body)["request_id"] == request_id
