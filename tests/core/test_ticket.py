"""The ticket between password and code: nobody else makes one, and it does not last."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.encoding import from_base64url, to_base64url
from sidecar.core.session import seal_refresh_token
from sidecar.core.ticket import LONGEST_TICKET, Ticket, open_ticket, seal_ticket

KEY, NOW = b"k" * 32, 1_800_000_000
TICKET = Ticket("id-of-alice", "alice", (3, 7), remember=False, expires_at=NOW + 300)
TEXT = seal_ticket(KEY, TICKET)


@pytest.mark.parametrize(
    "ticket",
    [
        TICKET,
        replace(TICKET, remember=True),
        replace(TICKET, username="\U00010330" * 64, user_id="x" * 64, epoch=(2**62, 2**62)),
        replace(TICKET, username='a"\\[]'),
    ],
)
def test_a_ticket_says_what_was_sealed(ticket: Ticket) -> None:
    text = seal_ticket(KEY, ticket)
    assert len(text) <= LONGEST_TICKET
    assert open_ticket(KEY, text, NOW) == ticket


@pytest.mark.parametrize(("later", "good"), [(0, True), (299, True), (300, False), (301, False)])
def test_a_ticket_is_over_at_its_second(later: int, good: bool) -> None:
    assert (open_ticket(KEY, TEXT, NOW + later) is not None) is good


def test_the_ticket_of_another_key_is_none() -> None:
    assert open_ticket(b"j" * 32, TEXT, NOW) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A",
        TEXT + "=",
        TEXT + " ",
        " " + TEXT,
        TEXT[:-1],
        TEXT[1:],
        TEXT + "AAAA",
        TEXT.replace(TEXT[0], "+", 1),
        "A" * (LONGEST_TICKET + 1),
        "\u00e9" * 40,
        "{}",
        seal_refresh_token(KEY, to_base64url(b"s" * 16), 0),  # another kind, of the same key
    ],
)
def test_nothing_else_is_a_ticket(text: str) -> None:
    assert open_ticket(KEY, text, NOW) is None


def test_no_bit_of_a_ticket_can_be_changed() -> None:
    octets = from_base64url(TEXT)
    assert octets is not None
    for index in range(len(octets)):
        for bit in range(8):
            changed = bytearray(octets)
            changed[index] ^= 1 << bit
            assert open_ticket(KEY, to_base64url(bytes(changed)), NOW) is None


@given(st.text())
def test_any_text_is_a_ticket_or_none(text: str) -> None:
    assert open_ticket(KEY, text, NOW) is None
